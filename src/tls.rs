//! What the configuration says about TLS, as settings of those who speak it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use edgebind_config::{Certificates, Config, Encryption};
use edgebind_lsr::{Certificate, ResourceSettings};
use edgebind_tls::{
    Authorities, Client, ClientError, ClientSettings, Criteria, FingerprintError, Identity, IdentityError,
    ServerConfig, SettingNames, Trust,
};
use secrecy::SecretString;
use tracing::info;

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
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Fingerprint(#[from] FingerprintError),
    #[error("{0}")]
    Criteria(String),
    #[error(
        "there is no state directory to keep a certificate in: name one with --state-dir, or a certificate"
    )]
    StateDir,
}

impl TlsError {
    fn new(key: &'static str, source: impl Into<Cause>) -> Self {
        Self { key, source: source.into() }
    }
}

/// TLS towards the platform; `None` when it is spoken to in clear.
pub(crate) fn towards_platform(config: &Config) -> Result<Option<Client>, TlsError> {
    if config.ws_connection.encryption == Encryption::None {
        return Ok(None);
    }
    let certificates = &config.certificates;
    let authorities = match certificates.cert_chain.as_slice() {
        [] => Authorities::System,
        files => Authorities::Files(files.to_vec()),
    };
    let fingerprints = certificates.fingerprint_allowlist.iter().map(|text| text.parse());
    let trust = Trust {
        validate: certificates.validate,
        authorities,
        allow_self_signed: certificates.allow_self_signed,
        check_name: !certificates.disable_hostname_validation,
        criteria: criteria(certificates).map_err(|text| TlsError::new(CRITERIA, Cause::Criteria(text)))?,
        fingerprints: fingerprints
            .collect::<Result<_, FingerprintError>>()
            .map_err(|error| TlsError::new(PLATFORM_KEYS.fingerprints, error))?,
        names: &PLATFORM_KEYS,
    };
    let settings = ClientSettings {
        trust,
        identity: client_identity(certificates)?,
        cipher_list: certificates.cipher_suite.clone().filter(|list| !list.is_empty()),
    };
    let client = Client::new(settings).map_err(|error| {
        let key = match &error {
            ClientError::Ciphers(_) => "certificates.cipher_suite",
            ClientError::Identity(_) => PLATFORM_KEYS.client_certificate,
            _ => PLATFORM_KEYS.authorities,
        };
        TlsError::new(key, error)
    })?;
    Ok(Some(client))
}

fn client_identity(certificates: &Certificates) -> Result<Option<Identity>, TlsError> {
    let (Some(certificate), Some(key)) = (&certificates.client_cert, &certificates.key_file) else {
        return Ok(None);
    };
    Identity::read(certificate, key, certificates.key_passphrase.as_ref()).map(Some).map_err(|error| {
        let of_key = matches!(error, IdentityError::Key(_));
        TlsError::new(if of_key { "certificates.key_file" } else { PLATFORM_KEYS.client_certificate }, error)
    })
}

/// What the local HTTP server shows; `None` when it serves in clear.
///
/// `use_default_certificate` means a certificate of this installation, made at the first start and kept in `state_dir`:
/// the original's own is the same everywhere.
pub(crate) fn of_server(
    config: &Config,
    state_dir: Option<&Path>,
) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let server = &config.http_server;
    if !server.ssl {
        return Ok(None);
    }
    let files = match (&server.certificate, &server.private_key) {
        (Some(certificate), Some(key)) => {
            Some(Files { certificate, key, passphrase: server.passphrase.as_ref() })
        }
        _ => None,
    };
    shown(files, &server.host, state_dir, &GATEWAY_SERVER).map(Some)
}

/// What the HTTP server of a script resource shows; `None` when it serves in clear.
pub(crate) fn of_script_resource(
    settings: &ResourceSettings,
    state_dir: Option<&Path>,
) -> Result<Option<Arc<ServerConfig>>, TlsError> {
    let files = match &settings.tls {
        None => return Ok(None),
        Some(Certificate::OfInstallation) => None,
        Some(Certificate::Files { chain, private_key, passphrase }) => {
            Some(Files { certificate: chain, key: private_key, passphrase: passphrase.as_ref() })
        }
    };
    shown(files, &settings.host, state_dir, &SCRIPT_RESOURCE_SERVER).map(Some)
}

/// A certificate of the site.
struct Files<'a> {
    certificate: &'a Path,
    key: &'a Path,
    passphrase: Option<&'a SecretString>,
}

/// What the settings of a server are called.
struct ServerKeys {
    certificate: &'static str,
    private_key: &'static str,
    own: &'static str,
}

