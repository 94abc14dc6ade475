//! Times of `tw_utils`: milliseconds since 1 January of the year 1, UTC (script resource notes, 3.3).

use std::time::{Duration, UNIX_EPOCH};

use edgebind_kernel::clock;
use mlua::{Error, Lua, LuaString, Result, Table, Value};

use super::strftime::{Moment, strftime};
use crate::{
    host::{Arity, Natives},
    library::arguments::{Arguments, number_of},
};

/// Fills in the three functions.
pub(super) fn install(natives: &Natives<'_>, utils: &Table) -> Result<()> {
    utils.raw_set(
        "currentTime",
        natives.plain(Arity::exactly(0), |_, _: Arguments| Ok(Value::Number(now())))?,
    )?;
    utils.raw_set(
        "datetimeToLuaTime",
        natives.plain(Arity::exactly(1), |_, arguments: Arguments| {
            Ok(Value::Number(((arguments.number(0)? - UNIX_EPOCH_MS) / 1000.0).floor()))
        })?,
    )?;
    utils.raw_set(
        "datetimeToString",
        natives.plain(Arity::between(1, 3), |lua, arguments| text(lua, &arguments))?,
    )
}

/// Milliseconds since the year 1 of a moment counted since 1970.
pub(in crate::library) fn since_year_one(since_1970: Duration) -> f64 {
    // Whole milliseconds: below 2^53 for the next 280,000 years.
    UNIX_EPOCH_MS + since_1970.as_millis() as f64
}

fn now() -> f64 {
    since_year_one(clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// `strftime` with the milliseconds behind it, not padded, whatever the third argument says. Text that is no number
/// counts as 0, as in the original.
fn text(lua: &Lua, arguments: &Arguments) -> Result<LuaString> {
    let ms = number_of(arguments.value(0)).unwrap_or(0.0);
    let moment = Moment::since_year_one(ms).ok_or_else(|| Error::runtime("Invalid datetime."))?;
    let format = match arguments.value(1) {
        Value::Nil => b"%c".to_vec(),
        _ => arguments.text(1)?,
    };
    let mut text = strftime(&format, &moment);
    text.extend_from_slice(format!(".{}", moment.millis).as_bytes());
    lua.create_string(text)
}

/// 1 January 1970 in milliseconds since 1 January of the year 1.
const UNIX_EPOCH_MS: f64 = 62_135_596_800_000.0;

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn times_are_those_of_the_original() {
        let cases = [
            ("math.abs(tw_utils.currentTime() - 62135596800000 - os.time() * 1000) < 5000", "true"),
            ("tw_utils.currentTime() % 1", "0"),
            ("math.abs(tw_utils.datetimeToLuaTime(tw_utils.currentTime()) - os.time()) < 3", "true"),
            (
                "tw_utils.datetimeToLuaTime(62135596800000), tw_utils.datetimeToLuaTime(63635596800123)",
                "0,1500000000",
            ),
            ("tw_utils.datetimeToLuaTime('63635596800123')", "1500000000"),
            (
                "tw_utils.datetimeToString(63635596800123, '%Y-%m-%d %H:%M:%S', true)",
                "2017-07-14 02:40:00.123",
            ),
            ("tw_utils.datetimeToString(63635596800123, '%d/%m/%y', true)", "14/07/17.123"),
            ("tw_utils.datetimeToString(63635596800123, '%j')", "195.123"),
            ("tw_utils.datetimeToString(63635596800123)", "Fri Jul 14 02:40:00 2017.123"),
            ("tw_utils.datetimeToString(63635596800123, nil, true)", "Fri Jul 14 02:40:00 2017.123"),
            ("tw_utils.datetimeToString('x')", "Mon Jan  1 00:00:00 1.0"),
            ("tw_utils.datetimeToString(63635596800005, '')", ".5"),
        ];
        for (code, expected) in cases {
            assert_eq!(eval(&format!("return {code}")).as_deref(), Ok(expected), "{code}");
        }
    }

    #[test]
    fn what_is_no_time_is_an_error() {
        for code in ["datetimeToString(-5)", "datetimeToString(1e300)", "datetimeToString(0/0)"] {
            let error = eval(&format!("return tw_utils.{code}")).unwrap_err();
            assert!(error.contains("Invalid datetime."), "{code}: {error}");
        }
        let error = eval("tw_utils.datetimeToLuaTime('x')").unwrap_err();
        assert!(error.contains("bad argument #1 to '?' (number expected, got string)"), "{error}");
    }
}
