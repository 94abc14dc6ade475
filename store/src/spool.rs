//! The durable spool: records and journal in one SQLite file, written by a thread of its own.
//!
//! Callers hand over a request and a callback. Everything that came in meanwhile goes into one transaction; callbacks are
//! called after its commit, on the thread of the store, and must not block. Nothing here waits for the disk but that thread.

mod completion;
pub(crate) mod database;
pub(crate) mod file;
mod health;
mod op;
mod worker;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::StoreError;
use crate::record::{Entry, JournalEntry, Record};

use self::completion::Completion;
pub use self::database::ReadBack;
pub use self::file::{FILE_NAME, LOCK_NAME};
use self::health::Shared;
pub use self::health::{Health, State};
use self::op::{Change, Op};
use self::worker::Worker;

/// Where and how much.
#[derive(Clone, Debug)]
pub struct Options {
    /// The state directory; created with mode 0700 if it is missing.
    pub directory: PathBuf,
    /// Room for records, dead letters included, counted by [`Record::cost_bytes`].
    pub max_bytes: u64,
    /// Number of records, dead letters included; each costs [`crate::Order`] about 24 bytes of memory.
    pub max_records: u64,
    /// Largest single record.
    pub max_record_bytes: u64,
    /// Requests that may wait for the next commit.
    pub queue: usize,
    /// Bytes that may wait for the next commit.
    pub queue_bytes: u64,
    /// Least time between two commits: bounds wear, and how long a record waits for others. At most 5 ms.
    pub commit_after: Duration,
    /// Requests in one commit.
    pub commit_records: usize,
    /// Bytes in one commit.
    pub commit_bytes: u64,
    /// How often a failed store tries again, and a healthy one looks whether its file is still there.
    pub probe_every: Duration,
    /// Pages of 4 KiB the file may take; for a quota harder than `max_bytes`, and for tests of a full disk.
    pub max_pages: Option<u32>,
    /// The caller's clock.
    pub clock: Clock,
}

impl Options {
    /// The defaults: 256 MiB, a million records, commits at most every millisecond.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, clock: Clock) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 256 * 1024 * 1024,
            max_records: 1_000_000,
            max_record_bytes: 16 * 1024 * 1024,
            queue: 16_384,
            queue_bytes: 64 * 1024 * 1024,
            commit_after: Duration::from_millis(1),
            commit_records: 1024,
            commit_bytes: 1024 * 1024,
            probe_every: Duration::from_secs(1),
            max_pages: None,
            clock,
        }
    }
}

/// What the store tells of itself, on its thread; the observer must not block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file is open and checked. Comes again when the store had to open it anew: take over its entries from scratch.
    Opened(Opened),
    /// Nothing can be written; requests are refused until [`Event::Healed`] or [`Event::Opened`].
    Failed(StoreError),
    /// Writing works again, with the same file and entries.
    Healed,
}

/// What an opened file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Waiting records in order.
    pub entries: Vec<Entry>,
    /// Registrations.
    pub journal: Vec<JournalEntry>,
    /// Where a damaged file was put, if one was found; see [`crate::salvage`].
    pub set_aside: Option<PathBuf>,
}

