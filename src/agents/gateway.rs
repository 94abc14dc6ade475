//! Requests to the gateway, as a script resource sends them: with a deadline, and each on a connection of its own.

use std::rc::Rc;
use std::time::Duration;

use actix_service::{Service as _, fn_service};
use actix_tls::connect::{ConnectError, ConnectInfo, Connector as Tcp};
use actix_web::http::{StatusCode, Uri, header};
use awc::{Client, Connector};
use bytes::Bytes;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::messages::encode;
use super::settings::{Credentials, Settings};

/// The way to one gateway, shared by all agents of a process.
#[derive(Clone)]
pub(super) struct Gateway {
    client: Client,
    permits: Rc<Semaphore>,
    base: Rc<str>,
    credentials: Option<Rc<Credentials>>,
    deadline: Duration,
    keep_connections: bool,
}

/// An answer of any status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RequestError {
    #[error("no answer in {0:?}")]
    Deadline(Duration),
    // The cause stands in the text: these are shown in one line of an event.
    #[error("{0}")]
    Send(#[from] awc::error::SendRequestError),
    #[error("{0}")]
    Body(#[from] awc::error::PayloadError),
}

impl Gateway {
    pub(super) fn new(settings: &Settings) -> Self {
        // awc does not set TCP_NODELAY, which costs 40 ms for each body that follows its header.
        let tcp = fn_service(|info: ConnectInfo<Uri>| async move {
            let connection = Tcp::default().service().call(info).await?;
            connection.io_ref().set_nodelay(true).map_err(ConnectError::Io)?;
            Ok::<_, ConnectError>(connection)
        });
        let connector = Connector::new().connector(tcp).limit(0).timeout(settings.deadline);
        Self {
            client: Client::builder().connector(connector).timeout(settings.deadline).finish(),
            permits: Rc::new(Semaphore::new(settings.connections)),
            base: format!("http://{}", settings.gateway).into(),
            credentials: settings.credentials.clone().map(Rc::new),
            deadline: settings.deadline,
            keep_connections: settings.keep_connections,
        }
    }

    /// POST to a service of a thing.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no answer; any status is an answer.
    pub(super) async fn call(&self, thing: &str, service: &str, body: &Value) -> Result<Reply, RequestError> {
        let path = format!("/Thingworx/Things/{}/Services/{}", encode(thing), encode(service));
        self.send(self.client.post(self.url(&path)), Some(body)).await
    }

    /// Fires an event of a thing.
    ///
    /// # Errors
    ///
    /// As for [`Self::call`].
    pub(super) async fn fire(&self, thing: &str, event: &str, body: &Value) -> Result<Reply, RequestError> {
        let path = format!("/Thingworx/Things/{}/Events/{}", encode(thing), encode(event));
        self.send(self.client.post(self.url(&path)), Some(body)).await
    }

    /// Whether the gateway answers at all; what a script resource asks after each bad answer (EMS notes, 7.0).
    pub(super) async fn is_available(&self) -> bool {
        let request = self.client.get(self.url("/Thingworx/Things/LocalEms/Properties/isConnected"));
        self.send(request, None).await.is_ok_and(|reply| reply.status == StatusCode::OK)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: awc::ClientRequest, body: Option<&Value>) -> Result<Reply, RequestError> {
        let mut request = request.insert_header((header::CONTENT_TYPE, "application/json"));
        if !self.keep_connections {
            request = request.force_close();
        }
        if let Some(credentials) = &self.credentials {
            request = request.basic_auth(&credentials.user, credentials.password.expose_secret());
        }
        // Each holder of a permit has a deadline, so the wait for one ends. The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        let exchange = async {
            let mut response = match body {
                Some(body) => request.send_body(body.to_string()).await?,
                None => request.send().await?,
            };
            let body = response.body().limit(BODY_BYTES).await?;
            Ok(Reply { status: response.status(), body })
        };
        tokio::time::timeout(self.deadline, exchange)
            .await
            .unwrap_or(Err(RequestError::Deadline(self.deadline)))
    }
}

/// Longest answer that is read; subscriptions of a large thing fit many times.
const BODY_BYTES: usize = 4 * 1024 * 1024;
