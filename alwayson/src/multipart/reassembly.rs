//! Joins chunks to messages, in any order and within bounds (protocol notes, section 6.3).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::chunk::{Chunk, ChunkEntity};
use crate::wire::{DecodeError, Header, Limits, Writer, decode_body};
use crate::{Code, Message};

/// Joins the chunks that come in on one connection in one direction.
///
/// Sets are told apart by code, request id and endpoint id. Memory follows the bytes that
/// really came, never the numbers that a chunk announces.
#[derive(Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    sets: Vec<ChunkSet>,
    held_bytes: usize,
    unreported: usize,
}

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Bounds of the whole message; also what chunk count x chunk size may reach.
    pub message: Limits,
    /// Most messages that may be incomplete at the same time; default 32.
    pub max_sets: usize,
    /// Most bytes held for all incomplete messages; default 4 MiB.
    pub max_bytes: usize,
    /// Time from the first chunk after which an incomplete message is dropped; default 50 s.
    pub expiry: Duration,
}

/// A chunk that was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{reason}")]
pub struct ReassemblyError {
    /// Header of the chunk.
    pub header: Header,
    /// Why.
    pub reason: ReassemblyReason,
    answer: Option<Code>,
}

/// Why a chunk was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReassemblyReason {
    /// The number is 0 or above the count.
    #[error("chunk number {number} is not between 1 and {count}")]
    Number {
        /// Number of the chunk.
        number: u16,
        /// Count of chunks.
        count: u16,
    },
    /// The message would be, or has become, longer than the limit.
    #[error("multipart message of up to {length} bytes is longer than the limit of {max}")]
    Length {
        /// Announced or collected length in bytes.
        length: usize,
        /// Limit in bytes.
        max: usize,
    },
    /// The chunk does not belong to the message whose ids it carries.
    #[error("chunk differs in count, size or entity from the first one of its message")]
    Foreign,
    /// Too many messages are incomplete.
    #[error("{max} multipart messages are incomplete already")]
    Sets {
        /// Limit of incomplete messages.
        max: usize,
    },
    /// Too many bytes of incomplete messages are held.
    #[error("more than {max} bytes of incomplete multipart messages")]
    Bytes {
        /// Limit in bytes.
        max: usize,
    },
    /// The joined body is no message.
    #[error("joined message: {0}")]
    Decode(#[source] DecodeError),
}

impl ReassemblyLimits {
    /// The bounds that hold where nobody says otherwise.
    pub const DEFAULT: Self = Self {
        message: Limits::DEFAULT,
        max_sets: 32,
        max_bytes: 4 * 1_048_576,
        expiry: Duration::from_secs(50),
    };
}

impl Default for ReassemblyLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl ReassemblyError {
    /// The status to answer with; `None` if there is nothing to answer.
    ///
    /// It is `Some` once at most for each message, however many of its chunks are refused, and
    /// never for a response.
    #[must_use]
    pub const fn answer(&self) -> Option<Code> {
        self.answer
    }
}

impl Reassembler {
    /// A reassembler without chunks.
    #[must_use]
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self { limits, sets: Vec::new(), held_bytes: 0, unreported: 0 }
    }

    /// Takes a chunk; returns the message once all its chunks came.
    ///
    /// A repeated chunk is ignored.
    ///
    /// # Errors
    ///
    /// [`ReassemblyError`]; the other incomplete messages stay as they are.
    pub fn receive(&mut self, now: Instant, chunk: Chunk) -> Result<Option<Message>, ReassemblyError> {
        self.drop_stale(now);
        if chunk.number == 0 || chunk.number > chunk.count {
            let reason = ReassemblyReason::Number { number: chunk.number, count: chunk.count };
            return Err(refused(&chunk.header, reason, None));
        }
        // Of a message that is refused by what each chunk announces, the first chunk is answered.
        let answer_once = |status| (chunk.number == 1).then_some(status);
        let max = self.limits.message.max_message_bytes;
        let announced = usize::from(chunk.count) * usize::from(chunk.size);
        if announced > max {
            let answer = answer_once(Code::ENTITY_TOO_LARGE);
            return Err(refused(&chunk.header, ReassemblyReason::Length { length: announced, max }, answer));
        }
        let index = match self.sets.iter().position(|set| set.key == Key::of(&chunk.header)) {
            Some(index) => index,
            None if self.sets.len() >= self.limits.max_sets => {
                let reason = ReassemblyReason::Sets { max: self.limits.max_sets };
                return Err(refused(&chunk.header, reason, answer_once(Code::SERVICE_UNAVAILABLE)));
            }
            None => {
                let set = ChunkSet::new(&chunk, now + self.limits.expiry);
                self.held_bytes += set.held_bytes();
                self.sets.push(set);
                self.sets.len() - 1
            }
        };
        self.add(index, &chunk)
    }

    /// Drops the messages that did not complete in time; returns how many since the last call.
    pub fn expire(&mut self, now: Instant) -> usize {
        self.drop_stale(now);
        std::mem::take(&mut self.unreported)
    }

    /// When [`Reassembler::expire`] has something to do next.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.sets.iter().map(|set| set.deadline).min()
    }

    /// Bytes held for incomplete messages, bookkeeping included.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    fn add(&mut self, index: usize, chunk: &Chunk) -> Result<Option<Message>, ReassemblyError> {
        let Some(set) = self.sets.get_mut(index) else { return Ok(None) };
        if set.refused {
            return Ok(None);
        }
        if set.is_foreign(chunk) {
            return Err(refused(&chunk.header, ReassemblyReason::Foreign, None));
        }
        let before = set.held_bytes();
        set.add(chunk);
        let after = set.held_bytes();
        self.held_bytes = self.held_bytes - before + after;
        if let Some(reason) = self.over_limit(index) {
            return Err(self.refuse(index, &chunk.header, reason));
        }
        if !self.sets.get(index).is_some_and(ChunkSet::is_complete) {
            return Ok(None);
        }
        let set = self.sets.swap_remove(index);
        self.held_bytes -= set.held_bytes();
        decode_body(&set.header, &set.joined.freeze(), &self.limits.message).map(Some).map_err(|error| {
            let answer = Some(error.status());
            refused(&chunk.header, ReassemblyReason::Decode(error), answer)
        })
    }

    fn over_limit(&self, index: usize) -> Option<ReassemblyReason> {
        let length = self.sets.get(index)?.message_length();
        let max = self.limits.message.max_message_bytes;
        if length > max {
            return Some(ReassemblyReason::Length { length, max });
        }
        let max = self.limits.max_bytes;
        (self.held_bytes > max).then_some(ReassemblyReason::Bytes { max })
    }

    /// Frees what a set holds but remembers it until it is stale, so that it is answered once.
    fn refuse(&mut self, index: usize, header: &Header, reason: ReassemblyReason) -> ReassemblyError {
        if let Some(set) = self.sets.get_mut(index) {
            self.held_bytes -= set.held_bytes();
            set.refuse();
            self.held_bytes += set.held_bytes();
        }
        refused(header, reason, Some(Code::ENTITY_TOO_LARGE))
    }

    fn drop_stale(&mut self, now: Instant) {
        let (held_bytes, unreported) = (&mut self.held_bytes, &mut self.unreported);
        self.sets.retain(|set| {
            if set.deadline > now {
                return true;
            }
            *held_bytes -= set.held_bytes();
            *unreported += usize::from(!set.refused);
            false
        });
    }
}

