//! The `json` library (script resource notes, 3.10): straight between Lua values and text.
//!
//! Output is the original's down to the byte but for the order of keys. Reading is as lenient as the original's where it
//! counts, and decodes `\u00e9` (trap 9) and `1e+5`, which the original gets wrong.

mod decode;
mod encode;

use mlua::{Function, Table, Value};

use super::arguments::{Arguments, text_of};
use crate::host::{Arity, Natives};

/// Fills `json`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> mlua::Result<()> {
    let json: Table = natives.table("json")?;
    // Stands for `null`; returns itself, as the original's does.
    let null: Function =
        natives.lua().load("local function null() return null end return null").set_name("=json").eval()?;
    json.raw_set("null", &null)?;
    json.raw_set(
        "encode",
        natives.plain(Arity::at_least(0), move |lua, arguments: Arguments| {
            lua.create_string(encode::encode(arguments.value(0), &null)?)
        })?,
    )?;
    json.raw_set(
        "decode",
        natives.plain(Arity::at_least(0), |lua, arguments: Arguments| match arguments.value(0) {
            Value::String(text) => decode::decode(lua, &text.as_bytes()),
            other => {
                let text = text_of(other).ok_or_else(|| arguments.mismatch(0, "string"))?;
                decode::decode(lua, &text)
            }
        })?,
    )
}

