//! Read-only listing, also from another process while the gateway runs.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::error::StoreError;
use crate::record::{DeadLetter, JournalEntry, Stored};
use crate::spool::FILE_NAME;
use crate::spool::database::{journal_row, stored_row, unsigned};

/// The file of a state directory, opened for reading; takes no lock and changes nothing.
#[derive(Debug)]
pub struct View {
    connection: Connection,
    path: PathBuf,
}

/// Counts for `spool ls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Waiting records.
    pub records: u64,
    /// Their payloads.
    pub bytes: u64,
    /// Entities with waiting records.
    pub entities: u64,
    /// When the oldest was accepted, milliseconds since 1970 UTC.
    pub oldest_ms: Option<i64>,
    /// Dead letters.
    pub dead_records: u64,
    /// Their payloads.
    pub dead_bytes: u64,
    /// Entries of the journal.
    pub journal: u64,
}

/// Counts of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntitySummary {
    /// Which one.
    pub entity: String,
    /// Its waiting records.
    pub records: u64,
    /// Their payloads.
    pub bytes: u64,
    /// When the oldest was accepted, milliseconds since 1970 UTC.
    pub oldest_ms: i64,
}

/// A line of a listing: the record, or the place of one whose checksum is wrong.
pub type Line<T> = Result<T, u64>;

