//! Tables as Lua text and back: `serializeTable`, `deserializeTable` (script resource notes, 3.3).

use mlua::{Error, Result, Table, Value};

use super::{INVALID, text_or};
use crate::{
    host::{Arity, Natives},
    library::{
        arguments::{Arguments, plain_number},
        quote::quoted,
    },
    number,
};

/// Fills in both functions.
pub(super) fn install(natives: &Natives<'_>, utils: &Table) -> Result<()> {
    let serialize = natives.plain(Arity::exactly(1), |lua, arguments: Arguments| {
        let Value::Table(table) = arguments.value(0) else {
            return text_or(lua, None, INVALID);
        };
        let mut out = Vec::new();
        write_table(&mut out, table, 0)?;
        text_or(lua, Some(out), INVALID)
    })?;
    utils.raw_set("serializeTable", serialize)?;
    // The text is Lua, so Lua reads it; it sees no globals. Rust does not call back into Lua, so this is Lua too.
    let deserialize = natives
        .lua()
        .load(
            r#"
            local loadstring, setfenv, tostring = loadstring, setfenv, tostring
            return function(text)
                local read, message = loadstring("return " .. tostring(text))
                if not read then return message end
                return setfenv(read, {})()
            end
            "#,
        )
        .set_name("=tw_utils")
        .eval::<Value>()?;
    utils.raw_set("deserializeTable", deserialize)
}

/// `{ a=1, [1]="x", }`. What has no text in Lua is left out.
fn write_table(out: &mut Vec<u8>, table: &Table, depth: usize) -> Result<()> {
    if depth >= MAX_DEPTH {
        return Err(Error::runtime(format!("tables are nested deeper than {MAX_DEPTH}")));
    }
    out.extend_from_slice(b"{ ");
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let start = out.len();
        let written = write_key(out, &key) && write_value(out, &value, depth)?;
        if written {
            out.extend_from_slice(b", ");
        } else {
            out.truncate(start);
        }
        if out.len() > LARGEST_BYTES {
            return Err(Error::runtime(format!("the text would have more than {LARGEST_BYTES} bytes")));
        }
    }
    out.push(b'}');
    Ok(())
}

fn write_key(out: &mut Vec<u8>, key: &Value) -> bool {
    if let Value::String(name) = key {
        let name = name.as_bytes();
        if is_name(&name) {
            out.extend_from_slice(&name);
            out.push(b'=');
            return true;
        }
    }
    out.push(b'[');
    let written = write_scalar(out, key);
    out.extend_from_slice(b"]=");
    written
}

fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<bool> {
    if let Value::Table(table) = value {
        write_table(out, table, depth + 1)?;
        return Ok(true);
    }
    Ok(write_scalar(out, value))
}

fn write_scalar(out: &mut Vec<u8>, value: &Value) -> bool {
    match value {
        Value::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::String(text) => quoted(out, &text.as_bytes()),
        other => {
            let Some(number) = plain_number(other) else { return false };
            let text = match number {
                _ if number.is_nan() => "0/0".to_owned(),
                _ if number.is_infinite() => if number > 0.0 { "1/0" } else { "-1/0" }.to_owned(),
                _ => number::text(number),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }
    true
}

/// Whether `name` may stand before `=` without brackets.
fn is_name(name: &[u8]) -> bool {
    let mut bytes = name.iter();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        && !KEYWORDS.contains(&name)
}

const KEYWORDS: [&[u8]; 21] = [
    b"and",
    b"break",
    b"do",
    b"else",
    b"elseif",
    b"end",
    b"false",
    b"for",
    b"function",
    b"if",
    b"in",
    b"local",
    b"nil",
    b"not",
    b"or",
    b"repeat",
    b"return",
    b"then",
    b"true",
    b"until",
    b"while",
];
/// The parser of Lua gives up at 200.
const MAX_DEPTH: usize = 150;
/// A few small tables that hold each other can be written out without end.
const LARGEST_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn tables_are_written_as_in_the_original() {
        let cases = [
            ("{ a = 1 }", "{ a=1, }"),
            ("{ 1, 'two', true }", "{ [1]=1, [2]=\"two\", [3]=true, }"),
            ("{}", "{ }"),
            ("{ ['end'] = 1 }", "{ [\"end\"]=1, }"),
            ("{ ['a b'] = { print, x = -1.5 } }", "{ [\"a b\"]={ x=-1.5, }, }"),
            ("{ [true] = 1e15 }", "{ [true]=1e+15, }"),
        ];
        for (code, expected) in cases {
            assert_eq!(
                eval(&format!("return tw_utils.serializeTable({code})")).as_deref(),
                Ok(expected),
                "{code}"
            );
        }
        assert_eq!(eval("return tw_utils.serializeTable('x')"), Ok("nil,Invalid parameter".into()));
        let error = eval("local t = {} t.t = t tw_utils.serializeTable(t)").unwrap_err();
        assert!(error.contains("tables are nested deeper than 150"), "{error}");
    }

    #[test]
    fn what_was_written_reads_back() {
        let code = r#"
            local function same(a, b)
                if type(a) ~= "table" then return a == b or a ~= a and b ~= b end
                for k, v in pairs(a) do if not same(v, b[k]) then return false end end
                for k in pairs(b) do if a[k] == nil then return false end end
                return true
            end
            local t = { k = { 1, 2, { z = "q\"uote\n\0\r\\" } }, [-3] = math.huge, [1.5] = -math.huge, x = 0/0, [""] = false }
            return same(t, tw_utils.deserializeTable(tw_utils.serializeTable(t)))
        "#;
        assert_eq!(eval(code), Ok("true".into()));
        assert_eq!(eval("return tw_utils.deserializeTable('5')"), Ok("5".into()));
        assert_eq!(
            eval("return tw_utils.deserializeTable('{ bad')"),
            Ok("[string \"return { bad\"]:1: '}' expected near '<eof>'".into())
        );
        let error = eval("return tw_utils.deserializeTable('os.exit(1)')").unwrap_err();
        assert!(error.contains("global 'os'"), "{error}");
    }
}
