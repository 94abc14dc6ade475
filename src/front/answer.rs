//! Responses of the platform and of the gateway in the words of HTTP (EMS notes, 5.3 and 5.4).

use actix_web::{
    HttpResponse,
    http::{ConnectionType, StatusCode, header},
};
use edgebind_actors::link::CallError;
use edgebind_alwayson::{
    BaseType, Characteristic, Code, Content, Field, InfoTable, Method, Response, Value,
    json::{self, ShapeKey},
};

use super::route::Route;

/// The answer to a request of `route` that had a body or not.
pub(crate) fn answer(route: &Route, had_body: bool, response: &Response) -> HttpResponse {
    if response.code != Code::SUCCESS {
        return refusal(response.code, response.reason.as_deref().unwrap_or_default());
    }
    match (route.characteristic, route.method) {
        (Characteristic::Properties, Method::Put) if had_body => json("{}".to_owned().into_bytes()),
        (Characteristic::Properties, Method::Put) => empty(StatusCode::OK),
        (Characteristic::Properties, Method::Get) if !route.name.is_empty() => {
            match response.content.as_table().and_then(|table| only(table, &route.name)) {
                Some(table) => infotable(&table),
                None => empty(StatusCode::OK),
            }
        }
        _ => match &response.content {
            Content::Table(table) => infotable(table),
            Content::Bare(value) => infotable(&InfoTable::single(InfoTable::RESULT, value.clone())),
            Content::Nothing => empty(StatusCode::OK),
        },
    }
}

/// The answer to what is on disk and will be delivered (EMS notes, 5.4).
pub(crate) fn kept(route: &Route) -> HttpResponse {
    match route.characteristic {
        Characteristic::Properties => HttpResponse::Accepted().content_type(JSON).body("{}"),
        _ => empty(StatusCode::ACCEPTED),
    }
}

/// The answer when there is no response of the platform.
pub(crate) fn failure(error: &CallError) -> HttpResponse {
    refusal(error.code(), &error.to_string())
}

/// An error status with a sentence.
pub(crate) fn refusal(code: Code, reason: &str) -> HttpResponse {
    sentence(status(code), reason)
}

/// A status with a sentence, in plain text.
pub(crate) fn sentence(status: StatusCode, text: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.content_type(TEXT);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.insert_header((header::RETRY_AFTER, "5"));
    }
    answer.body(text.to_owned())
}

/// Ends the connection after this answer: what follows on it may be part of what was not understood.
pub(crate) fn last(mut answer: HttpResponse) -> HttpResponse {
    answer.head_mut().set_connection_type(ConnectionType::Close);
    answer
}

fn infotable(table: &InfoTable) -> HttpResponse {
    let mut body = Vec::with_capacity(256);
    json::write_table(table, ShapeKey::Lower, &mut body);
    json(body)
}

fn json(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(JSON).body(body)
}

fn empty(status: StatusCode) -> HttpResponse {
    HttpResponse::build(status).content_type(TEXT).finish()
}

/// The first row of column `name`, without description and aspects, as the original cuts it out.
fn only(table: &InfoTable, name: &str) -> Option<InfoTable> {
    let cell = table.cell(0, name)?.clone();
    let declared = table.fields.get(table.column(name)?)?.base_type;
    let base_type = if cell == Value::Nothing { BaseType::Nothing } else { declared };
    Some(InfoTable { fields: vec![Field::new(name, base_type)], rows: vec![vec![cell]] })
}

/// Status of a code; FORBIDDEN and BAD_OPTION as the original has them, because agents know them so.
fn status(code: Code) -> StatusCode {
    let number = match code {
        Code::BAD_REQUEST => 400,
        Code::UNAUTHORIZED => 401,
        Code::BAD_OPTION | Code::NOT_ACCEPTABLE => 406,
        Code::FORBIDDEN => 402,
        Code::NOT_FOUND => 404,
        Code::METHOD_NOT_ALLOWED => 405,
        Code::PRECONDITION_FAILED => 412,
        Code::ENTITY_TOO_LARGE => 413,
        Code::UNSUPPORTED_CONTENT_FORMAT => 415,
        Code::NOT_IMPLEMENTED => 501,
        Code::BAD_GATEWAY => 502,
        Code::SERVICE_UNAVAILABLE => 503,
        Code::GATEWAY_TIMEOUT => 504,
        Code::SUCCESS => 200,
        // Also the success codes that no platform sends: the original has them so (EMS notes, 5.4).
        _ => 500,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
