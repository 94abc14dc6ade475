//! What the process itself takes from the global settings: where it listens, who may call, where it logs
//! (script resource notes, 1.4).

use std::path::PathBuf;

use edgebind_config::Credentials;
use secrecy::SecretString;
use thiserror::Error;

use crate::{Setting, Settings, log::Level};

use super::schema::whole;

/// The settings of the process.
#[derive(Clone, Debug)]
pub struct ResourceSettings {
    /// Address to listen on; default `localhost`.
    pub host: String,
    /// Port to listen on, 0 for any free one; default 8001.
    pub port: u16,
    /// What is shown to callers in TLS; in clear without.
    pub tls: Option<Certificate>,
    /// What callers must know.
    pub credentials: Credentials,
    /// Connections at a time; default [`ResourceSettings::CLIENTS`].
    pub max_clients: usize,
    /// What is logged on standard output; default INFO.
    pub log_level: Level,
    /// Where log lines are kept in files, if anywhere.
    pub log_files: Option<LogFiles>,
    /// Settings that have no effect in this version, each with its reason.
    pub without_effect: Vec<(&'static str, &'static str)>,
}

/// What the server shows in TLS.
#[derive(Clone, Debug)]
pub enum Certificate {
    /// What the files of the site hold, PEM.
    Files {
        /// The certificate, and behind it those that lead to its signer.
        chain: PathBuf,
        /// Its key.
        private_key: PathBuf,
        /// What opens the key.
        passphrase: Option<SecretString>,
    },
    /// One of this installation, where the original has one for all.
    OfInstallation,
}

/// Log lines in two alternating files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFiles {
    /// Their folder; `log_publish_directory`.
    pub folder: PathBuf,
    /// What is written there; default WARN.
    pub level: Level,
    /// Bytes of both together; default 2,000,000.
    pub most_bytes: u64,
}

/// Why the process does not serve with these settings.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Nobody is opened by omission.
    #[error("scripts.{0} is not set; write scripts.{0} = true or false, as the original demands")]
    Missing(&'static str),
    /// Authentication without anything to know.
    #[error(
        "scripts.script_resource_authenticate is true and scripts.{0} is empty; callers need a user and a password"
    )]
    NoCredentials(&'static str),
    /// A password that the original has encrypted.
    #[error(
        "scripts.{0} was encrypted by the original, which alone has the key; write the password, or what \
         `edgebind lsr -encrypt PASSWORD` prints"
    )]
    Sealed(&'static str),
    /// TLS without anything to show.
    #[error(
        "scripts.script_resource_ssl = true and scripts.{0} is not set: name a certificate by \
         scripts.script_resource_certificate_chain and scripts.script_resource_private_key, or write \
         scripts.script_resource_use_default_certificate = true for one of this installation"
    )]
    NoCertificate(&'static str),
}

impl ResourceSettings {
    /// Connections at a time, without `max_clients`.
    pub const CLIENTS: usize = 2048;

    /// Reads them from `globals`, which were checked for kind and range.
    ///
    /// # Errors
    ///
    /// [`SettingsError`]: settings that would leave the resource open, or that cannot be served.
    pub fn read(globals: &Settings) -> Result<Self, SettingsError> {
        let text = |name: &str| globals.get(name).and_then(Setting::as_text);
        let flag = |name: &str| globals.get(name).and_then(Setting::as_flag);
        let number = |name: &str| globals.get(name).and_then(whole);
        let sealed = |name: &&str| text(name).is_some_and(|text| text.starts_with("AES:"));
        if let Some(name) = PASSWORDS.into_iter().find(sealed) {
            return Err(SettingsError::Sealed(name));
        }
        let demanded = |name: &'static str| flag(name).ok_or(SettingsError::Missing(name));
        let level = |name: &str| text(name).and_then(|name| Level::parse(&name));
        let (tls, authenticate) =
            (demanded("script_resource_ssl")?, demanded("script_resource_authenticate")?);
        let tls = if tls { Some(certificate(globals)?) } else { None };
        let credentials = if authenticate { credentials(globals)? } else { Credentials::open() };
        let log_files =
            text("log_publish_directory").filter(|folder| !folder.is_empty()).map(|folder| LogFiles {
                folder: PathBuf::from(folder),
                level: level("log_publish_level").unwrap_or(Level::Warn),
                most_bytes: number("log_max_file_storage").unwrap_or(2_000_000),
            });
        let is_set = |name: &str| match globals.get(name) {
            Some(value) => value.as_flag().unwrap_or(true),
            None => false,
        };
        Ok(Self {
            host: text("script_resource_host").unwrap_or_else(|| "localhost".to_owned()),
            port: number("script_resource_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(8001),
            tls,
            credentials,
            max_clients: number("max_clients")
                .and_then(|clients| usize::try_from(clients).ok())
                .unwrap_or(Self::CLIENTS),
            log_level: level("log_level").unwrap_or(Level::Info),
            log_files,
            without_effect: WITHOUT_EFFECT.iter().copied().filter(|(name, _)| is_set(name)).collect(),
        })
    }
}

/// Files count before the certificate of the installation, as at the gateway.
fn certificate(globals: &Settings) -> Result<Certificate, SettingsError> {
    let text =
        |name: &str| globals.get(name).and_then(Setting::as_text).filter(|text| !text.trim().is_empty());
    let (chain, private_key) = (text(CHAIN), text(PRIVATE_KEY));
    let of_installation = globals.get("script_resource_use_default_certificate").and_then(Setting::as_flag);
    match (chain, private_key) {
        (Some(chain), Some(private_key)) => Ok(Certificate::Files {
            chain: chain.into(),
            private_key: private_key.into(),
            passphrase: text("script_resource_passphrase").map(SecretString::from),
        }),
        (Some(_), None) => Err(SettingsError::NoCertificate(PRIVATE_KEY)),
        (None, None) if of_installation == Some(true) => Ok(Certificate::OfInstallation),
        (None, _) => Err(SettingsError::NoCertificate(CHAIN)),
    }
}

fn credentials(globals: &Settings) -> Result<Credentials, SettingsError> {
    let demanded = |name: &'static str| {
        let value = globals.get(name).and_then(Setting::as_text).filter(|text| !text.is_empty());
        value.ok_or(SettingsError::NoCredentials(name))
    };
    let user = demanded("script_resource_userid")?;
    let password = demanded("script_resource_password")?;
    Ok(Credentials::basic(user, password.into()))
}

