//! The log of the script resource: lines as the original writes them (script resource notes, 1.8), on standard output.
//!
//! Scripts write here through the `log` library, the host and the server directly. A line of the level FORCE or AUDIT is
//! always written.

use std::{
    fmt,
    io::Write,
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use edgebind_kernel::clock;

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

/// Writes one line: `[WARN ] 2026-11-22 04:34:05,7 source: message`. Line breaks in the message stay.
pub fn write(level: Level, source: impl fmt::Display, message: impl fmt::Display) {
    if enabled(level) {
        let line = line(level, clock::wall(), &source, &message);
        // Nobody reads it: there is nowhere to say so.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

/// The line, with its line feed.
pub(crate) fn line(
    level: Level,
    at: SystemTime,
    source: &dyn fmt::Display,
    message: &dyn fmt::Display,
) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let (seconds, millis) = (since.as_secs(), since.subsec_millis());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    // Milliseconds are not padded, as in the original.
    format!(
        "[{:<5}] {year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{millis} {source}: {message}\n",
        level.as_str()
    )
}

/// Year, month and day of the month, `days` after 1970-01-01 (Gregorian, 400-year cycles that begin in March).
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

static THRESHOLD: AtomicU8 = AtomicU8::new(Level::Info as u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_the_original_writes_it() {
        let at = UNIX_EPOCH + Duration::from_millis(1_795_304_045_007);
        let text = line(Level::Warn, at, &"Thing", &"no answer");
        assert_eq!(text, "[WARN ] 2026-11-21 23:34:05,7 Thing: no answer\n");
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
    }

    #[test]
    fn levels_are_known_by_name_in_any_case() {
        assert_eq!(Level::parse("warn"), Some(Level::Warn));
        assert_eq!(Level::parse("verbose"), None);
    }
}
