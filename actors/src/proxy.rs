//! The way to the platform through an HTTP proxy: CONNECT, then whatever the platform is spoken to by (notes on files and
//! tunnels, part 5; RFC 9110, 9.3.6).

mod challenge;
mod digest;

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use challenge::Challenge;
use digest::Digest;

/// The proxy between gateway and platform.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User and password, shown only when the proxy asks.
    pub credentials: Option<(String, SecretString)>,
}

/// Why there is no way through the proxy; the text is for the log and for status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Nobody listens there, or the connection broke off.
    #[error("the proxy {proxy}: {source}")]
    Io {
        /// `host:port`.
        proxy: String,
        /// Why.
        source: std::io::Error,
    },
    /// What it answers is no HTTP.
    #[error("the proxy {proxy} does not answer as an HTTP proxy does: {what}")]
    Answer {
        /// `host:port`.
        proxy: String,
        /// What was wrong with it.
        what: &'static str,
    },
    /// It does not connect to the platform.
    #[error("the proxy {proxy} answered {status} to CONNECT {target}")]
    Status {
        /// `host:port`.
        proxy: String,
        /// HTTP status.
        status: u16,
        /// `host:port` of the platform.
        target: String,
    },
    /// It wants to know who we are.
    #[error("the proxy {proxy} wants user and password: `proxy.user` and `proxy.password`")]
    CredentialsMissing {
        /// `host:port`.
        proxy: String,
    },
    /// It does not know this user with this password.
    #[error("the proxy {proxy} does not accept `proxy.user` {user:?} with its password")]
    CredentialsRefused {
        /// `host:port`.
        proxy: String,
        /// The user.
        user: String,
    },
    /// Only ways that are not known here.
    #[error(
        "the proxy {proxy} offers {offered} only; Basic and Digest (MD5, SHA-256) are known here, NTLM and Kerberos are not"
    )]
    Scheme {
        /// `host:port`.
        proxy: String,
        /// Names of the schemes.
        offered: String,
    },
    /// User or password cannot be sent.
    #[error("`proxy.user` cannot be sent by {scheme}: it holds {what}")]
    User {
        /// The scheme.
        scheme: &'static str,
        /// What is in it.
        what: &'static str,
    },
}

/// What the proxy answered.
struct Answer {
    status: u16,
    challenges: Vec<Challenge>,
}

