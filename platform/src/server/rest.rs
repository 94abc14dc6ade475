//! The REST subset below `/Thingworx`: things, properties, services, with an application key on every request.

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    web,
};
use edgebind_alwayson::{Content, InfoTable, Response, Value, json};

mod error;
mod properties;
mod services;
mod things;

pub(super) use error::RestError;

use super::shared::Shared;
use crate::model::{Access, RemoteCall};

/// Adds the routes to an application; `/Thingworx/WS` has to be there already.
pub(super) fn configure(service: &mut web::ServiceConfig) {
    let method =
        |allowed: &'static str| web::to(move || async move { RestError::method(allowed).into_response() });
    service.service(
        web::scope("/Thingworx")
            .wrap(from_fn(authorized))
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
            .default_service(web::to(|request: HttpRequest| async move {
                let problem = format!("{} is not offered by this platform", request.path());
                RestError::new(StatusCode::NOT_FOUND, problem).into_response()
            })),
    );
}

/// Lets a request pass that carries a key, as header `appKey` or in the query.
async fn authorized(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let shared = request.app_data::<web::Data<Shared>>().cloned();
    let offered = offered_key(request.request());
    let refusal = match (shared, offered) {
        (Some(shared), Some(key)) if shared.key_opens(&key) => {
            return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
        }
        (_, Some(_)) => "the application key is not known",
        (_, None) => "no application key: send it as header appKey or in the query as appKey=...",
    };
    let response = RestError::new(StatusCode::UNAUTHORIZED, refusal).into_response();
    Ok(request.into_response(response))
}

/// The application key of a request: its header `appKey`, else its query.
pub(super) fn offered_key(request: &HttpRequest) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Query {
        #[serde(rename = "appKey")]
        app_key: Option<String>,
    }
    if let Some(key) = request.headers().get("appKey") {
        return key.to_str().ok().map(str::to_owned);
    }
    web::Query::<Query>::from_query(request.query_string()).ok()?.into_inner().app_key
}

/// Reads the body as parameters, within the limit and [`BODY_WAIT`].
async fn params(shared: &Shared, body: web::Payload) -> Result<Content, RestError> {
    let bytes = bytes(shared, body).await?;
    json::params_from_body(&bytes).map_err(|error| {
        RestError::new(StatusCode::BAD_REQUEST, format!("the body is not understood: {error}"))
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
