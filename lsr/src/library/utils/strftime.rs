//! `strftime` of the C locale in UTC. Years are not padded, as in the original.

/// A moment of the Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    year: u64,
    /// 1 to 12.
    month: u64,
    /// 1 to 31.
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    /// 0 to 999.
    pub(super) millis: u64,
    /// 0 is Sunday.
    weekday: u64,
    /// 0 is the first of January.
    day_of_year: u64,
}

impl Moment {
    /// The moment `ms` milliseconds after 1 January of the year 1; nothing outside of the years 1 to 9999.
    pub(super) fn since_year_one(ms: f64) -> Option<Self> {
        if !(0.0..END_MS).contains(&ms) {
            return None;
        }
        let ms = ms as u64;
        let days = ms / 86_400_000;
        let seconds = ms / 1000 % 86_400;
        let (year, month, day) = date(days);
        Some(Self {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            millis: ms % 1000,
            // That first of January was a Monday.
            weekday: (days + 1) % 7,
            day_of_year: days - days_before(year),
        })
    }

    /// Week of the year, the first one beginning with the first `first_weekday`.
    fn week(&self, first_weekday: u64) -> u64 {
        (self.day_of_year + 7 - (self.weekday + 7 - first_weekday) % 7) / 7
    }

    /// Year and week of ISO 8601: the week belongs to the year that has its Thursday.
    fn iso_week(&self) -> (u64, u64) {
        let monday_based = (self.weekday + 6) % 7;
        let week = (self.day_of_year + 10 - monday_based) / 7;
        let weeks_of = |year: u64| {
            // A year has 53 weeks if it begins on a Thursday, or on a Wednesday and is a leap year.
            let first = (days_before(year) + 1) % 7;
            if first == 4 || (first == 3 && is_leap(year)) { 53 } else { 52 }
        };
        match week {
            0 if self.year == 1 => (0, 52),
            0 => (self.year - 1, weeks_of(self.year - 1)),
            week if week > weeks_of(self.year) => (self.year + 1, 1),
            week => (self.year, week),
        }
    }

    /// 1 to 12.
    fn clock_hour(&self) -> u64 {
        (self.hour + 11) % 12 + 1
    }

    fn unix_seconds(&self) -> i64 {
        let days = (days_before(self.year) + self.day_of_year).cast_signed() - DAYS_TO_1970.cast_signed();
        days * 86_400 + (self.hour * 3600 + self.minute * 60 + self.second).cast_signed()
    }
}

/// What `format` says of `moment`; a directive that C does not know stays as it is.
pub(super) fn strftime(format: &[u8], moment: &Moment) -> Vec<u8> {
    let mut out = Vec::with_capacity(format.len() + 24);
    let mut bytes = format.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let Some(&directive) = bytes.next() else {
            out.push(b'%');
            break;
        };
        match directive_text(directive, moment) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(&[b'%', directive]),
        }
    }
    out
}

fn directive_text(directive: u8, at: &Moment) -> Option<String> {
    let name = |names: &[&str], index: u64| {
        usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default().to_owned()
    };
    let short = |name: String| name.get(..3).unwrap_or_default().to_owned();
    let whole = |format: &str| String::from_utf8_lossy(&strftime(format.as_bytes(), at)).into_owned();
    Some(match directive {
        b'a' => short(name(&WEEKDAYS, at.weekday)),
        b'A' => name(&WEEKDAYS, at.weekday),
        b'b' | b'h' => short(name(&MONTHS, at.month - 1)),
        b'B' => name(&MONTHS, at.month - 1),
        b'c' => whole("%a %b %e %H:%M:%S %Y"),
        b'C' => format!("{:02}", at.year / 100),
        b'd' => format!("{:02}", at.day),
        b'D' | b'x' => whole("%m/%d/%y"),
        b'e' => format!("{:2}", at.day),
        b'F' => whole("%Y-%m-%d"),
        b'g' => format!("{:02}", at.iso_week().0 % 100),
        b'G' => at.iso_week().0.to_string(),
        b'H' => format!("{:02}", at.hour),
        b'I' => format!("{:02}", at.clock_hour()),
        b'j' => format!("{:03}", at.day_of_year + 1),
        b'k' => format!("{:2}", at.hour),
        b'l' => format!("{:2}", at.clock_hour()),
        b'm' => format!("{:02}", at.month),
        b'M' => format!("{:02}", at.minute),
        b'n' => "\n".to_owned(),
        b'p' => if at.hour < 12 { "AM" } else { "PM" }.to_owned(),
        b'P' => if at.hour < 12 { "am" } else { "pm" }.to_owned(),
        b'r' => whole("%I:%M:%S %p"),
        b'R' => whole("%H:%M"),
        b's' => at.unix_seconds().to_string(),
        b'S' => format!("{:02}", at.second),
        b't' => "\t".to_owned(),
        b'T' | b'X' => whole("%H:%M:%S"),
        b'u' => ((at.weekday + 6) % 7 + 1).to_string(),
        b'U' => format!("{:02}", at.week(0)),
        b'V' => format!("{:02}", at.iso_week().1),
        b'w' => at.weekday.to_string(),
        b'W' => format!("{:02}", at.week(1)),
        b'y' => format!("{:02}", at.year % 100),
        b'Y' => at.year.to_string(),
        b'z' => "+0000".to_owned(),
        b'Z' => "GMT".to_owned(),
        b'%' => "%".to_owned(),
        _ => return None,
    })
}

