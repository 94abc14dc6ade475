//! One request of a local caller: admitted, understood, answered by the gateway or relayed to the platform.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method as Verb, StatusCode, header},
    web,
};
use edgebind_actors::{
    Units,
    delivery::Receipt,
    local::{self, Caller},
    relay,
};
use edgebind_alwayson::{Characteristic, Code, Content, EntityType, Method, Request, Response, json};

use edgebind_observability::trace;
use tracing::Span;

use super::{
    admission::Admission,
    answer::{answer, failure, kept, last, sentence},
    body,
    route::Route,
    slots::Slots,
};

/// What each worker of the server holds.
pub(super) struct State {
    pub(super) units: Units,
    pub(super) admission: Admission,
    pub(super) read_timeout: Duration,
}

/// Serves any request.
pub(super) async fn handle(
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    if !Slots::admitted(&request) {
        return last(sentence(StatusCode::SERVICE_UNAVAILABLE, "more connections than max_clients admits"));
    }
    if let Err(refused) = state.admission.admit(&request).await {
        return refused;
    }
    let caller = request.headers().get(trace::TRACEPARENT).and_then(|value| value.to_str().ok());
    let span = trace::span_http_receive(request.method().as_str(), PATTERN, caller);
    let mut answer = serve(&state, &request, payload, &span).await;
    state.admission.mark(&mut answer);
    trace::record_status(&span, answer.status().as_u16());
    answer
}

async fn serve(state: &State, request: &HttpRequest, payload: web::Payload, span: &Span) -> HttpResponse {
    if ![Verb::GET, Verb::HEAD, Verb::POST, Verb::PUT, Verb::DELETE].contains(request.method()) {
        let text = "possible are GET, HEAD, POST, PUT and DELETE";
        let mut refused = last(sentence(StatusCode::METHOD_NOT_ALLOWED, text));
        refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(ALLOWED));
        return refused;
    }
    let route = match Route::parse(request.method().as_str(), request.uri().path(), request.query_string()) {
        Ok(route) => route,
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            // An answer to HEAD has no body, also none that is announced.
            let text = if request.method() == Verb::HEAD { String::new() } else { error.to_string() };
            return sentence(status, &text);
        }
    };
    let body = match body::read(request, payload, state.read_timeout).await {
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
        let caller = state.admission.caller(request);
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
        Ok(Receipt::Answered(response)) => answer(&route, had_body, &response),
        Ok(Receipt::Kept) => kept(&route),
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
    if response.code == Code::FORBIDDEN && matches!(caller, Caller::Stranger(_)) {
        // The original has nothing to be told here; its 402 would mean nothing to anybody.
        return sentence(StatusCode::FORBIDDEN, response.reason.as_deref().unwrap_or_default());
    }
    answer(route, had_body, &response)
}

/// What all served paths look like, for traces.
const PATTERN: &str = "/Thingworx/{collection}/{entity}/{characteristic}/{name}";
const ALLOWED: &str = "GET, HEAD, POST, PUT, DELETE";
