//! Secrets on their way out and back: a configuration that is shown has asterisks, and asterisks that come back mean the
//! value that is there.

use serde_json::{Map, Value};

use super::EditError;
use crate::document;
use crate::mask::sounds_secret;

/// What stands in place of a secret.
pub const MASK: &str = "********";

/// Reads a configuration as JSON with the spelling of the file, every secret replaced by [`MASK`]; `None` when it cannot
/// be parsed. References to secrets are no secrets.
pub fn masked(text: &str) -> Option<Value> {
    let node = document::parse(text.trim_start_matches('\u{feff}')).ok()??;
    let mut value = node.to_json();
    hide(&mut value, false);
    Some(value)
}

fn hide(value: &mut Value, secret: bool) {
    match value {
        Value::Object(table) => {
            for (name, inner) in table {
                // The headers of the collector are a table of secrets.
                let headers = name.to_ascii_lowercase().contains("headers");
                let reference = secret && matches!(name.as_str(), "env" | "file" | "credential");
                hide(inner, !reference && (headers || sounds_secret(name) || (secret && inner.is_string())));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, secret)),
        Value::Null | Value::Bool(_) => {}
        Value::String(text) if secret && text.is_empty() => {}
        other if secret => *other = Value::String(MASK.to_owned()),
        _ => {}
    }
}

/// Puts the values of `old` where `new` has nothing but asterisks.
pub(super) fn unmask(new: &mut Map<String, Value>, old: &Value, path: &str) -> Result<(), EditError> {
    for (name, value) in new {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let counterpart = old.as_object().and_then(|old| entry(old, name));
        unmask_value(value, counterpart, &path)?;
    }
    Ok(())
}

fn unmask_value(new: &mut Value, old: Option<&Value>, path: &str) -> Result<(), EditError> {
    match new {
        Value::String(text) if text == MASK => {
            *new = old.cloned().ok_or_else(|| EditError::Masked(path.to_owned()))?;
            Ok(())
        }
        Value::Object(table) => unmask(table, old.unwrap_or(&Value::Null), path),
        Value::Array(items) => {
            let olds = old.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for (index, item) in items.iter_mut().enumerate() {
                unmask_value(item, counterpart(item, index, olds), &format!("{path}[{index}]"))?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The old entry of the same name, for lists of things; else the one at the same place.
fn counterpart<'o>(item: &Value, index: usize, olds: &'o [Value]) -> Option<&'o Value> {
    let name = |value: &Value| value.as_object().and_then(|table| entry(table, "name")).cloned();
    match name(item) {
        Some(wanted) => olds.iter().find(|old| name(old).as_ref() == Some(&wanted)),
        None => olds.get(index),
    }
}

/// A key without regard to case: the one that counts if there are several.
fn entry<'t>(table: &'t Map<String, Value>, name: &str) -> Option<&'t Value> {
    table
        .get(name)
        .or_else(|| table.iter().rfind(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}
