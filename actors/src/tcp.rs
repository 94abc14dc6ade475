//! TCP to agents: whether somebody listens.

use std::time::Duration;

use tokio::net::TcpStream;

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

/// How long a probe may take to connect.
const PROBE_DEADLINE: Duration = Duration::from_secs(5);
