//! `string.format` of Lua 5.1 for log lines, where a lone `%` prints as `$` rather than failing
//! (script resource notes, 3.2).

use mlua::{Result, Value};

use crate::library::{arguments::Arguments, quote::quoted};

/// The text that `format` makes of the arguments from `first` on.
///
/// # Errors
///
/// An argument that is missing or of the wrong type, counted as the original does: from 2, whichever `first` is.
pub(super) fn format(format: &[u8], arguments: &Arguments, first: usize) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(format.len() + 32);
    let mut rest = format;
    let mut next = first;
    while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
        let (plain, directive) = rest.split_at(at);
        out.extend_from_slice(plain);
        if let Some(after) = directive.strip_prefix(b"%%") {
            out.push(b'%');
            rest = after;
        } else if let Some((directive, after)) = Directive::parse(directive) {
            directive.write(&mut out, arguments, next)?;
            next += 1;
            rest = after;
        } else {
            out.push(b'$');
            rest = directive.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// One `%-5.2f`.
#[derive(Debug, Default)]
struct Directive {
    left: bool,
    plus: bool,
    alternate: bool,
    zeros: bool,
    width: usize,
    precision: Option<usize>,
    kind: u8,
}

impl Directive {
    /// Reads a directive behind its `%`; `None` if there is none. Lua allows two digits for width and precision. A blank
    /// is no flag: in `100% sure` the original finds no directive, though C would.
    fn parse(text: &[u8]) -> Option<(Self, &[u8])> {
        let mut directive = Self::default();
        let mut at = 1;
        while let Some(&flag) = text.get(at) {
            match flag {
                b'-' => directive.left = true,
                b'+' => directive.plus = true,
                b'#' => directive.alternate = true,
                b'0' => directive.zeros = true,
                _ => break,
            }
            at += 1;
        }
        if let Some(width) = digits(text, &mut at) {
            directive.width = width;
        }
        if text.get(at) == Some(&b'.') {
            at += 1;
            directive.precision = Some(digits(text, &mut at).unwrap_or(0));
        }
        directive.kind = *text.get(at)?;
        let known = matches!(
            directive.kind,
            b'c' | b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'e' | b'E' | b'f' | b'g' | b'G' | b'q' | b's'
        );
        known.then(|| (directive, text.get(at + 1..).unwrap_or_default()))
    }

    fn write(&self, out: &mut Vec<u8>, arguments: &Arguments, index: usize) -> Result<()> {
        match self.kind {
            b's' => {
                let text = match arguments.value(index) {
                    Value::Nil if index < arguments.len() => b"nil".to_vec(),
                    _ => arguments.text_called(index, index)?,
                };
                let length = self.precision.map_or(text.len(), |most| most.min(text.len()));
                self.pad(out, text.get(..length).unwrap_or_default());
            }
            b'q' => quoted(out, &arguments.text_called(index, index)?),
            b'c' => {
                let code = arguments.number_called(index, index)?;
                // As C does: the lowest byte.
                self.pad(out, &[(code as i64).to_le_bytes()[0]]);
            }
            _ => {
                let number = arguments.number_called(index, index)?;
                self.write_number(out, number);
            }
        }
        Ok(())
    }

    fn write_number(&self, out: &mut Vec<u8>, number: f64) {
        let whole = number as i64;
        let (negative, digits) = match self.kind {
            b'd' | b'i' => (whole < 0, self.at_least(whole.unsigned_abs().to_string())),
            b'u' => (false, self.at_least(whole.cast_unsigned().to_string())),
            b'o' => (false, self.at_least(format!("{whole:o}"))),
            b'x' => (false, self.prefixed("0x", self.at_least(format!("{whole:x}")), whole)),
            b'X' => (false, self.prefixed("0X", self.at_least(format!("{whole:X}")), whole)),
            _ => (number.is_sign_negative(), self.floating(number.abs())),
        };
        let signed = matches!(self.kind, b'd' | b'i' | b'e' | b'E' | b'f' | b'g' | b'G');
        let sign = match (negative, self.plus) {
            (true, _) => "-",
            (false, true) if signed => "+",
            _ => "",
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        if self.zeros && !self.left && number.is_finite() {
            out.extend_from_slice(format!("{sign}{}{digits}", "0".repeat(missing)).as_bytes());
        } else {
            self.pad(out, format!("{sign}{digits}").as_bytes());
        }
    }

    fn floating(&self, number: f64) -> String {
        let precision = self.precision.unwrap_or(6);
        let upper = matches!(self.kind, b'E' | b'G');
        let text = if !number.is_finite() {
            if number.is_nan() { "nan".into() } else { "inf".into() }
        } else {
            match self.kind {
                b'f' => format!("{number:.precision$}"),
                b'e' | b'E' => exponential(number, precision),
                _ => self.general(number, precision.max(1)),
            }
        };
        if upper { text.to_ascii_uppercase() } else { text }
    }

    /// `%g`: the shorter of both notations, without zeros at the end.
    fn general(&self, number: f64, digits: usize) -> String {
        let scientific = exponential(number, digits - 1);
        let exponent: i64 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
        let most = i64::try_from(digits).unwrap_or(i64::MAX);
        if exponent < -4 || exponent >= most {
            let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "+00"));
            return format!("{}e{exponent}", self.trimmed(mantissa));
        }
        let decimals = usize::try_from(most - 1 - exponent).unwrap_or(0);
        self.trimmed(&format!("{number:.decimals$}")).to_owned()
    }

    fn trimmed<'a>(&self, digits: &'a str) -> &'a str {
        if self.alternate || !digits.contains('.') {
            return digits;
        }
        digits.trim_end_matches('0').trim_end_matches('.')
    }

    fn prefixed(&self, prefix: &str, digits: String, number: i64) -> String {
        if self.alternate && number != 0 { format!("{prefix}{digits}") } else { digits }
    }

    /// With as many digits as the precision demands.
    fn at_least(&self, digits: String) -> String {
        let missing = self.precision.unwrap_or(1).saturating_sub(digits.len());
        format!("{}{digits}", "0".repeat(missing))
    }

    fn pad(&self, out: &mut Vec<u8>, text: &[u8]) {
        let blanks = self.width.saturating_sub(text.len());
        if !self.left {
            out.resize(out.len() + blanks, b' ');
        }
        out.extend_from_slice(text);
        if self.left {
            out.resize(out.len() + blanks, b' ');
        }
    }
}

