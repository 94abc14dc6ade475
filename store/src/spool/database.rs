//! The file: schema, checks before first use, and the statements. One connection, used by one thread.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use crate::error::StoreError;
use crate::record::{Entry, JournalEntry, Kind, Record, Stored, cost_bytes, journal_crc, record_crc};

/// Raised with every change of the schema; a file with a higher one is refused.
pub(crate) const SCHEMA_VERSION: i64 = 1;

/// Marks the file as ours: `EBSP`.
const APPLICATION_ID: i64 = 0x4542_5350;

/// Order matters to [`crate::salvage`]: a lost first page is replaced by that of a fresh file.
const SCHEMA: &str = "
    CREATE TABLE record (seq INTEGER PRIMARY KEY, entity TEXT NOT NULL, kind INTEGER NOT NULL,
        stored_ms INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE TABLE dead (seq INTEGER PRIMARY KEY, entity TEXT NOT NULL, kind INTEGER NOT NULL,
        stored_ms INTEGER NOT NULL, crc INTEGER NOT NULL, payload BLOB NOT NULL,
        died_ms INTEGER NOT NULL, reason TEXT NOT NULL);
    CREATE TABLE journal (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, crc INTEGER NOT NULL,
        body BLOB NOT NULL);
    CREATE TABLE probe (id INTEGER PRIMARY KEY, filler BLOB NOT NULL);
";

/// An open, checked file.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    next_seq: u64,
    identity: Option<FileIdentity>,
}

/// How much is in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// What a read of several records gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// The records found, in the order asked for.
    pub records: Vec<Stored>,
    /// Those whose checksum is wrong; they have been moved to the dead letters.
    pub damaged: Vec<u64>,
}

/// Statements of one transaction.
pub(crate) struct Batch<'c> {
    database: &'c Database,
    insert: Statement<'c>,
    delete: Statement<'c>,
    next_seq: u64,
}

impl Database {
    /// Opens or creates the file and checks it.
    pub(crate) fn open(path: &Path, max_pages: Option<u32>) -> Result<Self, StoreError> {
        create_private(path)?;
        let fresh = fs::metadata(path).is_ok_and(|found| found.len() == 0);
        let connection = Connection::open(path).map_err(|error| StoreError::from_sqlite(path, &error))?;
        let mut database = Self { connection, path: path.to_owned(), next_seq: 1, identity: None };
        database.set_up(fresh, max_pages).map_err(|error| database.error(&error))?;
        database.check()?;
        database.migrate()?;
        database.fold_on_close(true).map_err(|error| database.error(&error))?;
        let highest =
            "SELECT max(ifnull((SELECT max(seq) FROM record), 0), ifnull((SELECT max(seq) FROM dead), 0))";
        let highest: i64 = database.ask(highest)?;
        database.next_seq = u64::try_from(highest).unwrap_or(0).saturating_add(1);
        database.identity = FileIdentity::of(path);
        Ok(database)
    }

