//! Two plain peers with a relay between them.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use edgebind_platform::relay::Relay;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::soon;

/// Any free port of this machine.
pub(crate) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A listening peer and the relay in front of it.
pub(crate) struct Peers {
    listener: TcpListener,
    pub(crate) relay: Relay,
}

impl Peers {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let relay = Relay::start(ANY, listener.local_addr().unwrap()).unwrap();
        Self { listener, relay }
    }

    /// A connection through the relay: the side that connected, and the side it was led to.
    pub(crate) async fn pair(&self) -> (Side, Side) {
        let near = self.near().await;
        (near, self.far().await)
    }

    /// The side that connects; nobody has taken it yet.
    pub(crate) async fn near(&self) -> Side {
        Side(soon("the connection", TcpStream::connect(self.relay.address())).await.unwrap())
    }

    /// The next connection that reaches the target.
    pub(crate) async fn far(&self) -> Side {
        Side(soon("a connection at the target", self.listener.accept()).await.unwrap().0)
    }
}

/// One end of a connection.
pub(crate) struct Side(pub(crate) TcpStream);

impl Side {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("writing", self.0.write_all(bytes)).await.unwrap();
    }

    /// Ends its own direction.
    pub(crate) async fn finish(&mut self) {
        soon("ending", self.0.shutdown()).await.unwrap();
    }

    /// Reads exactly `bytes`.
    pub(crate) async fn expect(&mut self, bytes: &[u8]) {
        let mut read = vec![0; bytes.len()];
        soon("reading", self.0.read_exact(&mut read)).await.unwrap();
        assert_eq!(read, bytes);
    }

    /// Reads to the end, however it comes: the bytes, and whether it was a reset.
    pub(crate) async fn rest(&mut self) -> (Vec<u8>, bool) {
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match soon("the end", self.0.read(&mut buffer)).await {
                Ok(0) => return (read, false),
                Ok(n) => read.extend(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return (read, true),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Asserts that nothing has come, not even the end; a moment is enough, since it is asked when it could have come.
    pub(crate) async fn expect_silence(&self) {
        let mut buffer = [0; 16];
        let came = tokio::time::timeout(Duration::from_millis(20), self.0.peek(&mut buffer)).await;
        assert!(came.is_err(), "something came: {came:?} {buffer:?}");
    }
}
