//! What becomes of each entry of `auto_bind`.

use serde::Serialize;

use super::in_url;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{AutoBind, Config, Protocol};
use crate::node::printable;

/// What is done for one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThingPlan {
    /// Name as bound.
    pub name: String,
    /// What it is bound as.
    pub role: Role,
    /// Where its requests go; `None` when the gateway answers by itself.
    pub endpoint: Option<String>,
    /// Whether user and password are sent there.
    pub sends_credentials: bool,
    /// The same as a sentence.
    pub text: String,
}

/// What an entry is bound as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The gateway's own thing: bound with the gateway marker.
    Gateway,
    /// A thing, by its name.
    Thing,
    /// A thing, by the identifier that stands on the platform.
    Identifier,
}

impl ThingPlan {
    pub(super) fn of(entry: &AutoBind, config: &Config) -> Self {
        let role = match entry {
            AutoBind { gateway: true, .. } => Role::Gateway,
            entry if entry.name.starts_with('*') => Role::Identifier,
            _ => Role::Thing,
        };
        let endpoint = (role != Role::Gateway).then(|| {
            let slash = if entry.path.starts_with('/') { "" } else { "/" };
            let (scheme, host) = (entry.proto.as_str(), in_url(&entry.host));
            printable(&format!("{scheme}://{host}:{}{slash}{}", entry.port, entry.path))
        });
        let sends_credentials =
            endpoint.is_some() && entry.user.as_deref().is_some_and(|user| !user.is_empty());
        let text = text(entry, role, endpoint.as_deref(), sends_credentials, config);
        Self { name: entry.name.clone(), role, endpoint, sends_credentials, text }
    }
}

fn text(entry: &AutoBind, role: Role, endpoint: Option<&str>, credentials: bool, config: &Config) -> String {
    let mut text = match role {
        Role::Gateway => {
            "bound as the gateway itself, with the marker EMSGateway; every BIND carries it, and the \
                          gateway answers by itself"
                .to_owned()
        }
        Role::Thing => "bound by its name".to_owned(),
        Role::Identifier => {
            let identifier = entry.name.get(1..).unwrap_or_default();
            format!("bound to the thing whose identifier is \"{identifier}\" on the platform")
        }
    };
    if let Some(endpoint) = endpoint {
        let wait = entry.timeout.as_millis();
        text.push_str(&format!("; requests go to {endpoint}, at most {wait} ms each"));
        if credentials {
            text.push_str(", with user and password");
        }
        if entry.proto == Protocol::Https {
            text.push_str(match config.certificates.http_client_ca_certs.is_empty() {
                true => ", in TLS with any certificate",
                false => ", in TLS; its certificate must be of `certificates.http_client_ca_certs`",
            });
        }
        text.push_str(match config.edgebind.auto_bind_probe {
            true => "; unbound while nothing listens there",
            false => "; stays bound when nothing listens there",
        });
    }
    text
}

/// An entry that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedEntry {
    /// `auto_bind[2]`.
    pub key: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Why.
    pub reason: String,
}

impl SkippedEntry {
    pub(super) fn all(diagnostics: &[Diagnostic]) -> Vec<Self> {
        let skipped = |found: &&Diagnostic| found.code == Code::Skipped && found.key.starts_with("auto_bind");
        diagnostics
            .iter()
            .filter(skipped)
            .map(|found| Self { key: found.key.clone(), line: found.line, reason: found.message.clone() })
            .collect()
    }
}
