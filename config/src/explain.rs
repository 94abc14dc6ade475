//! What a configuration means, said to a person: whom the gateway dials, what becomes of each thing, who may get in.

mod access;
mod things;

use std::fmt;

use serde::Serialize;

pub use access::{Access, Caller};
pub use things::{Role, SkippedEntry, ThingPlan};

use crate::load::Loaded;
use crate::model::{Certificates, Config, Encryption};
use crate::node::printable;

/// What a gateway with this configuration does. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Addresses of the platform in the order they are tried.
    pub platforms: Vec<String>,
    /// The proxy in between, `proxy.example:3128`.
    pub proxy: Option<String>,
    /// How the platform is trusted.
    pub trust: String,
    /// Whether there is an application key.
    pub has_app_key: bool,
    /// Things bound from the start.
    pub things: Vec<ThingPlan>,
    /// Entries of `auto_bind` that are left out.
    pub skipped: Vec<SkippedEntry>,
    /// Who gets in where.
    pub access: Access,
}

impl Explanation {
    /// Explains a configuration.
    pub fn of(loaded: &Loaded) -> Self {
        let config = &loaded.config;
        Self {
            platforms: platforms(config),
            proxy: config
                .proxy
                .as_ref()
                .map(|proxy| printable(&format!("{}:{}", in_url(&proxy.host), proxy.port))),
            trust: printable(&trust(config)),
            has_app_key: !secrecy::ExposeSecret::expose_secret(&config.app_key).is_empty(),
            things: config.auto_bind.iter().map(|entry| ThingPlan::of(entry, config)).collect(),
            skipped: SkippedEntry::all(&loaded.diagnostics),
            access: Access::of(config),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Platform")?;
        for (index, platform) in self.platforms.iter().enumerate() {
            writeln!(f, "  {} {platform}", if index == 0 { "dials     " } else { "then tries" })?;
        }
        if let Some(proxy) = &self.proxy {
            writeln!(
                f,
                "  through the proxy {proxy}, which sees where to, and user and password if it asks by Basic"
            )?;
        }
        writeln!(f, "  {}", self.trust)?;
        if !self.has_app_key {
            writeln!(f, "  there is no application key: the platform will refuse the gateway")?;
        }
        writeln!(f, "\nThings")?;
        if self.things.is_empty() {
            writeln!(f, "  none from the start; script resources and agents register theirs")?;
        }
        let width = self.things.iter().map(|thing| thing.name.chars().count()).max().unwrap_or(0).min(40);
        for thing in &self.things {
            writeln!(f, "  {:width$}  {}", thing.name, thing.text)?;
        }
        for entry in &self.skipped {
            writeln!(f, "  {} is left out: {}", entry.key, entry.reason)?;
        }
        writeln!(f, "\nOpen to others")?;
        write!(f, "{}", self.access)
    }
}

fn platforms(config: &Config) -> Vec<String> {
    let scheme = match config.ws_connection.encryption {
        Encryption::Ssl => "wss",
        Encryption::None => "ws",
    };
    config
        .servers_in_order()
        .map(|server| format!("{scheme}://{}:{}{}", in_url(&server.host), server.port, config.resource))
        .collect()
}

fn trust(config: &Config) -> String {
    let Certificates {
        validate,
        allow_self_signed,
        cert_chain,
        disable_hostname_validation,
        fingerprint_allowlist,
        validation_criteria,
        ..
    } = &config.certificates;
    if config.ws_connection.encryption == Encryption::None {
        return "in clear: everybody on the way can read and change everything, the application key too"
            .to_owned();
    }
    let criteria =
        if validation_criteria.is_some() { "; it must carry the names of `validation_criteria`" } else { "" };
    if !fingerprint_allowlist.is_empty() {
        return format!("encrypted; only certificates of `fingerprint_allowlist` are taken{criteria}");
    }
    if !validate {
        return match criteria {
            "" => {
                "encrypted, and any certificate is taken: whoever stands in between can pose as the platform"
                    .to_owned()
            }
            criteria => format!(
                "encrypted, and nobody's signature counts: whoever stands in between can pose as the platform{criteria}"
            ),
        };
    }
    let mut text = "encrypted; the certificate must be signed by ".to_owned();
    text.push_str(&match cert_chain.as_slice() {
        [] => "an authority the system trusts".to_owned(),
        [one] => format!("one in {}", one.display()),
        [first, ..] => format!("one in {} and {} more", first.display(), cert_chain.len() - 1),
    });
    if *allow_self_signed {
        text.push_str(", or by itself");
    }
    text.push_str(if *disable_hostname_validation {
        "; the name in it is not checked"
    } else {
        "; the name in it must be the host's"
    });
    text.push_str(criteria);
    text
}

/// A host as it stands in a URL: IPv6 addresses in brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
