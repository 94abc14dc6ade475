//! The original's offline store as JSON lines: also what is not taken over from it.

use std::{fs, io, path::Path};

use bytes::Bytes;
use edgebind_store::parse_offline_messages;
use serde_json::{Value, json};

use super::said;

/// A line for each message of the original's file; `None` if the file is not of that kind.
pub(crate) fn original_lines(file: &Path) -> io::Result<Option<Vec<Value>>> {
    let bytes = Bytes::from(fs::read(file)?);
    if !bytes.starts_with(b"!twMsg!") {
        return Ok(None);
    }
    let messages = parse_offline_messages(&bytes).messages;
    let lines = messages.iter().zip(1_u64..).map(|(message, id)| match said(message) {
        (Some(message), _) => json!({ "id": id, "state": "original", "message": message }),
        (None, bytes_hex) => json!({ "id": id, "state": "damaged", "bytes_hex": bytes_hex }),
    });
    Ok(Some(lines.collect()))
}
