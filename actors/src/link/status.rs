//! What the rest of the gateway may know of the link at any moment.

use std::time::{Duration, SystemTime};

/// State of the connection to the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// Which of the steps the link is at.
    pub phase: Phase,
    /// Counts the connections of this process: what was known of a former one is void.
    pub connection: u64,
    /// Server that the link talks to or tries, `host:port`.
    pub server: String,
    /// Since when the link is in this phase.
    pub since: SystemTime,
    /// Why the last connection or attempt ended.
    pub last_error: Option<String>,
}

/// Steps of the connection (scenario D: initiation, authentication; binding follows).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The WebSocket is being opened.
    Connecting,
    /// The WebSocket stands, the application key is being checked.
    Authenticating,
    /// The application key was refused; it is offered again on the same connection.
    Refused,
    /// Requests may pass.
    Online,
    /// Waits before the next attempt.
    Waiting {
        /// How long, counted from `since`.
        delay: Duration,
    },
    /// Off on purpose: the duty cycle says so, and nothing is wrong.
    Sleeping {
        /// How long, counted from `since`.
        delay: Duration,
    },
    /// Stopped in order.
    Stopped,
}

impl LinkStatus {
    /// Whether requests may pass (LocalEms property `isConnected`, EMS notes, 7.0).
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }
}

impl Phase {
    /// Whether a connection may stand within a moment, if somebody asks for one.
    #[must_use]
    pub const fn is_within_reach(self) -> bool {
        matches!(self, Self::Sleeping { .. } | Self::Connecting | Self::Authenticating)
    }

    /// One word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Refused => "refused",
            Self::Online => "online",
            Self::Waiting { .. } => "waiting",
            Self::Sleeping { .. } => "sleeping",
            Self::Stopped => "stopped",
        }
    }
}
