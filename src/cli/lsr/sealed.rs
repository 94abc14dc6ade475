//! Sealed values `EB1:…`, in the configuration and in scripts: they open with the key of this installation, which lies in
//! the state directory of the script resource.

use std::path::Path;

use edgebind_config::{InstallKey, SealError};
use edgebind_lsr::{Setting, Settings, secrets::Secrets};
use secrecy::{ExposeSecret, SecretString};

use crate::state_dir::{self, StateDirError};

/// Why a value is not sealed or not opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealedError {
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(
        "scripts.{key}: {source}; seal the value anew with `edgebind lsr -encrypt TEXT` on this installation"
    )]
    Value { key: &'static str, source: SealError },
}

/// Opens the passwords of `globals` that are sealed; whoever reads the settings afterwards sees them open.
pub(super) fn open(globals: &mut Settings, state_dir: Option<&Path>) -> Result<(), SealedError> {
    for key in PASSWORDS {
        let Some(text) = globals.get(key).and_then(Setting::as_text) else { continue };
        if text.starts_with(InstallKey::PREFIX) {
            let folder = state_dir::of_script_resource(state_dir)?;
            let opened = InstallKey::read(&folder).and_then(|install| install.open(&text));
            let opened = opened.map_err(|source| SealedError::Value { key, source })?;
            globals.insert(key.to_owned(), Setting::from(opened.expose_secret()));
        }
    }
    Ok(())
}

/// Seals `text` with the key of the installation, which is made when there is none.
pub(super) fn seal(text: &str, state_dir: Option<&Path>) -> Result<String, SealedError> {
    let folder = state_dir::of_script_resource(state_dir)?;
    state_dir::create(&folder)?;
    Ok(InstallKey::read_or_make(&folder)?.seal(&SecretString::from(text)))
}

/// What `tw_utils.aes_encrypt` and `aes_decrypt` use.
pub(super) struct InstallSecrets(InstallKey);

impl InstallSecrets {
    /// Those of the key in `folder`, which is made when there is none.
    pub(super) fn of(folder: &Path) -> Result<Self, SealError> {
        InstallKey::read_or_make(folder).map(Self)
    }
}

impl Secrets for InstallSecrets {
    fn seal(&self, text: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(text).ok()?;
        Some(self.0.seal(&SecretString::from(text)))
    }

    fn open(&self, sealed: &str) -> Option<Vec<u8>> {
        self.0.open(sealed).ok().map(|text| text.expose_secret().as_bytes().to_vec())
    }

    fn prefix(&self) -> &'static str {
        InstallKey::PREFIX
    }
}

/// Settings that hold passwords.
const PASSWORDS: [&str; 3] = ["rap_password", "script_resource_password", "script_resource_passphrase"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_for_this_installation_opens_in_its_configuration_and_its_scripts() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = seal("pass:word", Some(folder.path())).unwrap();
        assert!(sealed.starts_with("EB1:") && !sealed.contains("pass"), "{sealed}");
        let mut globals: Settings = [
            ("rap_password".to_owned(), Setting::from(sealed.as_str())),
            ("script_resource_password".to_owned(), Setting::from("open")),
        ]
        .into();
        open(&mut globals, Some(folder.path())).unwrap();
        assert_eq!(globals["rap_password"], Setting::from("pass:word"));
        assert_eq!(globals["script_resource_password"], Setting::from("open"));

        let secrets = InstallSecrets::of(folder.path()).unwrap();
        assert_eq!(secrets.open(&sealed).as_deref(), Some(&b"pass:word"[..]));
        assert_eq!(secrets.open(&secrets.seal(b"x").unwrap()).as_deref(), Some(&b"x"[..]));
        assert_eq!(secrets.seal(&[0xff]), None);
    }

    #[test]
    fn a_value_of_another_installation_is_said_with_its_key() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sealed = seal("x", Some(one.path())).unwrap();
        seal("y", Some(other.path())).unwrap();
        let mut globals: Settings = [("rap_password".to_owned(), Setting::from(sealed))].into();
        let error = open(&mut globals, Some(other.path())).unwrap_err().to_string();
        assert!(error.starts_with("scripts.rap_password: ") && error.contains("-encrypt"), "{error}");
    }
}
