//! Text to Lua values.

use mlua::{Error, Lua, Result, Table, Value};

use super::MAX_DEPTH;

/// The first value in `text`; what follows it is not looked at.
///
/// # Errors
///
/// With the byte, counted from 1, at which `text` is no JSON.
pub(super) fn decode(lua: &Lua, text: &[u8]) -> Result<Value> {
    Decoder { lua, text, at: 0, unescaped: Vec::new() }.value(0)
}

struct Decoder<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
    /// Kept between strings with escapes.
    unescaped: Vec<u8>,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        let first = self.next_within("a value")?;
        match first {
            b'{' | b'[' if depth >= MAX_DEPTH => {
                Err(Error::runtime(format!("JSON: nested deeper than {MAX_DEPTH}, at byte {}", self.at + 1)))
            }
            b'{' => self.object(depth).map(Value::Table),
            b'[' => self.array(depth).map(Value::Table),
            b'"' | b'\'' => self.text(),
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            _ => {
                let words: [(&[u8], Value); 3] = [
                    (b"null", Value::Nil),
                    (b"true", Value::Boolean(true)),
                    (b"false", Value::Boolean(false)),
                ];
                for (word, value) in words {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.unexpected(first))
            }
        }
    }

    /// Members that are null leave nothing behind.
    fn object(&mut self, depth: usize) -> Result<Table> {
        let table = self.lua.create_table()?;
        self.at += 1;
        loop {
            match self.next_within("an object")? {
                b'}' => break,
                b'"' | b'\'' => {}
                found => return Err(self.expected("a name in quotes", found)),
            }
            let name = self.text()?;
            match self.next_within("an object")? {
                b':' => self.at += 1,
                found => return Err(self.expected("':'", found)),
            }
            let value = self.value(depth + 1)?;
            if !value.is_nil() {
                table.raw_set(name, value)?;
            }
            match self.next_within("an object")? {
                b',' => self.at += 1,
                b'}' => break,
                found => return Err(self.expected("',' or '}'", found)),
            }
        }
        self.at += 1;
        Ok(table)
    }

    /// Elements that are null leave holes.
    fn array(&mut self, depth: usize) -> Result<Table> {
        let table = self.lua.create_table()?;
        self.at += 1;
        let mut index = 0_usize;
        while self.next_within("an array")? != b']' {
            index += 1;
            let value = self.value(depth + 1)?;
            if !value.is_nil() {
                table.raw_set(index, value)?;
            }
            match self.next_within("an array")? {
                b',' => self.at += 1,
                b']' => break,
                found => return Err(self.expected("',' or ']'", found)),
            }
        }
        self.at += 1;
        Ok(table)
    }

    fn text(&mut self) -> Result<Value> {
        let Some((&quote, body)) = self.rest().split_first() else { return Err(self.ends("a string")) };
        let end = body.iter().position(|&byte| byte == quote || byte == b'\\');
        match end.and_then(|end| Some((end, *body.get(end)?))) {
            Some((end, found)) if found == quote => {
                self.at += end + 2;
                self.lua.create_string(body.get(..end).unwrap_or_default()).map(Value::String)
            }
            Some(_) => self.text_with_escapes(quote),
            None => {
                self.at = self.text.len();
                Err(self.ends("a string"))
            }
        }
    }

    fn text_with_escapes(&mut self, quote: u8) -> Result<Value> {
        self.unescaped.clear();
        self.at += 1;
        loop {
            let Some(byte) = self.take() else { return Err(self.ends("a string")) };
            match byte {
                b'\\' => self.escape()?,
                byte if byte == quote => break,
                byte => self.unescaped.push(byte),
            }
        }
        self.lua.create_string(&self.unescaped).map(Value::String)
    }

    /// As in a Lua literal, and `\u`.
    fn escape(&mut self) -> Result<()> {
        let Some(byte) = self.take() else { return Err(self.ends("a string")) };
        let meant = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'a' => 0x07,
            b'v' => 0x0b,
            b'u' => {
                if let Some(unit) = self.hex_unit() {
                    let character = self.character(unit);
                    let mut utf8 = [0; 4];
                    self.unescaped.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
                    return Ok(());
                }
                b'u'
            }
            b'0'..=b'9' => self.decimal(byte),
            other => other,
        };
        self.unescaped.push(meant);
        Ok(())
    }

    /// Up to three digits, the first of which is taken already; what is more than a byte is the first digit alone.
    fn decimal(&mut self, first: u8) -> u8 {
        let digits = self.rest().iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        let more = self.rest().get(..digits).unwrap_or_default();
        let start = u32::from(first - b'0');
        let number = more.iter().fold(start, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        u8::try_from(number).map_or(first, |byte| {
            self.at += digits;
            byte
        })
    }

    /// Four hexadecimal digits.
    fn hex_unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let unit = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        self.at += 4;
        Some(unit)
    }

    /// The character of `unit` and of the other half behind it. A half that stands alone is U+FFFD.
    fn character(&mut self, unit: u32) -> char {
        const HIGH: std::ops::Range<u32> = 0xd800..0xdc00;
        const LOW: std::ops::Range<u32> = 0xdc00..0xe000;
        if HIGH.contains(&unit) && self.rest().starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            match self.hex_unit() {
                Some(low) if LOW.contains(&low) => {
                    let code = 0x1_0000 + ((unit - HIGH.start) << 10) + (low - LOW.start);
                    return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                }
                _ => self.at = before,
            }
        }
        char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn number(&mut self) -> Result<Value> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(|byte| is_part(byte)).count();
        let digits = std::str::from_utf8(self.rest().get(..length).unwrap_or_default()).unwrap_or_default();
        match digits.parse() {
            Ok(number) => {
                self.at += length;
                Ok(Value::Number(number))
            }
            Err(_) => Err(Error::runtime(format!("JSON: bad number {digits:?} at byte {}", self.at + 1))),
        }
    }

    /// The next byte that is neither blank nor comment; it is not taken.
    fn next_within(&mut self, place: &str) -> Result<u8> {
        loop {
            match self.rest().first() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(b'/') if self.rest().starts_with(b"/*") => {
                    let Some(length) = self.rest().windows(2).skip(2).position(|pair| pair == b"*/") else {
                        self.at = self.text.len();
                        return Err(self.ends("a comment"));
                    };
                    self.at += length + 4;
                }
                Some(&byte) => return Ok(byte),
                None => return Err(self.ends(place)),
            }
        }
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn ends(&self, place: &str) -> Error {
        Error::runtime(format!("JSON: the text ends at byte {}, within {place}", self.at + 1))
    }

    fn expected(&self, what: &str, found: u8) -> Error {
        Error::runtime(format!("JSON: expected {what} at byte {}, found {}", self.at + 1, quoted(found)))
    }

    fn unexpected(&self, found: u8) -> Error {
        Error::runtime(format!("JSON: unexpected {} at byte {}", quoted(found), self.at + 1))
    }
}

/// The byte as a reader of the message knows it.
fn quoted(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("'{}'", char::from(byte)) } else { format!("byte {byte}") }
}
