//! The control interface of a relay: JSON over HTTP below `/control/v1/relay`, on a loopback port of its own.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError,
    dev::ServerHandle,
    guard::{Guard, GuardContext},
    http::{StatusCode, header},
    web,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use tracing::info;

use super::{FaultError, Faults, Order, Relay, RelayError, Which};

/// A running control interface; [`RelayControl::stop`] ends it.
pub struct RelayControl {
    address: SocketAddr,
    server: ServerHandle,
}

impl RelayControl {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; the relay goes on.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }
}

/// Serves the control interface of `relay` on 127.0.0.1, port 0 for any free one, on the present actix `System`.
///
/// Whoever may connect to it may use it: it is for tests and for one's own machine. Requests of web pages, which
/// carry `Origin`, are refused.
///
/// # Errors
///
/// [`RelayError`] when the port cannot be listened on.
pub fn serve(relay: Relay, port: u16) -> Result<RelayControl, RelayError> {
    let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |source: io::Error| RelayError { address: asked, source };
    let listener = std::net::TcpListener::bind(asked).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let data = web::Data::new(relay);
    let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(configure))
        .workers(1)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
    let handle = server.handle();
    drop(actix_rt::spawn(server));
    info!(%address, "Relay control started.");
    Ok(RelayControl { address, server: handle })
}

fn configure(service: &mut web::ServiceConfig) {
    let method = |allowed: &'static str| {
        web::to(move || async move {
            let sentence = format!("only {allowed}");
            Err::<HttpResponse, _>(Problem::new(StatusCode::METHOD_NOT_ALLOWED, sentence))
        })
    };
    service.service(
        web::scope("/control/v1/relay")
            .guard(NoPage)
            .service(web::resource("").get(view).default_service(method("GET")))
            .service(
                web::resource("/faults")
                    .get(faults)
                    .put(set_faults)
                    .delete(heal)
                    .default_service(method("GET, PUT, DELETE")),
            )
            .service(web::resource("/orders").post(order).default_service(method("POST")))
            .service(web::resource("/target").put(retarget).default_service(method("PUT")))
            .service(
                web::resource("/chaos").post(chaos).delete(calm).default_service(method("POST, DELETE")),
            ),
    );
    service.default_service(web::to(|request: HttpRequest| async move {
        let sentence = format!("{} is not offered here", request.path());
        Err::<HttpResponse, _>(Problem::new(StatusCode::NOT_FOUND, sentence))
    }));
}

/// Lets nobody in who comes from a web page: it could be any page that the user looks at.
struct NoPage;

impl Guard for NoPage {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        !context.head().headers().contains_key(header::ORIGIN)
    }
}

/// A refusal, as a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
struct Problem {
    status: StatusCode,
    sentence: String,
}

impl Problem {
    fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.status).content_type("text/plain; charset=utf-8").body(self.sentence.clone())
    }
}

async fn view(relay: web::Data<Relay>) -> HttpResponse {
    HttpResponse::Ok().json(relay.view())
}

async fn faults(relay: web::Data<Relay>) -> HttpResponse {
    HttpResponse::Ok().json(relay.faults())
}

async fn set_faults(relay: web::Data<Relay>, body: web::Bytes) -> Result<HttpResponse, Problem> {
    let faults: Faults = parsed(&body)?;
    relay.set_faults(faults)?;
    Ok(HttpResponse::Ok().json(faults))
}

async fn heal(relay: web::Data<Relay>) -> HttpResponse {
    relay.heal();
    HttpResponse::Ok().json(relay.view())
}

/// Whom an order is for; without `connection` and `next` it is for all that stand.
#[derive(Deserialize)]
struct Addressed {
    connection: Option<u64>,
    #[serde(default)]
    next: bool,
}

async fn order(relay: web::Data<Relay>, body: web::Bytes) -> Result<HttpResponse, Problem> {
    let (addressed, order): (Addressed, Order) = parsed_parts(&body)?;
    let which = match (addressed.connection, addressed.next) {
        (None, false) => Which::All,
        (None, true) => Which::Next,
        (Some(id), false) => Which::One(id),
        (Some(_), true) => {
            let sentence = "an order is for one connection or for the next, not for both";
            return Err(Problem::new(StatusCode::BAD_REQUEST, sentence));
        }
    };
    let reached = relay.order(which, order);
    match which {
        Which::One(id) if reached == 0 => {
            Err(Problem::new(StatusCode::NOT_FOUND, format!("no connection has the number {id}")))
        }
        _ => Ok(HttpResponse::Ok().json(json!({ "connections": reached }))),
    }
}

async fn retarget(relay: web::Data<Relay>, body: web::Bytes) -> Result<HttpResponse, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Target {
        target: SocketAddr,
    }
    let Target { target } = parsed(&body)?;
    relay.retarget(target);
    Ok(HttpResponse::Ok().json(json!({ "target": target })))
}

async fn chaos(relay: web::Data<Relay>, body: web::Bytes) -> Result<HttpResponse, Problem> {
    let seed = relay.chaos(parsed(&body)?)?;
    Ok(HttpResponse::Ok().json(json!({ "seed": seed })))
}

async fn calm(relay: web::Data<Relay>) -> HttpResponse {
    relay.calm();
    HttpResponse::Ok().json(relay.view())
}

/// Reads a body; an empty one says nothing.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let text = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(text).map_err(not_understood)
}

/// Reads an order and whom it is for out of one object; what belongs to neither is refused by the order.
fn parsed_parts(body: &[u8]) -> Result<(Addressed, Order), Problem> {
    let mut object: serde_json::Map<String, serde_json::Value> = parsed(body)?;
    let whom: serde_json::Map<_, _> = ["connection", "next"]
        .into_iter()
        .filter_map(|key| object.remove(key).map(|value| (key.to_owned(), value)))
        .collect();
    let addressed = serde_json::from_value(whom.into()).map_err(not_understood)?;
    Ok((addressed, serde_json::from_value(object.into()).map_err(not_understood)?))
}

fn not_understood(error: serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}"))
}
