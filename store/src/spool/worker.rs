//! The thread: gathers requests, commits them together, and deals with a file that fails.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Instant;

use crate::error::StoreError;
use crate::fail_point;
use crate::record::JournalEntry;

use super::database::Database;
use super::file::{self, FILE_NAME};
use super::health::Shared;
use super::op::{Op, Outcome, Tally};
use super::{Event, Opened, Options};

/// Everything the thread owns.
pub(super) struct Worker {
    options: Options,
    shared: Arc<Shared>,
    receiver: Receiver<Op>,
    observer: Box<dyn FnMut(Event) + Send>,
    path: PathBuf,
    /// Held from the first success to the end.
    lock: Option<File>,
    database: Option<Database>,
    /// Why nothing can be written.
    failed: Option<StoreError>,
    /// Deletions and the like that could not be written yet.
    owed: Vec<Op>,
    /// Requests that the next transaction takes.
    gathered: Vec<Op>,
    next_commit: Instant,
    next_probe: Instant,
    stopping: bool,
}

impl Worker {
    pub(super) fn new(
        options: Options,
        shared: Arc<Shared>,
        receiver: Receiver<Op>,
        observer: Box<dyn FnMut(Event) + Send>,
    ) -> Self {
        let now = (options.clock.now)();
        let path = options.directory.join(FILE_NAME);
        Self {
            options,
            shared,
            receiver,
            observer,
            path,
            lock: None,
            database: None,
            failed: None,
            owed: Vec::new(),
            gathered: Vec::new(),
            next_commit: now,
            next_probe: now,
            stopping: false,
        }
    }

