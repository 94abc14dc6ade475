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
use crate::spool::database::{Database, journal_row, stored_row};
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
    let mut salvaged = Salvaged::default();
    let (_copy, view) = open(path, &mut salvaged)?;
    let [(record, record_columns), (dead, dead_columns), _] = TABLES;
    let connection = view.connection();
    walk(connection, record, record_columns, &mut salvaged, |row, into| match stored_row(row) {
        Ok(stored) => into.records.push(stored),
        Err(_) => into.damaged += 1,
    });
    walk(connection, dead, dead_columns, &mut salvaged, |row, into| match dead_row(row) {
        Ok(letter) => into.dead.push(letter),
        Err(_) => into.damaged += 1,
    });
    read_journal(connection, &mut salvaged);
    Ok(salvaged)
}

/// The registrations of a damaged file alone: what is needed at once.
pub(crate) fn salvage_journal(path: &Path) -> Result<Vec<JournalEntry>, StoreError> {
    let (_copy, view) = open(path, &mut Salvaged::default())?;
    let mut salvaged = Salvaged::default();
    read_journal(view.connection(), &mut salvaged);
    Ok(salvaged.journal)
}

/// Opens a copy, its front replaced if need be.
fn open(path: &Path, salvaged: &mut Salvaged) -> Result<(Copy, View), StoreError> {
    let copy = Copy::of(path)?;
    let view = match View::open_file(&copy.path) {
        Ok(view) if has_tables(view.connection()) => view,
        _ => {
            salvaged.unreadable = true;
            copy.replace_front()?;
            View::open_file(&copy.path)?
        }
    };
    Ok((copy, view))
}

fn read_journal(connection: &Connection, salvaged: &mut Salvaged) {
    let [_, _, (table, columns)] = TABLES;
    walk(connection, table, columns, salvaged, |row, into| match journal_row(row) {
        Ok(Some(entry)) => into.journal.push(entry),
        _ => into.damaged += 1,
    });
}

/// Visits the rows of a table by their number; where the walk breaks off, it goes on behind the broken pages.
fn walk(
    connection: &Connection,
    table: &str,
    columns: &str,
    into: &mut Salvaged,
    mut visit: impl FnMut(&rusqlite::Row<'_>, &mut Salvaged),
) {
    let next = format!("SELECT rowid FROM {table} WHERE rowid >= ?1 ORDER BY rowid LIMIT 1");
    let one = format!("SELECT {columns} FROM {table} WHERE rowid = ?1");
    let (Ok(mut next), Ok(mut one)) = (connection.prepare(&next), connection.prepare(&one)) else {
        into.unreadable = true;
        return;
    };
    let mut ask = |at: i64| match next.query_row([at], |row| row.get::<_, i64>(0)).optional() {
        Ok(None) => Next::End,
        // Out of a damaged tree an earlier row may come: whoever followed it would go round for ever.
        Ok(Some(found)) if found >= at => Next::Row(found),
        Ok(Some(_)) | Err(_) => Next::Broken,
    };
    let mut at = 0_i64;
    loop {
        match ask(at) {
            Next::End => return,
            Next::Row(found) => {
                let seen = one.query_row([found], |row| {
                    visit(row, into);
                    Ok(())
                });
                if seen.is_err() {
                    into.damaged += 1;
                }
                at = found.saturating_add(1);
                if at == i64::MAX {
                    return;
                }
            }
            Next::Broken => {
                into.unreadable = true;
                match behind(at, &mut ask) {
                    Some(whole) => at = whole,
                    None => return,
                }
            }
        }
    }
}

/// What stands at a row number or behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Row(i64),
    End,
    Broken,
}

/// The first number behind a broken one from which the table can be read again.
///
/// Steps of the size of a page at first, then larger and larger ones: a tree without a root is not searched row by row.
fn behind(broken: i64, ask: &mut impl FnMut(i64) -> Next) -> Option<i64> {
    const STEP: i64 = 32;
    const STEPS: u32 = 1024;
    let (mut low, mut step, mut steps) = (broken, STEP, 0_u32);
    let mut high = loop {
        let probe = low.checked_add(step)?;
        if ask(probe) != Next::Broken {
            break probe;
        }
        low = probe;
        steps += 1;
        if steps > STEPS {
            step = step.checked_mul(2)?;
        }
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if ask(middle) == Next::Broken {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(high)
}

/// Whether every table has the columns that are read here; a declaration may be damaged, too.
fn has_tables(connection: &Connection) -> bool {
    TABLES
        .iter()
        .all(|(table, columns)| connection.prepare(&format!("SELECT rowid, {columns} FROM {table}")).is_ok())
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

/// Tables and columns, in the order in which they are read.
const TABLES: [(&str, &str); 3] = [
    ("record", "seq, entity, kind, stored_ms, crc, payload"),
    ("dead", "seq, entity, kind, stored_ms, crc, payload, died_ms, reason"),
    ("journal", "name, revision, crc, body"),
];
const PAGE_BYTES: u64 = 4096;
