//! One log line, taken apart once for the ring and the files.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::Utc;

/// A log line with what GetLogData tells of it.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// When it was written.
    pub time: SystemTime,
    /// How much it matters.
    pub level: Level,
    /// Name of the level: that of `level`, or what a script's line says instead (FORCE, AUDIT).
    pub severity: Cow<'static, str>,
    /// Module that wrote it, or the source that a script names.
    pub origin: Cow<'static, str>,
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
            severity: text.severity.map_or(Cow::Borrowed(event.metadata().level().as_str()), Cow::Owned),
            origin: text.source.map_or(Cow::Borrowed(event.metadata().target()), Cow::Owned),
            content,
            thread: std::thread::current().name().unwrap_or_default().to_owned(),
        }
    }
}

impl LogRecord {
    /// The record as it stands on a terminal: the lines of a traceback stay lines, behind a tab, so that no text can
    /// pretend to be another record.
    pub(crate) fn lines(&self) -> impl fmt::Display + '_ {
        struct Lines<'r>(&'r LogRecord);
        impl fmt::Display for Lines<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_front(f)?;
                for c in self.0.content.trim_end().chars() {
                    match c {
                        '\n' => f.write_str("\n\t")?,
                        c => fmt::Write::write_char(f, if c.is_control() && c != '\t' { ' ' } else { c })?,
                    }
                }
                Ok(())
            }
        }
        Lines(self)
    }

    fn write_front(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utc { year, month, day, hour, minute, second, millis } = Utc::of(self.time);
        let date =
            format_args!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02},{millis:03}");
        write!(f, "[{:<5}] {date} {}: ", self.severity, Plain(&self.origin))
    }
}

/// A text without control characters.
struct Plain<'t>(&'t str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| fmt::Write::write_char(f, if c.is_control() { ' ' } else { c }))
    }
}

/// As in the original's files, with the milliseconds in three digits (EMS notes, 2.5).
impl fmt::Display for LogRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_front(f)?;
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
    source: Option<String>,
    severity: Option<String>,
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
            SOURCE => write!(self.source.get_or_insert_default(), "{value:?}"),
            SEVERITY => write!(self.severity.get_or_insert_default(), "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// Field of an event that names its source: the first argument of a script's log call.
pub const SOURCE: &str = "log.source";
/// Field of an event that names its level: FORCE and AUDIT have no like in `tracing`.
pub const SEVERITY: &str = "log.severity";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_looks_as_the_original_writes_it() {
        let record = LogRecord {
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_303_194_063),
            level: Level::INFO,
            severity: Cow::Borrowed("INFO"),
            origin: Cow::Borrowed("edgebind::gateway"),
            content: "Listening.\nport=8000".to_owned(),
            thread: String::new(),
        };
        assert_eq!(
            record.to_string(),
            "[INFO ] 2026-11-21 23:19:54,063 edgebind::gateway: Listening. port=8000"
        );
    }

    #[test]
    fn a_line_of_a_script_has_its_own_source_and_level_and_hides_no_second_line() {
        let record = LogRecord {
            time: SystemTime::UNIX_EPOCH,
            level: Level::ERROR,
            severity: Cow::Borrowed("FORCE"),
            origin: Cow::Borrowed("pump\n"),
            content: "one\n[ERROR] two\u{7}\n".to_owned(),
            thread: String::new(),
        };
        assert_eq!(record.lines().to_string(), "[FORCE] 1970-01-01 00:00:00,000 pump : one\n\t[ERROR] two ");
    }
}