impl View {
    /// Opens the spool of a state directory.
    ///
    /// # Errors
    ///
    /// As SQLite says; [`StoreError::ReadOnly`] also when there is no file.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_file(&directory.join(FILE_NAME))
    }

    pub(crate) fn open_file(path: &Path) -> Result<Self, StoreError> {
        let wrong = |error: &rusqlite::Error| StoreError::from_sqlite(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = |name: &Path, flags| {
            let connection = Connection::open_with_flags(name, flags)?;
            connection.busy_timeout(Duration::from_secs(2))?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
            Ok(connection)
        };
        let first: Result<Connection, rusqlite::Error> = open(path, flags);
        let connection = match first {
            // Nobody has it open, and the directory may not be written: then nothing can change under us either.
            Err(error) if is_forbidden(&error) && path.exists() => {
                let text = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
                let uri = PathBuf::from(format!("file:{text}?immutable=1"));
                open(&uri, flags | OpenFlags::SQLITE_OPEN_URI).map_err(|error| wrong(&error))?
            }
            other => other.map_err(|error| wrong(&error))?,
        };
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Counts.
    ///
    /// # Errors
    ///
    /// As SQLite says.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        let select = "SELECT (SELECT count(*) FROM record), (SELECT ifnull(sum(octet_length(payload)), 0) FROM record),
            (SELECT count(DISTINCT entity) FROM record), (SELECT min(stored_ms) FROM record),
            (SELECT count(*) FROM dead), (SELECT ifnull(sum(octet_length(payload)), 0) FROM dead),
            (SELECT count(*) FROM journal)";
        let read = self.connection.query_row(select, [], |row| {
            Ok(Summary {
                records: unsigned(row.get(0)?),
                bytes: unsigned(row.get(1)?),
                entities: unsigned(row.get(2)?),
                oldest_ms: row.get(3)?,
                dead_records: unsigned(row.get(4)?),
                dead_bytes: unsigned(row.get(5)?),
                journal: unsigned(row.get(6)?),
            })
        });
        read.map_err(|error| self.error(&error))
    }

    /// Shows the waiting records in order, of one entity or of all, until the callback breaks. For `ls` and `export`.
    ///
    /// # Errors
    ///
    /// As SQLite says; damaged records are lines of their own.
    pub fn each_waiting(
        &self,
        entity: Option<&str>,
        show: impl FnMut(Line<Stored>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each_waiting_after(0, entity, show)
    }

    /// As [`View::each_waiting`], from behind this place on: for a listing in pages.
    ///
    /// # Errors
    ///
    /// As [`View::each_waiting`].
    pub fn each_waiting_after(
        &self,
        seq: u64,
        entity: Option<&str>,
        mut show: impl FnMut(Line<Stored>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let select = "SELECT seq, entity, kind, stored_ms, crc, payload FROM record
                      WHERE seq > ?1 AND (?2 IS NULL OR entity = ?2) ORDER BY seq";
        self.each(select, seq, entity, |row| show(stored_row(row)))
    }

    /// Shows the dead letters in order of acceptance.
    ///
    /// # Errors
    ///
    /// As [`View::each_waiting`].
    pub fn each_dead(
        &self,
        entity: Option<&str>,
        show: impl FnMut(Line<DeadLetter>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each_dead_after(0, entity, show)
    }

    /// As [`View::each_dead`], from behind this place on.
    ///
    /// # Errors
    ///
    /// As [`View::each_waiting`].
    pub fn each_dead_after(
        &self,
        seq: u64,
        entity: Option<&str>,
        mut show: impl FnMut(Line<DeadLetter>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let select = "SELECT seq, entity, kind, stored_ms, crc, payload, died_ms, reason FROM dead
                      WHERE seq > ?1 AND (?2 IS NULL OR entity = ?2) ORDER BY seq";
        self.each(select, seq, entity, |row| show(dead_row(row)))
    }

    /// The entities with waiting records, the one with the oldest record first.
    ///
    /// # Errors
    ///
    /// As SQLite says.
    pub fn entities(&self) -> Result<Vec<EntitySummary>, StoreError> {
        let read = || {
            let select =
                "SELECT entity, count(*), sum(octet_length(payload)), min(stored_ms), min(seq) FROM record
                          GROUP BY entity ORDER BY min(seq)";
            let mut statement = self.connection.prepare(select)?;
            let rows = statement.query_map([], |row| {
                Ok(EntitySummary {
                    entity: row.get(0)?,
                    records: unsigned(row.get(1)?),
                    bytes: unsigned(row.get(2)?),
                    oldest_ms: row.get(3)?,
                })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|error| self.error(&error))
    }

    /// One waiting record or dead letter; the reason is empty for a waiting one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when its checksum is wrong.
    pub fn show(&self, seq: u64) -> Result<Option<DeadLetter>, StoreError> {
        let select = "SELECT seq, entity, kind, stored_ms, crc, payload, 0, '' FROM record WHERE seq = ?1
            UNION ALL SELECT seq, entity, kind, stored_ms, crc, payload, died_ms, reason FROM dead WHERE seq = ?1";
        let key = i64::try_from(seq).unwrap_or(i64::MAX);
        let found = self.connection.query_row(select, [key], |row| Ok(dead_row(row))).optional();
        let damaged = |seq| {
            let detail = format!("the checksum of record {seq} is wrong");
            StoreError::Damaged { path: self.path.clone(), detail }
        };
        found.map_err(|error| self.error(&error))?.transpose().map_err(damaged)
    }

    /// The journal; entries with a wrong checksum are left out.
    ///
    /// # Errors
    ///
    /// As SQLite says.
    pub fn journal(&self) -> Result<Vec<JournalEntry>, StoreError> {
        let read = || {
            let select = "SELECT name, revision, crc, body FROM journal ORDER BY name";
            let mut statement = self.connection.prepare(select)?;
            let rows = statement.query_map([], journal_row)?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map(|rows| rows.into_iter().flatten().collect()).map_err(|error| self.error(&error))
    }

    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    fn each(
        &self,
        select: &str,
        after: u64,
        entity: Option<&str>,
        mut show: impl FnMut(&rusqlite::Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut walk = || {
            let mut statement = self.connection.prepare(select)?;
            let mut rows =
                statement.query(rusqlite::params![i64::try_from(after).unwrap_or(i64::MAX), entity])?;
            while let Some(row) = rows.next()? {
                if show(row).is_break() {
                    break;
                }
            }
            Ok(())
        };
        walk().map_err(|error| self.error(&error))
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, error)
    }
}

/// SQLite wants to write beside the file even for reading; here it may not.
fn is_forbidden(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied))
}

/// Reads a row of eight columns; the place when its checksum is wrong.
pub(crate) fn dead_row(row: &rusqlite::Row<'_>) -> Line<DeadLetter> {
    let stored = stored_row(row)?;
    let seq = stored.entry.seq;
    let read = || -> rusqlite::Result<DeadLetter> {
        Ok(DeadLetter { stored, died_ms: row.get(6)?, reason: row.get(7)? })
    };
    read().map_err(|_| seq)
}
