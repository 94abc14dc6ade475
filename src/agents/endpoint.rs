//! The HTTP server of the agents: where a gateway's requests and probes arrive.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::http::{StatusCode, header};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::agent::Agent;
use super::answers::{Answer, Body, Request, Target, answer};
use super::settings::{Settings, StartError};

/// Agents by the name under which they are bound.
pub(super) type ByName = HashMap<String, Arc<Agent>>;

/// Opens one port for all agents, or one for each.
///
/// # Errors
///
/// [`StartError`] says which address could not be opened; the ones before it are closed again.
pub(super) async fn listen(settings: &Settings) -> Result<Vec<TcpListener>, StartError> {
    let wanted = settings.ports();
    let address = resolve(&settings.host).await?;
    let mut listeners = Vec::with_capacity(wanted);
    for offset in 0..wanted {
        let port = match settings.port {
            0 => 0,
            first => u16::try_from(usize::from(first) + offset)
                .map_err(|_| StartError::Ports { first, count: wanted })?,
        };
        let listener =
            TcpListener::bind((address.ip(), port)).map_err(|source| match source.raw_os_error() {
                Some(EMFILE | ENFILE) => StartError::OpenFiles { opened: offset, wanted },
                _ => StartError::Listen { host: settings.host.clone(), port, source },
            })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Serves the listeners on a thread of their own until the handle stops them.
///
/// # Errors
///
/// [`StartError::Server`] if a listener cannot be used.
pub(super) fn serve(
    listeners: Vec<TcpListener>,
    agents: Arc<ByName>,
    shared_port: bool,
) -> Result<ServerHandle, StartError> {
    let endpoint = web::Data::new(Endpoint { agents, shared_port });
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(endpoint.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES))
            .default_service(web::to(handle))
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .tcp_nodelay(true);
    for listener in listeners {
        server = server.listen(listener).map_err(StartError::Server)?;
    }
    let server = server.run();
    let handle = server.handle();
    actix_rt::spawn(async move {
        if let Err(error) = server.await {
            tracing::error!(%error, "The endpoint of the simulated things ended.");
        }
    });
    Ok(handle)
}

struct Endpoint {
    agents: Arc<ByName>,
    shared_port: bool,
}

impl Endpoint {
    /// The agent that a request is for. On a port of its own an agent is alone, like a script resource with
    /// one script, so that a request to a wrong port is noticed.
    fn find(&self, name: &str, local: SocketAddr) -> Option<&Arc<Agent>> {
        let agent = self.agents.get(name)?;
        (self.shared_port || agent.address().port() == local.port()).then_some(agent)
    }
}

async fn handle(request: HttpRequest, endpoint: web::Data<Endpoint>, body: web::Bytes) -> HttpResponse {
    let answer = {
        let target = Target::parse(request.path());
        let found = target.as_ref().and_then(|target| {
            Some((target, endpoint.find(&target.thing, request.app_config().local_addr())?))
        });
        match found {
            Some((target, agent)) => {
                let content_type = request.headers().get(header::CONTENT_TYPE);
                let is_json = content_type.is_some_and(|value| is_json(value.as_bytes()));
                answer(agent, target, Request { method: request.method().as_str(), is_json, body: &body })
            }
            None => Answer::unknown_thing(),
        }
    };
    if !answer.after.is_zero() {
        tokio::time::sleep(answer.after).await;
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    match answer.body {
        Body::Json(value) => {
            response.insert_header((header::CONTENT_TYPE, "application/json")).body(value.to_string())
        }
        Body::Text(text) => response.insert_header((header::CONTENT_TYPE, "text/plain")).body(text),
    }
}

/// `application/json`, whatever parameters follow.
fn is_json(content_type: &[u8]) -> bool {
    let kind = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

async fn resolve(host: &str) -> Result<SocketAddr, StartError> {
    let found = tokio::net::lookup_host((host, 0)).await;
    found.ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| StartError::Host(host.to_owned()))
}

/// Longest body of a request that is read.
const BODY_BYTES: usize = 16 * 1024 * 1024;
/// "Too many open files" of the process and of the system, on every Unix we build for.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;
