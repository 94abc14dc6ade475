//! The part of `tw_utils` that is there without `require "utils"` (script resource notes, 3.3), except `psleep`.

mod encodings;
mod serialized;
mod strftime;
mod times;

use mlua::{IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

pub(super) use self::times::since_year_one;
use super::{arguments::Arguments, secrets};
use crate::host::{Arity, Natives};

/// Fills `tw_utils`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let utils: Table = natives.table("tw_utils")?;
    times::install(natives, &utils)?;
    serialized::install(natives, &utils)?;
    let one = Arity::exactly(1);
    let host_os = if cfg!(windows) { "win32" } else { "linux" };
    utils.raw_set("host_os", natives.plain(Arity::exactly(0), move |_, _: Arguments| Ok(host_os))?)?;
    utils.raw_set("thread_id", natives.plain(Arity::exactly(0), |lua, _: Arguments| Ok(thread_id(lua)))?)?;
    utils.raw_set(
        "base64_encode",
        natives.plain(one, |lua, arguments: Arguments| {
            text_or(lua, arguments.text_if_any(0).map(|text| encodings::base64(&text)), INVALID)
        })?,
    )?;
    utils.raw_set(
        "base64_decode",
        natives.plain(one, |lua, arguments: Arguments| {
            text_or(lua, arguments.text_if_any(0).and_then(|text| encodings::from_base64(&text)), INVALID)
        })?,
    )?;
    utils.raw_set(
        "calculateCRC16",
        natives.plain(one, |_, arguments: Arguments| {
            Ok(encodings::crc16(&arguments.text(0)?).map_or(Value::Nil, |sum| Value::Number(f64::from(sum))))
        })?,
    )?;
    utils.raw_set(
        "uri_encode",
        natives.plain(one, |lua, arguments: Arguments| {
            lua.create_string(encodings::encoded_url(&arguments.text(0)?))
        })?,
    )?;
    utils.raw_set(
        "uri_decode",
        natives.plain(one, |lua, arguments: Arguments| {
            lua.create_string(encodings::decoded_url(&arguments.text(0)?))
        })?,
    )?;
    utils.raw_set(
        "aes_encrypt",
        natives.plain(Arity::between(1, 3), |lua, arguments| seal(lua, &arguments))?,
    )?;
    utils.raw_set("aes_decrypt", natives.plain(Arity::between(1, 3), |lua, arguments| open(lua, &arguments))?)
}

/// The name of the original is kept; what comes out is the sealed form of this process.
fn seal(lua: &Lua, arguments: &Arguments) -> Result<MultiValue> {
    let own_form = arguments.value(2).is_nil() && !matches!(arguments.value(1), Value::Boolean(false));
    let text = if own_form { arguments.text_if_any(0) } else { None };
    text_or(lua, text.and_then(|text| secrets::seal(&text)).map(String::into_bytes), "Encryption error")
}

/// Text that is not sealed comes back as it is.
fn open(lua: &Lua, arguments: &Arguments) -> Result<MultiValue> {
    let text = arguments.text_if_any(0).and_then(|text| secrets::open(text).ok());
    text_or(lua, text, "Decryption error")
}

/// The text, or nil and a message.
fn text_or(lua: &Lua, text: Option<Vec<u8>>, message: &str) -> Result<MultiValue> {
    match text {
        Some(text) => lua.create_string(text)?.into_lua_multi(lua),
        None => (Value::Nil, message).into_lua_multi(lua),
    }
}

/// A number that two calls running at a time do not share: in the original each has a thread of its own, and scripts make
/// names of temporary files from it. Here each has a Lua thread.
fn thread_id(lua: &Lua) -> f64 {
    let address = lua.current_thread().to_pointer().addr();
    // Threads are at least 16 bytes apart; what is left prints without an exponent.
    (address >> 4 & 0xffff_ffff) as f64
}

const INVALID: &str = "Invalid parameter";

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn every_function_answers_as_in_the_original() {
        let cases = [
            ("tw_utils.host_os()", if cfg!(windows) { "win32" } else { "linux" }),
            ("type(tw_utils.thread_id()), tw_utils.thread_id() == tw_utils.thread_id()", "number,true"),
            ("tw_utils.thread_id() ~= coroutine.wrap(function() return tw_utils.thread_id() end)()", "true"),
            ("tw_utils.base64_encode('hello'), tw_utils.base64_encode('')", "aGVsbG8=,"),
            ("tw_utils.base64_encode('a\\0b'), #tw_utils.base64_decode('YQBi')", "YQBi,3"),
            ("tw_utils.base64_decode('aGVsbG8='), tw_utils.base64_decode('aGVs\\nbG8')", "hello,hello"),
            ("tw_utils.base64_encode({})", "nil,Invalid parameter"),
            ("tw_utils.base64_encode(5)", "NQ=="),
            ("tw_utils.base64_decode('@@@@')", "nil,Invalid parameter"),
            ("#tw_utils.base64_encode(('x'):rep(100))", "136"),
            ("tw_utils.calculateCRC16('123456789')", "19255"),
            ("tw_utils.calculateCRC16(''), tw_utils.calculateCRC16('A')", "nil,nil"),
            ("tw_utils.calculateCRC16('AB'), tw_utils.calculateCRC16('\\1\\3\\0\\0\\0\\10')", "53681,52677"),
            (
                "tw_utils.uri_encode('http://host:80/a b?x=1 2&y=/z')",
                "http://host%3a80/a%20b%3fx%3d1%202%26y%3d/z",
            ),
            ("tw_utils.uri_encode('plain'), tw_utils.uri_encode('')", "://,://"),
            ("tw_utils.uri_encode('http://h/p%20q')", "http://h/p%20q"),
            ("tw_utils.uri_decode('http://h/p%20q')", "http://h/p q"),
            ("tw_utils.uri_decode('http://host:80/a b?x=1 2&y=/z')", "http://host:80/a b?x=1 2&y=/z"),
            ("tw_utils.uri_decode('a%20b')", ""),
            ("tw_utils.aes_decrypt('zzz')", "zzz"),
            ("tw_utils.aes_encrypt('x', true, 'short')", "nil,Encryption error"),
            ("tw_utils.aes_encrypt('x', false)", "nil,Encryption error"),
            ("tw_utils.aes_decrypt('AES:AAAA')", "nil,Decryption error"),
            ("tw_utils.aes_decrypt({})", "nil,Decryption error"),
        ];
        for (code, expected) in cases {
            assert_eq!(eval(&format!("return {code}")).as_deref(), Ok(expected), "{code}");
        }
    }

    #[test]
    fn counts_of_arguments_are_checked() {
        let one = [
            "base64_encode",
            "base64_decode",
            "calculateCRC16",
            "uri_encode",
            "uri_decode",
            "datetimeToLuaTime",
        ];
        for (name, most) in
            one.map(|name| (name, 1)).into_iter().chain([("aes_encrypt", 3), ("datetimeToString", 3)])
        {
            let error = eval(&format!("tw_utils.{name}()")).unwrap_err();
            assert!(error.contains("This functon requires at least 1 parameters"), "{name}: {error}");
            let error = eval(&format!("tw_utils.{name}(1, 2, 3, 4)")).unwrap_err();
            assert!(
                error.contains(&format!("This functon only can handle {most} parameters")),
                "{name}: {error}"
            );
        }
        let error = eval("tw_utils.currentTime(1)").unwrap_err();
        assert!(error.contains("This functon only can handle 0 parameters"), "{error}");
    }
}
