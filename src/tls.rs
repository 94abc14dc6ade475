//! What the configuration says about TLS, as settings of those who speak it.

use edgebind_config::{Certificates, Config};
use edgebind_tls::{Authorities, Client, ClientError, ClientSettings, Criteria, SettingNames, Trust};

/// A key about TLS that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[error("`{key}`: {source}")]
pub(crate) struct TlsError {
    pub(crate) key: &'static str,
    #[source]
    source: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl TlsError {
    fn new(key: &'static str, source: impl Into<Cause>) -> Self {
        Self { key, source: source.into() }
    }
}

/// TLS towards agents that are reached by https.
///
/// Without authorities any certificate is taken, as with the original: its script resources show one that everybody has.
pub(crate) fn towards_agents(config: &Config) -> Result<Client, TlsError> {
    let Certificates { http_client_ca_certs, disable_hostname_validation, .. } = &config.certificates;
    let trust = Trust {
        validate: !http_client_ca_certs.is_empty(),
        authorities: Authorities::Files(http_client_ca_certs.clone()),
        allow_self_signed: false,
        check_name: !disable_hostname_validation,
        criteria: Criteria::default(),
        fingerprints: Vec::new(),
        names: &AGENT_KEYS,
    };
    Client::new(ClientSettings { trust, identity: None, cipher_list: None })
        .map_err(|error| TlsError::new(AGENT_KEYS.authorities, error))
}

const AGENT_KEYS: SettingNames = SettingNames {
    validate: "",
    authorities: "certificates.http_client_ca_certs",
    self_signed: "",
    host_name: "certificates.disable_hostname_validation",
    fingerprints: "",
    criteria: "",
    client_certificate: "",
};
