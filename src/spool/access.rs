//! Changes of the spool: through the running gateway, whose delivery learns of them, or through a store of our own.

use std::{collections::BTreeMap, ops::ControlFlow, path::Path};

use edgebind_actors::Units;
use edgebind_store::{Record, Spool, StoreError, View};
use serde::{Deserialize, Serialize};

/// The way to the store.
pub(crate) enum Access<'a> {
    /// A running gateway has it.
    Running(&'a Units),
    /// Nobody else has it: its directory is locked by us.
    Own(&'a Spool),
}

/// Which records are meant.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// Numbers as `ls` shows them.
    pub(crate) ids: Vec<u64>,
    /// All dead letters, of the entity if one is named.
    pub(crate) all: bool,
    pub(crate) entity: Option<String>,
    /// Also records that are waiting to be delivered, which would be lost.
    pub(crate) force: bool,
}

/// What was done.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub(crate) struct Changed {
    /// How many records.
    pub(crate) count: u64,
    /// Those that still wait to be delivered and were left alone.
    pub(crate) waiting: Vec<u64>,
    /// Those that are not there.
    pub(crate) unknown: Vec<u64>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("name the records by their numbers, or all dead letters by --all")]
    Nothing,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The records that are meant, by where they are.
#[derive(Debug, Default)]
struct Found {
    dead: Vec<u64>,
    waiting: BTreeMap<String, Vec<u64>>,
    unknown: Vec<u64>,
}

impl Access<'_> {
    /// Puts dead letters back to the end of the queue.
    pub(crate) async fn retry(&self, folder: &Path, wanted: &Wanted) -> Result<Changed, ChangeError> {
        let found = Found::of(folder, wanted)?;
        let seqs = found.dead.clone();
        let entries = match self {
            Self::Running(units) => units.retry_dead(seqs).await?,
            Self::Own(spool) => spool.wait(|spool, done| spool.retry_dead(seqs, done))?,
        };
        Ok(found.changed(u64::try_from(entries.len()).unwrap_or(u64::MAX)))
    }

    /// Deletes dead letters, and with `force` also what waits.
    pub(crate) async fn discard(&self, folder: &Path, wanted: &Wanted) -> Result<Changed, ChangeError> {
        let mut found = Found::of(folder, wanted)?;
        let seqs = found.dead.clone();
        let mut count = match self {
            Self::Running(units) => units.drop_dead(seqs).await?,
            Self::Own(spool) => spool.wait(|spool, done| spool.drop_dead(seqs, done))?,
        };
        if wanted.force {
            for (entity, seqs) in std::mem::take(&mut found.waiting) {
                count += match self {
                    Self::Running(units) => units.drop_waiting(&entity, seqs).await?,
                    Self::Own(spool) => spool.wait(|spool, done| spool.delete(seqs, done))?,
                };
            }
        }
        Ok(found.changed(count))
    }

    /// Appends what was rescued: records to be delivered, and dead letters with their reasons.
    pub(super) async fn adopt(
        &self,
        records: Vec<Record>,
        dead: Vec<(Record, String)>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Running(units) => {
                units.adopt(records).await?;
                units.bury(dead).await
            }
            Self::Own(spool) => {
                append(spool, records)?;
                let (records, reasons): (Vec<_>, Vec<_>) = dead.into_iter().unzip();
                for (seq, reason) in append(spool, records)?.into_iter().zip(reasons) {
                    spool.wait(|spool, done| spool.give_up(vec![seq], reason, done))?;
                }
                Ok(())
            }
        }
    }
}

impl Found {
    fn of(folder: &Path, wanted: &Wanted) -> Result<Self, ChangeError> {
        if wanted.ids.is_empty() && !wanted.all {
            return Err(ChangeError::Nothing);
        }
        let view = View::open(folder)?;
        let mut found = Self::default();
        if wanted.all {
            view.each_dead(wanted.entity.as_deref(), |line| {
                // A damaged one can be dropped by its number too.
                found.dead.push(line.map_or_else(|seq| seq, |letter| letter.stored.entry.seq));
                ControlFlow::Continue(())
            })?;
        }
        for id in &wanted.ids {
            match view.show(*id) {
                Ok(Some(letter)) if letter.reason.is_empty() && letter.died_ms == 0 => {
                    let entity = letter.stored.entry.entity.to_string();
                    found.waiting.entry(entity).or_default().push(*id);
                }
                Ok(Some(_)) | Err(StoreError::Damaged { .. }) => found.dead.push(*id),
                Ok(None) => found.unknown.push(*id),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    fn changed(self, count: u64) -> Changed {
        Changed { count, waiting: self.waiting.into_values().flatten().collect(), unknown: self.unknown }
    }
}

fn append(spool: &Spool, records: Vec<Record>) -> Result<Vec<u64>, StoreError> {
    let (told, answer) = std::sync::mpsc::channel();
    spool.append_all(records, move |result| drop(told.send(result)))?;
    let entries = answer.recv().unwrap_or(Err(StoreError::Stopped))?;
    Ok(entries.iter().map(|entry| entry.seq).collect())
}
