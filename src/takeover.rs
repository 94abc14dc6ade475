//! Takes over what the original has left in its offline store, once: its updates go into our spool before anything else,
//! then its file is renamed (design: the original's `offline_msgs.bin`).
//!
//! It runs before the gateway opens the spool, so nothing is delivered meanwhile. The records go in by one transaction. Before
//! it, a note says where the spool ended; whoever finds the note beside the file after a crash sees by it whether the
//! transaction was made, and neither loses anything nor takes it over twice.

mod messages;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use edgebind_actors::delivery::record_of;
use edgebind_alwayson::EncodeError;
use edgebind_store::{
    Entry, OFFLINE_FILE_NAME, Options, Record, Spool, StoreError, fail_point, mark_imported,
    read_offline_messages,
};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

pub(crate) use messages::{Counts, Sorted, sorted};

/// What became of a file.
#[derive(Debug)]
pub(crate) struct TakenOver {
    /// Updates that are in the spool now.
    pub(crate) updates: usize,
    /// What stays in the renamed file only.
    pub(crate) left: Counts,
    /// Bytes of the file that belong to no message.
    pub(crate) garbage_bytes: usize,
    /// The renamed file.
    pub(crate) file: PathBuf,
}

/// Why a file was not taken over; it stays as it is, and so does the spool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeoverError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot be renamed, without which it would be taken over again and again: {0}")]
    Rename(#[source] StoreError),
    #[error("cannot note the beginning in {}: {source}", path.display())]
    Note { path: PathBuf, source: io::Error },
    #[error("a message of it cannot be sent: {0}")]
    Encode(#[from] EncodeError),
}

/// Takes over the file of `directory`, if there is one, and says so in the log. A failure is no reason not to run: the
/// next start tries again.
pub(crate) fn take_over(directory: &Path, options: &Options) {
    match try_take_over(directory, options) {
        Ok(None) => {}
        Ok(Some(TakenOver { updates, left, garbage_bytes, file })) => {
            info!(
                updates, file = %file.display(),
                "The original's stored updates were taken over; they are delivered first."
            );
            if left != Counts::default() || garbage_bytes != 0 {
                warn!(
                    %left, garbage_bytes, file = %file.display(),
                    "Not everything in the original's store is an update; the rest stays in its file."
                );
            }
        }
        Err(error) => warn!(
            file = %directory.join(OFFLINE_FILE_NAME).display(), %error,
            "The original's stored updates were not taken over; the next start tries again."
        ),
    }
}

fn try_take_over(directory: &Path, options: &Options) -> Result<Option<TakenOver>, TakeoverError> {
    let note = Note::path(&options.directory);
    let Some(found) = read_offline_messages(directory)? else {
        // What a crash behind the renaming has left.
        fs::remove_file(note).unwrap_or_default();
        return Ok(None);
    };
    let Sorted { requests, counts } = sorted(&found.messages);
    let records = requests.into_iter().filter_map(|request| record_of(request).transpose());
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let updates = records.len();
    let (spool, opened) = Spool::open(options.clone())?;
    let before = Note::read(&note).filter(|note| note.records == updates);
    let taken = before.and_then(|note| note.taken(&opened.entries, &records));
    let seqs = match taken {
        Some(seqs) => seqs,
        None if records.is_empty() => Vec::new(),
        None => {
            let after = opened.entries.last().map_or(0, |entry| entry.seq);
            Note { after, records: updates }
                .write(&note)
                .map_err(|source| TakeoverError::Note { path: note.clone(), source })?;
            append(&spool, records)?
        }
    };
    fail_point("takeover.before-rename");
    match mark_imported(directory) {
        Ok(file) => {
            fail_point("takeover.after-rename");
            fs::remove_file(note).unwrap_or_default();
            Ok(Some(TakenOver { updates, left: counts, garbage_bytes: found.garbage_bytes, file }))
        }
        Err(error) => {
            // Delivered now, it would be delivered again after the next start.
            spool.wait(|spool, done| spool.delete(seqs, done))?;
            fs::remove_file(note).unwrap_or_default();
            Err(TakeoverError::Rename(error))
        }
    }
}

fn append(spool: &Spool, records: Vec<Record>) -> Result<Vec<u64>, StoreError> {
    let (told, answer) = std::sync::mpsc::channel();
    spool.append_all(records, move |result| told.send(result).unwrap_or_default())?;
    let entries = answer.recv().unwrap_or(Err(StoreError::Stopped))?;
    Ok(entries.iter().map(|entry| entry.seq).collect())
}

/// Written before the transaction: how it is known whether that was made.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Note {
    /// The last record of the spool.
    after: u64,
    /// How many follow.
    records: usize,
}

impl Note {
    fn path(state_dir: &Path) -> PathBuf {
        state_dir.join("offline_msgs.takeover.json")
    }

    fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// On the disk when this returns.
    fn write(self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut file = fs::File::create(&draft)?;
        file.write_all(&serde_json::to_vec(&self)?)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        match path.parent() {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }

    /// Where the records are, if the transaction was made: nothing else was written between.
    fn taken(self, entries: &[Entry], records: &[Record]) -> Option<Vec<u64>> {
        let behind = || entries.iter().filter(|entry| entry.seq > self.after);
        let same = |(entry, record): (&Entry, &Record)| {
            entry.entity == record.entity
                && entry.kind == record.kind
                && usize::try_from(entry.size_bytes) == Ok(record.payload.len())
        };
        let made = behind().count() >= records.len() && behind().zip(records).all(same);
        (made && !records.is_empty()).then(|| behind().take(records.len()).map(|entry| entry.seq).collect())
    }
}
