//! Secrets sealed for one installation: readable only with the key in its state directory.
//!
//! A sealed value is `EB1:` and base64 of a nonce of 24 bytes and of what XChaCha20-Poly1305 makes of the text. Unlike the
//! original's `AES:`, whose key and nonce are the same everywhere (EMS notes, 2.1), the key is made here, at random, and a
//! value sealed twice looks different.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Generate as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretString};

/// The key of this installation, from `install.key` in the state directory.
pub struct InstallKey {
    cipher: XChaCha20Poly1305,
    path: PathBuf,
    /// Authenticated beside the text: a value of another use does not open.
    purpose: &'static [u8],
}

/// Why a secret cannot be sealed or opened. Neither the secret nor the key is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Nobody says where the state directory is.
    #[error("found a sealed value, and there is no state directory with a key: name one with --state-dir")]
    Nowhere,
    /// There is no key.
    #[error(
        "found a sealed value, and there is no key {}: it was sealed on another machine or for another state directory",
        .0.display()
    )]
    NoKey(PathBuf),
    /// Others may read the key.
    #[error("the key {} may be read by others: chmod 600", .0.display())]
    Open(PathBuf),
    /// The key cannot be read or made.
    #[error("cannot {doing} the key {}: {source}", path.display())]
    Io {
        /// `read` or `make`.
        doing: &'static str,
        /// The key file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The key file holds something else.
    #[error("the key {} is damaged: expected 32 bytes in base64", .0.display())]
    Damaged(PathBuf),
    /// The value is none of ours.
    #[error("found EB1: and no sealed value behind it: a part of it may be missing")]
    NotSealed,
    /// The value was sealed with another key, or changed.
    #[error("the sealed value does not open with the key {}: it was sealed with another one, or changed", .0.display())]
    Refused(PathBuf),
}

impl InstallKey {
    /// How a sealed value begins.
    pub const PREFIX: &str = "EB1:";
    /// Name of the key file in the state directory.
    pub const FILE: &str = "install.key";

    /// Reads the key.
    ///
    /// # Errors
    ///
    /// [`SealError::NoKey`] without a key file, others when it is damaged or open to other users.
    pub fn read(state_dir: &Path) -> Result<Self, SealError> {
        let path = state_dir.join(Self::FILE);
        match read_text(&path) {
            Ok(text) => Self::decode(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SealError::NoKey(path)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_open(&path) => {
                Err(SealError::Open(path))
            }
            Err(source) => Err(SealError::Io { doing: "read", path, source }),
        }
    }

    /// Reads the key, and makes one first (mode 0600) when there is none. The directory must be there.
    ///
    /// # Errors
    ///
    /// See [`InstallKey::read`].
    pub fn read_or_make(state_dir: &Path) -> Result<Self, SealError> {
        match Self::read(state_dir) {
            Err(SealError::NoKey(path)) => {
                make(&path).map_err(|source| SealError::Io { doing: "make", path, source })?;
                Self::read(state_dir)
            }
            other => other,
        }
    }

    /// The same key for credentials of registrations: neither these nor values of the configuration open in the place
    /// of the other.
    #[must_use]
    pub fn for_registrations(&self) -> Self {
        Self { cipher: self.cipher.clone(), path: self.path.clone(), purpose: REGISTRATIONS }
    }

    /// Where the key is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Seals a text.
    ///
    /// # Panics
    ///
    /// Without random numbers from the system, or with a text of more than 256 GiB.
    pub fn seal(&self, text: &SecretString) -> String {
        let nonce = XNonce::generate();
        let payload = Payload { msg: text.expose_secret().as_bytes(), aad: self.purpose };
        let sealed =
            self.cipher.encrypt(&nonce, payload).expect("only a text beyond the cipher's limit is refused");
        format!("{}{}", Self::PREFIX, STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    ///
    /// [`SealError::NotSealed`] and [`SealError::Refused`].
    pub fn open(&self, sealed: &str) -> Result<SecretString, SealError> {
        let body = sealed.trim().strip_prefix(Self::PREFIX).ok_or(SealError::NotSealed)?;
        let bytes = STANDARD.decode(body).map_err(|_| SealError::NotSealed)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::NotSealed)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SealError::NotSealed)?;
        let refused = || SealError::Refused(self.path.clone());
        let text =
            self.cipher.decrypt(&nonce, Payload { msg: text, aad: self.purpose }).map_err(|_| refused())?;
        String::from_utf8(text).map(SecretString::from).map_err(|_| refused())
    }

    fn decode(text: &str, path: PathBuf) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| Key::try_from(bytes.as_slice()).ok());
        match bytes {
            Some(key) => Ok(Self { cipher: XChaCha20Poly1305::new(&key), path, purpose: CONFIGURATION }),
            None => Err(SealError::Damaged(path)),
        }
    }
}

