//! Digest access authentication (RFC 7616), with and without `qop` (RFC 2069).

use md5::{Digest as _, Md5};
use secrecy::{ExposeSecret, SecretString};

use super::challenge::Challenge;

/// A challenge that can be answered.
#[derive(Clone, Debug)]
pub(crate) struct Digest<'a> {
    challenge: &'a Challenge,
    nonce: &'a str,
    hash: Hash,
    /// Whether the session's key is derived from the nonces too (`-sess`).
    session: bool,
    /// Whether the proxy knows `qop`.
    qop: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
}

impl<'a> Digest<'a> {
    /// The challenge, unless it is of another scheme, of an algorithm that is not known, or wants the body protected.
    pub(crate) fn of(challenge: &'a Challenge) -> Option<Self> {
        if !challenge.is_of("Digest") {
            return None;
        }
        let algorithm = challenge.parameter("algorithm").unwrap_or("MD5").to_ascii_uppercase();
        let (name, session) = match algorithm.strip_suffix("-SESS") {
            Some(name) => (name, true),
            None => (algorithm.as_str(), false),
        };
        let hash = match name {
            "MD5" => Hash::Md5,
            "SHA-256" => Hash::Sha256,
            _ => return None,
        };
        let qop = challenge.parameter("qop");
        let is_auth = |list: &str| list.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth"));
        if qop.is_some_and(|list| !is_auth(list)) {
            return None;
        }
        Some(Self { challenge, nonce: challenge.parameter("nonce")?, hash, session, qop: qop.is_some() })
    }

    pub(crate) fn is_sha256(&self) -> bool {
        self.hash == Hash::Sha256
    }

    /// The value of the header; `cnonce` is random.
    pub(crate) fn answer(
        &self,
        user: &str,
        password: &SecretString,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> SecretString {
        let realm = self.challenge.parameter("realm").unwrap_or_default();
        let mut key = self.hash(&format!("{user}:{realm}:{}", password.expose_secret()));
        if self.session {
            key = self.hash(&format!("{key}:{}:{cnonce}", self.nonce));
        }
        let request = self.hash(&format!("{method}:{uri}"));
        let middle =
            if self.qop { format!("{}:{COUNT}:{cnonce}:auth", self.nonce) } else { self.nonce.to_owned() };
        let response = self.hash(&format!("{key}:{middle}:{request}"));
        let mut header = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(user),
            quoted(realm),
            quoted(self.nonce),
            quoted(uri)
        );
        if let Some(algorithm) = self.challenge.parameter("algorithm") {
            header.push_str(&format!(", algorithm={}", word(algorithm)));
        }
        if let Some(opaque) = self.challenge.parameter("opaque") {
            header.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if self.qop {
            header.push_str(&format!(", qop=auth, nc={COUNT}, cnonce=\"{cnonce}\""));
        } else if self.session {
            header.push_str(&format!(", cnonce=\"{cnonce}\""));
        }
        header.into()
    }

    fn hash(&self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self.hash {
            Hash::Md5 => hex(Md5::digest(text.as_bytes()).as_slice()),
            Hash::Sha256 => hex(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref()),
        }
    }
}

/// A quoted string; what cannot stand in a header is left out.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

/// Each nonce is used once.
const COUNT: &str = "00000001";

#[cfg(test)]
mod tests {
    use super::*;

    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn answer(challenge: &str, password: &str) -> Option<String> {
        let challenges = Challenge::parse(challenge);
        let digest = Digest::of(challenges.first()?)?;
        let answer = digest.answer("Mufasa", &password.into(), "GET", "/dir/index.html", CNONCE);
        Some(answer.expose_secret().to_owned())
    }

    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let challenge = |algorithm: &str| {
            format!(
                r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},
                nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
            )
        };
        let password = "Circle of Life";
        let md5 = answer(&challenge("MD5"), password).unwrap();
        assert!(md5.contains(r#"response="8ca523f5e9506fed4657c9700eebdbec""#), "{md5}");
        assert!(md5.contains(r#"opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#));
        assert!(md5.contains("qop=auth, nc=00000001"));
        let sha = answer(&challenge("SHA-256"), password).unwrap();
        let wanted = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert!(sha.contains(wanted), "{sha}");
    }

    #[test]
    fn a_challenge_without_qop_is_answered_as_rfc_2069_says() {
        let challenge = r#"Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#;
        let text = answer(challenge, "CircleOfLife").unwrap();
        assert!(text.contains(r#"response="1949323746fe6a43ef61f9606e7febea""#), "{text}");
        assert!(!text.contains("qop") && !text.contains("cnonce") && !text.contains("nc="), "{text}");
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        for challenge in [
            r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#,
            r#"Digest realm="r", nonce="n", qop="auth-int""#,
            r#"Digest realm="r", qop="auth""#,
            r#"Basic realm="r""#,
        ] {
            assert_eq!(answer(challenge, "p"), None, "{challenge}");
        }
    }

    #[test]
    fn a_hostile_challenge_adds_no_header() {
        let text =
            answer("Digest realm=\"a\u{7}b\\\"c\", nonce=\"n\", opaque=\"x\u{1}\", algorithm=\"MD5\"", "p")
                .unwrap();
        assert!(text.contains(r#"realm="ab\"c""#), "{text}");
        assert!(!text.chars().any(char::is_control));
    }
}
