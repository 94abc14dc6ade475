//! The state that callers read without asking the thread: limits, counters, and whether anything can be written.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::StoreError;
use crate::record::Record;

use super::Options;
use super::database::Totals;
use super::op::Tally;

/// What the store is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The file is being opened and checked.
    Opening,
    /// Records are taken.
    Ready,
    /// Nothing can be written; it is tried again from time to time.
    Failed(StoreError),
}

/// A picture of the store at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it is doing.
    pub state: State,
    /// Waiting records on disk.
    pub records: u64,
    /// Their room, by [`crate::Record::cost_bytes`].
    pub bytes: u64,
    /// Limit of `bytes` with `dead_bytes`.
    pub limit_bytes: u64,
    /// Dead letters.
    pub dead_records: u64,
    /// Their room.
    pub dead_bytes: u64,
    /// Requests that wait for a commit.
    pub queued: u64,
    /// Transactions since the start.
    pub commits: u64,
    /// Records appended since the start.
    pub appended: u64,
    /// Transactions that failed since the start.
    pub failures: u64,
    /// How long the last commit took.
    pub last_commit: Duration,
    /// Where the last damaged file was put.
    pub set_aside: Option<PathBuf>,
}

#[derive(Debug)]
pub(super) struct Shared {
    writable: AtomicBool,
    state: Mutex<(State, Option<PathBuf>)>,
    waiting: Counter,
    dead: Counter,
    queued: Counter,
    limit: Totals,
    queue: Totals,
    max_record_bytes: u64,
    commits: AtomicU64,
    appended: AtomicU64,
    failures: AtomicU64,
    last_commit_us: AtomicU64,
}

#[derive(Debug, Default)]
struct Counter {
    records: AtomicU64,
    bytes: AtomicU64,
}

impl Shared {
    pub(super) fn new(options: &Options) -> Self {
        let queue = u64::try_from(options.queue).unwrap_or(u64::MAX);
        Self {
            writable: AtomicBool::new(false),
            state: Mutex::new((State::Opening, None)),
            waiting: Counter::default(),
            dead: Counter::default(),
            queued: Counter::default(),
            limit: Totals { records: options.max_records, bytes: options.max_bytes },
            queue: Totals { records: queue, bytes: options.queue_bytes },
            max_record_bytes: options.max_record_bytes,
            commits: AtomicU64::new(0),
            appended: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_commit_us: AtomicU64::new(0),
        }
    }

    /// Takes a place in the queue for a record of this cost.
    pub(super) fn admit(&self, cost: u64) -> Result<(), StoreError> {
        if cost > self.max_record_bytes || cost > self.limit.bytes {
            let limit_bytes = self.max_record_bytes.min(self.limit.bytes);
            return Err(StoreError::TooLarge { size_bytes: cost, limit_bytes });
        }
        self.writable()?;
        let queued = self.queued.add(Totals { records: 1, bytes: cost });
        let all = self.waiting.read().plus(self.dead.read()).plus(queued);
        let refusal = if all.exceeds(self.limit) {
            StoreError::SpoolFull {
                bytes: all.bytes.saturating_sub(cost),
                limit_bytes: self.limit.bytes,
                records: all.records.saturating_sub(1),
                limit_records: self.limit.records,
            }
        } else if queued.exceeds(self.queue) {
            StoreError::QueueFull { limit: usize::try_from(self.queue.records).unwrap_or(usize::MAX) }
        } else {
            return Ok(());
        };
        self.leave(cost);
        Err(refusal)
    }

    /// Whether these records fit beside what is there.
    pub(super) fn has_room_for(&self, records: &[Record]) -> Result<(), StoreError> {
        let mut more = Totals::default();
        for record in records {
            let cost = record.cost_bytes();
            if cost > self.max_record_bytes {
                return Err(StoreError::TooLarge { size_bytes: cost, limit_bytes: self.max_record_bytes });
            }
            more = more.plus(Totals { records: 1, bytes: cost });
        }
        self.writable()?;
        let there = self.waiting.read().plus(self.dead.read()).plus(self.queued.read());
        if there.plus(more).exceeds(self.limit) {
            return Err(StoreError::SpoolFull {
                bytes: there.bytes,
                limit_bytes: self.limit.bytes,
                records: there.records,
                limit_records: self.limit.records,
            });
        }
        Ok(())
    }

