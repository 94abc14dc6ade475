//! Infotables and values as JSON (EMS notes, section 6), without a JSON tree in between.
//!
//! Responsible for the forms that agents, local callers and the platform's REST interface exchange.
//! Not responsible for HTTP, for status codes, and for what a service does with its inputs.

mod cell;
mod compact;
mod convert;
mod document;
mod error;
mod inputs;
mod reading;
mod shape;
mod timestamp;
mod variant;
mod write;

use serde::de::DeserializeSeed;

use crate::{BaseType, Content, InfoTable, Value};

pub use document::Document;
pub use error::JsonError;
pub use inputs::Inputs;
pub use write::{ShapeKey, table_to_string, write_table, write_value};

use cell::Cell;
use reading::Reading;

/// Reads the body of an HTTP request as the parameters of a relayed request (EMS notes, section 6.2).
///
/// A body of zero bytes is [`Content::Nothing`]; an object with `rows` and a shape is that table; any other
/// JSON is one row with the single field `_content_`, which holds its compact text. Text behind an object or
/// array is ignored, as the original did.
///
/// # Errors
///
/// [`JsonError`] if the body is not JSON or if a cell cannot be taken for its declared base type.
pub fn params_from_body(body: &[u8]) -> Result<Content, JsonError> {
    if body.is_empty() {
        return Ok(Content::Nothing);
    }
    Ok(Content::Table(match Document::read(body)? {
        Document::Table(table) => table,
        Document::Other(text) => InfoTable::content(text),
    }))
}

/// Reads `text` as an infotable; `None` if it is other valid JSON.
///
/// # Errors
///
/// As for [`params_from_body`].
pub fn table_from_json(text: &[u8]) -> Result<Option<InfoTable>, JsonError> {
    Ok(match Document::read(text)? {
        Document::Table(table) => Some(table),
        Document::Other(_) => None,
    })
}

/// Reads one JSON value as a value of `base_type`, with the conversions of a table cell.
///
/// # Errors
///
/// [`JsonError`] if `text` is not exactly one JSON value or cannot be taken for `base_type`.
pub fn value_from_json(text: &str, base_type: BaseType) -> Result<Value, JsonError> {
    let reading = Reading::new(text);
    let mut source = serde_json::Deserializer::from_str(text);
    Cell { base_type, reading: &reading, depth: 0 }
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| reading.fault(&error))
}
