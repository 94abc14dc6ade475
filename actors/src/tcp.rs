//! The connector of our HTTP and WebSocket clients: neither awc nor actix sets TCP_NODELAY, and without it each
//! small message may wait 40 ms for the acknowledgement of the one before.

use std::{rc::Rc, time::Duration};

use actix_service::{Service, boxed::BoxFuture, fn_service};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector};
use awc::http::Uri;
use tokio::net::TcpStream;

/// A TCP connection that sends without delay, or why there is none.
type Outcome = Result<Connection<Uri, TcpStream>, ConnectError>;

/// Whether somebody accepts connections at `host:port`; the connection is closed without a byte, which is what script
/// resources know as a probe (EMS notes, 8.4).
///
/// # Errors
///
/// Why nobody does, for people.
pub(crate) async fn probe(host: &str, port: u16) -> Result<(), String> {
    match tokio::time::timeout(PROBE_DEADLINE, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no connection within {PROBE_DEADLINE:?}")),
    }
}

/// Opens TCP connections that send without delay.
pub(crate) fn connector() -> impl Service<
    ConnectInfo<Uri>,
    Response = Connection<Uri, TcpStream>,
    Error = ConnectError,
    Future = BoxFuture<Outcome>,
> + Clone
+ 'static {
    Rc::new(fn_service(|target: ConnectInfo<Uri>| -> BoxFuture<Outcome> {
        Box::pin(async move {
            let connection = Connector::default().service().call(target).await?;
            connection.io_ref().set_nodelay(true).map_err(ConnectError::Io)?;
            Ok(connection)
        })
    }))
}

/// How long a probe may take to connect.
const PROBE_DEADLINE: Duration = Duration::from_secs(5);