    pub(super) fn run(mut self) {
        self.open();
        self.next_probe = self.now() + self.options.probe_every;
        while !self.stopping {
            let patience = self.next_probe.saturating_duration_since(self.now());
            match self.receiver.recv_timeout(patience) {
                Ok(op) => {
                    self.take(op);
                    self.gather();
                    self.commit();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            }
            if self.now() >= self.next_probe {
                self.probe();
                self.next_probe = self.now() + self.options.probe_every;
            }
        }
        // What is still owed gets a last try; otherwise the next start sends those records once more.
        self.failed = None;
        self.commit();
    }

    /// Takes what waits, until the next commit is due or big enough.
    fn gather(&mut self) {
        let mut bytes: u64 = self.gathered.iter().map(Op::size_bytes).sum();
        while !self.stopping
            && self.gathered.len() < self.options.commit_records
            && bytes < self.options.commit_bytes
        {
            let patience = self.next_commit.saturating_duration_since(self.now());
            let next = if patience.is_zero() {
                self.receiver.try_recv().map_err(|error| error == TryRecvError::Disconnected)
            } else {
                self.receiver.recv_timeout(patience).map_err(|error| error == RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(op) => {
                    bytes = bytes.saturating_add(op.size_bytes());
                    self.take(op);
                }
                Err(true) => self.stopping = true,
                Err(false) if patience.is_zero() => return,
                Err(false) => {}
            }
        }
    }

    fn take(&mut self, op: Op) {
        if matches!(op, Op::Stop) {
            self.stopping = true;
        } else {
            self.gathered.push(op);
        }
    }

    /// One transaction for everything gathered; answers after it is durable.
    fn commit(&mut self) {
        let mut ops = Vec::new();
        if let Some(error) = self.failed.clone() {
            // A full disk can still be read: the backlog goes on and makes room.
            let readable = self.database.is_some();
            let (reads, others) =
                std::mem::take(&mut self.gathered).into_iter().partition(|op| readable && op.is_read());
            self.gathered = others;
            self.refuse(&error);
            ops = reads;
        } else {
            ops.append(&mut self.owed);
            ops.append(&mut self.gathered);
        }
        if ops.is_empty() {
            return;
        }
        let Some(database) = self.database.as_mut() else {
            self.gathered = ops;
            let error = self.failed.clone().unwrap_or(StoreError::Opening);
            return self.refuse(&error);
        };
        let start = (self.options.clock.now)();
        match transact(database, &ops, (self.options.clock.unix_ms)()) {
            Ok((outcomes, tally)) => {
                self.shared.committed(&tally, self.now().saturating_duration_since(start));
                for (op, outcome) in ops.into_iter().zip(outcomes) {
                    self.leave(&op);
                    op.succeed(outcome);
                }
                self.next_commit = start + self.options.commit_after;
            }
            Err(error) => {
                database.rollback();
                self.gathered = ops;
                // Who is told of the failure finds it in the health, too.
                self.fail(error.clone());
                self.refuse(&error);
            }
        }
    }

    /// Answers what was gathered with an error; what must happen in the end is kept.
    fn refuse(&mut self, error: &StoreError) {
        for op in std::mem::take(&mut self.gathered) {
            self.leave(&op);
            if matches!(op, Op::Change { .. }) && !self.stopping {
                self.owed.push(op);
            } else {
                op.refuse(error.clone());
            }
        }
    }

    fn leave(&self, op: &Op) {
        if op.is_queued() {
            self.shared.leave(if matches!(op, Op::Append { .. }) { op.size_bytes() } else { 0 });
        }
    }

    fn fail(&mut self, error: StoreError) {
        // A full or busy file leaves the connection as it was; after anything else it is not trusted any more.
        if !matches!(error, StoreError::DiskFull { .. } | StoreError::Locked { .. }) {
            self.database = None;
        }
        let first = self.failed.as_ref() != Some(&error);
        self.failed = Some(error.clone());
        self.shared.failed(error.clone());
        if first {
            tracing::error!(%error, "The spool cannot be written.");
            (self.observer)(Event::Failed(error.clone()));
        }
        if matches!(error, StoreError::Damaged { .. }) && !self.stopping {
            self.open();
        }
    }

    /// Opens the file; a damaged one is set aside and a fresh one started.
    fn open(&mut self) {
        match self.try_open() {
            Ok(opened) => {
                self.failed = None;
                (self.observer)(Event::Opened(opened));
            }
            Err(error) => {
                self.database = None;
                let first = self.failed.as_ref() != Some(&error);
                self.failed = Some(error.clone());
                self.shared.failed(error.clone());
                if first {
                    tracing::error!(%error, "The spool cannot be opened.");
                    (self.observer)(Event::Failed(error));
                }
            }
        }
    }

    fn try_open(&mut self) -> Result<Opened, StoreError> {
        if self.lock.is_none() {
            self.lock = Some(file::hold(&self.options.directory)?);
        }
        // Found damaged while it was open: the check at opening may not see what a statement saw.
        let mut set_aside = None;
        if matches!(self.failed, Some(StoreError::Damaged { .. })) && self.path.exists() {
            set_aside = Some(self.set_aside()?);
        }
        let opened = match Database::open(&self.path, self.options.max_pages) {
            Err(error @ StoreError::Damaged { .. }) => {
                tracing::error!(%error, "The spool is damaged.");
                set_aside = Some(self.set_aside()?);
                Database::open(&self.path, self.options.max_pages)
            }
            other => other,
        };
        let mut database = opened?;
        if let Some(aside) = &set_aside {
            carry_journal_over(&mut database, aside, (self.options.clock.unix_ms)());
        }
        let entries = database.index()?;
        let journal = database.journal()?;
        self.shared.opened(database.totals("record")?, database.totals("dead")?, set_aside.clone());
        self.database = Some(database);
        Ok(Opened { entries, journal, set_aside })
    }

    fn set_aside(&self) -> Result<PathBuf, StoreError> {
        let aside = file::set_aside(&self.path, (self.options.clock.unix_ms)())?;
        tracing::error!(file = %aside.display(), "A damaged spool was set aside; `spool salvage` reads what can be read.");
        Ok(aside)
    }

    /// From time to time: looks whether the cause of a failure is gone, and whether the file is still in its place.
    fn probe(&mut self) {
        let Some(database) = self.database.as_ref() else { return self.open() };
        if !database.is_in_place() {
            let detail = "it was removed or replaced while it was open".to_owned();
            self.fail(StoreError::Io { path: self.path.clone(), detail });
            return self.open();
        }
        if self.failed.is_none() {
            if let Err(error) = database.shrink() {
                self.fail(error);
            }
            return;
        }
        // Deletions first: they may be what makes room.
        let failed = self.failed.take();
        self.commit();
        if self.failed.is_some() {
            return;
        }
        match self.database.as_ref().map(Database::probe) {
            Some(Ok(())) => {
                self.shared.healed();
                tracing::info!("The spool can be written again.");
                (self.observer)(Event::Healed);
            }
            Some(Err(error)) => {
                self.failed = failed;
                self.fail(error);
            }
            None => self.failed = failed,
        }
    }

    fn now(&self) -> Instant {
        (self.options.clock.now)()
    }
}

fn transact(database: &mut Database, ops: &[Op], unix_ms: i64) -> Result<(Vec<Outcome>, Tally), StoreError> {
    let mut batch = database.begin()?;
    let mut tally = Tally::default();
    let outcomes: Result<Vec<_>, _> =
        ops.iter().map(|op| op.carry_out(&mut batch, &mut tally, unix_ms)).collect();
    let outcomes = outcomes?;
    fail_point("spool.before-commit");
    let next_seq = batch.commit()?;
    fail_point("spool.after-commit");
    database.committed(next_seq);
    Ok((outcomes, tally))
}

/// Registrations outlive the damage where they can be read: without them things stay unbound until their agents speak.
fn carry_journal_over(database: &mut Database, aside: &std::path::Path, unix_ms: i64) {
    let rescued: Vec<JournalEntry> = match crate::salvage::salvage_journal(aside) {
        Ok(journal) => journal,
        Err(error) => {
            tracing::warn!(%error, "No registration could be read from the damaged spool.");
            return;
        }
    };
    let count = rescued.len();
    let puts: Vec<_> = rescued
        .into_iter()
        .map(|entry| Op::PutJournal { entry, done: super::completion::Completion::new(|_| ()) })
        .collect();
    match transact(database, &puts, unix_ms) {
        Ok(_) => tracing::warn!(count, "Registrations were carried over from the damaged spool."),
        Err(error) => {
            database.rollback();
            tracing::warn!(%error, "Registrations of the damaged spool could not be carried over.");
        }
    }
}