/// What tells one incomplete message from another; the direction is the reassembler's own.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    code: Code,
    request_id: u32,
    endpoint_id: u32,
}

impl Key {
    const fn of(header: &Header) -> Self {
        Self { code: header.code, request_id: header.request_id, endpoint_id: header.endpoint_id }
    }
}

/// The chunks of one incomplete message.
#[derive(Debug)]
struct ChunkSet {
    key: Key,
    header: Header,
    count: u16,
    size: u16,
    entity: Option<ChunkEntity>,
    deadline: Instant,
    /// Chunks 1 to `joined_count`, one behind the other, led by the entity.
    joined: BytesMut,
    joined_count: u16,
    /// Chunks that came before their turn.
    early: BTreeMap<u16, Bytes>,
    early_bytes: usize,
    /// Dropped for its length; the rest of its chunks is ignored.
    refused: bool,
}

impl ChunkSet {
    fn new(chunk: &Chunk, deadline: Instant) -> Self {
        let mut joined = BytesMut::new();
        if let Some(entity) = &chunk.entity {
            // A name that was decoded is short enough to be written.
            let _ = entity.write(&mut Writer::new(&mut joined));
        }
        Self {
            key: Key::of(&chunk.header),
            header: Header { multipart: false, ..chunk.header },
            count: chunk.count,
            size: chunk.size,
            entity: chunk.entity.clone(),
            deadline,
            joined,
            joined_count: 0,
            early: BTreeMap::new(),
            early_bytes: 0,
            refused: false,
        }
    }

    /// Takes a chunk of this message; one that is there already changes nothing.
    fn add(&mut self, chunk: &Chunk) {
        if chunk.number <= self.joined_count || self.early.contains_key(&chunk.number) {
            return;
        }
        if chunk.number > self.joined_count + 1 {
            // A copy: the slice would keep the whole read buffer of the connection alive.
            self.early.insert(chunk.number, Bytes::copy_from_slice(&chunk.data));
            self.early_bytes += chunk.data.len();
            return;
        }
        self.joined.extend_from_slice(&chunk.data);
        self.joined_count = chunk.number;
        while let Some(data) = self.early.remove(&self.joined_count.saturating_add(1)) {
            self.early_bytes -= data.len();
            self.joined.extend_from_slice(&data);
            self.joined_count += 1;
        }
    }

    fn refuse(&mut self) {
        self.refused = true;
        self.entity = None;
        self.joined = BytesMut::new();
        self.early = BTreeMap::new();
        self.early_bytes = 0;
    }

    fn is_foreign(&self, chunk: &Chunk) -> bool {
        self.count != chunk.count || self.size != chunk.size || self.entity != chunk.entity
    }

    const fn is_complete(&self) -> bool {
        self.joined_count == self.count
    }

    /// Length of the message as far as it came.
    fn message_length(&self) -> usize {
        Header::LEN + self.joined.len() + self.early_bytes
    }

    fn held_bytes(&self) -> usize {
        let name = self.entity.as_ref().map_or(0, |entity| entity.name.len());
        name + self.joined.len() + self.early_bytes + self.early.len() * EARLY_OVERHEAD
    }
}

/// What an early chunk takes besides its data, so that empty chunks count as well.
const EARLY_OVERHEAD: usize = 64;

fn refused(header: &Header, reason: ReassemblyReason, answer: Option<Code>) -> ReassemblyError {
    let answer = answer.filter(|_| !header.code.is_response());
    ReassemblyError { header: *header, reason, answer }
}
