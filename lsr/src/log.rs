//! The log of the script resource: lines as the original writes them (script resource notes, 1.8). The
//! process says where they go: `edgebind-observability` writes them.
//!
//! Scripts write here through the `log` library, the host and the server directly. A line of the level FORCE or AUDIT is
//! always written.

use std::{
    fmt,
    sync::atomic::{AtomicU8, Ordering},
};

use edgebind_observability::log::{SEVERITY, SOURCE};

/// How much a line matters, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Always written.
    Force,
    /// Always written.
    Audit,
    /// Something was lost, or a person is needed.
    Error,
    /// Something went wrong and is being dealt with.
    Warn,
    /// The course of things.
    Info,
    /// For whoever looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// All levels, the most important first.
    pub const ALL: [Self; 7] =
        [Self::Force, Self::Audit, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The level that a configuration calls `name`, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name: `WARN`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Force => "FORCE",
            Self::Audit => "AUDIT",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }
}

/// Sets the least important level that is written; INFO before the first call (`log_level`).
pub fn set_level(level: Level) {
    THRESHOLD.store(level as u8, Ordering::Relaxed);
}

/// Whether a line of `level` would be written.
#[must_use]
pub fn enabled(level: Level) -> bool {
    level <= Level::Audit || level as u8 <= THRESHOLD.load(Ordering::Relaxed)
}

/// Writes one line: `[WARN ] 2026-11-22 04:34:05,007 source: message`, to standard output and wherever else the process
/// keeps its log.
pub fn write(level: Level, source: impl fmt::Display, message: impl fmt::Display) {
    if !enabled(level) {
        return;
    }
    macro_rules! line {
        ($tracing:expr, $target:expr) => {
            tracing::event!(
                target: $target,
                $tracing,
                { SOURCE } = %source,
                { SEVERITY } = level.as_str(),
                "{message}"
            )
        };
    }
    match level {
        Level::Force | Level::Audit => line!(tracing::Level::ERROR, ALWAYS),
        Level::Error => line!(tracing::Level::ERROR, SCRIPTS),
        Level::Warn => line!(tracing::Level::WARN, SCRIPTS),
        Level::Info => line!(tracing::Level::INFO, SCRIPTS),
        Level::Debug => line!(tracing::Level::DEBUG, SCRIPTS),
        Level::Trace => line!(tracing::Level::TRACE, SCRIPTS),
    }
}

/// Target of lines that are written at every level.
pub const ALWAYS: &str = "edgebind::always";
/// Target of the other lines of scripts, of the host and of the server.
pub const SCRIPTS: &str = "edgebind::scripts";

static THRESHOLD: AtomicU8 = AtomicU8::new(Level::Info as u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_name_in_any_case() {
        assert_eq!(Level::parse("warn"), Some(Level::Warn));
        assert_eq!(Level::parse("verbose"), None);
    }
}
