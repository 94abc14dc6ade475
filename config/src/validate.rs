//! The last look: keys that must be there, keys that must go together, and what we accept without effect.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret as _;

use crate::diagnostic::{Code, Severity};
use crate::model::{Config, Encryption, OfflineStore, Protocol};
use crate::node::{Place, shorten};
use crate::report::Report;

/// Looks at the configuration as a whole; fills in what depends on other keys.
pub(crate) fn check(config: &mut Config, places: &BTreeMap<String, Place>, report: &mut Report) {
    let mut check = Check { places, report };
    check.servers(config);
    check.top_level(config);
    check.http_server(config);
    check.auto_bind(config);
    check.trust(config);
    check.store(config);
    check.without_effect(config);
    check.own_groups(config);
}

struct Check<'a> {
    places: &'a BTreeMap<String, Place>,
    report: &'a mut Report,
}

impl Check<'_> {
    fn servers(&mut self, config: &mut Config) {
        if config.ws_servers.is_empty() && !self.report.has_error_about("ws_servers") {
            let given = self.is_given("ws_servers");
            let message = if given {
                "found an empty list, allowed is at least one platform"
            } else {
                "the key is missing: the gateway must know its platform"
            };
            self.error(Code::Missing, "ws_servers", message)
                .push("write \"ws_servers\": [{\"host\": \"platform.example\", \"port\": 443}]");
        }
        let (fallback, reason) = match config.ws_connection.encryption {
            Encryption::Ssl => (443, "ssl"),
            Encryption::None => (80, "none"),
        };
        for (index, server) in config.ws_servers.iter_mut().enumerate() {
            let entry = format!("ws_servers[{index}]");
            self.host(&format!("{entry}.host"), &server.host);
            if server.port == 0 && !self.report.has_error_about(&format!("{entry}.port")) {
                server.port = fallback;
                let message = format!(
                    "the key is missing; taken as {fallback}, the usual port with `ws_connection.encryption` {reason}"
                );
                self.warning(Code::Missing, &format!("{entry}.port"), &message);
            }
        }
    }

    fn top_level(&mut self, config: &mut Config) {
        let resource = &mut config.resource;
        if resource.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
            let message = format!(
                "found \"{}\", allowed is a path of ASCII characters without blanks",
                shorten(resource)
            );
            self.error(Code::WrongType, "resource", &message);
        } else if !resource.starts_with('/') {
            let message = format!("found \"{}\", taken as \"/{resource}\"", shorten(resource));
            self.warning(Code::Converted, "resource", &message).push("a path begins with a slash");
            resource.insert(0, '/');
        }
        if config.app_key.expose_secret().is_empty() && !self.report.has_error_about("appKey") {
            self.warning(
                Code::Missing,
                "appKey",
                "there is no application key; the platform will refuse the gateway",
            )
            .push(
                "make one on the platform; it can stand in the file, in $EDGEBIND_APPKEY or in a credential",
            );
        }
        if let Some(proxy) = &config.proxy {
            self.host("proxy.host", &proxy.host);
        }
    }

    fn http_server(&mut self, config: &Config) {
        let server = &config.http_server;
        if !self.is_given("http_server") {
            self.error(Code::Missing, "http_server", "the group is missing: agents could not reach the gateway").push(
                "write \"http_server\": {\"host\": \"127.0.0.1\", \"port\": 8000, \"ssl\": false, \"authenticate\": false}",
            );
            return;
        }
        self.host("http_server.host", &server.host);
        for (key, opens) in [
            ("http_server.ssl", "speak plain HTTP"),
            ("http_server.authenticate", "ask nobody for a password"),
        ] {
            if self.is_given(key) {
                continue;
            }
            if server.is_loopback() {
                let message = format!(
                    "the key is missing; taken as false, because \"{}\" is this machine only",
                    server.host
                );
                self.warning(Code::Missing, key, &message).push("the original does not start without it");
            } else {
                let message = format!(
                    "the key is missing; false would {opens} on \"{}\", which other machines reach",
                    shorten(&server.host)
                );
                self.error(Code::Missing, key, &message).push("write true or false");
            }
        }
        if server.ssl {
            self.tls_files(config);
        } else if server.use_default_certificate {
            self.no_effect("http_server.use_default_certificate", "`http_server.ssl` is false");
        }
        if server.authenticate {
            if server.user.as_deref().unwrap_or_default().is_empty()
                && !self.report.has_error_about("http_server.user")
            {
                self.error(
                    Code::Missing,
                    "http_server.user",
                    "`http_server.authenticate` is true, and this key is missing",
                );
            }
            if server.password.as_ref().is_none_or(|secret| secret.expose_secret().is_empty())
                && !self.report.has_error_about("http_server.password")
            {
                self.error(
                    Code::Missing,
                    "http_server.password",
                    "`http_server.authenticate` is true, and this key is missing",
                );
            }
        }
    }

    fn tls_files(&mut self, config: &Config) {
        let server = &config.http_server;
        if server.certificate.is_none() && server.use_default_certificate {
            self.warning(
                Code::Converted,
                "http_server.use_default_certificate",
                "there is no built-in certificate, whose private key everybody would have; one is made for this installation \
                 and kept in the state directory",
            )
            .push("callers that check certificates need a copy of it, or one of yours in `certificate` and `private_key`");
            return;
        }
        for (key, file) in [
            ("http_server.certificate", &server.certificate),
            ("http_server.private_key", &server.private_key),
        ] {
            if file.is_none() && !self.is_given(key) {
                self.error(Code::Missing, key, "`http_server.ssl` is true, and this key is missing");
            }
        }
    }

    /// One entry a name, one gateway (EMS notes, 3.7 and 10.3: the last one counts).
    fn auto_bind(&mut self, config: &mut Config) {
        let mut names = BTreeSet::new();
        let mut has_gateway = false;
        let mut kept = Vec::new();
        let entries = std::mem::take(&mut config.auto_bind);
        for (index, mut entry) in entries.into_iter().enumerate().rev() {
            let path = format!("auto_bind[{index}]");
            if entry.name.is_empty() {
                continue; // Left out before, with a warning; see the normaliser.
            }
            if !names.insert(entry.name.clone()) {
                let message = format!("the name \"{}\" stands again further down", shorten(&entry.name));
                self.warning(Code::Skipped, &path, &message)
                    .push("the entry is left out, as the original does");
                continue;
            }
            self.host(&format!("{path}.host"), &entry.host);
            if entry.protocol == Protocol::Https && entry.proto == Protocol::Http {
                // The original speaks http whatever stands here; who asks for https must not get less.
                entry.proto = Protocol::Https;
                let message =
                    "the original ignores this key in `auto_bind` and speaks `http`; here it counts";
                self.add(Severity::Note, Code::Converted, &format!("{path}.protocol"), message)
                    .push("an agent that speaks plain HTTP needs \"http\"");
            }
            if entry.gateway && has_gateway {
                let message =
                    "another entry further down is the gateway; this one is bound as an ordinary thing";
                self.warning(Code::Conflict, &format!("{path}.gateway"), message);
                entry.gateway = false;
            }
            has_gateway |= entry.gateway;
            kept.push(entry);
        }
        kept.reverse();
        config.auto_bind = kept;
    }

    fn trust(&mut self, config: &Config) {
        let trust = &config.certificates;
        for (given, other, key, missing) in [
            (&trust.client_cert, &trust.key_file, "certificates.key_file", "certificates.client_cert"),
            (&trust.key_file, &trust.client_cert, "certificates.client_cert", "certificates.key_file"),
        ] {
            if given.is_some() && other.is_none() {
                let message = format!("`{missing}` is given, and this key is missing");
                self.error(Code::Missing, key, &message);
            }
        }
        if config.fips.enabled {
            self.warning(
                Code::NotSupported,
                "fips.enabled",
                "there is no FIPS 140 validated module in this program",
            );
        }
    }

    fn store(&mut self, config: &Config) {
        let store = &config.offline_msg_store;
        if self.is_given("offline_msg_store.max_size") && store.max_size <= OfflineStore::CHOSEN_ABOVE_BYTES {
            let message = format!(
                "{} bytes are at most the original's default and count as not chosen; the store takes up to {} bytes",
                store.max_size,
                store.limit_bytes()
            );
            self.add(Severity::Note, Code::Converted, "offline_msg_store.max_size", &message);
        }
    }

    fn without_effect(&mut self, config: &Config) {
        for (group, given) in [("file", config.file.is_some()), ("tunnel", config.tunnel.is_some())] {
            if given {
                let message = "the gateway does not offer these services yet; the platform is told so";
                self.warning(Code::NotSupported, group, message);
            }
        }
        if !config.ws_connection.binary_mode {
            self.no_effect("ws_connection.binary_mode", "frames are always binary, with the original too");
        }
        if config.ws_connection.connect_retries >= 0 {
            self.no_effect(
                "ws_connection.connect_retries",
                "the link is retried for ever, with the original too",
            );
        }
    }

    fn own_groups(&mut self, config: &Config) {
        if let Some(endpoint) = &config.observability.otlp_endpoint
            && !endpoint.starts_with("http://")
            && !endpoint.starts_with("https://")
        {
            let message = format!(
                "found \"{}\", allowed is an address that begins with http:// or https://",
                shorten(endpoint)
            );
            self.error(Code::WrongType, "observability.otlp_endpoint", &message)
                .push("the collector's port for OTLP over HTTP is usually 4318");
        }
    }

    /// Refuses a host that nobody can dial or listen on.
    fn host(&mut self, key: &str, host: &str) {
        if host.is_empty() && !self.report.has_error_about(key) {
            self.error(
                Code::Missing,
                key,
                "the key is missing or empty, allowed is a host name or an address",
            );
        } else if host.chars().any(|c| c.is_control() || c.is_whitespace() || c == '/') {
            let message = format!(
                "found \"{}\", allowed is a host name or an address: no blanks, no slashes, no scheme",
                shorten(host)
            );
            self.error(Code::WrongType, key, &message);
        }
    }

    fn no_effect(&mut self, key: &str, reason: &str) {
        self.warning(Code::NotSupported, key, &format!("this value has no effect: {reason}"));
    }

    fn error(&mut self, code: Code, key: &str, message: &str) -> Help<'_> {
        self.add(Severity::Error, code, key, message)
    }

    fn warning(&mut self, code: Code, key: &str, message: &str) -> Help<'_> {
        self.add(Severity::Warning, code, key, message)
    }

    fn add(&mut self, severity: Severity, code: Code, key: &str, message: &str) -> Help<'_> {
        let place = self.place(key);
        Help(self.report.add(severity, code, key, &place, message.to_owned()))
    }

    /// Whether the key stands somewhere; one that was refused does, for who would be told twice.
    fn is_given(&self, key: &str) -> bool {
        self.places.contains_key(key) || self.report.has_error_about(key)
    }

    /// Where the key stands, or the nearest group around it that stands somewhere.
    fn place(&self, key: &str) -> Place {
        let mut key = key;
        loop {
            if let Some(place) = self.places.get(key) {
                return place.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = key.get(..end).unwrap_or_default(),
                None => return Place::Whole,
            }
        }
    }
}

/// A diagnostic that may still be given a help text.
struct Help<'a>(&'a mut crate::diagnostic::Diagnostic);

impl Help<'_> {
    fn push(self, help: &str) {
        self.0.help(help);
    }
}
