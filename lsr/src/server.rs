//! The HTTP server of the script resource: callbacks of scripts, script control, settings (script resource notes, 2).
//!
//! It runs no Lua; [`Host`] does. A request is admitted, understood ([`route`]), and answered by the host or from what
//! the host shows.

mod admission;
mod answer;
mod body;
mod callback;
mod control;
mod date;
mod form;
mod handle;
mod page;
mod route;
mod view;

use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, web};
use edgebind_config::Credentials;
use edgebind_kernel::Pulse;
use edgebind_tls::{HttpLimits, ServerConfig, serve};
use thiserror::Error;

use crate::{Host, Persisted};

use admission::Admission;
use callback::Load;
use handle::{State, handle};

/// Settings of the server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on, 0 for any free one.
    pub port: u16,
    /// What is shown to callers in TLS; in clear without.
    pub tls: Option<Arc<ServerConfig>>,
    /// What callers must know.
    pub credentials: Credentials,
    /// Connections at a time; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request may take to arrive, and a kept connection may idle.
    pub read_timeout: Duration,
    /// How long a callback may take until its caller is told that it is late; the callback goes on.
    pub patience: Duration,
    /// Directory of the configuration, shown among the global settings.
    pub directory: PathBuf,
    /// What was changed at run time, to be kept.
    pub persisted: Arc<Mutex<Persisted>>,
}

/// The running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    pulse: Pulse,
}

/// Why the server does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// `script_resource_host` is nothing of this machine.
    #[error("scripts.script_resource_host {host:?} is no address of this machine: {source}")]
    Host {
        /// As it is configured.
        host: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody else listens there.
    #[error(
        "cannot listen at {address}: {source}; choose another scripts.script_resource_port, or end what listens there"
    )]
    Taken {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refuses the server its threads.
    #[error("the HTTP server does not start: {0}")]
    Server(std::io::Error),
}

impl ServerError {
    /// Whether the configuration is to blame, rather than the machine.
    #[must_use]
    pub const fn is_configuration(&self) -> bool {
        matches!(self, Self::Host { .. })
    }
}

impl Server {
    /// Starts to listen; to be called on an actix `System`.
    ///
    /// # Errors
    ///
    /// [`ServerError`]
    pub fn start(host: &Host, settings: ServerSettings) -> Result<Self, ServerError> {
        let listener = listen(&settings.host, settings.port)?;
        let address = listener.local_addr().map_err(ServerError::Server)?;
        let (connections, read_timeout) = (settings.connections.max(1), settings.read_timeout);
        let state = State {
            host: host.clone(),
            admission: Admission::new(settings.credentials),
            load: Load::new(connections),
            read_timeout,
            patience: settings.patience,
            directory: settings.directory,
            persisted: settings.persisted,
        };
        let pulse = Pulse::default();
        let serving = pulse.clone();
        let app = move || {
            serving.join();
            App::new().app_data(web::Data::new(state.clone())).default_service(web::to(handle))
        };
        let request_timeout = read_timeout + CLOCK_STEP;
        let server = match settings.tls {
            Some(tls) => {
                let limits = HttpLimits {
                    workers: Some(WORKERS),
                    connections,
                    request_timeout,
                    keep_alive: read_timeout,
                    shutdown_s: STOP_DEADLINE_S,
                    half_closed: true,
                };
                serve(listener, tls, limits, |_, _| (), app)
            }
            None => HttpServer::new(app)
                .workers(WORKERS)
                .max_connections(connections)
                .tcp_nodelay(true)
                .keep_alive(read_timeout)
                .client_request_timeout(request_timeout)
                .shutdown_timeout(STOP_DEADLINE_S)
                .disable_signals()
                .listen(listener)
                .map(HttpServer::run),
        }
        .map_err(ServerError::Server)?;
        let handle = server.handle();
        actix_rt::spawn(async move {
            if let Err(error) = server.await {
                crate::log::write(
                    crate::log::Level::Error,
                    "server",
                    format_args!("The HTTP server has ended: {error}"),
                );
            }
        });
        Ok(Self { address, handle, pulse })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the threads that serve still turn.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Takes no new requests and lets the open ones end.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// `localhost` may be two addresses; the gateway knows it as 127.0.0.1.
fn listen(host: &str, port: u16) -> Result<TcpListener, ServerError> {
    let no_address = |source| ServerError::Host { host: host.to_owned(), source };
    let mut found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(no_address)?.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    let Some(address) = found.first().copied() else {
        return Err(no_address(std::io::Error::other("the name has no address")));
    };
    TcpListener::bind(address).map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrNotAvailable => no_address(source),
        _ => ServerError::Taken { address, source },
    })
}

/// Work is done on the threads of the scripts: what is left to the server is reading and writing.
const WORKERS: usize = 1;
/// The clock by which actix measures the arrival of a request moves in such steps.
const CLOCK_STEP: Duration = Duration::from_millis(500);
/// Open requests get this long when the resource stops.
const STOP_DEADLINE_S: u64 = 3;
