//! The body of a request, within its limits of size, time and type (script resource notes, 2.1).

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::answer::{last, page, text};

/// What a body may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// JSON or XML: scripts get it as it came.
    Content,
    /// Names and values.
    Form,
    /// Anything else, or nothing.
    Other,
}

impl Type {
    /// The type that `request` announces.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let value = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self::parse(value.unwrap_or_default())
    }

    fn parse(value: &str) -> Self {
        let name = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "application/json" | "text/xml" | "application/xml" => Self::Content,
            "application/x-www-form-urlencoded" => Self::Form,
            other if other.ends_with("+xml") => Self::Content,
            _ => Self::Other,
        }
    }
}

/// The page for a type that nobody understands.
pub(super) fn unsupported() -> HttpResponse {
    let sentence = "The specified content-type is not supported.";
    last(page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type", sentence))
}

/// Reads the body.
///
/// # Errors
///
/// The answer, and the connection ends.
pub(super) async fn read(
    request: &HttpRequest,
    mut payload: web::Payload,
    deadline: Duration,
) -> Result<Bytes, HttpResponse> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large());
    }
    let work = async {
        let mut body = BytesMut::new();
        let mut large = None;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| last(text(StatusCode::BAD_REQUEST, &error.to_string())))?;
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
        let reason = format!("the body did not arrive within {deadline:?}");
        return Err(last(text(StatusCode::REQUEST_TIMEOUT, &reason)));
    };
    body
}

fn too_large() -> HttpResponse {
    let reason = format!("the body has more than {MAX_BYTES} bytes");
    last(text(StatusCode::PAYLOAD_TOO_LARGE, &reason))
}

/// As at the gateway, through which the platform's requests come.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// A body above this is rare; only few are taken at a time, so that all connections together stay bounded in memory.
const LARGE_BYTES: usize = 1024 * 1024;
static LARGE: Semaphore = Semaphore::const_new(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_the_original_takes() {
        for (value, wanted) in [
            ("application/json", Type::Content),
            ("Application/JSON; charset=utf-8", Type::Content),
            ("text/xml", Type::Content),
            ("application/soap+xml", Type::Content),
            ("application/x-www-form-urlencoded", Type::Form),
            ("text/plain", Type::Other),
            ("application/jsonx", Type::Other),
            ("", Type::Other),
        ] {
            assert_eq!(Type::parse(value), wanted, "{value}");
        }
    }
}
