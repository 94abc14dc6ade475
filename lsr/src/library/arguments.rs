//! Arguments of library functions, read as the C functions of Lua 5.1 read theirs, with the same complaints.

use mlua::{FromLuaMulti, Lua, LuaString, MultiValue, Table, Value};

use crate::number;

/// What a function was called with. Missing ones read as nil.
pub(crate) struct Arguments {
    values: MultiValue,
}

impl Arguments {
    /// How many there are, nil at the end included.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The argument at `index`, from 0.
    pub(crate) fn value(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Nil)
    }

    /// Whether the argument counts as true: neither nil nor false.
    pub(crate) fn is_true(&self, index: usize) -> bool {
        !matches!(self.value(index), Value::Nil | Value::Boolean(false))
    }

    /// A string, or a number as its text.
    ///
    /// # Errors
    ///
    /// `bad argument #1 to '?' (string expected, got nil)`.
    pub(crate) fn text(&self, index: usize) -> mlua::Result<Vec<u8>> {
        self.text_called(index, index + 1)
    }

    /// As [`Arguments::text`], for an argument that the original's complaint gives the number `position`.
    pub(crate) fn text_called(&self, index: usize, position: usize) -> mlua::Result<Vec<u8>> {
        text_of(self.value(index)).ok_or_else(|| self.mismatch_called(index, position, "string"))
    }

    /// As [`Arguments::text`]; `None` where a function of the original answers nil and a message.
    pub(crate) fn text_if_any(&self, index: usize) -> Option<Vec<u8>> {
        text_of(self.value(index))
    }

    /// A number, or text that Lua takes for one.
    ///
    /// # Errors
    ///
    /// `bad argument #1 to '?' (number expected, got string)`.
    pub(crate) fn number(&self, index: usize) -> mlua::Result<f64> {
        self.number_called(index, index + 1)
    }

    /// As [`Arguments::number`], see [`Arguments::text_called`].
    pub(crate) fn number_called(&self, index: usize, position: usize) -> mlua::Result<f64> {
        number_of(self.value(index)).ok_or_else(|| self.mismatch_called(index, position, "number"))
    }

    /// A table.
    ///
    /// # Errors
    ///
    /// `bad argument #1 to '?' (table expected, got nil)`.
    pub(crate) fn table(&self, index: usize) -> mlua::Result<Table> {
        match self.value(index) {
            Value::Table(table) => Ok(table.clone()),
            _ => Err(self.mismatch(index, "table")),
        }
    }

    /// The complaint about the argument at `index`, counted from 1 in the text.
    pub(crate) fn mismatch(&self, index: usize, expected: &str) -> mlua::Error {
        self.mismatch_called(index, index + 1, expected)
    }

    fn mismatch_called(&self, index: usize, position: usize, expected: &str) -> mlua::Error {
        let got = self.values.get(index).map_or("no value", type_name);
        mlua::Error::runtime(format!("bad argument #{position} to '?' ({expected} expected, got {got})"))
    }
}

impl FromLuaMulti for Arguments {
    fn from_lua_multi(values: MultiValue, _: &Lua) -> mlua::Result<Self> {
        Ok(Self { values })
    }
}

/// The bytes of a string, or the text of a number.
pub(crate) fn text_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        other => Some(number::text(plain_number(other)?).into_bytes()),
    }
}

/// A number, or text that `tonumber` accepts.
pub(crate) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => parse_number(text),
        other => plain_number(other),
    }
}

/// A value that is a number, whichever way mlua holds it.
pub(crate) fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        // An integer here came out of a double, so nothing is lost.
        Value::Integer(number) => Some(*number as f64),
        _ => None,
    }
}

/// The name that `type` gives; mlua has more.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::LightUserData(_) | Value::UserData(_) => "userdata",
        other => other.type_name(),
    }
}

/// Reads a number as `tonumber` of Lua 5.1 does: decimal or hexadecimal, blanks around it.
fn parse_number(text: &LuaString) -> Option<f64> {
    let bytes = text.as_bytes();
    let text = std::str::from_utf8(&bytes).ok()?.trim_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let valid = !hex.is_empty() && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
        return valid.then(|| {
            let value = hex.chars().filter_map(|digit| digit.to_digit(16));
            sign * value.fold(0.0, |sum, digit| sum * 16.0 + f64::from(digit))
        });
    }
    let is_number = !digits.starts_with(['-', '+']);
    is_number.then(|| digits.parse::<f64>().ok()).flatten().map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_when_lua_says_so() {
        let lua = Lua::new();
        let texts = [
            "5", " 5.5 ", "-1e3", "1e+3", "+7", "0x10", "0X1f", "-0x2", "", " ", "x", "5x", "inf", "-", "0x",
            ".5", "5.", "--5", "1e", "1 2", "\t12\n",
        ];
        for text in texts {
            let expected: Option<f64> =
                lua.load("return tonumber(...)").call(text).expect("tonumber fails for nothing");
            let value = Value::String(lua.create_string(text).expect("memory"));
            assert_eq!(number_of(&value), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_become_text_as_in_lua() {
        assert_eq!(text_of(&Value::Integer(100_000_000_000_000)), Some(b"1e+14".to_vec()));
        assert_eq!(text_of(&Value::Number(2.5)), Some(b"2.5".to_vec()));
        assert_eq!(text_of(&Value::Boolean(true)), None);
    }
}
