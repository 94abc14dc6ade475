//! The session: one WebSocket connection from AUTH to Close, as a state machine for each end.
//!
//! [`EdgeSession`] and [`PlatformSession`] own no socket and no clock. The caller hands in what arrived
//! together with `now`, then takes out [`Frame`]s to write, [`Event`]s to act on and the time of the next
//! [`handle_timeout`](EdgeSession::handle_timeout), all three after every call. Both ends share one core:
//! requests in flight with their deadlines, open requests of the peer, chunks, limits.
//!
//! Not their business: connecting, retrying, which names to bind, what a request means.
//!
//! # Bounds
//!
//! Requests in flight and open requests of the peer are counted ([`SessionSettings::max_pending`],
//! [`SessionSettings::max_inbound`]), bytes waiting to be written too ([`SessionSettings::max_queued_bytes`]):
//! beyond it requests are refused with [`SendError::Congested`] and answers that the session gives by itself
//! are dropped and counted. A caller that reads no further while its writer is behind never gets there.

mod core;
mod edge;
mod error;
mod event;
mod heartbeat;
mod inbound;
mod outbox;
mod pending;
mod platform;
mod settings;

use std::fmt;

use bytes::Bytes;

pub use edge::EdgeSession;
pub use error::SendError;
pub use event::{ClosedBy, Counts, Event, Violation};
pub use platform::PlatformSession;
pub use settings::SessionSettings;

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// AUTH is on its way (edge) or awaited (platform).
    Authenticating,
    /// AUTH was refused or not answered; the connection stands and AUTH may be sent again (section 7.2).
    Refused,
    /// Requests may be sent.
    Authenticated,
    /// The end; frames that are left may still be written.
    Closed,
}

/// Something to write to the WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A binary message: a whole AlwaysOn message or one chunk.
    Binary(Bytes),
    /// A ping.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The last frame of the connection; the caller closes TCP behind it.
    Close {
        /// Status (section 2.7).
        code: u16,
        /// Fixed text and reason, at most 123 bytes.
        text: String,
    },
}

/// A request of ours, until its one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u32);

impl RequestId {
    /// The id in the header of the request, for logs.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request of the peer that waits for its one answer; never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InboundId(u64);
