//! The requests to the store's thread, and how each is carried out in a transaction.

use crate::error::StoreError;
use crate::record::{Entry, JournalEntry, Record};

use super::ReadBack;
use super::completion::Completion;
use super::database::{Batch, Totals};

/// A request with its callback.
pub(super) enum Op {
    Append { record: Record, cost: u64, done: Completion<Entry> },
    AppendAll { records: Vec<Record>, done: Completion<Vec<Entry>> },
    Change { change: Change, done: Completion<u64> },
    RetryDead { seqs: Vec<u64>, done: Completion<Vec<Entry>> },
    Read { seqs: Vec<u64>, done: Completion<ReadBack> },
    PutJournal { entry: JournalEntry, done: Completion<()> },
    RemoveJournal { name: String, done: Completion<()> },
    LoadJournal { done: Completion<Vec<JournalEntry>> },
    Stop,
}

/// A change that must happen in the end: it is kept while nothing can be written.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Delete { seqs: Vec<u64> },
    GiveUp { seqs: Vec<u64>, reason: String },
    DropDead { seqs: Vec<u64> },
}

/// What a request led to, to be told once the transaction is durable.
pub(super) enum Outcome {
    Appended(Entry),
    AllAppended(Vec<Entry>),
    Changed(Totals),
    Retried(Vec<Entry>),
    Read(ReadBack),
    Journal(Vec<JournalEntry>),
    Done,
}

/// How the counters change with a commit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) appended: Totals,
    pub(super) deleted: Totals,
    pub(super) given_up: Totals,
    pub(super) dropped: Totals,
    pub(super) retried: Totals,
}

impl Op {
    /// What it adds to a commit.
    pub(super) fn size_bytes(&self) -> u64 {
        match self {
            Self::Append { cost, .. } => *cost,
            Self::AppendAll { records, .. } => records.iter().map(Record::cost_bytes).sum(),
            Self::PutJournal { entry, .. } => u64::try_from(entry.body.len()).unwrap_or(u64::MAX),
            _ => 0,
        }
    }

    /// Whether it took a place in the bounded queue.
    pub(super) const fn is_queued(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::PutJournal { .. } | Self::RemoveJournal { .. })
    }

    /// Whether it needs no room.
    pub(super) const fn is_read(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::LoadJournal { .. })
    }

    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Append { done, .. } => done.answer(Err(error)),
            Self::AppendAll { done, .. } => done.answer(Err(error)),
            Self::Change { done, .. } => done.answer(Err(error)),
            Self::RetryDead { done, .. } => done.answer(Err(error)),
            Self::Read { done, .. } => done.answer(Err(error)),
            Self::PutJournal { done, .. } | Self::RemoveJournal { done, .. } => done.answer(Err(error)),
            Self::LoadJournal { done } => done.answer(Err(error)),
            Self::Stop => {}
        }
    }

    pub(super) fn succeed(self, outcome: Outcome) {
        match (self, outcome) {
            (Self::Append { done, .. }, Outcome::Appended(entry)) => done.answer(Ok(entry)),
            (Self::AppendAll { done, .. }, Outcome::AllAppended(entries)) => done.answer(Ok(entries)),
            (Self::Change { done, .. }, Outcome::Changed(totals)) => done.answer(Ok(totals.records)),
            (Self::RetryDead { done, .. }, Outcome::Retried(entries)) => done.answer(Ok(entries)),
            (Self::Read { done, .. }, Outcome::Read(read)) => done.answer(Ok(read)),
            (Self::LoadJournal { done }, Outcome::Journal(entries)) => done.answer(Ok(entries)),
            (Self::PutJournal { done, .. } | Self::RemoveJournal { done, .. }, Outcome::Done) => {
                done.answer(Ok(()));
            }
            (Self::Stop, _) => {}
            // `carry_out` pairs them; what is dropped here says `Stopped`.
            (op, _) => drop(op),
        }
    }

    /// Forgets the callback: the caller is told by a return value.
    pub(super) fn disarm(self) {
        match self {
            Self::Append { done, .. } => done.disarm(),
            Self::PutJournal { done, .. } | Self::RemoveJournal { done, .. } => done.disarm(),
            other => drop(other),
        }
    }

    /// Does it inside the transaction; nothing is answered yet.
    pub(super) fn carry_out(
        &self,
        batch: &mut Batch<'_>,
        tally: &mut Tally,
        unix_ms: i64,
    ) -> Result<Outcome, StoreError> {
        Ok(match self {
            Self::Append { record, cost, .. } => {
                let entry = batch.append(record, unix_ms)?;
                tally.appended = tally.appended.plus(Totals { records: 1, bytes: *cost });
                Outcome::Appended(entry)
            }
            Self::AppendAll { records, .. } => {
                let mut entries = Vec::with_capacity(records.len());
                for record in records {
                    entries.push(batch.append(record, unix_ms)?);
                    tally.appended = tally.appended.plus(Totals { records: 1, bytes: record.cost_bytes() });
                }
                Outcome::AllAppended(entries)
            }
            Self::Change { change, .. } => Outcome::Changed(change.carry_out(batch, tally, unix_ms)?),
            Self::RetryDead { seqs, .. } => {
                let entries = batch.retry(seqs, unix_ms)?;
                for entry in &entries {
                    let payload = usize::try_from(entry.size_bytes).unwrap_or(usize::MAX);
                    let bytes = crate::record::cost_bytes(entry.entity.len(), payload);
                    tally.retried = tally.retried.plus(Totals { records: 1, bytes });
                }
                Outcome::Retried(entries)
            }
            Self::Read { seqs, .. } => Outcome::Read(read(seqs, batch, tally, unix_ms)?),
            Self::PutJournal { entry, .. } => {
                batch.put_journal(entry)?;
                Outcome::Done
            }
            Self::RemoveJournal { name, .. } => {
                batch.remove_journal(name)?;
                Outcome::Done
            }
            Self::LoadJournal { .. } => Outcome::Journal(batch.journal()?),
            Self::Stop => Outcome::Done,
        })
    }
}

impl Change {
    fn carry_out(
        &self,
        batch: &mut Batch<'_>,
        tally: &mut Tally,
        unix_ms: i64,
    ) -> Result<Totals, StoreError> {
        match self {
            Self::Delete { seqs } => {
                crate::fail_point("spool.before-delete");
                let totals = batch.delete(seqs)?;
                tally.deleted = tally.deleted.plus(totals);
                Ok(totals)
            }
            Self::GiveUp { seqs, reason } => {
                let totals = batch.give_up(seqs, reason, unix_ms)?;
                tally.given_up = tally.given_up.plus(totals);
                Ok(totals)
            }
            Self::DropDead { seqs } => {
                let totals = batch.drop_dead(seqs)?;
                tally.dropped = tally.dropped.plus(totals);
                Ok(totals)
            }
        }
    }
}

fn read(
    seqs: &[u64],
    batch: &mut Batch<'_>,
    tally: &mut Tally,
    unix_ms: i64,
) -> Result<ReadBack, StoreError> {
    let mut back = ReadBack::default();
    for seq in seqs {
        match batch.read(*seq)? {
            Some(Ok(stored)) => back.records.push(stored),
            Some(Err(seq)) => back.damaged.push(seq),
            None => {}
        }
    }
    if !back.damaged.is_empty() {
        let totals = batch.give_up(&back.damaged, "damaged: its checksum is wrong", unix_ms)?;
        tally.given_up = tally.given_up.plus(totals);
    }
    Ok(back)
}
