//! Groups `certificates` and `fips` (EMS notes, 3.6 and 17).

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::RawGroup;

/// Trust towards the platform, and towards agents reached by https.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Certificates {
    /// Whether signer, dates and name of the platform's certificate are checked; default true.
    pub validate: bool,
    /// Whether a certificate signed by itself is taken; default false.
    pub allow_self_signed: bool,
    /// Looked up by the original, documented nowhere, without effect; default false.
    pub deny_self_signed: bool,
    /// Trusted certificates, PEM; default empty: with `validate` the system's trust store.
    pub cert_chain: Vec<PathBuf>,
    /// Our certificate towards the platform, PEM; default none.
    pub client_cert: Option<PathBuf>,
    /// Private key of `client_cert`, PEM or PKCS#8, may be encrypted; default none.
    pub key_file: Option<PathBuf>,
    /// Passphrase of `key_file`; default none.
    pub key_passphrase: Option<SecretString>,
    /// Names the platform's certificate must carry, exactly, also without `validate`: `Cert_Common_Name`,
    /// `Cert_Organization`, `Cert_Organizational_Name`, and with `CA_` in front those of its signer; default none.
    pub validation_criteria: Option<RawGroup>,
    /// OpenSSL cipher list for TLS 1.2, towards the platform; of its suites those are offered that are safe, and one
    /// must be among them; default all that are safe.
    pub cipher_suite: Option<String>,
    /// Whether the host name in certificates, also of agents, goes unchecked; default false.
    pub disable_hostname_validation: bool,
    /// SHA-256 fingerprints: only these certificates of the platform are taken, and nothing else of them is checked;
    /// default empty.
    pub fingerprint_allowlist: Vec<String>,
    /// Trusted certificates of agents reached by https, PEM; default empty: any certificate is taken.
    pub http_client_ca_certs: Vec<PathBuf>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            validate: true,
            allow_self_signed: false,
            deny_self_signed: false,
            cert_chain: Vec::new(),
            client_cert: None,
            key_file: None,
            key_passphrase: None,
            validation_criteria: None,
            cipher_suite: None,
            disable_hostname_validation: false,
            fingerprint_allowlist: Vec::new(),
            http_client_ca_certs: Vec::new(),
        }
    }
}

/// The original's switch to a FIPS 140 module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Fips {
    /// Default false. We have no validated module: true is answered with a warning.
    pub enabled: bool,
}
