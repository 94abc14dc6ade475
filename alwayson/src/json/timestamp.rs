//! Points in time as text (ISO 8601).

/// Milliseconds since 1970-01-01T00:00:00Z of `2024-01-02T03:04:05.678Z` and its shorter forms.
///
/// Time of day, fraction and zone may be left out (midnight, UTC); a blank may stand for the `T`, the zone may
/// be written `+01:00`, `+0100` or `+01`.
pub(super) fn parse(text: &str) -> Option<i64> {
    let mut rest = text.trim().as_bytes();
    let year = number(&mut rest, 4)?;
    skip(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    skip(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let mut millis = days_since_1970(year, month, day) * 86_400_000;
    if rest.is_empty() {
        return Some(millis);
    }
    skip(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 2)?;
    skip(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    let mut second = 0;
    if skip(&mut rest, b":").is_some() {
        second = number(&mut rest, 2)?;
        if skip(&mut rest, b".,").is_some() {
            millis += fraction(&mut rest)?;
        }
    }
    if hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute, second) != (0, 0)) {
        return None;
    }
    millis += (hour * 3600 + minute * 60 + second) * 1000;
    let offset_minutes = zone(&mut rest)?;
    rest.is_empty().then_some(millis - offset_minutes * 60_000)
}

fn zone(rest: &mut &[u8]) -> Option<i64> {
    if rest.is_empty() || skip(rest, b"Zz").is_some() {
        return Some(0);
    }
    let sign = match skip(rest, b"+-")? {
        b'-' => -1,
        _ => 1,
    };
    let hours = number(rest, 2)?;
    skip(rest, b":");
    let minutes = if rest.is_empty() { 0 } else { number(rest, 2)? };
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// Thousandths of a second; further digits are read and dropped.
fn fraction(rest: &mut &[u8]) -> Option<i64> {
    let mut millis = 0;
    let mut worth = 100;
    let mut any = false;
    while let Some((&digit @ b'0'..=b'9', behind)) = rest.split_first() {
        millis += i64::from(digit - b'0') * worth;
        worth /= 10;
        any = true;
        *rest = behind;
    }
    any.then_some(millis)
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (head, behind) = rest.split_at_checked(digits)?;
    *rest = behind;
    head.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn skip(rest: &mut &[u8], any_of: &[u8]) -> Option<u8> {
    let (&first, behind) = rest.split_first()?;
    if !any_of.contains(&first) {
        return None;
    }
    *rest = behind;
    Some(first)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days of the Gregorian calendar between 1970-01-01 and the given day; years are counted from March.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn complete_texts_are_read_to_the_millisecond() {
        assert_eq!(parse("2024-01-02T03:04:05.678Z"), Some(1_704_164_645_678));
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("1969-12-31T23:59:59.999Z"), Some(-1));
        assert_eq!(parse("2000-02-29T12:00:00.5Z"), Some(951_825_600_500));
        assert_eq!(parse("9999-12-31T23:59:59.999Z"), Some(253_402_300_799_999));
        assert_eq!(parse("0001-01-01"), Some(-62_135_596_800_000));
    }

    #[test]
    fn zones_and_short_forms_are_understood() {
        let noon = Some(1_704_196_800_000);
        for text in [
            "2024-01-02T12:00:00Z",
            "2024-01-02T13:00:00+01:00",
            "2024-01-02T13:00:00.000+0100",
            "2024-01-02T06:30-05:30",
            "2024-01-02T11:00:00-01",
            "2024-01-02 12:00",
        ] {
            assert_eq!(parse(text), noon, "{text}");
        }
        assert_eq!(parse("2024-01-02"), Some(1_704_153_600_000));
    }

    #[test]
    fn what_is_no_point_in_time_is_refused() {
        for text in [
            "",
            "now",
            "2024",
            "2024-13-01",
            "2023-02-29",
            "2024-01-02T",
            "2024-01-02T25:00:00Z",
            "2024-01-02T12:00:00X",
            "2024-01-02T12:00:00Zz",
            "2024-01-02T12:60:00Z",
            "2024-01-02T12:00:00.",
            "2024-01-02T12:00:00+",
            "1.2.2024",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
