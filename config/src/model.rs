//! The model of `config.json`: one struct a group, defaults in the `Default` implementations and nowhere else.

mod auto_bind;
mod certificates;
mod edgebind;
mod http_server;
mod logger;
mod millis;
mod observability;
mod offline_store;
mod proxy;
mod raw_group;
mod server;
mod ws_connection;

pub use auto_bind::{AutoBind, Protocol};
pub use certificates::{Certificates, Fips};
pub use edgebind::{Edgebind, NameConflict};
pub use http_server::HttpServer;
pub use logger::{LogLevel, Logger};
pub use observability::{LogFormat, Observability};
pub use offline_store::OfflineStore;
pub use proxy::Proxy;
pub use raw_group::RawGroup;
pub use server::Server;
pub use ws_connection::{Encryption, WsConnection};

use secrecy::SecretString;
use serde::Deserialize;

/// The whole configuration, checked: what [`crate::load`] returns.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Platforms in the order of the file; at least one. The last is tried first, then the others
    /// as they stand. See [`Config::servers_in_order`].
    pub ws_servers: Vec<Server>,
    /// Path of the WebSocket upgrade request; default `/Thingworx/WS`; begins with `/`.
    pub resource: String,
    /// Application key sent in AUTH; default empty, which the platform refuses (EMS notes, 3.2).
    #[serde(rename = "appKey")]
    pub app_key: SecretString,
    /// Group `logger`.
    pub logger: Logger,
    /// Group `http_server`: where agents and local callers reach the gateway.
    pub http_server: HttpServer,
    /// Group `ws_connection`: how the link to the platform behaves.
    pub ws_connection: WsConnection,
    /// Things bound from the start; one entry a name.
    pub auto_bind: Vec<AutoBind>,
    /// Group `offline_msg_store`: the spool.
    pub offline_msg_store: OfflineStore,
    /// Group `certificates`: trust towards the platform and towards agents reached by https.
    pub certificates: Certificates,
    /// Group `proxy`; absent means a direct connection.
    pub proxy: Option<Proxy>,
    /// Group `file` as it stands: file services are not offered yet.
    pub file: Option<RawGroup>,
    /// Group `tunnel` as it stands: tunnels are not offered yet.
    pub tunnel: Option<RawGroup>,
    /// Group `fips`.
    pub fips: Fips,
    /// Group `observability`, ours: logs, traces and metrics.
    pub observability: Observability,
    /// Group `edgebind`, ours: choices the original does not know.
    pub edgebind: Edgebind,
}

impl Config {
    /// Returns the platforms in the order they are tried: the last entry first, because that is the one the original
    /// dials, then the others as they stand in the file.
    pub fn servers_in_order(&self) -> impl Iterator<Item = &Server> {
        let (last, others) = match self.ws_servers.split_last() {
            Some((last, others)) => (Some(last), others),
            None => (None, &[][..]),
        };
        last.into_iter().chain(others)
    }

    /// Returns the entry of `auto_bind` that is the gateway thing itself, if there is one.
    pub fn gateway(&self) -> Option<&AutoBind> {
        self.auto_bind.iter().find(|entry| entry.gateway)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ws_servers: Vec::new(),
            resource: "/Thingworx/WS".to_owned(),
            app_key: SecretString::default(),
            logger: Logger::default(),
            http_server: HttpServer::default(),
            ws_connection: WsConnection::default(),
            auto_bind: Vec::new(),
            offline_msg_store: OfflineStore::default(),
            certificates: Certificates::default(),
            proxy: None,
            file: None,
            tunnel: None,
            fips: Fips::default(),
            observability: Observability::default(),
            edgebind: Edgebind::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(host: &str) -> Server {
        Server { host: host.to_owned(), port: 443 }
    }

    #[test]
    fn the_last_server_is_tried_first_and_the_others_follow_in_order() {
        let config = Config { ws_servers: vec![server("a"), server("b"), server("c")], ..Config::default() };
        let hosts: Vec<&str> = config.servers_in_order().map(|server| server.host.as_str()).collect();
        assert_eq!(hosts, ["c", "a", "b"]);
        assert_eq!(Config::default().servers_in_order().count(), 0);
    }
}
