//! Log lines that the gateway's services ask for: the latest in memory (GetLogData), and in files on request
//! (StartFileLogging; EMS notes, 7.9).

pub mod file;
pub mod level;
pub mod ring;
pub(crate) mod stdout;

mod record;
mod utc;

pub use record::{LogRecord, SEVERITY, SOURCE};
pub use utc::Utc;
