//! What can go wrong with the file, told apart by what a person or the next attempt can do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why an operation on the store failed. Cheap to clone: one failed commit answers everything in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The limit of the configuration is reached; what is in the spool stays.
    #[error("spool full: {bytes} of {limit_bytes} bytes and {records} of {limit_records} records are taken")]
    SpoolFull {
        /// Taken, dead letters included.
        bytes: u64,
        /// Limit.
        limit_bytes: u64,
        /// Taken, dead letters included.
        records: u64,
        /// Limit.
        limit_records: u64,
    },
    /// The disk does not keep up: too much waits for the next commit.
    #[error("{limit} requests wait for the disk already")]
    QueueFull {
        /// How many may wait.
        limit: usize,
    },
    /// A record of this size can never be kept.
    #[error("a record of {size_bytes} bytes exceeds the limit of {limit_bytes}")]
    TooLarge {
        /// Size of the record.
        size_bytes: u64,
        /// Limit.
        limit_bytes: u64,
    },
    /// No room left on the device.
    #[error("no room left for {path}")]
    DiskFull {
        /// File that should grow.
        path: PathBuf,
    },
    /// Directory or file may not be written.
    #[error("{path} cannot be written: {detail}")]
    ReadOnly {
        /// File or directory.
        path: PathBuf,
        /// Words of the system.
        detail: String,
    },
    /// The device failed to read or write.
    #[error("input/output error at {path}: {detail}")]
    Io {
        /// File or directory.
        path: PathBuf,
        /// Words of the system.
        detail: String,
    },
    /// Another process works on this directory.
    #[error("{path} is held by another process")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file does not hold what it should; it is set aside.
    #[error("{path} is damaged: {detail}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// Written by a newer edgebind, which may keep things we would lose.
    #[error("{path} has schema version {found}, this program knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// In the file.
        found: i64,
        /// Of this program.
        known: i64,
    },
    /// Anything else SQLite says.
    #[error("{path}: {detail}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Words of SQLite.
        detail: String,
    },
    /// The file is still being opened and checked.
    #[error("the store is still being opened")]
    Opening,
    /// The thread of the store has ended, or ended before it could answer.
    #[error("the store has stopped")]
    Stopped,
}

impl StoreError {
    /// Whether the same request may succeed later without anybody changing it.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        !matches!(self, Self::TooLarge { .. } | Self::Newer { .. } | Self::Stopped)
    }

    /// Short word for metrics and health, stable over versions.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::SpoolFull { .. } => "spool_full",
            Self::QueueFull { .. } => "queue_full",
            Self::TooLarge { .. } => "too_large",
            Self::DiskFull { .. } => "disk_full",
            Self::ReadOnly { .. } => "read_only",
            Self::Io { .. } => "io",
            Self::Locked { .. } => "locked",
            Self::Damaged { .. } => "damaged",
            Self::Newer { .. } => "newer",
            Self::Sqlite { .. } => "sqlite",
            Self::Opening => "opening",
            Self::Stopped => "stopped",
        }
    }

    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { path, detail }
            }
            Some(ErrorCode::SystemIoFailure) => Self::Io { path, detail },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, detail },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            None if is_of_another_type(error) => Self::Damaged { path, detail },
            _ => Self::Sqlite { path, detail },
        }
    }

    pub(crate) fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { path, detail }
            }
            _ => Self::Io { path, detail },
        }
    }
}

/// Whether a value is not what was written there: nobody else writes this file.
const fn is_of_another_type(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    matches!(
        error,
        Error::Utf8Error(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
    )
}
