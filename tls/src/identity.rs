//! Who we are: a certificate with its private key, from files or made for one installation.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use crate::{
    CipherError, Facts, KeyError, PemError, ciphers::suites, key::read_key, provider, read_certificates,
};

/// A certificate, those that lead to its signer, and its private key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] PemError),
    /// The key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Certificate and key do not belong together, or the key is of a kind that nobody may use.
    #[error("certificate and private key cannot be used together: {0}")]
    Mismatch(String),
    /// The cipher list leaves nothing.
    #[error(transparent)]
    Ciphers(#[from] CipherError),
    /// A certificate of our own cannot be made or kept.
    #[error("cannot make a certificate in {}: {reason}", path.display())]
    Make {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Identity {
    /// Reads a certificate (PEM, with those that lead to its signer behind it) and its key.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] names the file.
    pub fn read(
        certificate: &Path,
        key: &Path,
        passphrase: Option<&SecretString>,
    ) -> Result<Self, IdentityError> {
        Ok(Self { chain: read_certificates(certificate)?, key: read_key(key, passphrase)? })
    }

    /// The identity of this installation: self-signed, for `names`; made at the first call and kept in `folder`.
    ///
    /// It stands where the original used a certificate that everybody has (EMS notes, 3.4). Callers either do not check
    /// it or pin it, so it is valid at any time that a clock may show.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Make`], or what is wrong with the files that are there.
    pub fn of_installation(folder: &Path, names: &[String]) -> Result<Self, IdentityError> {
        let (certificate, key) = (folder.join(OWN_CERTIFICATE), folder.join(OWN_KEY));
        if !certificate.exists() || !key.exists() {
            let problem = |reason: String| IdentityError::Make { path: folder.to_path_buf(), reason };
            let (certificate_pem, key_pem) =
                self_signed(names).map_err(|error| problem(error.to_string()))?;
            // The key first: without the certificate both are made anew.
            write_private(&key, &key_pem).map_err(|error| problem(error.to_string()))?;
            write_private(&certificate, &certificate_pem).map_err(|error| problem(error.to_string()))?;
        }
        Self::read(&certificate, &key, None)
    }

    /// What a server shows with it: TLS 1.2 and 1.3, HTTP/1.1; `cipher_list` as OpenSSL writes it.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Mismatch`], [`IdentityError::Ciphers`].
    pub fn into_server(self, cipher_list: Option<&str>) -> Result<Arc<ServerConfig>, IdentityError> {
        let chosen = cipher_list.map(suites).transpose()?;
        let mismatch = |error: rustls::Error| IdentityError::Mismatch(error.to_string());
        let mut config = ServerConfig::builder_with_provider(provider(chosen))
            .with_safe_default_protocol_versions()
            .map_err(mismatch)?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)
            .map_err(mismatch)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// What stands in the certificate.
    #[must_use]
    pub fn facts(&self) -> Option<Facts> {
        self.chain.first().and_then(|certificate| Facts::read(certificate))
    }

    pub(crate) fn into_parts(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain, self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("facts", &self.facts()).finish_non_exhaustive()
    }
}

/// Certificate and key in PEM.
fn self_signed(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = DistinguishedName::new();
    let name = names.first().map_or("edgebind", String::as_str);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Writes a file that only we can read, whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

const OWN_CERTIFICATE: &str = "tls-certificate.pem";
const OWN_KEY: &str = "tls-key.pem";
