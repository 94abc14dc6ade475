//! Log lines that the gateway's services ask for: the latest in memory (GetLogData), and in files on request
//! (StartFileLogging; EMS notes, 7.9).

pub mod file;
pub mod ring;

mod record;

pub use record::LogRecord;
