//! The REST subset below `/Thingworx`, and what the page and tests need beyond it below `/edgebind/v1/platform`.
//!
//! Every request carries an application key; what a key may do is decided by the handlers' arguments (`access`).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web,
};
use edgebind_alwayson::{Content, InfoTable, Response, Value, json};

mod access;
mod definitions;
mod error;
mod metadata;
mod past;
mod properties;
mod remote;
mod services;
mod things;

pub(super) use access::{MayInvoke, MayRead, MayWrite, offered_key};
pub(super) use error::RestError;
pub(super) use past::event_data;

use super::shared::Shared;
use crate::model::{Access, RemoteCall};

/// Adds the routes to an application; `/Thingworx/WS` has to be there already.
pub(super) fn configure(service: &mut web::ServiceConfig) {
    service
        .service(web::scope("/Thingworx").wrap(from_fn(access::authorized)).configure(thingworx))
        .service(web::scope("/edgebind/v1/platform").wrap(from_fn(access::authorized)).configure(beyond));
}

/// The part of the real interface.
fn thingworx(scope: &mut web::ServiceConfig) {
    scope
        .service(
            web::resource(["/Things", "/Things/"])
                .get(things::list)
                .post(things::create)
                .default_service(method("GET, POST")),
        )
        .service(
            web::resource("/Things/{thing}")
                .get(things::show)
                .delete(things::delete)
                .default_service(method("GET, DELETE")),
        )
        .service(web::resource("/Things/{thing}/Metadata").get(metadata::show).default_service(method("GET")))
        .service(
            web::resource(["/Things/{thing}/Properties", "/Things/{thing}/Properties/"])
                .get(properties::read_all)
                .put(properties::write_several)
                .default_service(method("GET, PUT")),
        )
        .service(
            web::resource("/Things/{thing}/Properties/{property}")
                .get(properties::read)
                .put(properties::write)
                .default_service(method("GET, PUT")),
        )
        .service(
            web::resource("/Things/{thing}/Services/{service}")
                .post(services::invoke)
                .default_service(method("POST")),
        )
        .default_service(web::to(not_offered));
}

/// What the real interface has no simple form for: the page and tests use it.
fn beyond(scope: &mut web::ServiceConfig) {
    scope
        .service(web::resource("/things").get(definitions::list).default_service(method("GET")))
        .service(
            web::resource("/things/{thing}/remote")
                .get(remote::browse)
                .post(remote::add)
                .default_service(method("GET, POST")),
        )
        .service(web::resource("/things/{thing}/events").get(past::events).default_service(method("GET")))
        .service(
            web::resource("/things/{thing}/properties/{property}")
                .put(definitions::put_property)
                .delete(definitions::delete_property)
                .default_service(method("PUT, DELETE")),
        )
        .service(
            web::resource("/things/{thing}/properties/{property}/binding")
                .put(definitions::put_binding)
                .delete(definitions::delete_binding)
                .default_service(method("PUT, DELETE")),
        )
        .service(
            web::resource("/things/{thing}/properties/{property}/history")
                .get(past::history)
                .default_service(method("GET")),
        )
        .service(
            web::resource("/things/{thing}/services/{service}")
                .put(definitions::put_service)
                .delete(definitions::delete_service)
                .default_service(method("PUT, DELETE")),
        )
        .default_service(web::to(not_offered));
}

pub(super) fn method(allowed: &'static str) -> actix_web::Route {
    web::to(move || async move { RestError::method(allowed).into_response() })
}

async fn not_offered(request: HttpRequest) -> HttpResponse {
    let problem = format!("{} is not offered by this platform", request.path());
    RestError::new(StatusCode::NOT_FOUND, problem).into_response()
}

/// Reads the body as parameters, within the limit and [`BODY_WAIT`].
async fn params(shared: &Shared, body: web::Payload) -> Result<Content, RestError> {
    let bytes = bytes(shared, body).await?;
    json::params_from_body(&bytes).map_err(|error| {
        RestError::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}"))
    })
}

/// Reads the body as text, as [`bytes`] does.
pub(super) async fn text(shared: &Shared, body: web::Payload) -> Result<String, RestError> {
    String::from_utf8(bytes(shared, body).await?.to_vec()).map_err(|error| {
        RestError::new(StatusCode::BAD_REQUEST, format!("the body is not UTF-8: {}", error.utf8_error()))
    })
}

async fn bytes(shared: &Shared, body: web::Payload) -> Result<web::Bytes, RestError> {
    let limit = shared.settings.max_message_bytes;
    match tokio::time::timeout(BODY_WAIT, body.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(error))) => {
            Err(RestError::new(StatusCode::BAD_REQUEST, format!("the body cannot be read: {error}")))
        }
        Ok(Err(_)) => Err(RestError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {limit} bytes"),
        )),
        Err(_) => Err(RestError::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body did not come within {} s", BODY_WAIT.as_secs()),
        )),
    }
}

/// Asks the edge and takes only a success for an answer.
async fn ask(shared: &Shared, call: RemoteCall) -> Result<Content, RestError> {
    let response =
        shared.call(call).await.map_err(|error| RestError::coded(error.code(), error.to_string()))?;
    accepted(response)
}

/// The content of a success, or the refusal with its reason.
fn accepted(response: Response) -> Result<Content, RestError> {
    if response.code.is_success() {
        return Ok(response.content);
    }
    let reason = reason(&response).unwrap_or_else(|| format!("refused with {}", response.code));
    Err(RestError::coded(response.code, reason))
}

/// Reason field, else the STRING column `reason` of the content (protocol notes, section 9.3), else its column
/// `error`, in which a gateway passes on what a script resource said (EMS notes, 9.2).
fn reason(response: &Response) -> Option<String> {
    let told = response.reason.as_deref();
    let column = |name| response.content.as_table()?.cell(0, name).and_then(Value::as_text);
    [told, column("reason"), column("error")]
        .into_iter()
        .flatten()
        .find(|reason| !reason.is_empty())
        .map(str::to_owned)
}

async fn finished(shared: &Shared, access: Access<Response>) -> Result<Content, RestError> {
    match access {
        Access::Here(response) => accepted(response),
        Access::Remote(call) => ask(shared, call).await,
    }
}

/// An infotable as the real interface writes it.
fn table(table: &InfoTable) -> HttpResponse {
    let mut text = Vec::new();
    json::write_table(table, json::ShapeKey::Camel, &mut text);
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json; charset=utf-8")).body(text)
}

/// The content of an answer: a table as JSON, no content as an empty body.
fn content(content: Content) -> HttpResponse {
    match content {
        Content::Table(result) => table(&result),
        Content::Bare(value) => table(&InfoTable::single(InfoTable::RESULT, value)),
        Content::Nothing => HttpResponse::Ok().finish(),
    }
}

/// Time that the body of a request may take.
const BODY_WAIT: std::time::Duration = std::time::Duration::from_secs(15);