/// The certificate in `files`, else that of the installation.
fn shown(
    files: Option<Files<'_>>,
    host: &str,
    state_dir: Option<&Path>,
    keys: &'static ServerKeys,
) -> Result<Arc<ServerConfig>, TlsError> {
    let (key, identity) = match (files, state_dir) {
        (Some(files), _) => {
            (keys.certificate, Identity::read(files.certificate, files.key, files.passphrase))
        }
        (None, Some(folder)) => (keys.own, Identity::of_installation(folder, &names(host))),
        (None, None) => return Err(TlsError::new(keys.own, Cause::StateDir)),
    };
    let of_key = |error: IdentityError| match error {
        IdentityError::Key(_) => TlsError::new(keys.private_key, error),
        error => TlsError::new(key, error),
    };
    let identity = identity.map_err(of_key)?;
    if let Some(facts) = identity.facts() {
        info!(subject = %facts.subject, sha256 = %facts.fingerprint, "The local HTTP server speaks TLS.");
    }
    identity.into_server(None).map_err(of_key)
}

/// What in `config` about TLS keeps the gateway from starting; nothing is made or written.
pub(crate) fn problems(config: &Config) -> Vec<String> {
    let own = config.http_server.certificate.is_none();
    let server = if own { None } else { of_server(config, None).err() };
    let found = [towards_platform(config).err(), towards_agents(config).err(), server];
    found.into_iter().flatten().map(|error| error.to_string()).collect()
}

/// Names by which callers of this machine and others reach `host`.
fn names(host: &str) -> Vec<String> {
    let host = host.trim_matches(['[', ']']);
    let everywhere = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified());
    let own = Some(host).filter(|_| !everywhere).into_iter();
    let mut names: Vec<String> = Vec::new();
    for name in own.chain(["localhost", "127.0.0.1"]) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The names that the platform's certificate must carry; a misspelt one would not be checked, so it is refused.
fn criteria(certificates: &Certificates) -> Result<Criteria, String> {
    let mut criteria = Criteria::default();
    let Some(group) = &certificates.validation_criteria else { return Ok(criteria) };
    let wanted: BTreeMap<String, Option<String>> =
        serde_json::from_str(&group.json).map_err(|_| "allowed is a table of names and texts".to_owned())?;
    for (name, text) in wanted {
        let criterion = match name.to_ascii_lowercase().as_str() {
            "cert_common_name" => &mut criteria.common_name,
            "cert_organization" => &mut criteria.organization,
            "cert_organizational_name" => &mut criteria.unit,
            "ca_cert_common_name" => &mut criteria.issuer_common_name,
            "ca_cert_organization" => &mut criteria.issuer_organization,
            "ca_cert_organizational_name" => &mut criteria.issuer_unit,
            _ => return Err(format!("{name:?} is no criterion; known are {KNOWN_CRITERIA}")),
        };
        *criterion = text.filter(|text| !text.is_empty());
    }
    Ok(criteria)
}

/// TLS towards agents that are reached by https.
///
/// Without authorities any certificate is taken, as with the original: its script resources show one that everybody has.
pub(crate) fn towards_agents(config: &Config) -> Result<Client, TlsError> {
    let Certificates { http_client_ca_certs, disable_hostname_validation, .. } = &config.certificates;
    let trust = Trust {
        validate: !http_client_ca_certs.is_empty(),
        check_name: !disable_hostname_validation,
        ..Trust::strict(Authorities::Files(http_client_ca_certs.clone()), &AGENT_KEYS)
    };
    Client::new(ClientSettings { trust, identity: None, cipher_list: None })
        .map_err(|error| TlsError::new(AGENT_KEYS.authorities, error))
}

const GATEWAY_SERVER: ServerKeys = ServerKeys {
    certificate: "http_server.certificate",
    private_key: "http_server.private_key",
    own: "http_server.use_default_certificate",
};
const SCRIPT_RESOURCE_SERVER: ServerKeys = ServerKeys {
    certificate: "scripts.script_resource_certificate_chain",
    private_key: "scripts.script_resource_private_key",
    own: "scripts.script_resource_use_default_certificate",
};
const CRITERIA: &str = "certificates.validation_criteria";
const KNOWN_CRITERIA: &str = "Cert_Common_Name, Cert_Organization, Cert_Organizational_Name, CA_Cert_Common_Name, \
                              CA_Cert_Organization, CA_Cert_Organizational_Name";

const PLATFORM_KEYS: SettingNames = SettingNames {
    validate: "certificates.validate",
    authorities: "certificates.cert_chain",
    self_signed: "certificates.allow_self_signed",
    host_name: "certificates.disable_hostname_validation",
    fingerprints: "certificates.fingerprint_allowlist",
    criteria: CRITERIA,
    client_certificate: "certificates.client_cert",
};

const AGENT_KEYS: SettingNames = SettingNames {
    authorities: "certificates.http_client_ca_certs",
    host_name: "certificates.disable_hostname_validation",
    ..SettingNames::NONE
};
