//! Settings as Lua source (script resource notes, 1.3 and 2.5).

use crate::{Setting, number};

/// Writes `{ a=1, [1]="x", b={ c="y", }, }`; a function as `<functionDump>HEX</functionDump>`, which is to be looked at
/// and no Lua.
pub(crate) fn literal(setting: &Setting) -> Vec<u8> {
    let mut text = Vec::new();
    write(setting, &mut text);
    text
}

fn write(setting: &Setting, into: &mut Vec<u8>) {
    match setting {
        Setting::Text(text) => write_text(text, into),
        Setting::Number(number) => into.extend_from_slice(number::text(*number).as_bytes()),
        Setting::Flag(flag) => into.extend_from_slice(flag.to_string().as_bytes()),
        Setting::Table(entries) => {
            into.extend_from_slice(b"{ ");
            for (key, value) in entries {
                write_key(key, into);
                into.push(b'=');
                write(value, into);
                into.extend_from_slice(b", ");
            }
            into.push(b'}');
        }
        Setting::Function(code) => {
            into.extend_from_slice(b"<functionDump>");
            for byte in code {
                into.extend_from_slice(format!("{byte:02X}").as_bytes());
            }
            into.extend_from_slice(b"</functionDump>");
        }
    }
}

/// A name as it is where Lua allows that, anything else in brackets.
pub(super) fn write_key(key: &Setting, into: &mut Vec<u8>) {
    match key {
        Setting::Text(name) if is_name(name) => into.extend_from_slice(name),
        other => {
            into.push(b'[');
            write(other, into);
            into.push(b']');
        }
    }
}

fn is_name(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let first = text.first().is_some_and(|byte| !byte.is_ascii_digit());
    first && text.iter().all(letter) && !RESERVED.iter().any(|word| word.as_bytes() == text)
}

/// In quotes. Everything that Lua's reader could take for something else is escaped by its number.
fn write_text(text: &[u8], into: &mut Vec<u8>) {
    into.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => into.extend_from_slice(&[b'\\', *byte]),
            b'\n' => into.extend_from_slice(b"\\n"),
            b'\r' => into.extend_from_slice(b"\\r"),
            0..0x20 | 0x7f => into.extend_from_slice(format!("\\{byte:03}").as_bytes()),
            other => into.push(*other),
        }
    }
    into.push(b'"');
}

const RESERVED: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil",
    "not", "or", "repeat", "return", "then", "true", "until", "while",
];

#[cfg(test)]
mod tests {
    use mlua::{Lua, Value};

    use super::*;

    #[test]
    fn tables_read_as_the_original_writes_them() {
        let inner = Setting::Table(vec![(Setting::from("c"), Setting::from("x"))]);
        let table = Setting::Table(vec![
            (Setting::from("a"), Setting::Number(1.0)),
            (Setting::from("b"), inner),
            (Setting::Number(1.0), Setting::Flag(true)),
            (Setting::from("end"), Setting::from("")),
        ]);
        let text = String::from_utf8(literal(&table)).unwrap();
        assert_eq!(text, "{ a=1, b={ c=\"x\", }, [1]=true, [\"end\"]=\"\", }");
        assert_eq!(literal(&Setting::Function(vec![0x1b, 0x4c])), b"<functionDump>1B4C</functionDump>");
    }

    #[test]
    fn lua_reads_every_text_back_as_it_was() {
        let lua = Lua::new();
        let all: Vec<u8> = (0..=255).collect();
        for text in [all, b"1\n2\\\"]]--\x005".to_vec(), Vec::new()] {
            let setting = Setting::Text(text);
            let code = [b"return ".as_slice(), &literal(&setting)].concat();
            let value: Value = lua.load(code).eval().unwrap();
            assert_eq!(Setting::copied(&value), Ok(Some(setting)));
        }
    }
}
