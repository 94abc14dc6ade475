//! The listening socket of a relay, which can be closed and opened again at the same port.

use std::{future::pending, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::sleep,
};
use tracing::{debug, warn};

use super::{Admission, hub::Hub, pump};

/// The port of a relay: listened on, or only kept.
#[derive(Debug)]
pub(super) enum Entrance {
    Open(TcpListener),
    /// Bound, so that nobody else gets the port, and not listening, so that the system refuses whoever comes.
    Shut(TcpSocket),
}

impl Entrance {
    /// Listens on `address`; port 0 takes any free one.
    pub(super) fn open(address: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = bind(address)?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((Self::Open(listener), address))
    }

    /// Takes connections and carries them, until it is dropped; then they are gone, too.
    pub(super) async fn serve(self, address: SocketAddr, hub: Arc<Hub>, seed: u64) {
        let mut faults = hub.watch();
        let mut carried = JoinSet::new();
        let mut held = Some(self);
        loop {
            let refuses = faults.borrow_and_update().admission == Admission::Refuse;
            let entrance = match Self::turned(held.take(), refuses, address) {
                Ok(entrance) => entrance,
                Err(error) => {
                    warn!(%address, %error, "The port of the relay cannot be had again yet.");
                    sleep(AGAIN).await;
                    continue;
                }
            };
            let entrance = held.insert(entrance);
            tokio::select! {
                taken = entrance.next() => match taken {
                    Ok((client, peer)) => take(&mut carried, &hub, client, peer, seed),
                    Err(error) => {
                        // Too few descriptors, mostly; it would come again at once.
                        warn!(%address, %error, "The relay cannot take a connection.");
                        sleep(AGAIN).await;
                    }
                },
                changed = faults.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                Some(_) = carried.join_next() => {}
            }
        }
    }

    /// The entrance as it should be now.
    fn turned(held: Option<Self>, refuses: bool, address: SocketAddr) -> io::Result<Self> {
        let socket = match held {
            Some(Self::Open(listener)) if !refuses => return Ok(Self::Open(listener)),
            Some(Self::Shut(socket)) => socket,
            // The old one is closed before the port is taken again.
            other => {
                drop(other);
                bind(address)?
            }
        };
        if refuses { Ok(Self::Shut(socket)) } else { socket.listen(BACKLOG).map(Self::Open) }
    }

    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Shut(_) => pending().await,
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The connections of before still have the port.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn take(carried: &mut JoinSet<()>, hub: &Arc<Hub>, client: TcpStream, peer: SocketAddr, seed: u64) {
    let Some(connection) = hub.enter(peer) else {
        let _ = client.set_zero_linger();
        return;
    };
    let id = connection.id();
    debug!(connection = id, %peer, "Connection taken.");
    let chance = fastrand::Rng::with_seed(seed ^ id);
    let carry = pump::carry(connection, client, hub.target(), hub.watch(), chance);
    let hub = Arc::clone(hub);
    carried.spawn(async move {
        let ended = carry.await;
        debug!(connection = id, ?ended, "Connection ended.");
        hub.leave(id, ended);
    });
}

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1024;
const AGAIN: Duration = Duration::from_millis(50);