impl std::fmt::Debug for InstallKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InstallKey({})", self.path.display())
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    const LARGEST_BYTES: u64 = 1024;
    if is_open(path) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether others than the owner may do anything with the file.
fn is_open(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Makes a key; when somebody else makes one at the same time, the first stays.
fn make(path: &Path) -> io::Result<()> {
    let draft = path.with_extension(format!("key.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(format!("{}\n", STANDARD.encode(Key::generate())).as_bytes())?;
        file.sync_all()
    });
    // A hard link never replaces: two processes cannot end with different keys.
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    drop(std::fs::remove_file(&draft));
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

const NONCE_LEN: usize = 24;
const CONFIGURATION: &[u8] = b"edgebind configuration secret, 1";
const REGISTRATIONS: &[u8] = b"edgebind registration, 1";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(folder: &Path) -> InstallKey {
        InstallKey::read_or_make(folder).expect("a key")
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_key_only() {
        let (here, there) = (tempfile::tempdir().expect("here"), tempfile::tempdir().expect("there"));
        let secret = SecretString::from("grün & geheim");
        let sealed = key(here.path()).seal(&secret);
        assert!(sealed.starts_with("EB1:") && !sealed.contains("geheim"));
        assert_ne!(sealed, key(here.path()).seal(&secret), "each seal has its own nonce");
        let opened = InstallKey::read(here.path()).expect("it was made").open(&sealed).expect("it opens");
        assert_eq!(opened.expose_secret(), secret.expose_secret());
        assert!(matches!(key(there.path()).open(&sealed), Err(SealError::Refused(_))));
        assert!(!format!("{:?}", key(here.path())).contains("cipher"));
    }

    #[test]
    fn a_value_of_one_use_does_not_open_in_the_place_of_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, journal) = (key(folder.path()), key(folder.path()).for_registrations());
        let secret = SecretString::from("secret");
        assert!(matches!(journal.open(&file.seal(&secret)), Err(SealError::Refused(_))));
        assert!(matches!(file.open(&journal.seal(&secret)), Err(SealError::Refused(_))));
        assert!(journal.open(&journal.seal(&secret)).is_ok());
    }

    #[test]
    fn every_change_of_a_sealed_value_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = key(folder.path());
        let sealed = key.seal(&SecretString::from("secret"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(key.open(&changed).is_err(), "{at}");
            assert!(key.open(&sealed[..at]).is_err(), "{at}");
        }
        assert!(key.open(&format!(" {sealed}\n")).is_ok(), "blanks around it harm nothing");
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_closed_to_others_and_refused_when_it_is_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        assert!(matches!(InstallKey::read(folder.path()), Err(SealError::NoKey(_))));
        let path = key(folder.path()).path().to_owned();
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no draft is left");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("permissions");
        assert!(matches!(InstallKey::read(folder.path()), Err(SealError::Open(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        std::fs::write(&path, "c2hvcnQ=\n").expect("a file");
        assert!(matches!(InstallKey::read(folder.path()), Err(SealError::Damaged(_))));
    }
}
