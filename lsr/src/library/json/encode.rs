//! Lua values to text.

use std::io::Write as _;

use mlua::{Error, Function, Result, Table, Value};

use super::MAX_DEPTH;
use crate::{
    library::arguments::{plain_number, type_name},
    number,
};

/// The JSON text of `value`; `null` is the function that stands for it.
///
/// # Errors
///
/// A function or a coroutine outside of a table, a table in itself, a text above [`LARGEST_BYTES`].
pub(super) fn encode(value: &Value, null: &Function) -> Result<Vec<u8>> {
    let mut encoder = Encoder { out: Vec::with_capacity(128), null };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    out: Vec<u8>,
    null: &'a Function,
}

/// What a table becomes.
enum Shape {
    /// An array of so many elements, holes included.
    Array(usize),
    Object,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        if self.out.len() > LARGEST_BYTES {
            return Err(Error::runtime(format!("the text would have more than {LARGEST_BYTES} bytes")));
        }
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Boolean(flag) => self.out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Value::Integer(number) => self.number(*number as f64),
            Value::Number(number) => self.number(*number),
            Value::String(text) => self.text(&text.as_bytes()),
            Value::Table(_) if depth >= MAX_DEPTH => {
                return Err(Error::runtime(format!("tables are nested deeper than {MAX_DEPTH}")));
            }
            Value::Table(table) => self.table(table, depth)?,
            Value::Function(function) if function == self.null => self.out.extend_from_slice(b"null"),
            other => {
                let (kind, address) = (type_name(other), other.to_pointer());
                return Err(Error::runtime(format!(
                    "encode attempt to encode unsupported type {kind}:{kind}: {address:p}"
                )));
            }
        }
        Ok(())
    }

    fn number(&mut self, number: f64) {
        // Whole numbers up to 13 digits, times among them, without the detour over `%.14g`.
        if number.fract() == 0.0 && number.abs() < 1e13 && (number != 0.0 || number.is_sign_positive()) {
            write!(self.out, "{}", number as i64).expect("memory takes every byte");
        } else {
            self.out.extend_from_slice(number::text(number).as_bytes());
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | b'\t'))
        {
            let (plain, special) = rest.split_at(at);
            self.out.extend_from_slice(plain);
            let Some((&special, tail)) = special.split_first() else { break };
            self.out.extend_from_slice(match special {
                b'"' => b"\\\"",
                b'\\' => b"\\\\",
                b'\r' => b"\\r",
                b'\n' => b"\\n",
                _ => b"\\t",
            });
            rest = tail;
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<()> {
        match self.shape(table)? {
            Shape::Array(length) => {
                self.out.push(b'[');
                for index in 1..=length {
                    if index > 1 {
                        self.out.push(b',');
                    }
                    self.value(&table.raw_get(index)?, depth + 1)?;
                }
                self.out.push(b']');
            }
            Shape::Object => {
                self.out.push(b'{');
                let mut first = true;
                for pair in table.pairs::<Value, Value>() {
                    let (key, value) = pair?;
                    if !self.is_encodable(&value) {
                        continue;
                    }
                    if !first {
                        self.out.push(b',');
                    }
                    first = false;
                    self.key(&key);
                    self.out.push(b':');
                    self.value(&value, depth + 1)?;
                }
                self.out.push(b'}');
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &Value) {
        match key {
            Value::String(text) => self.text(&text.as_bytes()),
            Value::Boolean(flag) => self.text(if *flag { b"true" } else { b"false" }),
            other => match plain_number(other) {
                Some(number) => self.text(number::text(number).as_bytes()),
                None => self.text(format!("{}: {:p}", type_name(other), other.to_pointer()).as_bytes()),
            },
        }
    }

    /// An array has keys 1 to n with or without holes; `n` that is the length does not count, nor does what cannot be
    /// encoded under other keys.
    fn shape(&self, table: &Table) -> Result<Shape> {
        let (mut is_array, mut last, mut count) = (true, 0.0_f64, 0_usize);
        table.for_each(|key: Value, value: Value| {
            match plain_number(&key) {
                Some(index) if index >= 1.0 && index.fract() == 0.0 => {
                    is_array &= self.is_encodable(&value);
                    last = last.max(index);
                    count += 1;
                }
                _ if matches!(&key, Value::String(name) if *name == "n") => {
                    is_array &= plain_number(&value).is_some_and(|n| n == table.raw_len() as f64);
                }
                _ => is_array &= !self.is_encodable(&value),
            }
            Ok(())
        })?;
        if !is_array {
            return Ok(Shape::Object);
        }
        let longest = count.saturating_mul(2).saturating_add(MOST_GAPS);
        if last > longest as f64 {
            return Err(Error::runtime(format!(
                "an array of {count} elements has too many gaps: its last is {last}"
            )));
        }
        Ok(Shape::Array(last as usize))
    }

    fn is_encodable(&self, value: &Value) -> bool {
        match value {
            Value::Nil
            | Value::Boolean(_)
            | Value::Integer(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Table(_) => true,
            Value::Function(function) => function == self.null,
            _ => false,
        }
    }
}

/// Above every body that a gateway takes. A few small tables that hold each other can be written out without end.
const LARGEST_BYTES: usize = 64 << 20;
/// Nulls that are written for holes beyond twice the number of elements.
const MOST_GAPS: usize = 1 << 20;
