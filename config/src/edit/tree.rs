//! The changes themselves, on a tree that keeps blanks and comments.

use jsonc_parser::cst::{CstArray, CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};
use serde_json::{Map, Value};

use super::{EditError, masked::unmask};
use crate::document;

/// Adds an entry to `auto_bind`, or puts it in the place of the last one of its name.
pub(super) fn add_thing(text: &str, entry: &Map<String, Value>) -> Result<String, EditError> {
    let name = thing_name(entry).ok_or(EditError::NoName)?;
    let (root, top) = open(text)?;
    let Some(property) = property(&top, AUTO_BIND) else {
        top.append(AUTO_BIND, CstInputValue::Array(vec![input(&Value::Object(entry.clone()))]));
        return Ok(root.to_string());
    };
    let list = entries(&property)?;
    let elements = list.elements();
    let Some(index) = elements.iter().rposition(|element| is_named(element, name)) else {
        list.append(input(&Value::Object(entry.clone())));
        return Ok(root.to_string());
    };
    if let Some(element) = elements.into_iter().nth(index) {
        if value_of(&element) == Some(Value::Object(entry.clone())) {
            return Ok(text.to_owned());
        }
        element.remove();
    }
    list.insert(index, input(&Value::Object(entry.clone())));
    Ok(root.to_string())
}

/// Removes every entry of this name from `auto_bind`.
pub(super) fn remove_thing(text: &str, name: &str) -> Result<String, EditError> {
    let (root, top) = open(text)?;
    let Some(property) = property(&top, AUTO_BIND) else { return Ok(text.to_owned()) };
    for element in entries(&property)?.elements() {
        if is_named(&element, name) {
            element.remove();
        }
    }
    Ok(root.to_string())
}

/// Lays a table over the text.
pub(super) fn merge(text: &str, table: &Map<String, Value>) -> Result<String, EditError> {
    let (root, top) = open(text)?;
    let mut table = table.clone();
    unmask(&mut table, &plain(text)?, "")?;
    lay_over(&top, &table);
    Ok(root.to_string())
}

/// Replaces the whole text, tab-indented as the original writes.
pub(super) fn replace(text: &str, table: &Map<String, Value>) -> Result<String, EditError> {
    let mut table = table.clone();
    // A text nobody can read has no secrets to keep; replacing it is the way out.
    unmask(&mut table, &plain(text).unwrap_or_default(), "")?;
    if plain(text).ok().as_ref() == Some(&Value::Object(table.clone())) {
        return Ok(text.to_owned());
    }
    let mut written = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut written, style);
    serde::Serialize::serialize(&table, &mut serializer)
        .map_err(|error| EditError::Syntax(error.to_string()))?;
    let mut text = String::from_utf8(written).map_err(|error| EditError::Syntax(error.to_string()))?;
    text.push('\n');
    Ok(text)
}

fn lay_over(target: &CstObject, table: &Map<String, Value>) {
    for (name, value) in table {
        match (property(target, name), value) {
            (None, value) => drop(target.append(name, input(value))),
            (Some(property), Value::Object(inner)) if property.object_value().is_some() => {
                if let Some(object) = property.object_value() {
                    lay_over(&object, inner);
                }
            }
            (Some(property), value) => {
                if property.value().as_ref().and_then(value_of).as_ref() != Some(value) {
                    property.set_value(input(value));
                }
            }
        }
    }
}

fn open(text: &str) -> Result<(CstRootNode, CstObject), EditError> {
    // The limits of nesting and the looser spellings are those of loading.
    plain(text)?;
    let root = CstRootNode::parse(text, &document::options())
        .map_err(|error| EditError::Syntax(error.to_string()))?;
    let top = root.object_value().ok_or_else(no_table)?;
    Ok((root, top))
}

/// The text as JSON without positions.
fn plain(text: &str) -> Result<Value, EditError> {
    let node = document::parse(text).map_err(|error| EditError::Syntax(error.message))?;
    node.map(|node| node.to_json()).filter(Value::is_object).ok_or_else(no_table)
}

fn no_table() -> EditError {
    EditError::Syntax("there is no table in braces at its top".to_owned())
}

/// The property that counts: names are compared without case, the last one wins, as in loading.
fn property(table: &CstObject, name: &str) -> Option<CstObjectProp> {
    let named = |property: &CstObjectProp| {
        property.decoded_name().is_some_and(|given| given.eq_ignore_ascii_case(name))
    };
    table.properties().into_iter().rfind(named)
}

fn entries(property: &CstObjectProp) -> Result<CstArray, EditError> {
    if let Some(list) = property.array_value() {
        return Ok(list);
    }
    // One table counts as a list of one in loading; nothing counts as an empty list.
    let one = property.value().as_ref().and_then(value_of).unwrap_or_default();
    match one {
        Value::Null => property.set_value(CstInputValue::Array(Vec::new())),
        Value::Object(_) => property.set_value(CstInputValue::Array(vec![input(&one)])),
        _ => return Err(not_a_list()),
    }
    property.array_value().ok_or_else(not_a_list)
}

fn not_a_list() -> EditError {
    EditError::WrongType { key: AUTO_BIND.to_owned(), needed: "a list of tables" }
}

fn is_named(element: &CstNode, name: &str) -> bool {
    value_of(element).as_ref().and_then(Value::as_object).and_then(thing_name) == Some(name)
}

fn thing_name(entry: &Map<String, Value>) -> Option<&str> {
    let name = entry.iter().rfind(|(key, _)| key.eq_ignore_ascii_case("name"));
    name.and_then(|(_, value)| value.as_str()).filter(|name| !name.is_empty())
}

/// Reads a part of the tree as JSON.
fn value_of(node: &CstNode) -> Option<Value> {
    document::parse(&node.to_string()).ok()?.map(|node| node.to_json())
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(table) => {
            CstInputValue::Object(table.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}

const AUTO_BIND: &str = "auto_bind";
