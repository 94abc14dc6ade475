//! Private keys from files: PEM or PKCS#8 in DER, encrypted ones by the passphrase.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};

/// Why a file gives no private key; never holds anything of the key or the passphrase.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no private key in it.
    #[error("{} holds no private key in PEM or PKCS#8", path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
    /// The key is encrypted, and there is no passphrase.
    #[error("{} is encrypted, and there is no passphrase for it", path.display())]
    PassphraseMissing {
        /// The file.
        path: PathBuf,
    },
    /// Another passphrase, or a damaged file.
    #[error("{}: the passphrase is not the one that this key was encrypted with", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted in a way that is not read.
    #[error("{}: {how}; this line makes a file that can be read: openssl pkcs8 -topk8 -v2 aes-256-cbc -in {} -out new-key.pem", path.display(), path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What it is.
        how: &'static str,
    },
    /// A PKCS#12 container.
    #[error("{}: PKCS#12 is not read; this line makes a PEM file of its key: openssl pkcs12 -in {} -nocerts -out new-key.pem", path.display(), path.display())]
    Pkcs12 {
        /// The file.
        path: PathBuf,
    },
}

/// Reads the private key of a file; an encrypted one with `passphrase`.
///
/// # Errors
///
/// [`KeyError`] names the file, and the line of openssl that makes a file of another form readable.
pub(crate) fn read_key(
    path: &Path,
    passphrase: Option<&SecretString>,
) -> Result<PrivateKeyDer<'static>, KeyError> {
    let owned = || path.to_path_buf();
    let bytes = fs::read(path).map_err(|source| KeyError::Read { path: owned(), source })?;
    warn_of_mode(path);
    if let Ok(text) = str::from_utf8(&bytes)
        && text.contains("-----BEGIN")
    {
        if text.contains("Proc-Type: 4,ENCRYPTED") {
            let how = "the key is encrypted in the legacy form of openssl (Proc-Type: 4,ENCRYPTED)";
            return Err(KeyError::Form { path: owned(), how });
        }
        // The label alone is not enough: a file may hold certificates before the key.
        if let Some(start) = text.find(ENCRYPTED) {
            let tail = text.get(start..).unwrap_or_default();
            let document = SecretDocument::from_pem(pem_block(tail));
            let (_, document) = document.map_err(|_| KeyError::None { path: owned() })?;
            return decrypt(path, document.as_bytes(), passphrase);
        }
        return PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| KeyError::None { path: owned() });
    }
    if EncryptedPrivateKeyInfoRef::try_from(bytes.as_slice()).is_ok() {
        return decrypt(path, &bytes, passphrase);
    }
    if pkcs8::PrivateKeyInfoRef::try_from(bytes.as_slice()).is_ok() {
        return Ok(PrivatePkcs8KeyDer::from(bytes).into());
    }
    let is_container = path.extension().is_some_and(|kind| kind == "p12" || kind == "pfx");
    Err(if is_container { KeyError::Pkcs12 { path: owned() } } else { KeyError::None { path: owned() } })
}

fn decrypt(
    path: &Path,
    encrypted: &[u8],
    passphrase: Option<&SecretString>,
) -> Result<PrivateKeyDer<'static>, KeyError> {
    let path = path.to_path_buf();
    let Some(passphrase) = passphrase.filter(|secret| !secret.expose_secret().is_empty()) else {
        return Err(KeyError::PassphraseMissing { path });
    };
    let Ok(info) = EncryptedPrivateKeyInfoRef::try_from(encrypted) else {
        return Err(KeyError::Form { path, how: "the key is encrypted in a way that is not read" });
    };
    match info.decrypt(passphrase.expose_secret()) {
        Ok(document) => Ok(PrivatePkcs8KeyDer::from(document.as_bytes().to_vec()).into()),
        Err(pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. })) => {
            Err(KeyError::Form { path, how: "the key is encrypted with an algorithm that is not read" })
        }
        Err(_) => Err(KeyError::Passphrase { path }),
    }
}

/// The first PEM block of a text.
fn pem_block(text: &str) -> &str {
    let end = text.find(ENCRYPTED_END).map_or(text.len(), |at| at + ENCRYPTED_END.len());
    text.get(..end).unwrap_or_default()
}

/// The original insists on encrypted keys; we insist on a file that others cannot read (EMS notes, 16), by a warning.
fn warn_of_mode(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(
                file = %path.display(),
                mode = format!("{:o}", mode & 0o777),
                "Other users can read this private key: chmod 600."
            );
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

#[cfg(test)]
mod tests {
    use super::*;

    fn data(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
    }

    fn read(name: &str, passphrase: Option<&str>) -> Result<PrivateKeyDer<'static>, KeyError> {
        read_key(&data(name), passphrase.map(SecretString::from).as_ref())
    }

    #[test]
    fn every_form_of_a_key_is_the_same_key() {
        let clear = read("clear.pem", None).unwrap();
        for name in ["aes256.pem", "des3.pem", "scrypt.pem", "encrypted.p8"] {
            let key = read(name, Some("gravel")).unwrap();
            assert_eq!(key.secret_der(), clear.secret_der(), "{name}");
        }
        assert!(matches!(read("sec1.pem", None).unwrap(), PrivateKeyDer::Sec1(_)));
        assert!(read("clear.pem", Some("not asked for")).is_ok());
    }

    #[test]
    fn a_wrong_passphrase_and_none_are_told_apart() {
        for name in ["aes256.pem", "des3.pem", "encrypted.p8"] {
            assert!(matches!(read(name, Some("sand")), Err(KeyError::Passphrase { .. })), "{name}");
            assert!(matches!(read(name, None), Err(KeyError::PassphraseMissing { .. })), "{name}");
            assert!(matches!(read(name, Some("")), Err(KeyError::PassphraseMissing { .. })), "{name}");
        }
    }

    #[test]
    fn a_form_that_is_not_read_comes_with_the_line_that_converts_it() {
        for name in ["legacy.pem", "pbe-v1.pem"] {
            let text = read(name, Some("gravel")).unwrap_err().to_string();
            assert!(text.contains("openssl pkcs8 -topk8 -v2 aes-256-cbc -in "), "{text}");
        }
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, wanted) in [
            (
                "a.pem",
                &b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"[..],
                "holds no private key",
            ),
            ("b.pem", b"", "holds no private key"),
            ("c.p12", b"\x30\x82", "openssl pkcs12"),
            ("d.pem", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA", "holds no private key"),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let text = read_key(&path, None).unwrap_err().to_string();
            assert!(text.contains(wanted) && text.contains(name), "{text}");
        }
        assert!(matches!(read_key(&folder.path().join("e"), None), Err(KeyError::Read { .. })));
    }
}
