//! `tw_convert`: big-endian bytes to numbers (script resource notes, 3.11). Each function returns the value and how many
//! bytes it took.

use mlua::{IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use crate::host::{Arity, Natives};

/// Fills `tw_convert`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let convert = natives.table("tw_convert")?;
    let number = |name: &str, read: fn(&[u8]) -> Option<(f64, usize)>| number(natives, &convert, name, read);
    number("toUint16", |bytes| Some((u16::from_be_bytes(front(bytes)?).into(), 2)))?;
    number("toInt16", |bytes| Some((i16::from_be_bytes(front(bytes)?).into(), 2)))?;
    number("toUint32", |bytes| Some((u32::from_be_bytes(front(bytes)?).into(), 4)))?;
    number("toInt32", |bytes| Some((i32::from_be_bytes(front(bytes)?).into(), 4)))?;
    number("toFloat", |bytes| Some((f32::from_be_bytes(front(bytes)?).into(), 4)))?;
    number("toDouble", |bytes| Some((f64::from_be_bytes(front(bytes)?), 8)))?;
    // Seconds since 1970, as milliseconds.
    number("toTimestamp", |bytes| Some((f64::from(u32::from_be_bytes(front(bytes)?)) * 1000.0, 4)))?;
    masked(natives, &convert, "toMaskedBitmap16", |bytes| {
        Some((u16::from_be_bytes(front(bytes)?).into(), 2))
    })?;
    masked(natives, &convert, "toMaskedBitmap32", |bytes| Some((u32::from_be_bytes(front(bytes)?), 4)))?;
    let text = natives.plain(Arity::between(1, 2), |lua, arguments: Arguments| {
        let bytes = arguments.text(0)?;
        let length = match arguments.value(1) {
            Value::Nil => bytes.len(),
            // A length beyond the text, or none at all, means the whole of it.
            _ => bytes.len().min(arguments.number(1)?.max(0.0) as usize),
        };
        let taken = bytes.get(..length).unwrap_or_default();
        let text = taken.split(|&byte| byte == 0).next().unwrap_or_default();
        (lua.create_string(text)?, length).into_lua_multi(lua)
    })?;
    convert.raw_set("toString", text)
}

fn number(
    natives: &Natives<'_>,
    convert: &Table,
    name: &str,
    read: fn(&[u8]) -> Option<(f64, usize)>,
) -> Result<()> {
    let function = natives.plain(Arity::at_least(1), move |lua, arguments: Arguments| {
        results(lua, read(&arguments.text(0)?))
    })?;
    convert.raw_set(name, function)
}

/// With the bits that the second argument has; all of them without one.
fn masked(
    natives: &Natives<'_>,
    convert: &Table,
    name: &str,
    read: fn(&[u8]) -> Option<(u32, usize)>,
) -> Result<()> {
    let function = natives.plain(Arity::at_least(1), move |lua, arguments: Arguments| {
        let mask = match arguments.value(1) {
            Value::Nil => u32::MAX,
            // Beyond 32 bits the mask has all of them.
            _ => arguments.number(1)? as u32,
        };
        let value = read(&arguments.text(0)?);
        results(lua, value.map(|(value, taken)| (f64::from(value & mask), taken)))
    })?;
    convert.raw_set(name, function)
}

fn results(lua: &Lua, value: Option<(f64, usize)>) -> Result<MultiValue> {
    match value {
        Some((value, taken)) => (Value::Number(value), taken).into_lua_multi(lua),
        None => (Value::Nil, "Invalid parameter").into_lua_multi(lua),
    }
}

fn front<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn bytes_become_numbers() {
        let cases = [
            ("toUint16('\\1\\2')", "258,2"),
            ("toInt16('\\255\\254')", "-2,2"),
            ("toUint32('\\1\\2\\3\\4')", "16909060,4"),
            ("toUint32('\\255\\255\\255\\255')", "4294967295,4"),
            ("toInt32('\\255\\255\\255\\254')", "-2,4"),
            ("toFloat('\\63\\128\\0\\0')", "1,4"),
            ("toDouble('\\63\\240\\0\\0\\0\\0\\0\\0more')", "1,8"),
            ("toString('abc\\0def', 5)", "abc,5"),
            ("toString('abc')", "abc,3"),
            ("toString('abc', -1)", ",0"),
            ("toString('abc', 1e300)", "abc,3"),
            ("toTimestamp('\\0\\0\\0\\1')", "1000,4"),
            ("toMaskedBitmap16('\\255\\255', 15)", "15,2"),
            ("toMaskedBitmap32('\\1\\2\\3\\4', 255)", "4,4"),
            ("toUint16('\\1')", "nil,Invalid parameter"),
            ("toDouble('')", "nil,Invalid parameter"),
        ];
        for (code, expected) in cases {
            assert_eq!(eval(&format!("return tw_convert.{code}")).as_deref(), Ok(expected), "{code}");
        }
        let error = eval("tw_convert.toUint16({})").unwrap_err();
        assert!(error.contains("bad argument #1 to '?' (string expected, got table)"), "{error}");
    }

    #[test]
    fn all_functions_of_the_original_are_there() {
        let code = "local k = {} for n in pairs(tw_convert) do k[#k + 1] = n end table.sort(k)
            return table.concat(k, ','), tw_convert == ps_convert";
        let names = "toDouble,toFloat,toInt16,toInt32,toMaskedBitmap16,toMaskedBitmap32,toString,toTimestamp,toUint16,toUint32";
        assert_eq!(eval(code), Ok(format!("{names},true")));
    }
}
