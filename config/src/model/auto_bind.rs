//! Entries of `auto_bind` (EMS notes, 3.7).

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::millis;

/// A thing bound from the start. An entry without a name or with a port nobody can dial is left out with a warning.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct AutoBind {
    /// Name of the thing, or `*` and its identifier; required. The last entry of a name wins.
    pub name: String,
    /// Where the thing's script resource or agent listens; default `localhost`.
    pub host: String,
    /// TCP port of the agent; default 8001; 1 to 65535.
    pub port: u16,
    /// Prefix of the paths asked for; default `/` (EMS notes, 9.1).
    pub path: String,
    /// Longest wait for the agent's answer; default 30000 ms; 1 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub timeout: Duration,
    /// Interval of the probe, which only informs for these entries; default 60000 ms; 0 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub keepalive: Duration,
    /// How the agent is spoken to; default `http`. The key is that of AddEdgeThing, as `persist` writes it.
    pub proto: Protocol,
    /// The same as `proto`, under the name that the original's guide gives it; `https` in either counts; default `http`.
    pub protocol: Protocol,
    /// Name for HTTP Basic towards the agent; default none.
    pub user: Option<String>,
    /// Password for HTTP Basic towards the agent; default none.
    pub password: Option<SecretString>,
    /// Known and without effect; default `application/json`.
    pub accept: String,
    /// Whether this is the gateway's own thing; default false. Only `true` counts: `"true"` is an ordinary entry, as
    /// in the original. Of several the last is the gateway.
    pub gateway: bool,
}

impl Default for AutoBind {
    fn default() -> Self {
        Self {
            name: String::new(),
            host: "localhost".to_owned(),
            port: 8001,
            path: "/".to_owned(),
            timeout: Duration::from_millis(30_000),
            keepalive: Duration::from_millis(60_000),
            proto: Protocol::Http,
            protocol: Protocol::Http,
            user: None,
            password: None,
            accept: "application/json".to_owned(),
            gateway: false,
        }
    }
}

/// How an agent is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Plain HTTP.
    Http,
    /// HTTP in TLS.
    Https,
}

impl Protocol {
    /// Returns the scheme of a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
