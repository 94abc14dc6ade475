//! An HTTP server in TLS. HTTP/1.1 only: the limits of our servers count connections, and a connection of HTTP/2 carries
//! any number of requests; actix-web offers it wherever it speaks TLS, so its server is put together here.

use std::{any::Any, fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{Extensions, HttpService, Request, Response, body::MessageBody};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, map_config};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{Error, dev::AppConfig};
use rustls::ServerConfig;
use tokio::net::TcpStream;

/// Limits of an HTTP server.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Threads that serve; `None` for one a processor.
    pub workers: Option<usize>,
    /// Connections of one worker; more wait in the queue of the system.
    pub connections: usize,
    /// How long the head of a request may take.
    pub request_timeout: Duration,
    /// How long a kept connection may idle.
    pub keep_alive: Duration,
    /// How long open requests get when the server stops.
    pub shutdown_s: u64,
    /// Whether a client that closes its direction may still be answered.
    pub half_closed: bool,
}

/// Serves the app that `factory` makes at `listener`, in TLS; `on_connect` sees each connection as it begins.
///
/// As with actix-web's own server, the result is a future that must be polled, and its handle stops it.
///
/// # Errors
///
/// What the socket says.
pub fn serve<F, I, S, B, C>(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    limits: HttpLimits,
    on_connect: C,
    factory: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
    C: Fn(&dyn Any, &mut Extensions) + Send + Clone + 'static,
{
    let address = listener.local_addr()?;
    let mut builder = ServerBuilder::new()
        .max_concurrent_connections(limits.connections)
        .shutdown_timeout(limits.shutdown_s)
        .disable_signals();
    if let Some(workers) = limits.workers {
        builder = builder.workers(workers);
    }
    let builder = builder.listen(format!("tls-{address}"), listener, move || {
        let on_connect = on_connect.clone();
        let app = factory().into_factory().map_err(|error| error.into().error_response());
        HttpService::build()
            .secure()
            .local_addr(address)
            .keep_alive(limits.keep_alive)
            .client_request_timeout(limits.request_timeout)
            .h1_allow_half_closed(limits.half_closed)
            .tcp_nodelay(true)
            .on_connect_ext(move |io: &TlsStream<TcpStream>, data: &mut Extensions| on_connect(io, data))
            .h1(map_config(app, |()| AppConfig::default()))
            .rustls_0_23(ServerConfig::clone(&tls))
    })?;
    Ok(builder.run())
}
