//! Group `logger` (EMS notes, 3.3).

use std::path::PathBuf;

use serde::Deserialize;

/// What is logged and where to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Logger {
    /// Least level that is logged; default `WARN`. An unknown text counts as the default, as in the original.
    pub level: LogLevel,
    /// Where AUDIT events go in addition, `file://…` or `http://…`; default none.
    pub audit_target: Option<String>,
    /// Directory of log files; default none: nothing is written to files.
    pub publish_directory: Option<PathBuf>,
    /// Least level in the log files; default: `level`.
    pub publish_level: Option<LogLevel>,
    /// Bytes of both log files together; default 2 000 000; 1024 to 1 GiB.
    pub max_file_storage: u64,
    /// Whether each line is flushed; default true.
    pub auto_flush: bool,
    /// Bytes after which the files are flushed when `auto_flush` is off; default 16384; 1 to 16 MiB.
    pub flush_chunk_size: u64,
    /// Bytes of the longest message; default 4096; 64 to 1 MiB.
    pub buffer_size: u64,
}

impl Default for Logger {
    fn default() -> Self {
        Self {
            level: LogLevel::Warn,
            audit_target: None,
            publish_directory: None,
            publish_level: None,
            max_file_storage: 2_000_000,
            auto_flush: true,
            flush_chunk_size: 16_384,
            buffer_size: 4096,
        }
    }
}

/// Level of a log line, in the words of the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LogLevel {
    /// Always printed.
    Force,
    /// Events of security interest.
    Audit,
    /// Data lost, or a person is needed.
    Error,
    /// Something recovered.
    Warn,
    /// Life cycle.
    Info,
    /// Each request.
    Debug,
    /// Each step.
    Trace,
    /// As `TRACE`, with message dumps.
    Verbose,
}

impl LogLevel {
    /// Returns the directive `tracing` understands: `error`, `warn`, `info`, `debug` or `trace`.
    pub fn directive(self) -> &'static str {
        match self {
            Self::Force | Self::Audit | Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace | Self::Verbose => "trace",
        }
    }
}
