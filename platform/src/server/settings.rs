//! What can be set about the platform.

use std::{path::PathBuf, sync::Arc, time::Duration};

use edgebind_tls::ServerConfig;

use super::AppKey;
use crate::model::{Model, Policy};

/// Settings of a platform; `Default` listens on a free port of the loopback address and knows no key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Name or address to listen on; default `127.0.0.1`.
    pub host: String,
    /// Port to listen on, 0 for a free one; default 0.
    pub port: u16,
    /// How many ports are tried, from `port` on, when one is taken; default 1, at least 1.
    pub ports_to_try: u16,
    /// What is shown to those who connect in TLS; default none: the platform serves in clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Port of the control interface on 127.0.0.1, 0 for a free one; default none: there is no such interface.
    pub control_port: Option<u16>,
    /// Keys of edges, REST clients and pages; at least one.
    pub app_keys: Vec<AppKey>,
    /// Things to begin with; default none.
    pub model: Model,
    /// File that the model is written to after changes; default none: what changes is lost at the end.
    pub persist: Option<PathBuf>,
    /// Least time between two writes of that file; default 1 s.
    pub persist_pause: Duration,
    /// File that everything edges deliver is written to before they are told that it was taken; default none.
    pub arrivals: Option<PathBuf>,
    /// Who keeps a thing that two connections want; default the first.
    pub policy: Policy,
    /// Time without any frame of an edge after which its connection is closed; default 60 s.
    pub idle_limit: Duration,
    /// Wait for AUTH on a new connection; default 15 s.
    pub auth_wait: Duration,
    /// Wait for the answer of an edge; default 30 s.
    pub request_timeout: Duration,
    /// Longest AlwaysOn message and longest HTTP body in bytes; default 1 MiB.
    pub max_message_bytes: usize,
    /// Threads that serve connections; default 2.
    pub workers: usize,
    /// Most connections at a time, over all threads; default 20,000.
    pub max_connections: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            ports_to_try: 1,
            tls: None,
            control_port: None,
            app_keys: Vec::new(),
            model: Model::new(),
            persist: None,
            persist_pause: Duration::from_secs(1),
            arrivals: None,
            policy: Policy::FirstInWins,
            idle_limit: Duration::from_secs(60),
            auth_wait: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            max_message_bytes: 1 << 20,
            workers: 2,
            max_connections: 20_000,
        }
    }
}
