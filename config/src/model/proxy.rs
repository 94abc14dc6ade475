//! Group `proxy` (EMS notes, 3.6).

use secrecy::SecretString;
use serde::Deserialize;

/// The HTTP proxy between gateway and platform: CONNECT, without credentials, with Basic or with Digest.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Proxy {
    /// Name or address; required when the group is there.
    pub host: String,
    /// TCP port; default 3128; 1 to 65535.
    pub port: u16,
    /// Name for the proxy; default none.
    pub user: Option<String>,
    /// Password for the proxy; default none.
    pub password: Option<SecretString>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { host: String::new(), port: 3128, user: None, password: None }
    }
}
