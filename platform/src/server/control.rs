//! The control interface: rules of misbehaviour and requests to edges, for tests, on a loopback port of its own.
//!
//! It has no key: who may open a port of this machine may use it. A page of a browser may not, so a request with an
//! `Origin`, or for a host that is not this machine, is refused.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    body::MessageBody,
    dev::{ServerHandle, ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::{Next, from_fn},
    web,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    StartError,
    edge::faulty::HangUp,
    rest::{RestError, method, text},
    shared::Shared,
};
use crate::{
    faults::{Kind, RuleError, RuleView},
    local::is_local,
    model::ConnectionId,
};

mod load;

use load::Loads;

/// The control interface while it listens.
pub(super) struct Control {
    pub(super) address: SocketAddr,
    pub(super) server: ServerHandle,
}

impl Control {
    /// Listens on 127.0.0.1, on `port` or with 0 on a free one.
    pub(super) fn start(port: u16, shared: &Arc<Shared>) -> Result<Self, StartError> {
        let refused = |source| StartError::Control { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shared = web::Data::from(Arc::clone(shared));
        let loads = web::Data::new(Loads::default());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::clone(&shared))
                .app_data(web::Data::clone(&loads))
                .wrap(from_fn(local_only))
                .service(web::scope("/control/v1").configure(routes))
                .default_service(web::to(not_offered))
        })
        .workers(1)
        .tcp_nodelay(true)
        .disable_signals()
        .listen(listener)
        .map_err(refused)?
        .run();
        let handle = server.handle();
        drop(actix_rt::spawn(server));
        Ok(Self { address, server: handle })
    }
}

fn routes(scope: &mut web::ServiceConfig) {
    for (path, kind) in
        [("/answers", Kind::Answer), ("/auth", Kind::Auth), ("/bind", Kind::Bind), ("/ping", Kind::Ping)]
    {
        scope.service(
            web::resource(path)
                .post(move |shared, body| add_rule(kind, shared, body))
                .default_service(method("POST")),
        );
    }
    scope
        .service(web::resource("/state").get(state).delete(clear).default_service(method("GET, DELETE")))
        .service(web::resource("/rules/{id}").delete(remove_rule).default_service(method("DELETE")))
        .service(web::resource("/close").post(close).default_service(method("POST")))
        .service(web::resource("/push").post(load::begin).default_service(method("POST")))
        .service(
            web::resource("/push/{id}")
                .get(load::report)
                .delete(load::end)
                .default_service(method("GET, DELETE")),
        );
}

async fn local_only(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !is_local(request.headers()) {
        let problem = "the control interface is not for pages, and only for callers on this machine";
        let refusal = RestError::new(StatusCode::FORBIDDEN, problem);
        return Ok(request.into_response(refusal.into_response()));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

async fn not_offered(request: HttpRequest) -> HttpResponse {
    let problem = format!("{} is not offered by the control interface", request.path());
    RestError::new(StatusCode::NOT_FOUND, problem).into_response()
}

async fn add_rule(
    kind: Kind,
    shared: web::Data<Shared>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let rule = text(&shared, body).await?;
    let id = shared.faults.edit(|faults| faults.add(kind, &rule))?;
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}

async fn remove_rule(shared: web::Data<Shared>, id: web::Path<u64>) -> Result<HttpResponse, RestError> {
    if shared.faults.edit(|faults| faults.remove(*id)) {
        return Ok(HttpResponse::Ok().finish());
    }
    Err(RestError::new(StatusCode::NOT_FOUND, format!("there is no rule {id}")))
}

#[derive(Serialize)]
struct State {
    connections: Vec<Connection>,
    rules: Vec<RuleView>,
    pushes: Vec<load::Report>,
    violations: u64,
}

#[derive(Serialize)]
struct Connection {
    id: u64,
    bound: Vec<String>,
}

async fn state(shared: web::Data<Shared>, loads: web::Data<Loads>) -> HttpResponse {
    let mut ids = shared.edges.keys();
    ids.sort_unstable();
    let connections = shared.with_model(|model| {
        let bound = |id: &ConnectionId| model.bound_to(*id).map(str::to_owned).collect();
        ids.iter().map(|id| Connection { id: id.0, bound: bound(id) }).collect()
    });
    HttpResponse::Ok().json(State {
        connections,
        rules: shared.faults.edit(|faults| faults.view()),
        pushes: loads.reports(),
        violations: shared.counts().violations,
    })
}

/// Takes every rule away and ends every push.
async fn clear(shared: web::Data<Shared>, loads: web::Data<Loads>) -> HttpResponse {
    shared.faults.edit(crate::faults::Faults::clear);
    loads.clear();
    HttpResponse::Ok().finish()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Closing {
    /// Number of the connection, none for all.
    connection: Option<u64>,
    code: u16,
    text: String,
}

impl Default for Closing {
    fn default() -> Self {
        Self { connection: None, code: 1001, text: "Going to Sleep closed on request".to_owned() }
    }
}

async fn close(shared: web::Data<Shared>, body: web::Payload) -> Result<HttpResponse, RestError> {
    let closing: Closing = read(&text(&shared, body).await?)?;
    let wrong = |problem: &str| RestError::new(StatusCode::BAD_REQUEST, problem);
    // RFC 6455, section 7.4: 1004 to 1006 and 1015 never stand in a frame; 125 bytes with the status.
    if !(1000..5000).contains(&closing.code) || matches!(closing.code, 1004..=1006 | 1015) {
        return Err(wrong("code is a status that a Close frame can carry, for example 1001"));
    }
    if closing.text.len() > 123 {
        return Err(wrong("text has at most 123 bytes"));
    }
    let mut ids = shared.edges.keys();
    if let Some(wanted) = closing.connection {
        ids.retain(|id| id.0 == wanted);
        if ids.is_empty() {
            return Err(RestError::new(StatusCode::NOT_FOUND, format!("there is no connection {wanted}")));
        }
    }
    let (mut closed, mut busy) = (0, 0);
    for edge in ids.iter().filter_map(|id| shared.edges.resolve(id)) {
        match edge.try_send(HangUp { code: closing.code, text: closing.text.clone() }) {
            Ok(()) => closed += 1,
            Err(_) => busy += 1,
        }
    }
    Ok(HttpResponse::Ok().json(json!({ "closed": closed, "busy": busy })))
}

/// Reads a body; an empty one is an empty object.
fn read<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, RestError> {
    let body = if body.trim().is_empty() { "{}" } else { body };
    serde_json::from_str(body).map_err(|error| {
        RestError::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}"))
    })
}

impl From<RuleError> for RestError {
    fn from(error: RuleError) -> Self {
        let status = match error {
            RuleError::TooMany => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string())
    }
}
