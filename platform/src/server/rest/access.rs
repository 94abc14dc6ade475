//! Who may pass: the application key of a request, and the right that a resource needs.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    web,
};
use edgebind_kernel::clock;

use super::RestError;
use crate::server::{
    Right,
    key::{Grant, KeyRefusal},
    shared::Shared,
};

/// Lets a request pass that carries a good key, as header `appKey` or in the query; what it may do is asked by [`May`].
pub(super) async fn authorized(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let shared = request.app_data::<web::Data<Shared>>().cloned();
    let refusal = match (shared, offered_key(request.request())) {
        (Some(shared), Some(key)) => match shared.grant(&key, clock::unix_millis()) {
            Ok(grant) => {
                request.extensions_mut().insert(grant);
                return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
            }
            Err(refusal) => RestError::from(refusal),
        },
        (None, _) | (_, None) => RestError::new(
            StatusCode::UNAUTHORIZED,
            "no application key: send it as header appKey or in the query as appKey=...",
        ),
    };
    Ok(request.into_response(refusal.into_response()))
}

/// The application key of a request: its header `appKey`, else its query.
pub(in crate::server) fn offered_key(request: &HttpRequest) -> Option<String> {
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

/// A request whose key has the right with this number; a handler that takes one is not reached without it.
pub(in crate::server) struct May<const RIGHT: u8>;

/// The key may look.
pub(in crate::server) type MayRead = May<{ Right::Read as u8 }>;
/// The key may change.
pub(in crate::server) type MayWrite = May<{ Right::Write as u8 }>;

impl<const RIGHT: u8> FromRequest for May<RIGHT> {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let wanted = [Right::Read, Right::Write, Right::Invoke, Right::Bind]
            .into_iter()
            .find(|right| *right as u8 == RIGHT)
            .ok_or_else(|| RestError::from(KeyRefusal::Unknown));
        ready(wanted.and_then(|right| check(request, right)).map(|()| Self))
    }
}

/// A request whose key may do what its service does.
pub(in crate::server) struct MayInvoke;

impl FromRequest for MayInvoke {
    type Error = RestError;
    type Future = Ready<Result<Self, RestError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let right = request.match_info().get("service").map_or(Right::Invoke, Right::to_invoke);
        ready(check(request, right).map(|()| Self))
    }
}

fn check(request: &HttpRequest, right: Right) -> Result<(), RestError> {
    let grant = request.extensions().get::<Grant>().copied();
    grant.ok_or(KeyRefusal::Unknown)?.check(right, clock::unix_millis()).map_err(RestError::from)
}

impl From<KeyRefusal> for RestError {
    fn from(refusal: KeyRefusal) -> Self {
        let status = match refusal {
            KeyRefusal::Unknown | KeyRefusal::Expired => StatusCode::UNAUTHORIZED,
            KeyRefusal::Lacks(_) => StatusCode::FORBIDDEN,
        };
        Self::new(status, refusal.to_string())
    }
}
