//! Numbers as Lua 5.1 writes them: `%.14g` (script resource notes, trap 8).
//!
//! Formatting a value that mlua has turned into an integer would print other digits: `1e14` is `1e+14` in Lua.

/// The text that `tostring` makes of `number`.
#[must_use]
pub fn text(number: f64) -> String {
    if number.is_nan() {
        return if number.is_sign_negative() { "-nan".into() } else { "nan".into() };
    }
    if number.is_infinite() {
        return if number < 0.0 { "-inf".into() } else { "inf".into() };
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    // One digit before the point and DIGITS - 1 behind it, rounded as `printf` does.
    let scientific = format!("{number:.*e}", DIGITS - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..DIGITS_I32).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(DIGITS_I32 - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{number:.decimals$}")).to_owned()
}

/// Without zeros at the end of the fraction.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

const DIGITS: usize = 14;
const DIGITS_I32: i32 = 14;

#[cfg(test)]
mod tests {
    use mlua::{Lua, Value};

    use super::*;

    #[test]
    fn numbers_read_as_lua_writes_them() {
        let lua = Lua::new();
        let numbers = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            5.5,
            0.1,
            1.0 / 3.0,
            1e14,
            99_999_999_999_999.0,
            999_999_999_999_995.0,
            1e15,
            9_007_199_254_740_993.0,
            1e-4,
            1e-5,
            123_456.789,
            1.5e300,
            5e-324,
            -2.5e-7,
            62_135_596_800_000.0,
            1_795_304_000_123.0,
            0.000_123_456_789_012_345_6,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for number in numbers {
            let lua_says = lua.coerce_string(Value::Number(number)).unwrap().unwrap().to_string_lossy();
            assert_eq!(text(number), lua_says);
        }
    }
}