    /// Starts a transaction; ends with [`Batch::commit`], or rolls back by [`Database::rollback`].
    pub(crate) fn begin(&self) -> Result<Batch<'_>, StoreError> {
        let prepare = || {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let insert = "INSERT INTO record (seq, entity, kind, stored_ms, crc, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let delete =
                "DELETE FROM record WHERE seq = ?1 RETURNING octet_length(entity), octet_length(payload)";
            let insert = self.connection.prepare(insert)?;
            let delete = self.connection.prepare(delete)?;
            Ok(Batch { database: self, insert, delete, next_seq: self.next_seq })
        };
        prepare().map_err(|error| self.error(&error))
    }

    /// Takes over what a committed batch has counted.
    pub(crate) fn committed(&mut self, next_seq: u64) {
        self.next_seq = next_seq;
    }

    pub(crate) fn rollback(&self) {
        // SQLite may have rolled back already; both are fine.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// All waiting records without their payloads, in order.
    pub(crate) fn index(&self) -> Result<Vec<Entry>, StoreError> {
        let read = || {
            let select =
                "SELECT seq, entity, kind, octet_length(payload), stored_ms FROM record ORDER BY seq";
            let mut statement = self.connection.prepare(select)?;
            let mut rows = statement.query([])?;
            let mut entries = Vec::new();
            // One text for all records of an entity.
            let mut entities: HashSet<Arc<str>> = HashSet::new();
            while let Some(row) = rows.next()? {
                // What is damaged here shows at the checksum when the record is read; it takes no other along.
                let text = row.get_ref(1)?.as_bytes().unwrap_or_default();
                let text = String::from_utf8_lossy(text);
                let entity = entities.get(&*text).cloned().unwrap_or_else(|| Arc::from(&*text));
                entities.insert(Arc::clone(&entity));
                entries.push(Entry {
                    seq: unsigned(row.get(0)?),
                    entity,
                    kind: row.get(2).ok().and_then(Kind::from_code).unwrap_or(Kind::Call),
                    size_bytes: row.get(3).unwrap_or_default(),
                    stored_ms: row.get(4).unwrap_or_default(),
                });
            }
            Ok(entries)
        };
        read().map_err(|error| self.error(&error))
    }

    /// What the table holds: `record` or `dead`.
    pub(crate) fn totals(&self, table: &str) -> Result<Totals, StoreError> {
        let flat = cost_bytes(0, 0);
        let select = format!(
            "SELECT count(*), ifnull(sum(octet_length(entity) + octet_length(payload) + {flat}), 0) FROM {table}"
        );
        let read = self.connection.query_row(&select, [], |row| {
            Ok(Totals { records: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) })
        });
        read.map_err(|error| self.error(&error))
    }

    /// Writes as much as a busy moment would, and takes it back: is there room again?
    pub(crate) fn probe(&self) -> Result<(), StoreError> {
        const FILLER_BYTES: i64 = 64 * 1024;
        let write = || {
            self.connection.execute("INSERT INTO probe (filler) VALUES (zeroblob(?1))", [FILLER_BYTES])?;
            self.connection.execute("DELETE FROM probe", [])
        };
        write().map(|_| ()).map_err(|error| self.error(&error))
    }

    /// Gives room back to the file system, a little at a time so that nobody waits for it.
    pub(crate) fn shrink(&self) -> Result<(), StoreError> {
        const WORTH_PAGES: i64 = 256;
        const STEP: &str = "PRAGMA incremental_vacuum(256)";
        let free: i64 = self.ask("PRAGMA freelist_count")?;
        if free < WORTH_PAGES {
            return Ok(());
        }
        self.connection.execute_batch(STEP).map_err(|error| self.error(&error))
    }

    /// Whether the file at our path is still the one that is open.
    pub(crate) fn is_in_place(&self) -> bool {
        FileIdentity::of(&self.path) == self.identity
    }

    pub(crate) fn journal(&self) -> Result<Vec<JournalEntry>, StoreError> {
        let read = || {
            let mut statement =
                self.connection.prepare("SELECT name, revision, crc, body FROM journal ORDER BY name")?;
            let rows = statement.query_map([], journal_row)?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        // A damaged entry is left out: its agent registers again.
        read().map(|rows| rows.into_iter().flatten().collect()).map_err(|error| self.error(&error))
    }

    /// Reads one record; `Some(Err)` when its checksum is wrong.
    pub(crate) fn read(&self, seq: u64) -> Result<Option<Result<Stored, u64>>, StoreError> {
        let select = "SELECT seq, entity, kind, stored_ms, crc, payload FROM record WHERE seq = ?1";
        let row = self.connection.query_row(select, [signed(seq)], |row| Ok(stored_row(row)));
        row.optional().map_err(|error| self.error(&error))
    }

    fn set_up(&self, fresh: bool, max_pages: Option<u32>) -> Result<(), rusqlite::Error> {
        self.connection.busy_timeout(std::time::Duration::from_millis(500))?;
        // Until the file is found sound, nothing may write to it, not even its own log.
        self.fold_on_close(false)?;
        if fresh {
            // Only takes effect before the first table, and would write to an existing file.
            self.connection.execute_batch("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL;")?;
        }
        self.connection.execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -2048;",
        )?;
        let mode: String = self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        debug_assert_eq!(mode, "wal");
        // FULL: every commit is on the medium before it is reported.
        self.connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
        let _: i64 =
            self.connection.query_row("PRAGMA journal_size_limit = 8388608", [], |row| row.get(0))?;
        if let Some(pages) = max_pages {
            let _: i64 =
                self.connection
                    .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0))?;
        }
        Ok(())
    }

    fn fold_on_close(&self, fold: bool) -> Result<(), rusqlite::Error> {
        let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        self.connection.set_db_config(keep_log, !fold).map(|_| ())
    }

    fn check(&self) -> Result<(), StoreError> {
        let found: String = self.ask("PRAGMA quick_check(1)")?;
        if found == "ok" {
            return Ok(());
        }
        Err(StoreError::Damaged { path: self.path.clone(), detail: found })
    }

    fn migrate(&self) -> Result<(), StoreError> {
        let found: i64 = self.ask("PRAGMA user_version")?;
        let owner: i64 = self.ask("PRAGMA application_id")?;
        let tables: i64 = self.ask("SELECT count(*) FROM sqlite_schema")?;
        match found {
            SCHEMA_VERSION if owner == APPLICATION_ID => self.check_tables(),
            0 if tables == 0 && owner == 0 => self.create(),
            newer if owner == APPLICATION_ID && newer > SCHEMA_VERSION => {
                Err(StoreError::Newer { path: self.path.clone(), found: newer, known: SCHEMA_VERSION })
            }
            _ => Err(StoreError::Damaged {
                path: self.path.clone(),
                detail: format!("not a spool: application {owner:#x}, version {found}, {tables} tables"),
            }),
        }
    }

    /// Whether the tables are declared as we did it: SQLite's check does not look into these texts.
    fn check_tables(&self) -> Result<(), StoreError> {
        let declared = "SELECT ifnull(group_concat(sql, ';'), '') FROM (SELECT sql FROM sqlite_schema
                        WHERE sql IS NOT NULL ORDER BY rowid)";
        let found: String = self.ask(declared)?;
        let ours = SCHEMA.split(';').map(str::trim).filter(|table| !table.is_empty());
        if found.split(';').eq(ours) {
            return Ok(());
        }
        let detail = "its tables are declared otherwise".to_owned();
        Err(StoreError::Damaged { path: self.path.clone(), detail })
    }

    fn create(&self) -> Result<(), StoreError> {
        let all = format!(
            "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        );
        self.connection.execute_batch(&all).map_err(|error| {
            self.rollback();
            self.error(&error)
        })
    }

    fn ask<T: rusqlite::types::FromSql>(&self, question: &str) -> Result<T, StoreError> {
        self.connection.query_row(question, [], |row| row.get(0)).map_err(|error| self.error(&error))
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::from_sqlite(&self.path, error)
    }
}

