//! What can be set about a session.

use std::time::Duration;

use bytes::Bytes;

use super::SendError;
use crate::{DEFAULT_CHUNK_BYTES, Limits, ReassemblyLimits, multipart::announced_bytes};

/// Times and bounds of a session; `Default` is what an edge uses by the protocol notes, section 11.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Wait for the answer to a request, to AUTH and to BIND; default 10 s, 30 s for a platform.
    pub message_timeout: Duration,
    /// Time between two pings of an edge; default 55 s, at least 1 ms.
    ///
    /// It must stay below the platform's idle limit of 60 s (section 2.6).
    pub ping_rate: Duration,
    /// Wait of an edge for the pong; default 10 s.
    pub pong_timeout: Duration,
    /// Time without any frame of the edge after which a platform closes; default 60 s.
    pub idle_limit: Duration,
    /// Wait of a platform for AUTH, and for another one after a refusal; default 15 s.
    pub auth_timeout: Duration,
    /// Time after which an open request of the peer is answered with GATEWAY_TIMEOUT; default 60 s.
    ///
    /// A safety net for a request that was dropped on its way through the program: the peer stops waiting
    /// after 30 s (section 11).
    pub inbound_timeout: Duration,
    /// Longest message in bytes, header included, both ways; default 1 MiB (section 6.3).
    pub max_message_bytes: usize,
    /// Longest WebSocket message that is sent; longer messages go in chunks; default 8192 (section 6.4).
    pub chunk_bytes: u16,
    /// Most requests of ours that may be unanswered; default 500.
    pub max_pending: usize,
    /// Most requests of the peer that may be unanswered; one more gets SERVICE_UNAVAILABLE; default 500.
    pub max_inbound: usize,
    /// Most bytes that may wait to be written; default 16 MiB.
    pub max_queued_bytes: usize,
    /// Most messages in chunks that may be incomplete; default 32.
    pub max_reassemblies: usize,
    /// Most bytes held for messages in chunks; default 4 MiB.
    pub max_reassembly_bytes: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            message_timeout: Duration::from_secs(10),
            ping_rate: Duration::from_secs(55),
            pong_timeout: Duration::from_secs(10),
            idle_limit: Duration::from_secs(60),
            auth_timeout: Duration::from_secs(15),
            inbound_timeout: Duration::from_secs(60),
            max_message_bytes: 1 << 20,
            chunk_bytes: DEFAULT_CHUNK_BYTES,
            max_pending: 500,
            max_inbound: 500,
            max_queued_bytes: 16 << 20,
            max_reassemblies: 32,
            max_reassembly_bytes: 4 << 20,
        }
    }
}

impl SessionSettings {
    /// What a platform uses: as the default, but it waits 30 s for the answer of an edge (section 11).
    #[must_use]
    pub fn platform() -> Self {
        Self { message_timeout: Duration::from_secs(30), ..Self::default() }
    }

    /// Whether an encoded message may be sent, alone and ever: for an owner that keeps messages.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLarge`], and [`SendError::Encode`] for what is no message.
    pub fn check_size(&self, encoded: &Bytes) -> Result<(), SendError> {
        let limit = self.max_message_bytes;
        // Before anything is cut: the text of an absurd message is not looked at.
        if encoded.len() > limit {
            return Err(SendError::TooLarge { bytes: encoded.len(), limit });
        }
        let bytes = announced_bytes(encoded, self.chunk_bytes)
            .map_err(|error| SendError::Encode(error.to_string()))?;
        if bytes > limit { Err(SendError::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { max_message_bytes: self.max_message_bytes, ..Limits::DEFAULT }
    }

    pub(super) fn reassembly(&self) -> ReassemblyLimits {
        ReassemblyLimits {
            message: self.limits(),
            max_sets: self.max_reassemblies,
            max_bytes: self.max_reassembly_bytes,
            // 5 x message timeout (section 6.3).
            expiry: self.message_timeout.saturating_mul(5).min(LONGEST),
        }
    }
}

/// Longest wait that is computed with; keeps sums of times in range.
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
