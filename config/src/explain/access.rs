//! What the configuration opens, and to whom (design: nobody gets in beyond what the configuration opens).

use std::fmt;

use serde::Serialize;

use super::in_url;
use crate::model::{Config, HttpServer};

/// Who gets in at the local HTTP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Address listened on, `http://127.0.0.1:8000`.
    pub address: String,
    /// The last port taken when those before it are in use; `None` when there is only one.
    pub last_port: Option<u16>,
    /// Who can reach it.
    pub reach: Caller,
    /// Whether what passes can be read on the way.
    pub encrypted: bool,
    /// Whether callers need user and password.
    pub authenticated: bool,
    /// Services refused to callers of other machines.
    pub refused_to_others: Vec<&'static str>,
    /// Everything worth knowing, as sentences.
    pub sentences: Vec<String>,
}

/// From where callers can reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// Programs of this machine.
    ThisMachine,
    /// Everybody the network lets through.
    Network,
}

impl Access {
    pub(super) fn of(config: &Config) -> Self {
        let server = &config.http_server;
        let reach = if server.is_loopback() { Caller::ThisMachine } else { Caller::Network };
        let is_open = reach == Caller::Network && !server.authenticate;
        let refuses = is_open && !config.edgebind.allow_remote_admin;
        Self {
            address: format!(
                "{}://{}:{}",
                if server.ssl { "https" } else { "http" },
                in_url(&server.host),
                server.port
            ),
            last_port: last_port(server),
            reach,
            encrypted: server.ssl,
            authenticated: server.authenticate,
            refused_to_others: if refuses { REFUSED.to_vec() } else { Vec::new() },
            sentences: sentences(config, reach),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  listens at {}", self.address)?;
        match self.last_port {
            Some(last) => writeln!(f, "; when the port is taken, at the next free one up to {last}")?,
            None => writeln!(f)?,
        }
        for sentence in &self.sentences {
            writeln!(f, "  {sentence}")?;
        }
        if !self.refused_to_others.is_empty() {
            writeln!(f, "  refused to other machines: {}", self.refused_to_others.join(", "))?;
        }
        Ok(())
    }
}

fn last_port(server: &HttpServer) -> Option<u16> {
    (server.port != 0 && server.ports_to_try > 0).then(|| server.port.saturating_add(server.ports_to_try))
}

fn sentences(config: &Config, reach: Caller) -> Vec<String> {
    let server = &config.http_server;
    let mut sentences = vec![match (reach, server.authenticate) {
        (Caller::ThisMachine, false) => {
            "every program of this machine may register things, and read, write and call \
                                         at the platform with the rights of the application key"
                .to_owned()
        }
        (Caller::ThisMachine, true) => {
            "programs of this machine that know user and password may do everything".to_owned()
        }
        (Caller::Network, true) => {
            "whoever reaches this address and knows user and password may do everything".to_owned()
        }
        (Caller::Network, false) => {
            "whoever reaches this address may register things for their own address, and read, \
                                     write and call at the platform with the rights of the application key; \
                                     `http_server.authenticate` asks for a password"
                .to_owned()
        }
    }];
    if reach == Caller::Network {
        if !server.ssl && server.authenticate {
            sentences
                .push("the password crosses the network in clear: `http_server.ssl` encrypts it".to_owned());
        }
        if !server.authenticate && config.edgebind.allow_remote_admin {
            sentences.push(
                "`edgebind.allow_remote_admin`: they may also change the configuration, restart the gateway, and make \
                 it call any address"
                    .to_owned(),
            );
        }
    }
    if server.enable_csrf_tokens {
        sentences.push("every request must carry the CSRF token of an answer before it".to_owned());
    }
    sentences.push(match config.edgebind.admin_port {
        None => "the admin interface: programs of the same user only, by a socket in the state directory"
            .to_owned(),
        Some(0) => format!("the admin interface: {ADMIN} at a free port of 127.0.0.1"),
        Some(port) => format!("the admin interface: {ADMIN} at 127.0.0.1:{port}"),
    });
    sentences
}

/// Who gets in at the admin interface when it has a port.
const ADMIN: &str =
    "programs of the same user by a socket in the state directory, and whoever knows its token";

/// What strangers may not do (design 3.5), in the words of the service.
const REFUSED: &[&str] = &[
    "UpdateConfiguration",
    "ReplaceConfiguration",
    "Restart",
    "TestPort",
    "AddEdgeThing with `persist` or with another host than the caller's",
];