impl Batch<'_> {
    pub(crate) fn append(&mut self, record: &Record, stored_ms: i64) -> Result<Entry, StoreError> {
        let seq = self.next_seq;
        let kind = i64::from(record.kind.code());
        let crc = record_crc(seq, &record.entity, kind, stored_ms, &record.payload);
        let row = params![signed(seq), &*record.entity, kind, stored_ms, crc, &*record.payload];
        self.insert.execute(row).map_err(|error| self.database.error(&error))?;
        self.next_seq += 1;
        Ok(Entry {
            seq,
            entity: Arc::clone(&record.entity),
            kind: record.kind,
            size_bytes: u32::try_from(record.payload.len()).unwrap_or(u32::MAX),
            stored_ms,
        })
    }

    /// Deletes waiting records; says what they took.
    pub(crate) fn delete(&mut self, seqs: &[u64]) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        for seq in seqs {
            let gone = self.delete.query_row([signed(*seq)], row_cost).optional();
            totals.add(gone.map_err(|error| self.database.error(&error))?);
        }
        Ok(totals)
    }

    /// Moves waiting records to the dead letters; says what moved.
    pub(crate) fn give_up(&mut self, seqs: &[u64], reason: &str, died_ms: i64) -> Result<Totals, StoreError> {
        let copy = "INSERT INTO dead (seq, entity, kind, stored_ms, crc, payload, died_ms, reason)
                    SELECT seq, entity, kind, stored_ms, crc, payload, ?2, ?3 FROM record WHERE seq = ?1";
        for seq in seqs {
            let row = params![signed(*seq), died_ms, reason];
            self.database.connection.execute(copy, row).map_err(|error| self.database.error(&error))?;
        }
        self.delete(seqs)
    }

    /// Deletes dead letters; says what they took.
    pub(crate) fn drop_dead(&mut self, seqs: &[u64]) -> Result<Totals, StoreError> {
        let delete = "DELETE FROM dead WHERE seq = ?1 RETURNING octet_length(entity), octet_length(payload)";
        let mut totals = Totals::default();
        for seq in seqs {
            let gone = self.database.connection.query_row(delete, [signed(*seq)], row_cost).optional();
            totals.add(gone.map_err(|error| self.database.error(&error))?);
        }
        Ok(totals)
    }

    /// Moves dead letters back to the end of the queue, in the order of their first acceptance.
    pub(crate) fn retry(&mut self, seqs: &[u64], stored_ms: i64) -> Result<Vec<Entry>, StoreError> {
        let select = "SELECT seq, entity, kind, stored_ms, crc, payload FROM dead WHERE seq = ?1";
        let mut entries = Vec::new();
        let mut sorted = seqs.to_vec();
        sorted.sort_unstable();
        for seq in sorted {
            let row = self.database.connection.query_row(select, [signed(seq)], |row| Ok(stored_row(row)));
            let Some(Ok(stored)) = row.optional().map_err(|error| self.database.error(&error))? else {
                continue;
            };
            let record =
                Record { entity: stored.entry.entity, kind: stored.entry.kind, payload: stored.payload };
            entries.push(self.append(&record, stored_ms)?);
            self.drop_dead(&[seq])?;
        }
        Ok(entries)
    }

    pub(crate) fn read(&self, seq: u64) -> Result<Option<Result<Stored, u64>>, StoreError> {
        self.database.read(seq)
    }

    pub(crate) fn journal(&self) -> Result<Vec<JournalEntry>, StoreError> {
        self.database.journal()
    }

    /// Writes an entry unless a higher revision stands there.
    pub(crate) fn put_journal(&self, entry: &JournalEntry) -> Result<(), StoreError> {
        let upsert = "INSERT INTO journal (name, revision, crc, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE
                      SET revision = excluded.revision, crc = excluded.crc, body = excluded.body
                      WHERE excluded.revision >= revision";
        let crc = journal_crc(&entry.name, entry.revision, &entry.body);
        let row = params![entry.name, signed(entry.revision), crc, &*entry.body];
        self.database.connection.execute(upsert, row).map(|_| ()).map_err(|error| self.database.error(&error))
    }

    pub(crate) fn remove_journal(&self, name: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM journal WHERE name = ?1";
        self.database
            .connection
            .execute(delete, [name])
            .map(|_| ())
            .map_err(|error| self.database.error(&error))
    }

    /// Makes it durable; the next free place, for [`Database::committed`].
    pub(crate) fn commit(self) -> Result<u64, StoreError> {
        self.database.connection.execute_batch("COMMIT").map_err(|error| self.database.error(&error))?;
        Ok(self.next_seq)
    }
}

