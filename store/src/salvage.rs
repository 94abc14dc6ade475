//! Reads what can be read of a damaged file: record by record, each by its checksum. Works on a copy, never on the file.
//!
//! A lost first page is replaced by that of a fresh file (the schema fixes where each table begins), a cut-off end by zeros; so
//! only the pages that are really broken are lost.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::record::{DeadLetter, JournalEntry, Stored};
use crate::spool::database::{Database, journal_row, stored_row, unsigned};
use crate::spool::file::{COMPANIONS, with_suffix};
use crate::view::{View, dead_row};

/// What was rescued.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Waiting records in order.
    pub records: Vec<Stored>,
    /// Dead letters in order.
    pub dead: Vec<DeadLetter>,
    /// Registrations.
    pub journal: Vec<JournalEntry>,
    /// Rows that were found but whose checksum is wrong.
    pub damaged: u64,
    /// Whether part of the file could not be read at all, so that rows may be missing without a trace.
    pub unreadable: bool,
}

/// Reads a spool file, damaged or not; the file and what lies beside it stay as they are.
///
/// # Errors
///
/// [`StoreError::Io`] and its like when the file cannot be copied, [`StoreError::Damaged`] when nothing of it makes sense.
pub fn salvage(path: &Path) -> Result<Salvaged, StoreError> {
    let copy = Copy::of(path)?;
    let mut salvaged = Salvaged::default();
    let view = match View::open_file(&copy.path) {
        Ok(view) if has_tables(view.connection()) => view,
        _ => {
            salvaged.unreadable = true;
            copy.replace_front()?;
            View::open_file(&copy.path)?
        }
    };
    let columns = "seq, entity, kind, stored_ms, crc, payload";
    let connection = view.connection();
    walk(connection, "record", columns, &mut salvaged, |row, into| match stored_row(row) {
        Ok(stored) => into.records.push(stored),
        Err(_) => into.damaged += 1,
    });
    walk(
        connection,
        "dead",
        &format!("{columns}, died_ms, reason"),
        &mut salvaged,
        |row, into| match dead_row(row) {
            Ok(letter) => into.dead.push(letter),
            Err(_) => into.damaged += 1,
        },
    );
    walk(connection, "journal", "name, revision, crc, body", &mut salvaged, |row, into| {
        match journal_row(row) {
            Ok(Some(entry)) => into.journal.push(entry),
            _ => into.damaged += 1,
        }
    });
    Ok(salvaged)
}

/// Visits the rows of a table by their number; where the walk breaks off, it goes on behind the broken page.
fn walk(
    connection: &Connection,
    table: &str,
    columns: &str,
    into: &mut Salvaged,
    mut visit: impl FnMut(&rusqlite::Row<'_>, &mut Salvaged),
) {
    // A leaf holds a few dozen rows; beyond this many misses the rest of the tree is gone.
    const MAX_MISSES: u64 = 200_000;
    let next = format!("SELECT rowid FROM {table} WHERE rowid >= ?1 ORDER BY rowid LIMIT 1");
    let one = format!("SELECT {columns} FROM {table} WHERE rowid = ?1");
    let (Ok(mut next), Ok(mut one)) = (connection.prepare(&next), connection.prepare(&one)) else {
        into.unreadable = true;
        return;
    };
    let (mut at, mut misses) = (0_i64, 0_u64);
    while misses < MAX_MISSES {
        match next.query_row([at], |row| row.get::<_, i64>(0)).optional() {
            Ok(None) => return,
            Ok(Some(found)) => {
                misses = 0;
                let seen = one.query_row([found], |row| {
                    visit(row, into);
                    Ok(())
                });
                if seen.is_err() {
                    into.damaged += 1;
                }
                at = found.saturating_add(1);
            }
            Err(_) => {
                into.unreadable = true;
                misses += 1;
                at = at.saturating_add(1);
            }
        }
    }
}

fn has_tables(connection: &Connection) -> bool {
    let count = "SELECT count(*) FROM sqlite_schema WHERE name IN ('record', 'dead', 'journal')";
    connection.query_row(count, [], |row| row.get::<_, i64>(0)).is_ok_and(|count| unsigned(count) == 3)
}

/// A private copy beside the file, gone when it is dropped.
struct Copy {
    folder: PathBuf,
    path: PathBuf,
    source: PathBuf,
}

impl Copy {
    fn of(source: &Path) -> Result<Self, StoreError> {
        // Beside the file: there is room for it, and it stays on the same, private, device.
        let name = format!(".salvage-{}", std::process::id());
        let mut folder = with_suffix(source, &name);
        let mut attempt = 0;
        while let Err(error) = fs::create_dir(&folder) {
            attempt += 1;
            if error.kind() != std::io::ErrorKind::AlreadyExists || attempt > 100 {
                return Err(StoreError::from_io(&folder, &error));
            }
            folder = with_suffix(source, &format!("{name}-{attempt}"));
        }
        let copy = Self { path: folder.join("copy.db"), folder, source: source.to_owned() };
        let io = |error| StoreError::from_io(source, &error);
        fs::copy(source, &copy.path).map_err(io)?;
        let [log, _] = COMPANIONS;
        let from = with_suffix(source, log);
        if from.exists() {
            fs::copy(&from, with_suffix(&copy.path, log)).map_err(io)?;
        }
        copy.pad().map_err(io)?;
        Ok(copy)
    }

    /// Fills a cut-off file with zeros up to the length that its first page names: SQLite refuses a shorter one altogether.
    fn pad(&self) -> std::io::Result<()> {
        const LARGEST: u64 = 16 * 1024 * 1024 * 1024;
        let bytes = fs::read(&self.path)?;
        let pages = bytes.get(28..32).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes);
        let have = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let whole = have.div_ceil(PAGE_BYTES).saturating_mul(PAGE_BYTES);
        let named = u64::from(pages).saturating_mul(PAGE_BYTES);
        let want = if named <= LARGEST { whole.max(named) } else { whole };
        File::options().write(true).open(&self.path)?.set_len(want)
    }

    /// Puts the first page of a fresh file in front.
    fn replace_front(&self) -> Result<(), StoreError> {
        let fresh = self.folder.join("fresh.db");
        drop(Database::open(&fresh, None)?);
        let io = |error| StoreError::from_io(&self.source, &error);
        let mut front = fs::read(&fresh).map_err(io)?;
        front.truncate(usize::try_from(PAGE_BYTES).unwrap_or(4096));
        let length = fs::metadata(&self.path).map_err(io)?.len();
        let pages = u32::try_from(length / PAGE_BYTES).unwrap_or(u32::MAX);
        if let Some(field) = front.get_mut(28..32) {
            field.copy_from_slice(&pages.to_be_bytes());
        }
        // No list of free pages: theirs is unknown.
        if let Some(free) = front.get_mut(32..40) {
            free.fill(0);
        }
        let mut file = File::options().write(true).open(&self.path).map_err(io)?;
        file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&front)).map_err(io)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A left-over copy harms nobody; it lies beside the file that it was made of.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const PAGE_BYTES: u64 = 4096;