/// Up to two digits.
fn digits(text: &[u8], at: &mut usize) -> Option<usize> {
    let count = text.iter().skip(*at).take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(text.get(*at..*at + count)?).ok()?.parse().ok()?;
    *at += count;
    Some(number)
}

/// As C writes it: at least two digits in the exponent.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{mantissa}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use mlua::{FromLuaMulti as _, Lua, MultiValue};

    use super::*;

    fn ours(lua: &Lua, code: &str) -> std::result::Result<String, String> {
        let values: MultiValue = lua.load(format!("return {code}")).eval().expect("arguments");
        let arguments = Arguments::from_lua_multi(values, lua).expect("any values");
        let text = arguments.text(0).and_then(|text| format(&text, &arguments, 1));
        text.map(|text| String::from_utf8_lossy(&text).into_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn directives_print_as_in_lua() {
        let lua = Lua::new();
        let numbers = [
            "0",
            "1",
            "-1",
            "3.7",
            "-3.7",
            "123456789",
            "1e20",
            "1e-5",
            "0.0001",
            "255",
            "2^40",
            "1/3",
            "-0",
        ];
        let formats = [
            "%5.2f", "%g", "%G", "%e", "%.3E", "%.0f", "%-8.3g|", "%+d", "%08.3f", "%#g", "%.14g", "%10.4f|",
            "%-10.1e|", "%+.1f", "%f",
        ];
        for (number, directive) in numbers.iter().flat_map(|n| formats.iter().map(move |f| (n, f))) {
            if directive.ends_with('d') && *number == "1e20" {
                // C leaves open what becomes of it.
                continue;
            }
            let code = format!("'{directive}', {number}");
            let lua_says: String = lua.load(format!("return string.format({code})")).eval().expect("a text");
            assert_eq!(ours(&lua, &code).as_deref(), Ok(lua_says.as_str()), "{code}");
        }
        let others = [
            "'%d %i %5d|%-5d|%05d', 3.7, -4, 42, 42, -42",
            "'%x %X %o %#x %08x', 255, 255, 8, 255, 255",
            "'%s|%10s|%-10s|%.2s', 'abc', 'abc', 'abc', 'abc'",
            "'%q', 'a\"b\\\\c\\nd\\r'",
            "'%c%c', 72, 105",
            "'%u', 42",
            "'no directive'",
            "'%s', 5",
            "'%.3d', 5",
        ];
        for code in others {
            let lua_says: String = lua.load(format!("return string.format({code})")).eval().expect("a text");
            assert_eq!(ours(&lua, code).as_deref(), Ok(lua_says.as_str()), "{code}");
        }
    }

    #[test]
    fn a_lone_percent_sign_becomes_a_dollar_sign() {
        let lua = Lua::new();
        let cases = [
            ("'100%'", "100$"),
            ("'100% zonk'", "100$ zonk"),
            ("'%y %s', 1", "$y 1"),
            ("'50%% off'", "50% off"),
        ];
        for (code, expected) in cases {
            assert_eq!(ours(&lua, code).as_deref(), Ok(expected), "{code}");
        }
    }

    #[test]
    fn nothing_brings_it_down() {
        let lua = Lua::new();
        let hostile = [
            "'%99.99f', 1e308",
            "'%d', 0/0",
            "'%c', -1e300",
            "'%', 1",
            "'%-+ #0', 1",
            "'%999d', 1",
            "'%s', 'a\\0b'",
            "'%q', '\\0'",
            "'%d', 1/0",
            "'%.99g', 1e-320",
        ];
        for code in hostile {
            drop(ours(&lua, code));
        }
    }
}
