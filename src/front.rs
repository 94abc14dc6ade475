//! The local HTTP server: script resources register here, local callers reach the platform through it
//! (EMS notes, 4 to 8).

mod admission;
mod answer;
mod body;
mod csrf;
mod handle;
mod route;
mod slots;

use std::{
    any::Any,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Extensions, ServerHandle},
    web,
};
use edgebind_actors::Units;
use edgebind_config::Credentials;
use edgebind_kernel::Pulse;
use edgebind_tls::{HttpLimits, ServerConfig, serve};
use tracing::warn;

use admission::Admission;
use handle::{State, handle};
use slots::Slots;

/// Settings of the front.
pub(crate) struct FrontSettings {
    pub(crate) host: String,
    /// 0 for any free port.
    pub(crate) port: u16,
    /// What is shown to callers in TLS; in clear without.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// How many further ports are tried if the first is taken.
    pub(crate) ports_to_try: u16,
    pub(crate) credentials: Credentials,
    /// Time after which the token against forged requests changes; without, there is none.
    pub(crate) csrf_rotation: Option<Duration>,
    /// Connections that are served at a time; the next is told 503.
    pub(crate) connections: usize,
    /// How long a request may take to arrive, and how long a kept connection may idle.
    pub(crate) read_timeout: Duration,
}

/// The running front.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

/// Why the front cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontError {
    #[error("http_server.host {host:?} is no address of this machine: {source}")]
    Host { host: String, source: std::io::Error },
    #[error("cannot listen at {host} on any port from {first} to {last}: {source}")]
    Taken { host: String, first: u16, last: u16, source: std::io::Error },
    #[error("the HTTP server does not start: {0}")]
    Server(std::io::Error),
}

impl Front {
    /// Starts to listen; every thread that serves joins `pulse`.
    pub(crate) fn start(units: Units, settings: FrontSettings, pulse: Pulse) -> Result<Self, FrontError> {
        let listener = listen(&settings.host, settings.port, settings.ports_to_try)?;
        let address = listener.local_addr().map_err(FrontError::Server)?;
        let FrontSettings { tls, credentials, csrf_rotation, connections, read_timeout, .. } = settings;
        let admission = Admission::new(credentials, csrf_rotation).map_err(FrontError::Server)?;
        let slots = Slots::new(connections);
        let app = move || {
            pulse.join();
            let state = State { units: units.clone(), admission: admission.clone(), read_timeout };
            App::new().app_data(web::Data::new(state)).default_service(web::to(handle))
        };
        let on_connect = move |connection: &dyn Any, data: &mut Extensions| slots.take(connection, data);
        // Beyond those that are told 503 connections wait in the queue of the system.
        let connections = connections.saturating_add(REFUSED_AT_A_TIME);
        let request_timeout = read_timeout + CLOCK_STEP;
        let server = match tls {
            Some(tls) => {
                let limits = HttpLimits {
                    workers: None,
                    connections,
                    request_timeout,
                    keep_alive: read_timeout,
                    shutdown_s: STOP_DEADLINE_S,
                    half_closed: true,
                };
                serve(listener, tls, limits, on_connect, app)
            }
            None => HttpServer::new(app)
                .on_connect(on_connect)
                .max_connections(connections)
                .tcp_nodelay(true)
                .keep_alive(read_timeout)
                .client_request_timeout(request_timeout)
                .shutdown_timeout(STOP_DEADLINE_S)
                .disable_signals()
                .listen(listener)
                .map(HttpServer::run),
        }
        .map_err(FrontError::Server)?;
        let handle = server.handle();
        actix_rt::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "The local HTTP server has ended.");
            }
        });
        Ok(Self { address, handle })
    }

    /// Takes no new requests and lets the open ones end.
    pub(crate) async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// Binds the first free port from `port` on; the original does the same, silently (EMS notes, 3.4).
fn listen(host: &str, port: u16, further: u16) -> Result<TcpListener, FrontError> {
    let no_address = |source| FrontError::Host { host: host.to_owned(), source };
    let mut found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(no_address)?.collect();
    // `localhost` may be both; script resources know it as 127.0.0.1.
    found.sort_by_key(SocketAddr::is_ipv6);
    let Some(first) = found.first().copied() else {
        return Err(no_address(std::io::Error::other("the name has no address")));
    };
    let last = if port == 0 { 0 } else { port.saturating_add(further) };
    let mut taken = None;
    for candidate in port..=last {
        match TcpListener::bind(SocketAddr::new(first.ip(), candidate)) {
            Ok(listener) => {
                if candidate != port {
                    warn!(wanted = port, used = candidate, "The port of the local HTTP server is taken.");
                }
                return Ok(listener);
            }
            Err(error) => taken = Some(error),
        }
    }
    let source = taken.unwrap_or_else(|| std::io::Error::other("no port to try"));
    Err(FrontError::Taken { host: host.to_owned(), first: port, last, source })
}

/// The clock by which actix measures the arrival of a request moves in such steps: without it, a short timeout could
/// be over before it began.
const CLOCK_STEP: Duration = Duration::from_millis(500);
/// Connections that are open although they are not served: each ends with its first request.
const REFUSED_AT_A_TIME: usize = 256;
/// Open requests get this long when the gateway stops.
const STOP_DEADLINE_S: u64 = 3;
