//! `edgebind spool salvage`: what can be read of a file that was set aside, back into the spool or out as JSON lines.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use edgebind_store::{Record, Salvaged, StoreError, Stored, salvage};
use serde::{Deserialize, Serialize};

use super::{RecordView, access::Access};

/// What was rescued.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Rescued {
    /// Updates that are delivered now.
    pub(crate) records: usize,
    /// Dead letters.
    pub(crate) dead: usize,
    /// Registrations found; the gateway has carried them over itself when it set the file aside.
    pub(crate) registrations: usize,
    /// Rows whose checksum is wrong.
    pub(crate) damaged: u64,
    /// Whether parts could not be read at all, so that rows may be missing without a trace.
    pub(crate) unreadable: bool,
    /// The file under its new name, by which it is known that it was rescued.
    pub(crate) file: PathBuf,
}

/// Why nothing was rescued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RescueError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} was rescued before: rename it to do it again, and everything is delivered twice", .0.display())]
    Before(PathBuf),
    #[error("the spool in use is not a file that was set aside")]
    InUse,
    #[error("{} cannot be renamed, without which nobody would know that it was rescued: {source}", path.display())]
    Rename { path: PathBuf, source: io::Error },
}

/// Puts what can be read of `file` behind what waits in the spool of `folder`, and renames it.
pub(crate) async fn rescue(access: &Access<'_>, folder: &Path, file: &Path) -> Result<Rescued, RescueError> {
    if is_rescued(file) {
        return Err(RescueError::Before(file.to_owned()));
    }
    let same = |one: &Path, other: &Path| matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other);
    if same(file, &folder.join(edgebind_store::FILE_NAME)) {
        return Err(RescueError::InUse);
    }
    let reading = file.to_owned();
    // A large file takes a while, and others are served beside it.
    let salvaged = actix_rt::task::spawn_blocking(move || salvage(&reading)).await;
    let Salvaged { records, dead, journal, damaged, unreadable } =
        salvaged.unwrap_or(Err(StoreError::Stopped))?;
    let mut rescued = Rescued {
        records: records.len(),
        dead: dead.len(),
        registrations: journal.len(),
        damaged,
        unreadable,
        file: suffixed(file, RESCUED),
    };
    // First the name: a file that stays as it was would be rescued again.
    rename(file, &rescued.file)?;
    let letters = dead.into_iter().map(|letter| (record(letter.stored), letter.reason)).collect();
    match access.adopt(records.into_iter().map(record).collect(), letters).await {
        Ok(()) => Ok(rescued),
        Err(error) => {
            rename(&rescued.file, file)?;
            rescued.file = file.to_owned();
            Err(error.into())
        }
    }
}

/// What can be read of a file, for `--export`.
pub(crate) fn rescued_lines(file: &Path) -> Result<(Vec<RecordView>, Rescued), RescueError> {
    let Salvaged { records, dead, journal, damaged, unreadable } = salvage(file)?;
    let rescued = Rescued {
        records: records.len(),
        dead: dead.len(),
        registrations: journal.len(),
        damaged,
        unreadable,
        file: file.to_owned(),
    };
    let waiting = records.into_iter().map(|stored| RecordView::of_waiting(Ok(stored), true));
    let dead = dead.into_iter().map(|letter| RecordView::of_letter(Ok(letter), true));
    Ok((waiting.chain(dead).collect(), rescued))
}

fn record(stored: Stored) -> Record {
    Record { entity: stored.entry.entity, kind: stored.entry.kind, payload: stored.payload }
}

fn is_rescued(file: &Path) -> bool {
    file.as_os_str().to_string_lossy().ends_with(RESCUED)
}

fn rename(from: &Path, to: &Path) -> Result<(), RescueError> {
    // What SQLite keeps beside its file goes with it.
    for companion in ["-wal", "-shm"] {
        let beside = suffixed(from, companion);
        if beside.exists() {
            fs::rename(&beside, suffixed(to, companion))
                .map_err(|source| RescueError::Rename { path: beside.clone(), source })?;
        }
    }
    fs::rename(from, to).map_err(|source| RescueError::Rename { path: from.to_owned(), source })
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

const RESCUED: &str = ".rescued";
