//! The body of a request, within its limits of size, time and type (EMS notes, 4.1).

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use bytes::{Bytes, BytesMut};
use edgebind_alwayson::Code;
use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::answer::{last, refusal, sentence};

/// Reads the body of `request`; empty for a form, which is no input.
///
/// # Errors
///
/// The answer, and the connection ends: what is left of the body must not be read as the next request.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    deadline: Duration,
) -> Result<Bytes, HttpResponse> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|length| length > MAX_BYTES as u64) {
        return Err(too_large());
    }
    let work = async {
        let mut body = BytesMut::new();
        let mut large = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| last(sentence(StatusCode::BAD_REQUEST, &error.to_string())))?;
            let size = body.len().saturating_add(chunk.len());
            if size > MAX_BYTES {
                return Err(too_large());
            }
            if size > LARGE_BYTES && large.is_none() {
                large = Some(LARGE.acquire().await);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let Ok(body) = tokio::time::timeout(deadline, work).await else {
        let text = format!("the body did not arrive within {deadline:?}");
        return Err(last(sentence(StatusCode::BAD_REQUEST, &text)));
    };
    let body = body?;
    if body.is_empty() {
        return Ok(body);
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // With its case, and no other names for JSON: as the original.
    match content_type.and_then(|value| value.split(';').next()).map(str::trim) {
        Some("application/json" | "text/xml" | "application/xml") => Ok(body),
        Some("application/x-www-form-urlencoded") => Ok(Bytes::new()),
        other => {
            let found = other.unwrap_or("nothing");
            let text = format!("the content type of a body is application/json, not {found}");
            Err(last(sentence(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text)))
        }
    }
}

fn too_large() -> HttpResponse {
    last(refusal(Code::ENTITY_TOO_LARGE, &format!("the body has more than {MAX_BYTES} bytes")))
}

/// Far above the largest message to the platform; white space is part of it.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// A body above this is rare; only few are taken at a time, so that all connections together stay bounded in memory.
const LARGE_BYTES: usize = 1024 * 1024;
static LARGE: Semaphore = Semaphore::const_new(4);
