//! One log line, taken apart once for the ring and the files.

use std::fmt;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// A log line with what GetLogData tells of it.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// When it was written.
    pub time: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// Module that wrote it.
    pub origin: &'static str,
    /// Sentence and fields; cut after [`LogRecord::MAX_BYTES`].
    pub content: String,
    /// Name of the thread, if it has one.
    pub thread: String,
}

impl LogRecord {
    /// Longest content in bytes: the original's `logger.buffer_size`.
    pub const MAX_BYTES: usize = 4096;

    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut text = Text::default();
        event.record(&mut text);
        let mut content = text.message;
        content.push_str(&text.fields);
        if content.len() > Self::MAX_BYTES {
            let cut = (0..=Self::MAX_BYTES).rev().find(|&at| content.is_char_boundary(at)).unwrap_or(0);
            content.truncate(cut);
        }
        #[expect(clippy::disallowed_methods, reason = "a log line carries the time of the wall")]
        let time = SystemTime::now();
        Self {
            time,
            level: *event.metadata().level(),
            origin: event.metadata().target(),
            content,
            thread: std::thread::current().name().unwrap_or_default().to_owned(),
        }
    }
}

/// As in the original's files, with the milliseconds in three digits (EMS notes, 2.5).
impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (seconds, millis) = (since.as_secs(), since.subsec_millis());
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "[{:<5}] {year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{millis:03} {}: ",
            self.level.as_str(),
            self.origin
        )?;
        // One record stays one line, whatever its fields hold.
        for c in self.content.chars() {
            fmt::Write::write_char(f, if c.is_control() { ' ' } else { c })?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a text cannot fail; a value whose Debug does is left out.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Year, month and day of a day counted from 1970 (the usual algorithm with years that begin in March).
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_looks_as_the_original_writes_it() {
        let record = LogRecord {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_303_194_063),
            level: Level::INFO,
            origin: "edgebind::gateway",
            content: "Listening.\nport=8000".to_owned(),
            thread: String::new(),
        };
        assert_eq!(
            record.to_string(),
            "[INFO ] 2026-11-21 23:19:54,063 edgebind::gateway: Listening. port=8000"
        );
    }

    #[test]
    fn days_of_leap_years_are_right() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_789), (2026, 12, 2));
    }
}
