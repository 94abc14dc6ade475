//! Group `http_server` (EMS notes, 3.4 and 17).

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::millis;

/// The local HTTP server, for agents and local callers. The group must be there: the original refuses to start without.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct HttpServer {
    /// Name or address to listen on; default `localhost`; `0.0.0.0` is every IPv4 address.
    pub host: String,
    /// TCP port; default 8000; 0 to 65535, 0 lets the system choose. Text is refused here, as the original does.
    pub port: u16,
    /// Whether TLS is spoken. The original demands the key; without it we take false on a loopback host and refuse
    /// elsewhere.
    pub ssl: bool,
    /// Certificate chain, PEM; needed with `ssl`, or `use_default_certificate`.
    pub certificate: Option<PathBuf>,
    /// Private key, PEM or PKCS#8, encrypted or plain; needed with `certificate`.
    pub private_key: Option<PathBuf>,
    /// Passphrase of `private_key`.
    pub passphrase: Option<SecretString>,
    /// Without `certificate`: one that is made for this installation and kept in the state directory, where the
    /// original takes a built-in one that everybody has; default false.
    pub use_default_certificate: bool,
    /// Whether callers need a name and password (HTTP Basic). Demanded as `ssl` is.
    pub authenticate: bool,
    /// Name of the callers; needed with `authenticate`.
    pub user: Option<String>,
    /// Password of the callers; needed with `authenticate`.
    pub password: Option<SecretString>,
    /// Longest wait for a request, and idle time of a kept connection; default 20000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub content_read_timeout: Duration,
    /// Further ports tried when `port` is taken; default 10 (11 attempts in all); 0 to 1000.
    pub ports_to_try: u16,
    /// Half the connections that are served, in the original's way of counting: 2n are admitted, the next is told
    /// 503; default 15; 1 to 100 000. See [`HttpServer::connection_limit`].
    pub max_clients: u32,
    /// Whether CSRF tokens are demanded; default false (in the original's later versions true).
    pub enable_csrf_tokens: bool,
    /// Minutes after which the CSRF token changes; default 10; 1 to 10080.
    pub csrf_token_rotation_period: u32,
}

impl HttpServer {
    /// Connections served at once: twice `max_clients` (EMS notes, 4.3).
    pub fn connection_limit(&self) -> usize {
        usize::try_from(self.max_clients).unwrap_or(usize::MAX / 2).saturating_mul(2)
    }

    /// Time after which the CSRF token changes.
    pub fn csrf_rotation(&self) -> Duration {
        Duration::from_secs(u64::from(self.csrf_token_rotation_period) * 60)
    }

    /// Whether the host can be reached from this machine only.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8000,
            ssl: false,
            certificate: None,
            private_key: None,
            passphrase: None,
            use_default_certificate: false,
            authenticate: false,
            user: None,
            password: None,
            content_read_timeout: Duration::from_millis(20_000),
            ports_to_try: 10,
            max_clients: 15,
            enable_csrf_tokens: false,
            csrf_token_rotation_period: 10,
        }
    }
}