/// Year, month and day, `days` after 1 January of the year 1.
fn date(days: u64) -> (u64, u64, u64) {
    // By the average year; a year too early or too late around its turn.
    let guess = days * 400 / DAYS_IN_400_YEARS + 1;
    let year = if days < days_before(guess) { guess - 1 } else { guess };
    let year = if days >= days_before(year + 1) { year + 1 } else { year };
    let mut rest = days - days_before(year);
    for (month, length) in (1..).zip(MONTH_LENGTHS) {
        let length = length + u64::from(month == 2 && is_leap(year));
        if rest < length {
            return (year, month, rest + 1);
        }
        rest -= length;
    }
    // Not reached: the lengths add up to the year.
    (year, 12, 31)
}

/// Days from 1 January of the year 1 to 1 January of `year`.
fn days_before(year: u64) -> u64 {
    let years = year - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const DAYS_TO_1970: u64 = 719_162;
const DAYS_IN_400_YEARS: u64 = 146_097;
/// 1 January 10000.
const END_MS: f64 = 3_652_059.0 * 86_400_000.0;
const MONTH_LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_read_as_those_of_the_c_library() {
        let lua = mlua::Lua::new();
        let directives = "%a|%A|%b|%B|%c|%d|%D|%e|%F|%H|%I|%j|%m|%M|%p|%S|%T|%u|%U|%V|%G|%g|%w|%W|%x|%X|%y|%Y|%%|%C|%r|%R|%h";
        let (mut day, mut seen) = (-365_i64 * 30, 0);
        while day < 365 * 80 {
            let seconds = day * 86_400 + (day.unsigned_abs() * 7919 % 86_400).cast_signed();
            let expected: String = lua
                .load("return os.date('!' .. (...), select(2, ...))")
                .call((directives, seconds))
                .expect("a date");
            let moment =
                Moment::since_year_one((seconds + 62_135_596_800) as f64 * 1000.0).expect("in range");
            let ours = String::from_utf8(strftime(directives.as_bytes(), &moment)).expect("ASCII");
            assert_eq!(ours, expected, "{seconds}");
            assert_eq!(moment.unix_seconds(), seconds);
            day += 13;
            seen += 1;
        }
        assert!(seen > 1000);
    }

    #[test]
    fn both_ends_of_the_calendar_are_dates() {
        let text = |ms: f64| {
            let moment = Moment::since_year_one(ms)?;
            String::from_utf8(strftime(b"%F %T %G %V", &moment)).ok()
        };
        assert_eq!(text(0.0).as_deref(), Some("1-01-01 00:00:00 1 01"));
        assert_eq!(text(END_MS - 1.0).as_deref(), Some("9999-12-31 23:59:59 9999 52"));
        for outside in [END_MS, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(text(outside), None);
        }
    }

    #[test]
    fn unknown_directives_stay() {
        let moment = Moment::since_year_one(0.0).expect("in range");
        assert_eq!(strftime(b"%Q %", &moment), b"%Q %");
    }
}
