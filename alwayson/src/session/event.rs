//! What a session tells its owner.

use super::{InboundId, RequestId};
use crate::{Auth, Bind, Code, Request, Response};

/// Something that happened. Every request ends in exactly one of `Answered`, `Garbled`, `Expired` and `Lost`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Edge: the platform accepted AUTH.
    Authenticated {
        /// Id of the session.
        session_id: u32,
    },
    /// Edge: AUTH was refused, or not answered in time (`GATEWAY_TIMEOUT`); the connection stands.
    AuthRefused {
        /// Code of the answer.
        code: Code,
        /// Text of the answer.
        reason: Option<String>,
    },
    /// A request was answered, with whatever code.
    Answered {
        /// The request.
        id: RequestId,
        /// Its answer.
        response: Response,
    },
    /// A request was answered by something that cannot be read; the caller need not wait any longer.
    Garbled {
        /// The request.
        id: RequestId,
        /// Code in the header of the answer: the peer may well have done what was asked.
        code: Code,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A request was not answered in time.
    Expired {
        /// The request.
        id: RequestId,
    },
    /// A request was still unanswered when the connection ended.
    Lost {
        /// The request.
        id: RequestId,
    },
    /// The answer to a request that had expired, as far as that is remembered.
    Late {
        /// The request.
        id: RequestId,
        /// Its answer.
        response: Response,
    },
    /// The peer asks; answer with `respond`, once.
    Requested {
        /// The request of the peer.
        id: InboundId,
        /// What it asks.
        request: Request,
    },
    /// Platform: the edge wants to be authenticated; answer with `accept` or `refuse`.
    AuthRequested {
        /// The request of the edge.
        id: InboundId,
        /// Claims.
        auth: Auth,
    },
    /// Platform: the edge binds or unbinds names; answer with `respond`.
    BindRequested {
        /// The request of the edge.
        id: InboundId,
        /// Names.
        bind: Bind,
    },
    /// The peer sent what it should not; the connection stays.
    Violation(Violation),
    /// The end. It is the last event.
    Closed {
        /// Who ended it.
        by: ClosedBy,
        /// Status of the Close frame, `None` if there was none.
        code: Option<u16>,
        /// Text of the Close frame, or what broke.
        text: String,
    },
}

/// A message that breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Code of its header, if it has one.
    pub code: Option<Code>,
    /// Request id of its header, if it has one.
    pub request_id: Option<u32>,
    /// What is wrong, with the offset of the byte where there is one.
    pub reason: String,
    /// What it was answered, if anything.
    pub answer: Option<Code>,
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClosedBy {
    /// The peer, by a Close frame.
    Peer,
    /// The owner of the session.
    Local,
    /// Nothing came in time: no pong, no AUTH, no frame at all.
    Timeout,
    /// The peer did what the protocol answers with Close.
    Policy,
    /// The connection broke below the WebSocket.
    Transport,
}

/// What a session has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that broke the protocol.
    pub violations: u64,
    /// Responses that matched no request (section 3.4).
    pub unmatched: u64,
    /// Messages in chunks that did not complete in time.
    pub incomplete: u64,
    /// Answers of the session itself that were dropped because too many bytes waited to be written.
    pub dropped_answers: u64,
}