impl Proxy {
    /// Opens a connection to `host:port` through the proxy. The caller sets the deadline.
    ///
    /// As the original does: first without credentials, then, on a new connection, with them.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] in words for people.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
        let target = authority(host, port);
        let (stream, first) = self.ask(&target, None).await?;
        if first.status != UNAUTHENTICATED {
            return self.opened(stream, &first, target);
        }
        let authorization = self.authorization(&first.challenges, &target)?;
        let (stream, second) = self.ask(&target, Some(&authorization)).await?;
        if second.status != UNAUTHENTICATED {
            return self.opened(stream, &second, target);
        }
        // A nonce may have grown stale between the two.
        if second.challenges.iter().any(Challenge::is_stale) {
            let authorization = self.authorization(&second.challenges, &target)?;
            let (stream, third) = self.ask(&target, Some(&authorization)).await?;
            if third.status != UNAUTHENTICATED {
                return self.opened(stream, &third, target);
            }
        }
        let user = self.credentials.as_ref().map_or_else(String::new, |(user, _)| user.clone());
        Err(ProxyError::CredentialsRefused { proxy: self.name(), user })
    }

    fn opened(&self, stream: TcpStream, answer: &Answer, target: String) -> Result<TcpStream, ProxyError> {
        match answer.status {
            200..=299 => Ok(stream),
            status => Err(ProxyError::Status { proxy: self.name(), status, target }),
        }
    }

    async fn ask(
        &self,
        target: &str,
        authorization: Option<&SecretString>,
    ) -> Result<(TcpStream, Answer), ProxyError> {
        let io = |source| ProxyError::Io { proxy: self.name(), source };
        let mut stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(io)?;
        stream.set_nodelay(true).map_err(io)?;
        let mut request = format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: keep-alive\r\nUser-Agent: edgebind/{}\r\n",
            env!("CARGO_PKG_VERSION")
        );
        if let Some(authorization) = authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization.expose_secret());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(io)?;
        let mut head = Vec::with_capacity(512);
        // Byte by byte, once a connection: what follows the head belongs to the platform.
        while !(head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n")) {
            if head.len() >= MAX_HEAD_BYTES {
                return Err(self.no_proxy("its answer does not end within 16 KiB"));
            }
            head.push(stream.read_u8().await.map_err(io)?);
        }
        Ok((stream, self.read(&head)?))
    }

    fn read(&self, head: &[u8]) -> Result<Answer, ProxyError> {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        let status = words.next().filter(|word| word.len() == 3).and_then(|word| word.parse().ok());
        let (true, Some(status)) = (matches!(version, "HTTP/1.1" | "HTTP/1.0"), status) else {
            return Err(self.no_proxy("its first line is no status line of HTTP/1"));
        };
        let challenges = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("Proxy-Authenticate"))
            .flat_map(|(_, value)| Challenge::parse(value))
            .collect();
        Ok(Answer { status, challenges })
    }

    /// The header that answers the best of the challenges: Digest before Basic, SHA-256 before MD5.
    fn authorization(&self, challenges: &[Challenge], target: &str) -> Result<SecretString, ProxyError> {
        let Some((user, password)) = self.credentials.as_ref().filter(|(user, _)| !user.is_empty()) else {
            return Err(ProxyError::CredentialsMissing { proxy: self.name() });
        };
        let mut digests: Vec<_> = challenges.iter().filter_map(Digest::of).collect();
        digests.sort_by_key(|digest| !digest.is_sha256());
        if let Some(digest) = digests.first() {
            if user.chars().any(char::is_control) {
                return Err(ProxyError::User { scheme: "Digest", what: "control characters" });
            }
            let cnonce = random().ok_or_else(|| self.no_proxy("there is no randomness for an answer"))?;
            return Ok(digest.answer(user, password, "CONNECT", target, &cnonce));
        }
        if challenges.iter().any(|challenge| challenge.is_of("Basic")) {
            if user.contains(':') || user.chars().any(char::is_control) {
                return Err(ProxyError::User { scheme: "Basic", what: "a colon or control characters" });
            }
            let both = BASE64_STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            return Ok(format!("Basic {both}").into());
        }
        let offered: Vec<_> = challenges.iter().map(Challenge::scheme).collect();
        let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
        Err(ProxyError::Scheme { proxy: self.name(), offered })
    }

    fn no_proxy(&self, what: &'static str) -> ProxyError {
        ProxyError::Answer { proxy: self.name(), what }
    }

    fn name(&self) -> String {
        authority(&self.host, self.port)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

fn authority(host: &str, port: u16) -> String {
    let host = host.trim_matches(['[', ']']);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// 128 bits as text.
fn random() -> Option<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Proxy Authentication Required.
const UNAUTHENTICATED: u16 = 407;
const MAX_HEAD_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, time::timeout};

    use super::*;

    /// A proxy that gives these answers, one a connection, and what it was asked.
    async fn stub(answers: &[&[u8]], credentials: Option<(&str, &str)>) -> Result<Vec<String>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            credentials: credentials.map(|(user, password)| (user.to_owned(), password.to_owned().into())),
        };
        let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
        let serving = actix_rt::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                asked.push(String::from_utf8(head).unwrap());
                // A refused client hangs up while it is still being talked to.
                for byte in answer {
                    if stream.write_all(&[byte]).await.is_err() {
                        break;
                    }
                }
                let _ = stream.flush().await;
            }
            asked
        });
        let patience = std::time::Duration::from_secs(20);
        let result = timeout(patience, proxy.connect("plat.example", 443)).await.unwrap();
        match result {
            Ok(mut stream) => {
                let mut rest = String::new();
                stream.read_to_string(&mut rest).await.unwrap();
                let mut asked = serving.await.unwrap();
                asked.push(rest);
                Ok(asked)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Answers of a proxy, credentials, and what is said about it.
    type Case<'a> = (&'a [&'a [u8]], Option<(&'a str, &'a str)>, &'a str);

    fn on_actix<T>(test: impl Future<Output = T>) -> T {
        actix_rt::System::new().block_on(test)
    }

    const OPENED: &[u8] = b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\nTLS";

    #[test]
    fn what_follows_the_head_is_the_platforms() {
        let asked = on_actix(stub(&[OPENED], None)).unwrap();
        assert!(asked[0].starts_with("CONNECT plat.example:443 HTTP/1.1\r\nHost: plat.example:443\r\n"));
        assert!(!asked[0].contains("Authorization"));
        assert_eq!(asked[1], "TLS");
    }

    #[test]
    fn credentials_are_shown_only_when_they_are_asked_for_and_on_a_new_connection() {
        let basic = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nConnection: close\r\n\r\n";
        let asked = on_actix(stub(&[basic, b"HTTP/1.0 200 OK\r\n\r\n"], Some(("plant", "secret")))).unwrap();
        assert!(!asked[0].contains("Authorization"));
        assert!(asked[1].contains("\r\nProxy-Authorization: Basic cGxhbnQ6c2VjcmV0\r\n"), "{}", asked[1]);
    }

    #[test]
    fn digest_is_taken_before_basic_and_the_better_hash_before_the_other() {
        let both = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\", Digest realm=\"p\", nonce=\"n\", qop=\"auth\"\r\n\
            proxy-authenticate: Digest realm=\"p\", nonce=\"n\", algorithm=SHA-256, qop=\"auth,auth-int\"\r\n\r\n";
        let asked = on_actix(stub(&[both, OPENED], Some(("plant", "secret")))).unwrap();
        assert!(
            asked[1].contains("algorithm=SHA-256") && asked[1].contains("uri=\"plat.example:443\""),
            "{}",
            asked[1]
        );
        assert!(!asked[1].contains("secret"));
    }

    #[test]
    fn a_stale_nonce_is_answered_once_more() {
        let first =
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"old\", qop=\"auth\"\r\n\r\n";
        let stale = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"new\", stale=TRUE, qop=\"auth\"\r\n\r\n";
        let asked = on_actix(stub(&[first, stale, OPENED], Some(("plant", "secret")))).unwrap();
        assert!(asked[2].contains("nonce=\"new\""));
        let refused = on_actix(stub(&[first, stale, stale], Some(("plant", "secret")))).unwrap_err();
        assert!(refused.contains("does not accept `proxy.user` \"plant\""), "{refused}");
    }

    #[test]
    fn every_other_answer_is_said_in_words() {
        let ntlm = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n";
        let basic = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n";
        let endless = [b'x'; 20_000];
        let cases: [Case<'_>; 9] = [
            (&[ntlm], Some(("PLANT\\user", "p")), "offers NTLM, Negotiate only; Basic and Digest"),
            (&[basic], None, "wants user and password: `proxy.user`"),
            (&[basic, basic], Some(("plant", "wrong")), "does not accept `proxy.user` \"plant\""),
            (&[basic], Some(("a:b", "p")), "a colon"),
            (&[b"HTTP/1.1 403 Forbidden\r\n\r\n"], None, "answered 403 to CONNECT plat.example:443"),
            (&[b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n"], None, "answered 302"),
            (&[b"SSH-2.0-OpenSSH_9\r\n\r\n"], None, "no status line"),
            (&[&endless], None, "does not end within 16 KiB"),
            (&[b"HTTP/1.1 200 OK\r\n"], None, "the proxy 127.0.0.1:"),
        ];
        for (answers, credentials, said) in cases {
            let text = on_actix(stub(answers, credentials)).unwrap_err();
            assert!(text.contains(said), "{said:?} is not in {text}");
            assert!(!text.contains("wrong"), "the password is a secret");
        }
    }
}
