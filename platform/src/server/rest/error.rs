//! Errors of the REST interface: a status for programs, a sentence for people.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use edgebind_alwayson::Code;

use crate::model::{AccessError, ModelError};

/// A refusal; its text becomes a sentence in the body.
#[derive(Debug)]
pub(in crate::server) struct RestError {
    status: StatusCode,
    problem: String,
    allowed: Option<&'static str>,
}

impl RestError {
    pub(in crate::server) fn new(status: StatusCode, problem: impl Into<String>) -> Self {
        Self { status, problem: problem.into(), allowed: None }
    }

    /// The refusal that a status on the wire stands for.
    pub(in crate::server) fn coded(code: Code, problem: impl Into<String>) -> Self {
        Self::new(status_of(code), problem)
    }

    /// A method that the resource does not have.
    pub(in crate::server) fn method(allowed: &'static str) -> Self {
        let problem = format!("this method is not possible here; possible are {allowed}");
        Self { allowed: Some(allowed), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, problem) }
    }

    pub(in crate::server) fn into_response(self) -> HttpResponse {
        self.error_response()
    }
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut letters = self.problem.chars();
        if let Some(first) = letters.next() {
            write!(f, "{}{}.", first.to_uppercase(), letters.as_str())?;
        }
        Ok(())
    }
}

impl ResponseError for RestError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(allowed) = self.allowed {
            response.insert_header((header::ALLOW, allowed));
        }
        response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body(self.to_string())
    }
}

impl From<AccessError> for RestError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NameTaken(_) | AccessError::IdentifierTaken(_) => {
                Self::new(StatusCode::CONFLICT, error.to_string())
            }
            error => Self::coded(error.code(), error.to_string()),
        }
    }
}

impl From<ModelError> for RestError {
    fn from(error: ModelError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Status for HTTP. UNAUTHORIZED of an edge is FORBIDDEN here: 401 would blame the caller's own key.
const fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BAD_REQUEST | Code::BAD_OPTION => StatusCode::BAD_REQUEST,
        Code::UNAUTHORIZED | Code::FORBIDDEN => StatusCode::FORBIDDEN,
        Code::NOT_FOUND => StatusCode::NOT_FOUND,
        Code::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        Code::NOT_ACCEPTABLE => StatusCode::NOT_ACCEPTABLE,
        Code::PRECONDITION_FAILED => StatusCode::PRECONDITION_FAILED,
        Code::ENTITY_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UNSUPPORTED_CONTENT_FORMAT => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::INTERNAL_SERVER_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
        Code::NOT_IMPLEMENTED => StatusCode::NOT_IMPLEMENTED,
        Code::SERVICE_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        Code::GATEWAY_TIMEOUT => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    }
}