const CHAIN: &str = "script_resource_certificate_chain";
const PRIVATE_KEY: &str = "script_resource_private_key";
const PASSWORDS: [&str; 3] = ["rap_password", "script_resource_password", "script_resource_passphrase"];
/// Settings that are understood and do nothing.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("auto_delete_threshold", "finished scripts stay until /scriptcontrol/cleanup is called"),
    ("fips_enabled", "there is no FIPS mode"),
    ("log_audit_target", "AUDIT lines go into the log"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(entries: &[(&str, &str)]) -> Settings {
        entries.iter().map(|(name, value)| ((*name).to_owned(), Setting::from(*value))).collect()
    }

    const OPEN: [(&str, &str); 2] =
        [("script_resource_ssl", "false"), ("script_resource_authenticate", "false")];

    #[test]
    fn nobody_is_opened_by_omission() {
        let read = |entries: &[(&str, &str)]| ResourceSettings::read(&globals(entries)).map(|_| ());
        assert_eq!(read(&[OPEN[1]]), Err(SettingsError::Missing("script_resource_ssl")));
        assert_eq!(read(&[OPEN[0]]), Err(SettingsError::Missing("script_resource_authenticate")));
        let guarded = [OPEN[0], ("script_resource_authenticate", "TRUE"), ("script_resource_userid", "u")];
        assert_eq!(read(&guarded), Err(SettingsError::NoCredentials("script_resource_password")));
        assert_eq!(read(&OPEN), Ok(()));
        let sealed = [OPEN[0], OPEN[1], ("rap_password", "AES:AAAA")];
        assert_eq!(read(&sealed), Err(SettingsError::Sealed("rap_password")));
    }

    #[test]
    fn tls_needs_a_certificate_of_the_site_or_the_word_for_one_of_the_installation() {
        let read = |entries: &[(&str, &str)]| {
            let tls = [("script_resource_ssl", "true"), OPEN[1]];
            ResourceSettings::read(&globals(&[&tls[..], entries].concat())).map(|settings| settings.tls)
        };
        let own = ("script_resource_use_default_certificate", "true");
        for (entries, missing) in [
            (&[][..], CHAIN),
            (&[("script_resource_use_default_certificate", "false")], CHAIN),
            (&[(PRIVATE_KEY, "key.pem"), own], CHAIN),
            (&[(CHAIN, "chain.pem"), own], PRIVATE_KEY),
        ] {
            assert_eq!(read(entries).unwrap_err(), SettingsError::NoCertificate(missing), "{entries:?}");
        }
        assert!(matches!(read(&[own]), Ok(Some(Certificate::OfInstallation))));
        let files = [(CHAIN, "chain.pem"), (PRIVATE_KEY, "key.pem"), own];
        let Ok(Some(Certificate::Files { chain, passphrase: None, .. })) = read(&files) else {
            panic!("files count first");
        };
        assert_eq!(chain, PathBuf::from("chain.pem"));
    }

    #[test]
    fn defaults_count_where_nothing_is_set() {
        let settings = ResourceSettings::read(&globals(&OPEN)).unwrap();
        assert_eq!((settings.host.as_str(), settings.port), ("localhost", 8001));
        assert_eq!((settings.log_level, settings.log_files), (Level::Info, None));
        assert!(!settings.credentials.required());
        let more = [
            ("log_publish_directory", "/tmp/x"),
            ("log_publish_level", "debug"),
            ("max_clients", "7"),
            ("fips_enabled", "false"),
            ("log_audit_target", "file:///x"),
        ];
        let settings = ResourceSettings::read(&globals(&[&OPEN[..], &more].concat())).unwrap();
        assert_eq!(settings.max_clients, 7);
        let files = LogFiles { folder: "/tmp/x".into(), level: Level::Debug, most_bytes: 2_000_000 };
        assert_eq!(settings.log_files, Some(files));
        let names: Vec<_> = settings.without_effect.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["log_audit_target"]);
    }
}
