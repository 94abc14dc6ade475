//! Sealed texts, `tw_utils.aes_encrypt` and `aes_decrypt` to scripts.
//!
//! How a text is sealed is the affair of the process, which has the key of this installation: it supplies [`Secrets`]
//! before the first script starts.

use std::sync::{Arc, OnceLock};

use thiserror::Error;

/// Seals and opens texts.
pub trait Secrets: Send + Sync {
    /// The sealed form, one line of text; `None` without a key.
    fn seal(&self, text: &[u8]) -> Option<String>;

    /// What was sealed; `None` if it does not open.
    fn open(&self, sealed: &str) -> Option<Vec<u8>>;

    /// How a sealed text begins, such as `EB1:`.
    fn prefix(&self) -> &'static str;
}

/// Supplies what seals the texts of all scripts of this process; the first call counts.
pub fn supply(secrets: Arc<dyn Secrets>) {
    // A second one would make texts that the first does not open.
    let _ = SUPPLIED.set(secrets);
}

/// A sealed text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the sealed text does not open with the key of this installation")]
pub(super) struct Sealed;

/// The sealed form of `text`.
pub(super) fn seal(text: &[u8]) -> Option<String> {
    SUPPLIED.get()?.seal(text)
}

/// What was sealed; text that is not sealed as it is.
///
/// # Errors
///
/// [`Sealed`] also for what the original has sealed: its key is not ours.
pub(super) fn open(text: Vec<u8>) -> Result<Vec<u8>, Sealed> {
    if text.starts_with(ORIGINAL_PREFIX) {
        return Err(Sealed);
    }
    let Some(secrets) = SUPPLIED.get().filter(|secrets| text.starts_with(secrets.prefix().as_bytes())) else {
        return Ok(text);
    };
    std::str::from_utf8(&text).ok().and_then(|sealed| secrets.open(sealed)).ok_or(Sealed)
}

/// How a text begins that the original has sealed.
const ORIGINAL_PREFIX: &[u8] = b"AES:";

static SUPPLIED: OnceLock<Arc<dyn Secrets>> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    struct Backwards;

    impl Secrets for Backwards {
        fn seal(&self, text: &[u8]) -> Option<String> {
            let reversed: Vec<u8> = text.iter().rev().copied().collect();
            Some(format!("TS1:{}", String::from_utf8(reversed).ok()?))
        }

        fn open(&self, sealed: &str) -> Option<Vec<u8>> {
            Some(sealed.strip_prefix("TS1:")?.bytes().rev().collect())
        }

        fn prefix(&self) -> &'static str {
            "TS1:"
        }
    }

    #[test]
    fn scripts_seal_and_open_with_what_is_supplied() {
        supply(Arc::new(Backwards));
        let cases = [
            ("tw_utils.aes_encrypt('secret')", "TS1:terces"),
            ("tw_utils.aes_decrypt(tw_utils.aes_encrypt('secret'))", "secret"),
            ("tw_utils.aes_decrypt(tw_utils.aes_encrypt(''))", ""),
            ("tw_utils.aes_decrypt('plain')", "plain"),
            ("tw_utils.aes_decrypt('AES:c2VjcmV0')", "nil,Decryption error"),
            ("tw_utils.aes_encrypt('x', true, '0123456789abcdef')", "nil,Encryption error"),
        ];
        for (code, expected) in cases {
            assert_eq!(eval(&format!("return {code}")).as_deref(), Ok(expected), "{code}");
        }
    }
}