    /// Takes a place in the queue for the journal, which the limit of records does not concern.
    pub(super) fn admit_journal(&self) -> Result<(), StoreError> {
        self.writable()?;
        let queued = self.queued.add(Totals { records: 1, bytes: 0 });
        if queued.records > self.queue.records {
            self.leave(0);
            return Err(StoreError::QueueFull {
                limit: usize::try_from(self.queue.records).unwrap_or(usize::MAX),
            });
        }
        Ok(())
    }

    /// Gives the place in the queue back.
    pub(super) fn leave(&self, cost: u64) {
        self.queued.sub(Totals { records: 1, bytes: cost });
    }

    pub(super) fn opened(&self, waiting: Totals, dead: Totals, set_aside: Option<PathBuf>) {
        self.waiting.set(waiting);
        self.dead.set(dead);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = State::Ready;
        if set_aside.is_some() {
            state.1 = set_aside;
        }
        self.writable.store(true, Ordering::Release);
    }

    pub(super) fn failed(&self, error: StoreError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.writable.store(false, Ordering::Release);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = State::Failed(error);
    }

    pub(super) fn healed(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = State::Ready;
        self.writable.store(true, Ordering::Release);
    }

    /// Counts a durable transaction.
    pub(super) fn committed(&self, tally: &Tally, took: Duration) {
        self.waiting.add(tally.appended.plus(tally.retried));
        self.waiting.sub(tally.deleted.plus(tally.given_up));
        self.dead.add(tally.given_up);
        self.dead.sub(tally.dropped.plus(tally.retried));
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.appended.fetch_add(tally.appended.records, Ordering::Relaxed);
        self.last_commit_us.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn health(&self) -> Health {
        let (state, set_aside) = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (waiting, dead) = (self.waiting.read(), self.dead.read());
        Health {
            state,
            records: waiting.records,
            bytes: waiting.bytes,
            limit_bytes: self.limit.bytes,
            dead_records: dead.records,
            dead_bytes: dead.bytes,
            queued: self.queued.read().records,
            commits: self.commits.load(Ordering::Relaxed),
            appended: self.appended.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_commit: Duration::from_micros(self.last_commit_us.load(Ordering::Relaxed)),
            set_aside,
        }
    }

    fn writable(&self) -> Result<(), StoreError> {
        if self.writable.load(Ordering::Acquire) {
            return Ok(());
        }
        match &self.state.lock().unwrap_or_else(PoisonError::into_inner).0 {
            State::Failed(error) => Err(error.clone()),
            // It has just healed.
            State::Ready => Ok(()),
            State::Opening => Err(StoreError::Opening),
        }
    }
}

impl Totals {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_add(other.records),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    const fn exceeds(self, limit: Self) -> bool {
        self.records > limit.records || self.bytes > limit.bytes
    }
}

impl Counter {
    fn add(&self, more: Totals) -> Totals {
        let records = self.records.fetch_add(more.records, Ordering::AcqRel);
        let bytes = self.bytes.fetch_add(more.bytes, Ordering::AcqRel);
        Totals { records, bytes }.plus(more)
    }

    fn sub(&self, less: Totals) {
        // Saturates: a damaged row may say another length than it was counted with.
        for (counter, less) in [(&self.records, less.records), (&self.bytes, less.bytes)] {
            let sub = |value: u64| Some(value.saturating_sub(less));
            let _ = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, sub);
        }
    }

    fn set(&self, totals: Totals) {
        self.records.store(totals.records, Ordering::Release);
        self.bytes.store(totals.bytes, Ordering::Release);
    }

    fn read(&self) -> Totals {
        Totals { records: self.records.load(Ordering::Acquire), bytes: self.bytes.load(Ordering::Acquire) }
    }
}
