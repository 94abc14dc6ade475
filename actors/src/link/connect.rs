//! Opens the WebSocket to the platform (protocol notes, sections 2.1 to 2.3).

use std::time::Duration;

use actix_codec::Framed;
use actix_http::error::ParseError;
use actix_http::ws::Codec;
use actix_service::boxed::BoxFuture;
use actix_tls::connect::{ConnectError as TcpError, ConnectInfo};
use awc::{
    BoxedSocket, Connector,
    error::{SendRequestError, WsClientError},
    http::{Uri, Version, header::HeaderValue},
};
use edgebind_tls::{Client, Facts};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

use crate::Proxy;

/// What is needed to open a connection.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path of the upgrade request, `/Thingworx/WS` by default.
    pub resource: String,
    /// Sent in clear as a header, besides the AUTH message that follows.
    pub app_key: SecretString,
    /// Announced as `Max-Frame-Size`.
    pub max_frame_bytes: usize,
    /// Largest message that may come in, in bytes.
    pub max_message_bytes: usize,
    /// TCP, proxy, TLS and upgrade together.
    pub timeout: Duration,
    /// The proxy in between; connected directly without.
    pub proxy: Option<Proxy>,
    /// TLS towards the platform; in clear without.
    pub tls: Option<Client>,
}

/// An open WebSocket.
pub(crate) type Socket = Framed<BoxedSocket, Codec>;

/// Why no connection came about; the text is for log and status.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The application key holds characters that no header may hold.
    #[error("the application key cannot be sent as a header: it holds characters outside printable ASCII")]
    Key,
    /// Neither an answer nor a refusal.
    #[error("{server} did not answer within {timeout:?}")]
    Timeout {
        /// `host:port`.
        server: String,
        /// `ws_connection.connect_timeout`.
        timeout: Duration,
    },
    /// Something answered, but not with a WebSocket.
    #[error("{server} answered {status} to the WebSocket upgrade of {resource}")]
    Status {
        /// `host:port`.
        server: String,
        /// HTTP status.
        status: u16,
        /// Path.
        resource: String,
    },
    /// Proxy or TLS stand between the two.
    #[error("{server}: {reason}")]
    Between {
        /// `host:port`.
        server: String,
        /// What was seen, and which key changes it.
        reason: String,
    },
    /// Everything else that the socket says.
    #[error("{server}: {reason}")]
    Socket {
        /// `host:port`.
        server: String,
        /// Text of the cause.
        reason: String,
    },
}

impl ConnectError {
    /// Whether `connect_timeout` passed without an answer.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }
}

impl Target {
    /// `host:port`, for people.
    #[must_use]
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Opens the connection.
    pub(crate) async fn connect(&self) -> Result<Socket, ConnectError> {
        let server = self.server();
        let key = HeaderValue::from_str(self.app_key.expose_secret()).map_err(|_| ConnectError::Key)?;
        let client = awc::Client::builder()
            .max_http_version(Version::HTTP_11)
            .connector(
                Connector::new()
                    .connector(edgebind_tls::connector(self.tls.clone(), self.opener()))
                    .timeout(self.timeout),
            )
            .disable_timeout()
            .finish();
        // A peer may join several chunks in one frame; what is too large for a message is refused later, with an answer.
        let frame_limit = self.max_message_bytes.saturating_add(self.max_message_bytes / 2);
        let upgrade = client
            .ws(format!("ws://{server}{}", self.resource))
            .max_frame_size(frame_limit)
            .set_header("User-Agent", concat!("edgebind/", env!("CARGO_PKG_VERSION")))
            .set_header("Max-Frame-Size", self.max_frame_bytes)
            .set_header("appKey", key)
            .connect();
        match tokio::time::timeout(self.timeout, upgrade).await {
            Ok(Ok((_, socket))) => Ok(socket),
            Ok(Err(WsClientError::InvalidResponseStatus(status))) => {
                Err(ConnectError::Status { server, status: status.as_u16(), resource: self.resource.clone() })
            }
            Ok(Err(error)) => Err(self.failed(server, &error)),
            Err(_) => Err(ConnectError::Timeout { server, timeout: self.timeout }),
        }
    }

    /// Opens TCP and TLS, says nothing and closes: for somebody who looks for a fault.
    ///
    /// Answers with what the platform's certificates say, its own first; nothing in clear.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]
    pub async fn look(&self) -> Result<Vec<Facts>, ConnectError> {
        let server = self.server();
        let between = |reason: String| ConnectError::Between { server: server.clone(), reason };
        let look = async {
            let tcp = match &self.proxy {
                Some(proxy) => {
                    proxy.connect(&self.host, self.port).await.map_err(|error| between(error.to_string()))?
                }
                None => TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| {
                    ConnectError::Socket { server: server.clone(), reason: error.to_string() }
                })?,
            };
            let Some(tls) = &self.tls else { return Ok(Vec::new()) };
            let stream = tls.handshake(tcp, &self.host).await.map_err(|error| between(error.to_string()))?;
            Ok(Client::shown(&stream))
        };
        match tokio::time::timeout(self.timeout, look).await {
            Ok(outcome) => outcome,
            Err(_) => Err(ConnectError::Timeout { server: self.server(), timeout: self.timeout }),
        }
    }

    /// Opens TCP, through the proxy if there is one: then it is the proxy that looks the platform's name up.
    fn opener(&self) -> impl Fn(ConnectInfo<Uri>) -> BoxFuture<Result<TcpStream, TcpError>> + 'static {
        let (proxy, host, port) = (self.proxy.clone(), self.host.clone(), self.port);
        move |target| match proxy.clone() {
            None => Box::pin(edgebind_tls::direct(target)),
            Some(proxy) => {
                let host = host.clone();
                Box::pin(async move {
                    let opened = proxy.connect(&host, port).await;
                    opened.map_err(|error| TcpError::Io(std::io::Error::other(error)))
                })
            }
        }
    }

    fn failed(&self, server: String, error: &WsClientError) -> ConnectError {
        let reason =
            match error {
                // An error of our own making is a failed handshake, or the proxy's.
                WsClientError::SendRequest(SendRequestError::Connect(awc::error::ConnectError::Io(
                    error,
                ))) if error.get_ref().is_some() => Some(error.to_string()),
                WsClientError::SendRequest(
                    SendRequestError::Send(error) | SendRequestError::Response(ParseError::Io(error)),
                ) => self.tls.as_ref().and_then(|tls| tls.objection(error)).map(|error| error.to_string()),
                _ => None,
            };
        match reason {
            Some(reason) => ConnectError::Between { server, reason },
            None => ConnectError::Socket { server, reason: error.to_string() },
        }
    }
}