/// Nesting that is read and written: a table in itself must end, and so must a text of brackets.
const MAX_DEPTH: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::host::testing::eval;

    fn show(code: &str) -> String {
        eval(&format!("{SHOW} return show({code})")).unwrap_or_else(|error| format!("error {error}"))
    }

    /// Values without regard to the order of keys.
    const SHOW: &str = r#"
        local function show(v)
            if type(v) == "string" then return string.format("%q", v) end
            if type(v) ~= "table" then return tostring(v) end
            local keys, out = {}, {}
            for k in pairs(v) do keys[#keys + 1] = k end
            table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
            for _, k in ipairs(keys) do out[#out + 1] = tostring(k) .. "=" .. show(v[k]) end
            return "{" .. table.concat(out, ",") .. "}"
        end
    "#;

    #[test]
    fn texts_of_the_original_are_decoded() {
        let cases = [
            ("null", "nil"),
            ("true", "true"),
            ("12", "12"),
            ("-1.5e3", "-1500"),
            ("1e+3", "1000"),
            (r#""a\u0041\n\/b""#, "\"aA\\\n/b\""),
            ("[]", "{}"),
            ("{}", "{}"),
            ("[1,null,3]", "{1=1,3=3}"),
            (r#"{"a":null}"#, "{}"),
            ("{'single':1}", "{single=1}"),
            ("[1,2,]", "{1=1,2=2}"),
            (r#"{"a":1,}"#, "{a=1}"),
            ("/* c */ [1]", "{1=1}"),
            (r#"{"a":/*x*/2}"#, "{a=2}"),
            ("[1] trailing", "{1=1}"),
            (r#"  {"x" : [ {"y":false} ] } "#, "{x={1={y=false}}}"),
            ("0x10", "0"),
            ("1e400", "inf"),
            ("\"caf\u{e9}\"", "\"caf\u{e9}\""),
            (r#""tab\tq\"uote""#, "\"tab\tq\\\"uote\""),
            (r#""\u00e9\ud83d\ude00\ud83d!""#, "\"\u{e9}\u{1f600}\u{fffd}!\""),
            (r#""\u12""#, "\"u12\""),
            (r#""\065\q""#, "\"Aq\""),
            ("\"line\nbreak\"", "\"line\\\nbreak\""),
        ];
        for (text, expected) in cases {
            assert_eq!(show(&format!("json.decode([==[{text}]==])")), expected, "{text}");
        }
        assert_eq!(show("json.decode(12)"), "12");
        assert_eq!(show("json.decode('\"a\\0b\"')"), "\"a\\000b\"");
    }

    #[test]
    fn what_is_no_json_is_an_error_with_a_place() {
        let cases = [
            ("tru", "JSON: unexpected 't' at byte 1"),
            ("", "JSON: the text ends at byte 1, within a value"),
            ("[1", "JSON: the text ends at byte 3, within an array"),
            (r#"{"a" 1}"#, "JSON: expected ':' at byte 6, found '1'"),
            ("{a:1}", "JSON: expected a name in quotes at byte 2, found 'a'"),
            ("{bad", "JSON: expected a name in quotes at byte 2, found 'b'"),
            ("\"unterminated", "JSON: the text ends at byte 14, within a string"),
            ("[1 2]", "JSON: expected ',' or ']' at byte 4, found '2'"),
            (r#"{"a":1 "b":2}"#, "JSON: expected ',' or '}' at byte 8, found '\"'"),
            ("[1,,2]", "JSON: unexpected ',' at byte 4"),
            ("1e", "JSON: bad number \"1e\" at byte 1"),
            ("--1", "JSON: bad number \"--1\" at byte 1"),
            ("/* open", "JSON: the text ends at byte 8, within a comment"),
            ("nope", "JSON: unexpected 'n' at byte 1"),
        ];
        for (text, expected) in cases {
            let error = eval(&format!("return json.decode([==[{text}]==])")).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        for argument in ["nil", "", "{}", "true"] {
            let error = eval(&format!("return json.decode({argument})")).unwrap_err();
            assert!(error.contains("bad argument #1 to '?' (string expected, got "), "{argument}: {error}");
        }
    }

    #[test]
    fn values_are_encoded_as_the_original_does() {
        let cases = [
            ("1", "1"),
            ("1.5", "1.5"),
            ("1e15", "1e+15"),
            ("1e14", "1e+14"),
            ("123456789012345", "1.2345678901234e+14"),
            ("99999999999999", "99999999999999"),
            ("2^53", "9.007199254741e+15"),
            ("1/3", "0.33333333333333"),
            ("-0", "-0"),
            ("1795304000123", "1795304000123"),
            ("'x'", "\"x\""),
            ("'q\"\\\\\\n\\r\\t/\\1'", "\"q\\\"\\\\\\n\\r\\t/\u{1}\""),
            ("true", "true"),
            ("{}", "[]"),
            ("{1,2,3}", "[1,2,3]"),
            ("{a=1}", "{\"a\":1}"),
            ("{[1]=1,[3]=3}", "[1,null,3]"),
            ("{[0]=1}", "{\"0\":1}"),
            ("{n=3,1,2,3}", "[1,2,3]"),
            ("{1,2,nil,nil}", "[1,2]"),
            ("{[1.5]='x'}", "{\"1.5\":\"x\"}"),
            ("{[true]=1}", "{\"true\":1}"),
            ("nil", "null"),
            ("json.null", "null"),
            ("{a=json.null}", "{\"a\":null}"),
            ("{json.null}", "[null]"),
            ("{1,print}", "{\"1\":1}"),
            ("{a=print,b=1}", "{\"b\":1}"),
            ("{a={1,2,[3]=print}}", "{\"a\":{\"1\":1,\"2\":2}}"),
            ("math.huge", "inf"),
            ("-math.huge", "-inf"),
            ("'\u{e9}\\0'", "\"\u{e9}\0\""),
        ];
        for (code, expected) in cases {
            assert_eq!(eval(&format!("return json.encode({code})")).as_deref(), Ok(expected), "{code}");
        }
        for (code, either) in [
            ("{1,a=2}", ["{\"1\":1,\"a\":2}", "{\"a\":2,\"1\":1}"]),
            ("{1,n=5}", ["{\"1\":1,\"n\":5}", "{\"n\":5,\"1\":1}"]),
        ] {
            let text = eval(&format!("return json.encode({code})")).unwrap();
            assert!(either.contains(&text.as_str()), "{text}");
        }
        assert_eq!(eval("return json.null() == json.null, json.encode()"), Ok("true,null".into()));
    }

    #[test]
    fn what_cannot_be_encoded_is_an_error() {
        let cases = [
            ("print", "encode attempt to encode unsupported type function:function: "),
            ("coroutine.create(function() end)", "unsupported type thread:thread: "),
            ("(function() local t = {} t.t = t return t end)()", "tables are nested deeper than 200"),
            ("{[1]=1,[1e9]=2}", "too many gaps"),
            (
                "(function() local t = ('x'):rep(10000) for i = 1, 40 do t = {t, t} end return t end)()",
                "more than 67108864 bytes",
            ),
        ];
        for (code, expected) in cases {
            let error = eval(&format!("return json.encode({code})")).unwrap_err();
            assert!(error.contains(expected), "{code}: {error}");
        }
    }

    #[test]
    fn depth_has_a_limit_both_ways() {
        let nested = |depth: usize| format!("('['):rep({depth}) .. (']'):rep({depth})");
        assert_eq!(eval(&format!("return type(json.decode({}))", nested(200))), Ok("table".into()));
        for open in ["'['", "'{\"a\":'", "'[[{\"a\":'"] {
            let error = eval(&format!("return json.decode(({open}):rep(100000))")).unwrap_err();
            assert!(error.contains("JSON: nested deeper than 200"), "{error}");
        }
        assert_eq!(
            eval(&format!("local s = {} return json.encode(json.decode(s)) == s", nested(200))),
            Ok("true".into())
        );
    }

    #[test]
    fn metamethods_are_left_alone() {
        let code = "local t = setmetatable({1}, {__index = function() error 'called' end, __len = error,
            __tostring = error}) return json.encode({t, [t] = nil})";
        assert_eq!(eval(code), Ok("[[1]]".into()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_brings_the_decoder_down(texts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                "[\\[\\]{}:,'\"0-9a-fnultres\\\\/* .+-]{0,60}".prop_map(String::into_bytes),
            ],
            32,
        )) {
            let lua = mlua::Lua::new();
            for text in texts {
                // Either is well; a panic or a crash is not.
                let _ = super::decode::decode(&lua, &text);
            }
        }

        #[test]
        fn what_was_encoded_reads_back(texts in prop::collection::vec(any::<String>(), 1..8), number in any::<i32>()) {
            let lua = mlua::Lua::new();
            let null = lua.create_function(|_, ()| Ok(())).expect("memory");
            let inner = lua.create_sequence_from(texts.clone()).expect("memory");
            let outer = lua.create_table().expect("memory");
            outer.raw_set("texts", inner).expect("memory");
            outer.raw_set("number", number).expect("memory");
            let text = super::encode::encode(&mlua::Value::Table(outer), &null).expect("it can be encoded");
            let value = super::decode::decode(&lua, &text).expect("it can be decoded");
            let table = value.as_table().expect("a table").clone();
            prop_assert_eq!(table.raw_get::<i32>("number").expect("a number"), number);
            let back: Vec<String> = table.raw_get("texts").expect("texts");
            prop_assert_eq!(back, texts);
        }
    }
}
