//! HTTP Basic credentials that callers of our servers must know (EMS notes, 4.4; script resource notes, 2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

/// What callers must know; nothing for an open server.
#[derive(Clone, Debug)]
pub struct Credentials(Option<(String, SecretString)>);

impl Credentials {
    /// Callers need nothing.
    #[must_use]
    pub const fn open() -> Self {
        Self(None)
    }

    /// Callers need this user and password.
    #[must_use]
    pub const fn basic(user: String, password: SecretString) -> Self {
        Self(Some((user, password)))
    }

    /// Whether callers must authenticate.
    #[must_use]
    pub const fn required(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a caller with this value of `Authorization` may pass; takes the same time for every wrong password of
    /// one length.
    #[must_use]
    pub fn admit(&self, authorization: Option<&[u8]>) -> bool {
        let Some((user, password)) = &self.0 else { return true };
        let given = authorization
            .and_then(|value| std::str::from_utf8(value).ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"))
            .and_then(|(_, token)| STANDARD.decode(token.trim()).ok());
        let wanted = format!("{user}:{}", password.expose_secret());
        given.is_some_and(|given| given.ct_eq(wanted.as_bytes()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_pair_passes_and_nothing_else() {
        let credentials = Credentials::basic("user".to_owned(), "päss:word".into());
        let header = |scheme: &str, pair: &str| format!("{scheme} {}", STANDARD.encode(pair)).into_bytes();
        assert!(credentials.admit(Some(&header("Basic", "user:päss:word"))));
        assert!(credentials.admit(Some(&header("basic", "user:päss:word"))));
        for wrong in [
            header("Basic", "user:päss"),
            header("Basic", "User:päss:word"),
            header("Bearer", "user:päss:word"),
            b"Basic".to_vec(),
            b"Basic ?".to_vec(),
            vec![0xff],
        ] {
            assert!(!credentials.admit(Some(&wrong)), "{wrong:?}");
        }
        assert!(!credentials.admit(None));
        assert!(Credentials::open().admit(None));
    }
}
