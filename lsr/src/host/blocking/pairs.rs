//! Tables of texts, as headers, queries, forms and settings of other scripts are.

use mlua::{Table, Value};

use super::super::answer;

/// Names and values of a table; what is no text, number or boolean is left out.
pub(super) fn pairs(table: Option<&Table>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let Some(table) = table else { return Vec::new() };
    let entries = table.pairs::<Value, Value>().flatten();
    entries.filter_map(|(name, value)| Some((answer::text(&name)?, scalar(&value)?))).collect()
}

/// The same with names that are text.
pub(super) fn named(table: Option<&Table>) -> Vec<(String, Vec<u8>)> {
    let lossy = |name: Vec<u8>| String::from_utf8_lossy(&name).into_owned();
    pairs(table).into_iter().map(|(name, value)| (lossy(name), value)).collect()
}

fn scalar(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Boolean(flag) => Some(flag.to_string().into_bytes()),
        other => answer::text(other),
    }
}
