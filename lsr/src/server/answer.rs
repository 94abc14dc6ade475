//! How answers look: what every one carries, and the kinds that the server makes itself (script resource notes, 2.1).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use edgebind_kernel::clock;

use super::{date, page as pages};

/// An answer in plain text.
pub(super) fn text(status: StatusCode, text: &str) -> HttpResponse {
    with(status, "text/plain", text.to_owned().into_bytes())
}

/// An answer of a given type.
pub(super) fn with(status: StatusCode, content_type: &str, body: Vec<u8>) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if status.canonical_reason().is_none() {
        answer.reason("UNKNOWN");
    }
    let mut answer = answer.body(body);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        answer.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    answer
}

/// A page that says what is wrong; `reason` as the original spells it.
pub(super) fn page(status: StatusCode, reason: &'static str, sentence: &str) -> HttpResponse {
    let page = pages::error(&format!("{} {reason}", status.as_u16()), sentence);
    let mut answer = with(status, "text/html", page.into_bytes());
    answer.head_mut().reason = Some(reason);
    answer
}

/// Ends the connection after this answer: what is left of the request must not be read as the next one.
pub(super) fn last(mut answer: HttpResponse) -> HttpResponse {
    answer.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    answer
}

/// Gives an answer what every one has.
pub(super) fn finish(answer: &mut HttpResponse) {
    let headers = answer.headers_mut();
    if let Ok(date) = HeaderValue::from_str(&date::iso(clock::wall())) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::SERVER, HeaderValue::from_static(pages::SERVER));
}
