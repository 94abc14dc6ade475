//! Why something was not sent.

use crate::EncodeError;

/// A request or an answer that was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The peer has not accepted AUTH.
    #[error("session is not authenticated")]
    NotAuthenticated,
    /// The session is over.
    #[error("session is closed")]
    Closed,
    /// Too many requests wait for their answer.
    #[error("{limit} requests wait for their answer already")]
    TooManyPending {
        /// [`SessionSettings::max_pending`](super::SessionSettings::max_pending).
        limit: usize,
    },
    /// Too many bytes wait to be written; they go when the peer reads again.
    #[error("{queued} bytes wait to be written, at most {limit} may")]
    Congested {
        /// Bytes that wait.
        queued: usize,
        /// [`SessionSettings::max_queued_bytes`](super::SessionSettings::max_queued_bytes).
        limit: usize,
    },
    /// The message is longer than the peer may be sent. An answer that is too long was replaced by
    /// ENTITY_TOO_LARGE.
    #[error("message of {bytes} bytes is longer than the limit of {limit}")]
    TooLarge {
        /// Encoded length; of a message in chunks what its receiver counts, whole chunks (section 6.3).
        bytes: usize,
        /// [`SessionSettings::max_message_bytes`](super::SessionSettings::max_message_bytes).
        limit: usize,
    },
    /// The message cannot be said on the wire. Such an answer was replaced by INTERNAL_SERVER_ERROR.
    #[error("message cannot be encoded: {0}")]
    Encode(String),
    /// The request of the peer is unknown, answered already, or of another kind.
    #[error("no such open request of the peer")]
    NotOpen,
    /// A session id of 0 means "no session" to the edge (section 3.2).
    #[error("session id 0 cannot be assigned, any other can")]
    SessionIdZero,
}

impl SendError {
    /// Whether the same message may be taken later on this connection.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::NotAuthenticated | Self::TooManyPending { .. } | Self::Congested { .. })
    }
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error.to_string())
    }
}
