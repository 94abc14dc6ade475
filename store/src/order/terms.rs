//! The words in which the order and its caller speak: limits, what to do, how far it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::verdict::Answer;

/// Bounds and delays of the delivery.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Entities with an unanswered replayed message at a time.
    pub window: usize,
    /// Replayed messages a second, beside live traffic.
    pub rate_per_s: u32,
    /// Payload bytes that may be merged into one message; a single larger record still goes, alone.
    pub max_message_bytes: u64,
    /// Records that may be merged into one message.
    pub max_merged: usize,
    /// Live updates of one entity that may wait for its unanswered one.
    pub max_live_waiting: usize,
    /// First delay of a retry; doubles.
    pub retry_first: Duration,
    /// Longest delay of a retry.
    pub retry_cap: Duration,
    /// First delay after 83, 84 or 8C; doubles.
    pub wait_first: Duration,
    /// Longest delay after 83, 84 or 8C.
    pub wait_cap: Duration,
    /// How long an entity may be refused so before its records are given up.
    pub wait_total: Duration,
    /// Delay after 81, which stops everything; doubles up to `retry_cap`.
    pub halt_first: Duration,
    /// Records older than this are given up by [`super::Order::expire`].
    pub max_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: 32,
            rate_per_s: 500,
            max_message_bytes: 512 * 1024,
            max_merged: 1000,
            max_live_waiting: 256,
            retry_first: Duration::from_secs(1),
            retry_cap: Duration::from_secs(5 * 60),
            wait_first: Duration::from_secs(5),
            wait_cap: Duration::from_secs(60 * 60),
            wait_total: Duration::from_secs(24 * 60 * 60),
            halt_first: Duration::from_secs(5),
            max_age: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Names an update: by its place on disk, or by the number the caller gave a live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// Sequence number in the spool.
    Stored(u64),
    /// The caller's own number of an update that is in memory only.
    Live(u64),
}

/// Number of a message on its way to the platform; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Flight(pub u64);

/// What to do with a live update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Send it now, then report with [`super::Order::answered`].
    Relay(Flight),
    /// Keep it in memory; an [`Action::Send`] or [`Action::Commit`] will name it.
    Wait,
    /// Append it to the spool now, then report with [`super::Order::committed`] or [`super::Order::append_failed`].
    Commit,
    /// Too many wait for this entity: 503.
    Refuse,
}

/// What the caller carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these as one message (several only if all are pushes), then report with [`super::Order::answered`].
    Send {
        /// To report with.
        flight: Flight,
        /// Whose they are.
        entity: Arc<str>,
        /// What goes together, in this order; all stored or all live.
        ids: Vec<Id>,
    },
    /// Append these live updates to the spool in this order, and report each.
    Commit {
        /// Whose they are.
        entity: Arc<str>,
        /// The caller's numbers.
        tokens: Vec<u64>,
    },
    /// The platform has these: delete them, and tell whoever waits for them.
    Delivered {
        /// Whose they are.
        entity: Arc<str>,
        /// Places in the spool.
        seqs: Vec<u64>,
    },
    /// Tell the senders of these live updates what the platform said.
    Reply {
        /// The caller's numbers.
        tokens: Vec<u64>,
        /// [`Answer::Done`] or [`Answer::Refused`].
        answer: Answer,
    },
    /// Move these to the dead letters.
    GiveUp {
        /// Whose they are.
        entity: Arc<str>,
        /// Places in the spool.
        seqs: Vec<u64>,
        /// Why.
        reason: Reason,
    },
}

/// Why records were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The platform will never take it.
    #[error("refused with {0:#04x}")]
    Refused(u8),
    /// The entity was refused for the whole of [`Limits::wait_total`].
    #[error("its entity was refused with {0:#04x} for too long")]
    EntityRefused(u8),
    /// Older than [`Limits::max_age`].
    #[error("older than the limit")]
    Expired,
}

/// How far the backlog is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Records on disk that the platform has not confirmed.
    pub records: u64,
    /// Their payloads.
    pub bytes: u64,
    /// Entities with such records.
    pub entities: usize,
    /// Entities that wait for a retry.
    pub waiting_entities: usize,
    /// Replayed messages without an answer yet.
    pub in_flight: usize,
    /// Age of the oldest record.
    pub oldest: Option<Duration>,
    /// Records confirmed a second, over the last ten seconds.
    pub rate_per_s: f64,
    /// Time to the end at this rate; `None` when nothing moves.
    pub remaining: Option<Duration>,
    /// Everything waits because the platform said 81; the next attempt is at this time.
    pub halted_until: Option<Instant>,
}

/// An entity that waits for a retry, for status and health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub entity: Arc<str>,
    /// Its records on disk.
    pub records: usize,
    /// Status of the last refusal; `None` when there was no answer.
    pub code: Option<u8>,
    /// Attempts that failed in a row.
    pub attempts: u32,
    /// The next one.
    pub until: Instant,
}
