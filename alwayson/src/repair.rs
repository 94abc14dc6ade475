//! Tolerance for requests that a sender cut in two without saying so (protocol notes, section 14.5).
//!
//! The reference client sends a request whose body is a little longer than one chunk as two
//! WebSocket messages that both claim to be whole: the first with the header and the start of the
//! body, the second with the same header and the rest, which may be empty. [`SplitRepair`] stands
//! in front of the decoder of one connection and puts such halves together again.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use crate::wire::{DecodeError, Header, Incoming, Limits, decode};
use crate::{Body, Method};

/// Decodes the messages of one connection and holds at most one request that looks cut.
#[derive(Debug, Default)]
pub struct SplitRepair {
    held: Option<Half>,
    /// First bytes of the last whole request, to know the empty second half of one.
    last_request: Option<[u8; Header::LEN]>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Repaired {
    /// Request that was held and never got its second half: answer it with BAD_REQUEST.
    pub released: Option<Header>,
    /// What the message itself is.
    pub outcome: RepairOutcome,
}

/// What a message is, alone or together with its first half.
#[derive(Clone, Debug, PartialEq)]
pub enum RepairOutcome {
    /// A message or a chunk.
    Decoded(Incoming),
    /// No message; if it is a request, answer it with [`DecodeError::status`].
    Refused(DecodeError),
    /// Kept for its second half until [`SplitRepair::deadline`].
    Held,
    /// The empty second half of a request that was whole already.
    Dropped,
}

/// The first half of a request.
#[derive(Debug)]
struct Half {
    header: Header,
    message: Bytes,
    deadline: Instant,
}

impl SplitRepair {
    /// Time for which a request waits for its second half.
    pub const HOLD: Duration = Duration::from_secs(1);

    /// Takes the next WebSocket binary message of the connection.
    pub fn receive(&mut self, now: Instant, message: &Bytes, limits: &Limits) -> Repaired {
        let Some(half) = self.held.take() else {
            return Repaired { released: None, outcome: self.receive_alone(now, message, limits) };
        };
        if half.deadline > now && front(message) == front(&half.message) {
            return Repaired { released: None, outcome: self.join(&half, message, limits) };
        }
        Repaired { released: Some(half.header), outcome: self.receive_alone(now, message, limits) }
    }

    /// Gives up a request whose second half did not come in time: answer it with BAD_REQUEST.
    pub fn expire(&mut self, now: Instant) -> Option<Header> {
        self.held.take_if(|half| half.deadline <= now).map(|half| half.header)
    }

    /// When [`SplitRepair::expire`] has something to do next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|half| half.deadline)
    }

    fn receive_alone(&mut self, now: Instant, message: &Bytes, limits: &Limits) -> RepairOutcome {
        if message.len() == Header::LEN && front(message) == self.last_request {
            return RepairOutcome::Dropped;
        }
        self.last_request = None;
        match decode(message, limits) {
            Ok(incoming) => {
                if matches!(&incoming, Incoming::Message(message) if matches!(message.body, Body::Request(_)))
                {
                    self.last_request = front(message);
                }
                RepairOutcome::Decoded(incoming)
            }
            Err(error) => match cut_request(message, &error) {
                Some(header) => {
                    self.held = Some(Half { header, message: message.clone(), deadline: now + Self::HOLD });
                    RepairOutcome::Held
                }
                None => RepairOutcome::Refused(error),
            },
        }
    }

    /// A third part never comes: what is still cut after joining is refused.
    fn join(&mut self, half: &Half, message: &Bytes, limits: &Limits) -> RepairOutcome {
        let rest = message.get(Header::LEN..).unwrap_or_default();
        let mut whole = BytesMut::with_capacity(half.message.len() + rest.len());
        whole.extend_from_slice(&half.message);
        whole.extend_from_slice(rest);
        self.last_request = front(message);
        match decode(&whole.freeze(), limits) {
            Ok(incoming) => RepairOutcome::Decoded(incoming),
            Err(error) => RepairOutcome::Refused(error),
        }
    }
}

/// Header of `message` if it may be the first half of a request: whole by its marker, not empty, and too short.
fn cut_request(message: &Bytes, error: &DecodeError) -> Option<Header> {
    let header = Header::decode(message).ok()?;
    let may_be_cut = error.is_truncated()
        && message.len() > Header::LEN
        && !header.multipart
        && Method::from_code(header.code).is_some();
    may_be_cut.then_some(header)
}

fn front(message: &[u8]) -> Option<[u8; Header::LEN]> {
    message.first_chunk().copied()
}