/// Handle of the store's thread. Dropping it commits what is queued, closes the file and waits for that.
#[derive(Debug)]
pub struct Spool {
    sender: mpsc::Sender<Op>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Spool {
    /// Starts the thread, which opens the file, and tries again until it can; says so through `observer`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Stopped`] when the system gives no thread.
    pub fn start(options: Options, observer: impl FnMut(Event) + Send + 'static) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::new(&options));
        let (sender, receiver) = mpsc::channel();
        let worker = Worker::new(options, Arc::clone(&shared), receiver, Box::new(observer));
        let thread = thread::Builder::new().name("edgebind-store".to_owned()).spawn(move || worker.run());
        let thread = thread.map_err(|_| StoreError::Stopped)?;
        Ok(Self { sender, shared, thread: Some(thread) })
    }

    /// Starts the thread and waits until the file is open; for commands and tests. Blocks.
    ///
    /// # Errors
    ///
    /// Why the first attempt to open it failed.
    pub fn open(options: Options) -> Result<(Self, Opened), StoreError> {
        let (sender, receiver) = mpsc::channel();
        let spool = Self::start(options, move |event| {
            // Only the first event is waited for.
            let _ = sender.send(event);
        })?;
        match receiver.recv() {
            Ok(Event::Opened(opened)) => Ok((spool, opened)),
            Ok(Event::Failed(error)) => Err(error),
            Ok(Event::Healed) | Err(_) => Err(StoreError::Stopped),
        }
    }

    /// Queues a record; `done` is called after the commit that has it, or with the reason why there is none.
    ///
    /// Commits keep the order of the calls.
    ///
    /// # Errors
    ///
    /// At once, without calling `done`: [`StoreError::SpoolFull`], [`StoreError::QueueFull`], [`StoreError::TooLarge`], or the
    /// reason why nothing can be written at present.
    pub fn append(
        &self,
        record: Record,
        done: impl FnOnce(Result<Entry, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let cost = record.cost_bytes();
        self.shared.admit(cost)?;
        self.send(Op::Append { record, cost, done: Completion::new(done) })
    }

    /// Appends records in one transaction: all of them are there afterwards, or none. For what comes from elsewhere, an
    /// import or a rescue; it does not take a place in the queue.
    ///
    /// # Errors
    ///
    /// At once, without calling `done`, as [`Spool::append`].
    pub fn append_all(
        &self,
        records: Vec<Record>,
        done: impl FnOnce(Result<Vec<Entry>, StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.shared.has_room_for(&records)?;
        self.post(Op::AppendAll { records, done: Completion::new(done) });
        Ok(())
    }

    /// Deletes records that the platform has confirmed. Never lost while the process lives: what cannot be written now is
    /// kept and written when the cause is gone. `done` gets the number of records.
    pub fn delete(&self, seqs: Vec<u64>, done: impl FnOnce(Result<u64, StoreError>) + Send + 'static) {
        self.change(Change::Delete { seqs }, done);
    }

    /// Moves records to the dead letters; kept and repeated like [`Spool::delete`].
    pub fn give_up(
        &self,
        seqs: Vec<u64>,
        reason: impl Into<String>,
        done: impl FnOnce(Result<u64, StoreError>) + Send + 'static,
    ) {
        self.change(Change::GiveUp { seqs, reason: reason.into() }, done);
    }

    /// Deletes dead letters for good, at the operator's word.
    pub fn drop_dead(&self, seqs: Vec<u64>, done: impl FnOnce(Result<u64, StoreError>) + Send + 'static) {
        self.change(Change::DropDead { seqs }, done);
    }

    /// Puts dead letters back to the end of the queue; `done` gets their new entries, for [`crate::Order::restore`].
    pub fn retry_dead(
        &self,
        seqs: Vec<u64>,
        done: impl FnOnce(Result<Vec<Entry>, StoreError>) + Send + 'static,
    ) {
        self.post(Op::RetryDead { seqs, done: Completion::new(done) });
    }

    /// Reads payloads back and checks them.
    pub fn read(&self, seqs: Vec<u64>, done: impl FnOnce(Result<ReadBack, StoreError>) + Send + 'static) {
        self.post(Op::Read { seqs, done: Completion::new(done) });
    }

    /// Writes an entry of the journal; one with a higher revision stays.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`]; the journal does not count against the room for records.
    pub fn put_journal(
        &self,
        entry: JournalEntry,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.shared.admit_journal()?;
        self.send(Op::PutJournal { entry, done: Completion::new(done) })
    }

    /// Takes an entry out of the journal.
    ///
    /// # Errors
    ///
    /// As [`Spool::put_journal`].
    pub fn remove_journal(
        &self,
        name: impl Into<String>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) -> Result<(), StoreError> {
        self.shared.admit_journal()?;
        self.send(Op::RemoveJournal { name: name.into(), done: Completion::new(done) })
    }

    /// Reads the whole journal as it stands after everything queued before.
    pub fn load_journal(&self, done: impl FnOnce(Result<Vec<JournalEntry>, StoreError>) + Send + 'static) {
        self.post(Op::LoadJournal { done: Completion::new(done) });
    }

    /// Appends and waits for the commit; for commands and tests. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Spool::append`].
    pub fn append_blocking(&self, record: Record) -> Result<Entry, StoreError> {
        let (sender, receiver) = mpsc::channel();
        self.append(record, move |result| drop(sender.send(result)))?;
        receiver.recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// Runs one of the requests with a callback and waits for its answer; for commands and tests. Blocks.
    ///
    /// ```text
    /// let gone = spool.wait(|spool, done| spool.drop_dead(seqs, done))?;
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the request.
    pub fn wait<T: Send + 'static>(
        &self,
        request: impl FnOnce(&Self, Box<dyn FnOnce(Result<T, StoreError>) + Send>),
    ) -> Result<T, StoreError> {
        let (sender, receiver) = mpsc::channel();
        request(self, Box::new(move |result| drop(sender.send(result))));
        receiver.recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// How it is, without asking the thread.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    fn change(&self, change: Change, done: impl FnOnce(Result<u64, StoreError>) + Send + 'static) {
        self.post(Op::Change { change, done: Completion::new(done) });
    }

    /// For requests that are bounded by the records they name.
    fn post(&self, op: Op) {
        // A closed channel drops the request, and its completion says `Stopped`.
        let _ = self.sender.send(op);
    }

    /// For requests whose refusal is returned.
    fn send(&self, op: Op) -> Result<(), StoreError> {
        self.sender.send(op).map_err(|mpsc::SendError(op)| {
            op.disarm();
            StoreError::Stopped
        })
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.post(Op::Stop);
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported by the hook; here only its end counts.
            let _ = thread.join();
        }
    }
}
