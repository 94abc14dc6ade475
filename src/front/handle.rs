//! One request of a local caller: admitted, understood, answered by the gateway or relayed to the platform.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method as Verb, StatusCode, header},
    web,
};
use bytes::Bytes;
use edgebind_actors::{
    Units,
    local::{self, Caller},
    relay,
};
use edgebind_alwayson::{Characteristic, Code, Content, EntityType, Method, Request, Response, json};

use edgebind_observability::trace;
use tracing::Span;

use super::{
    Credentials,
    answer::{answer, failure, refusal, sentence},
    route::Route,
};

/// What each worker of the server holds.
pub(super) struct State {
    pub(super) units: Units,
    pub(super) credentials: Credentials,
    pub(super) read_timeout: Duration,
}

/// Serves any request.
pub(super) async fn handle(
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let caller = request.headers().get(trace::TRACEPARENT).and_then(|value| value.to_str().ok());
    let span = trace::span_http_receive(request.method().as_str(), PATTERN, caller);
    let answer = serve(&state, &request, payload, &span).await;
    trace::record_status(&span, answer.status().as_u16());
    answer
}

async fn serve(state: &State, request: &HttpRequest, payload: web::Payload, span: &Span) -> HttpResponse {
    if !state.credentials.admit(request) {
        let mut refused =
            sentence(StatusCode::UNAUTHORIZED, "the gateway demands user and password (HTTP Basic)");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic"));
        return refused;
    }
    if ![Verb::GET, Verb::HEAD, Verb::POST, Verb::PUT, Verb::DELETE].contains(request.method()) {
        let mut refused =
            sentence(StatusCode::METHOD_NOT_ALLOWED, "possible are GET, HEAD, POST, PUT and DELETE");
        refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(ALLOWED));
        return refused;
    }
    let route = match Route::parse(request.method().as_str(), request.uri().path(), request.query_string()) {
        Ok(route) => route,
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            return sentence(status, &error.to_string());
        }
    };
    let body = match read(request, payload, state.read_timeout).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    trace::record_thing(span, &route.entity);
    let had_body = !body.is_empty();
    let params = match json::params_from_body(&body) {
        Ok(params) => params,
        Err(error) => return sentence(StatusCode::BAD_REQUEST, &format!("Invalid JSON content: {error}")),
    };
    if route.collection == EntityType::THINGS && route.entity == local::NAME {
        let caller = caller(state, request);
        return answer_locally(&state.units, &route, params, caller).await;
    }
    let params = if route.method == Method::Get { Content::Nothing } else { params };
    let upward = Request {
        method: route.method,
        entity_type: route.collection,
        entity: route.entity.clone(),
        characteristic: route.characteristic,
        name: route.name.clone(),
        headers: Vec::new(),
        params,
    };
    match relay(&state.units, upward, span.clone()).await {
        Ok(response) => answer(&route, had_body, &response),
        Err(error) => failure(&error),
    }
}

async fn answer_locally(units: &Units, route: &Route, params: Content, caller: Caller) -> HttpResponse {
    let had_body = params != Content::Nothing;
    let response = match (route.characteristic, route.method) {
        (Characteristic::Services, _) => local::call(units, &route.name, &params, caller).await,
        (Characteristic::Properties, Method::Get) => local::property(units, &route.name),
        // Without effect, and answered as if it had one (EMS notes, 7.0).
        (Characteristic::Properties, _) if route.name == "isConnected" => {
            let body = r#"{"isConnected":true}"#;
            return HttpResponse::Ok().content_type("application/json").body(body);
        }
        _ => Response::error(Code::NOT_FOUND, "the gateway has services and the property isConnected"),
    };
    if response.code == Code::FORBIDDEN {
        // The sentence matters more than the original's 402, which no client of this service knows.
        return sentence(StatusCode::FORBIDDEN, response.reason.as_deref().unwrap_or_default());
    }
    answer(route, had_body, &response)
}

/// A caller on this machine, and one who had to authenticate, may do everything.
fn caller(state: &State, request: &HttpRequest) -> Caller {
    match request.peer_addr().map(|peer| peer.ip()) {
        Some(address) if !state.credentials.required() && !address.is_loopback() => Caller::Stranger(address),
        _ => Caller::Trusted,
    }
}

/// The body, within its limits of size, time and type; empty for a form (EMS notes, 4.1).
async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    deadline: Duration,
) -> Result<Bytes, HttpResponse> {
    let body = match tokio::time::timeout(deadline, payload.to_bytes_limited(MAX_BODY_BYTES)).await {
        Ok(Ok(Ok(body))) => body,
        Ok(Ok(Err(error))) => return Err(sentence(StatusCode::BAD_REQUEST, &error.to_string())),
        Ok(Err(_)) => {
            let text = format!("the body has more than {MAX_BODY_BYTES} bytes");
            return Err(refusal(Code::ENTITY_TOO_LARGE, &text));
        }
        Err(_) => {
            let text = format!("the body did not arrive within {deadline:?}");
            return Err(sentence(StatusCode::BAD_REQUEST, &text));
        }
    };
    if body.is_empty() {
        return Ok(body);
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match content_type.and_then(|value| value.split(';').next()).map(str::trim) {
        Some("application/json" | "text/xml" | "application/xml") => Ok(body),
        Some("application/x-www-form-urlencoded") => Ok(Bytes::new()),
        other => {
            let found = other.unwrap_or("nothing");
            let text = format!("the content type of a body is application/json, not {found}");
            Err(sentence(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text))
        }
    }
}

/// What all served paths look like, for traces.
const PATTERN: &str = "/Thingworx/{collection}/{entity}/{characteristic}/{name}";
const ALLOWED: &str = "GET, HEAD, POST, PUT, DELETE";
/// Far above the largest message to the platform; white space is part of it.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
