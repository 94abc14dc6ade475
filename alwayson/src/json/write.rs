//! Infotables and values to JSON (EMS notes, section 6.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::IgnoredAny};

use super::compact::compact;
use crate::{Aspect, BaseType, Field, InfoTable, Value};

/// How the key of the data shape is spelled; readers take both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKey {
    /// `datashape`, what the gateway writes to agents and local callers.
    Lower,
    /// `dataShape`, what the platform and the script resource write.
    Camel,
}

/// Appends a table: rows first, then the shape.
///
/// Cells are written by their own type. A VARIANT is its plain value, a cell of JSON whose text is not JSON is
/// left out, infinite numbers and NaN are `null` (EMS notes, sections 6.1 and 16).
pub fn write_table(table: &InfoTable, key: ShapeKey, out: &mut Vec<u8>) {
    let names = Names::new(&table.fields);
    out.extend_from_slice(b"{\"rows\":[");
    for (index, row) in table.rows.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'{');
        let start = out.len();
        for (column, value) in row.iter().enumerate().take(table.fields.len()) {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            out.extend_from_slice(names.of(column));
            if !write_cell(value, key, out) {
                out.truncate(before);
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(match key {
        ShapeKey::Lower => b"],\"datashape\":{\"fieldDefinitions\":{",
        ShapeKey::Camel => b"],\"dataShape\":{\"fieldDefinitions\":{",
    });
    for (index, field) in table.fields.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(names.of(index));
        write_field(field, key, out);
    }
    out.extend_from_slice(b"}}}");
}

/// [`write_table`] into a new text.
#[must_use]
pub fn table_to_string(table: &InfoTable, key: ShapeKey) -> String {
    let mut out = Vec::new();
    write_table(table, key, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends one value; a table in it with the key `datashape`, JSON whose text is not JSON as `null`.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    if !write_cell(value, ShapeKey::Lower, out) {
        out.extend_from_slice(b"null");
    }
}

/// A number: whole ones without a point, others with the fewest digits that give the same number again.
pub(super) fn write_number(number: f64, out: &mut Vec<u8>) {
    if number.fract() == 0.0 && number.abs() < EXACT && !(number == 0.0 && number.is_sign_negative()) {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        print(&(number as i64), out);
    } else {
        print(&number, out);
    }
}

/// A text with quotes and escapes.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    print(text, out);
}

/// Appends a value; false, and nothing appended, for JSON whose text is not JSON.
fn write_cell(value: &Value, key: ShapeKey, out: &mut Vec<u8>) -> bool {
    match value {
        Value::Nothing => out.extend_from_slice(b"null"),
        Value::Text(BaseType::Json | BaseType::Query, text) => match embedded(text) {
            Some(json) => out.extend_from_slice(json.as_bytes()),
            None => return false,
        },
        Value::Text(_, text) => write_text(text, out),
        Value::Number(number) => write_number(*number, out),
        Value::Boolean(value) => print(value, out),
        Value::Datetime(millis) | Value::Long(millis) => print(millis, out),
        Value::Integer(value) => print(value, out),
        Value::Location(location) => {
            out.extend_from_slice(b"{\"elevation\":");
            write_number(location.elevation, out);
            out.extend_from_slice(b",\"latitude\":");
            write_number(location.latitude, out);
            out.extend_from_slice(b",\"longitude\":");
            write_number(location.longitude, out);
            out.push(b'}');
        }
        Value::Table(table) => write_table(table, key, out),
        Value::Blob(bytes) | Value::Image(bytes) => {
            out.push(b'"');
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.push(b'"');
        }
        Value::Variant(value) => return write_cell(value, key, out),
    }
    true
}

fn write_field(field: &Field, key: ShapeKey, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"name\":");
    write_text(&field.name, out);
    out.extend_from_slice(b",\"description\":");
    write_text(&field.description, out);
    out.extend_from_slice(b",\"baseType\":\"");
    out.extend_from_slice(field.base_type.name().as_bytes());
    out.extend_from_slice(b"\",\"aspects\":{");
    let start = out.len();
    for Aspect { name, value } in &field.aspects {
        let before = out.len();
        if before > start {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        if !write_cell(value, key, out) {
            out.truncate(before);
        }
    }
    out.extend_from_slice(b"}}");
}

/// The text of a JSON cell as it is embedded; `None` if it is not JSON.
fn embedded(text: &str) -> Option<String> {
    let mut source = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut source).and_then(|_| source.end()).ok()?;
    compact(text)
}

fn print<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Scalars always have a JSON form, and writing to memory does not fail.
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok());
}

/// `"name":` of each column, escaped once for all rows.
struct Names {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Names {
    fn new(fields: &[Field]) -> Self {
        let mut names = Self { text: Vec::new(), ends: vec![0] };
        for field in fields {
            write_text(&field.name, &mut names.text);
            names.text.push(b':');
            names.ends.push(names.text.len());
        }
        names
    }

    fn of(&self, column: usize) -> &[u8] {
        let range = self.ends.get(column).zip(self.ends.get(column + 1));
        range.and_then(|(&start, &end)| self.text.get(start..end)).unwrap_or_default()
    }
}

/// Below this, every whole number is exact as a double (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;
