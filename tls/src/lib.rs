//! TLS of both sides, on rustls with ring: whom we trust and why not, who we are, and connections that speak it.
//!
//! Everything cryptographic is done by kept libraries; what stands here is policy (what the keys of a configuration mean)
//! and words (why a handshake failed, what was seen, which key changes it). It knows no configuration file and no actor.

mod ciphers;
mod client;
mod criteria;
mod dial;
mod facts;
mod fingerprint;
mod identity;
mod key;
mod pem;
mod refusal;
mod serve;
mod trust;
mod verifier;

#[cfg(test)]
mod handshake_test;
#[cfg(test)]
mod test_certificates;
#[cfg(test)]
mod test_names;

pub use ciphers::CipherError;
pub use client::{Client, ClientError, ClientSettings, HandshakeError};
pub use criteria::Criteria;
pub use dial::{Wire, connector, direct, handshake_error};
pub use facts::Facts;
pub use fingerprint::{Fingerprint, FingerprintError};
pub use identity::{Identity, IdentityError};
pub use key::KeyError;
pub use pem::{PemError, read_certificates};
pub use refusal::{Refusal, SettingNames};
pub use serve::{HttpLimits, serve};
pub use trust::{Authorities, Trust};

/// What a server shows and speaks; made by [`Identity::into_server`].
pub use rustls::ServerConfig;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// What all our TLS is computed by; `suites` narrows the cipher suites, `None` offers all of them.
fn provider(suites: Option<Vec<rustls::SupportedCipherSuite>>) -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    if let Some(suites) = suites {
        provider.cipher_suites = suites;
    }
    Arc::new(provider)
}