impl Totals {
    fn add(&mut self, cost: Option<u64>) {
        self.records += u64::from(cost.is_some());
        self.bytes = self.bytes.saturating_add(cost.unwrap_or(0));
    }
}

/// Reads a row of `record` or `dead` (first six columns); the place when its checksum is wrong.
pub(crate) fn stored_row(row: &Row<'_>) -> Result<Stored, u64> {
    let seq = unsigned(row.get(0).unwrap_or(0));
    let read = || -> rusqlite::Result<Option<Stored>> {
        let entity = row.get_ref(1)?.as_str()?;
        let kind: i64 = row.get(2)?;
        let stored_ms = row.get(3)?;
        let crc: u32 = row.get(4)?;
        let payload = row.get_ref(5)?.as_blob()?;
        let known = Kind::from_code(kind);
        let right = record_crc(seq, entity, kind, stored_ms, payload) == crc;
        Ok(known.filter(|_| right).map(|kind| Stored {
            entry: Entry {
                seq,
                entity: Arc::from(entity),
                kind,
                size_bytes: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                stored_ms,
            },
            payload: Bytes::copy_from_slice(payload),
        }))
    };
    read().ok().flatten().ok_or(seq)
}

/// Reads a row of `journal`; `None` when its checksum is wrong.
pub(crate) fn journal_row(row: &Row<'_>) -> rusqlite::Result<Option<JournalEntry>> {
    let read = || -> rusqlite::Result<Option<JournalEntry>> {
        let (name, revision, crc) = (row.get::<_, String>(0)?, unsigned(row.get(1)?), row.get::<_, u32>(2)?);
        let body = row.get_ref(3)?.as_blob()?;
        let right = journal_crc(&name, revision, body) == crc;
        Ok(right.then(|| JournalEntry { name, revision, body: Bytes::copy_from_slice(body) }))
    };
    // A value of another type than was written is damage of this row alone.
    Ok(read().unwrap_or_default())
}

/// Creates the file so that only its owner can read it; the files beside it take over its mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ()).map_err(|error| StoreError::from_io(path, &error))
}

/// Which file it is, beyond its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity(u64, u64);

impl FileIdentity {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|found| Self(found.dev(), found.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|_| Self(0, 0))
    }
}

fn row_cost(row: &Row<'_>) -> rusqlite::Result<u64> {
    let length = |column| row.get::<_, i64>(column).map(|length| usize::try_from(length).unwrap_or(0));
    Ok(cost_bytes(length(0)?, length(1)?))
}

/// SQLite's integers are signed; ours come from it and stay far below the limit.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
