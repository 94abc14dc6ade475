//! The connector of our HTTP and WebSocket clients: TCP without delay, and TLS on it where it is asked for.
//!
//! awc chooses TLS by the scheme of the URL; here the connector decides, and URLs always begin with `http` or `ws`.
//! Neither awc nor actix sets TCP_NODELAY, and without it each small message may wait 40 ms for the acknowledgement of
//! the one before.

use std::{
    fmt, io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_rt::net::{ActixStream, Ready};
use actix_service::{Service, boxed::BoxFuture, fn_service};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector};
use awc::http::Uri;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::{Client, HandshakeError};

/// A connection in clear or in TLS.
pub enum Wire {
    /// In clear.
    Clear(TcpStream),
    /// In TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that sends without delay, or why there is none.
type Outcome = Result<Connection<Uri, Wire>, ConnectError>;

/// A connector for awc that opens TCP by `open` and, with `tls`, TLS on it.
///
/// A failed handshake is a [`ConnectError::Io`] around a [`crate::HandshakeError`].
pub fn connector<O, F>(
    tls: Option<Client>,
    open: O,
) -> impl Service<
    ConnectInfo<Uri>,
    Response = Connection<Uri, Wire>,
    Error = ConnectError,
    Future = BoxFuture<Outcome>,
> + Clone
+ 'static
where
    O: Fn(ConnectInfo<Uri>) -> F + 'static,
    F: Future<Output = Result<TcpStream, ConnectError>> + 'static,
{
    let open = Rc::new(open);
    Rc::new(fn_service(move |target: ConnectInfo<Uri>| -> BoxFuture<_> {
        let (open, tls) = (Rc::clone(&open), tls.clone());
        Box::pin(async move {
            let uri = target.request().clone();
            let tcp = open(target).await?;
            tcp.set_nodelay(true).map_err(ConnectError::Io)?;
            let wire = match tls {
                None => Wire::Clear(tcp),
                Some(tls) => {
                    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                    let stream = tls.handshake(tcp, &host).await;
                    Wire::Tls(Box::new(stream.map_err(|error| ConnectError::Io(io::Error::other(error)))?))
                }
            };
            Ok(Connection::new(uri, wire))
        })
    }))
}

/// The failed handshake behind an error of awc, if that is what it was.
#[must_use]
pub fn handshake_error(error: &awc::error::ConnectError) -> Option<&HandshakeError> {
    match error {
        awc::error::ConnectError::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Opens TCP to where the URL says.
///
/// # Errors
///
/// What resolver and socket say.
pub async fn direct(target: ConnectInfo<Uri>) -> Result<TcpStream, ConnectError> {
    Ok(Connector::default().service().call(target).await?.into_parts().0)
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear(_) => "Clear",
            Self::Tls(_) => "Tls",
        })
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Clear(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

impl ActixStream for Wire {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.tcp(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.tcp(), cx)
    }
}
