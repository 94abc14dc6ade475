//! The calling side: settings become a [`Client`], a TCP connection becomes one in TLS, or words say why not.

use std::{io, path::PathBuf, sync::Arc};

use rustls::{
    AlertDescription, ClientConfig, Error, PeerIncompatible,
    pki_types::{InvalidDnsNameError, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    CipherError, Facts, Identity, PemError, Refusal, SettingNames, Trust, ciphers::suites, provider,
    verifier::Verifier,
};

/// How a client speaks TLS.
#[derive(Debug)]
pub struct ClientSettings {
    /// Whom it trusts.
    pub trust: Trust,
    /// What it shows to a server that asks; none.
    pub identity: Option<Identity>,
    /// Cipher list in the notation of OpenSSL; none for all that are safe.
    pub cipher_list: Option<String>,
}

/// Opens TLS on connections; cheap to clone.
#[derive(Clone)]
pub struct Client {
    connector: TlsConnector,
    names: &'static SettingNames,
}

/// Why settings give no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// A file with authorities cannot be used.
    #[error(transparent)]
    Certificates(#[from] PemError),
    /// A certificate among the authorities is damaged.
    #[error("{}: a certificate in it cannot be used: {reason}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The trust store cannot be used.
    #[error("the trust store cannot be used: {0}")]
    System(String),
    /// The cipher list leaves nothing.
    #[error(transparent)]
    Ciphers(#[from] CipherError),
    /// Certificate and key do not belong together.
    #[error("the client certificate cannot be used: {0}")]
    Identity(String),
}

/// Why a handshake failed; the text is for the log and for status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The host cannot stand in a certificate.
    #[error("{0:?} is no host name that a certificate could carry")]
    Host(String, #[source] InvalidDnsNameError),
    /// The certificate is not trusted. Nothing was sent to the server.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The two sides have nothing in common, or one of them objects.
    #[error("{0}")]
    Tls(String),
    /// The connection broke off.
    #[error("the connection broke off in the TLS handshake: {0}")]
    Io(#[source] io::Error),
}

impl Client {
    /// A client for `settings`; reads the files that they name.
    ///
    /// # Errors
    ///
    /// [`ClientError`] names the file or the setting.
    pub fn new(settings: ClientSettings) -> Result<Self, ClientError> {
        let ClientSettings { trust, identity, cipher_list } = settings;
        let chosen = cipher_list.as_deref().map(suites).transpose()?;
        let provider = provider(chosen);
        let names = trust.names;
        let verifier = Arc::new(Verifier::new(trust, Arc::clone(&provider))?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::System(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.into_parts();
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|error| ClientError::Identity(error.to_string()))?
            }
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), names })
    }

    /// Opens TLS on `tcp` towards `host`, a name or an address without brackets.
    ///
    /// Not a byte of what follows is sent before the certificate was accepted. The caller sets the deadline.
    ///
    /// # Errors
    ///
    /// [`HandshakeError`] in words for people.
    pub async fn handshake(
        &self,
        tcp: TcpStream,
        host: &str,
    ) -> Result<TlsStream<TcpStream>, HandshakeError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| HandshakeError::Host(host.to_owned(), error))?;
        self.connector.connect(name, tcp).await.map_err(|error| self.explain(error))
    }

    /// What the certificates say that the server showed, its own first.
    #[must_use]
    pub fn shown(stream: &TlsStream<TcpStream>) -> Vec<Facts> {
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        shown.iter().filter_map(|certificate| Facts::read(certificate)).collect()
    }

    /// Words for an error of a connection that stood, if TLS is behind it: with TLS 1.3 a server may object to our
    /// certificate after the handshake.
    #[must_use]
    pub fn objection(&self, error: &io::Error) -> Option<HandshakeError> {
        Some(self.words(error.get_ref()?.downcast_ref()?))
    }

    fn explain(&self, error: io::Error) -> HandshakeError {
        self.objection(&error).unwrap_or(HandshakeError::Io(error))
    }

    fn words(&self, error: &Error) -> HandshakeError {
        use AlertDescription as Alert;
        if let Error::InvalidCertificate(rustls::CertificateError::Other(inner)) = error
            && let Some(refusal) = inner.0.downcast_ref::<Refusal>()
        {
            return HandshakeError::Refused(refusal.clone());
        }
        let text = match error {
            Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
                NOTHING_COMMON.to_owned()
            }
            Error::AlertReceived(Alert::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => "the server speaks neither TLS 1.2 nor 1.3, and older versions are not safe".to_owned(),
            Error::AlertReceived(
                alert @ (Alert::CertificateRequired
                | Alert::AccessDenied
                | Alert::BadCertificate
                | Alert::UnknownCA
                | Alert::CertificateUnknown
                | Alert::CertificateExpired
                | Alert::CertificateRevoked
                | Alert::UnsupportedCertificate),
            ) => self.objected(*alert),
            Error::AlertReceived(Alert::UnrecognisedName) => {
                "the server does not know the host name that we asked for".to_owned()
            }
            Error::InvalidMessage(_) => {
                "what answers at this port does not speak TLS: another port, or no encryption, is meant"
                    .to_owned()
            }
            other => other.to_string(),
        };
        HandshakeError::Tls(text)
    }

    fn objected(&self, alert: AlertDescription) -> String {
        let key = self.names.client_certificate;
        let how = if key.is_empty() { String::new() } else { format!(" (`{key}`)") };
        match alert {
            AlertDescription::CertificateRequired => {
                format!("the server wants a certificate of ours, and there is none{how}")
            }
            alert => format!("the server does not accept our certificate{how}: {alert:?}"),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

const NOTHING_COMMON: &str = "the server accepts none of the cipher suites that are safe: it may offer static RSA only, as the \
    original script resource does; let it speak plain HTTP on the loopback interface, or replace it";
