//! What others ask of the link, and how it may fail.

use std::time::Duration;

use actix::Message;
use edgebind_alwayson::{Bind, Code, Request, Response};
use tracing::Span;

/// A request to the platform; answered with the platform's response, whatever its code.
#[derive(Message)]
#[rtype(result = "Result<Response, CallError>")]
pub struct Call {
    /// What to ask.
    pub request: Request,
    /// How long to wait for the answer; `None` for `ws_connection.msg_timeout`.
    pub timeout: Option<Duration>,
    /// Span that the request belongs to.
    pub span: Span,
}

/// A BIND or UNBIND; answered with the platform's response.
#[derive(Message)]
#[rtype(result = "Result<Response, CallError>")]
pub struct CallBind(pub Bind);

/// Why there is no response of the platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nothing was sent.
    #[error("the gateway is not connected to the platform")]
    NotConnected,
    /// Nothing was sent: too much waits already.
    #[error("{0} requests wait for the platform already")]
    Busy(usize),
    /// Nothing was sent.
    #[error("the message has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Size of the message.
        bytes: usize,
        /// `ws_connection.max_msg_size`.
        limit: usize,
    },
    /// Nothing was sent: the message cannot be expressed on the wire.
    #[error("the request cannot be sent: {0}")]
    Encode(String),
    /// Nothing was sent, and nothing is kept on disk.
    #[error("not delivered now, and it cannot be kept: {0}")]
    Unkept(String),
    /// Nothing was sent: a part of the gateway failed while it had the request.
    #[error("the gateway lost the request before it was answered")]
    Dropped,
    /// Sent; it is not known whether the platform did it.
    #[error("the platform did not answer in time")]
    TimedOut,
    /// Sent; it is not known whether the platform did it.
    #[error("the connection was lost before the platform answered")]
    LinkLost,
    /// Sent and answered, but the answer cannot be read.
    #[error("the platform's answer cannot be read: {0}")]
    Garbled(String),
}

impl CallError {
    /// Whether the platform may have done what was asked.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        matches!(self, Self::TimedOut | Self::LinkLost | Self::Garbled(_))
    }

    /// Status that a caller sees in place of the platform's (EMS notes, 5.5).
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotConnected | Self::Busy(_) | Self::Unkept(_) | Self::Dropped => Code::SERVICE_UNAVAILABLE,
            Self::TooLarge { .. } => Code::PRECONDITION_FAILED,
            Self::Encode(_) => Code::BAD_REQUEST,
            Self::TimedOut | Self::LinkLost => Code::GATEWAY_TIMEOUT,
            Self::Garbled(_) => Code::BAD_GATEWAY,
        }
    }
}
