//! Values of fields that take any type: `{"baseType": .., "value": ..}` or plain JSON.

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use super::{
    cell::{Cell, too_deep},
    compact::compact,
    reading::Reading,
    shape::TypeName,
};
use crate::{BaseType, Value};

/// An object in a VARIANT field: one with `baseType` and `value` is a VARIANT of that type, whatever the name of
/// the field; any other object is JSON.
pub(super) fn object<'de, A: MapAccess<'de>>(cell: Cell<'_, '_>, mut map: A) -> Result<Value, A::Error> {
    Reading::check_depth(cell.depth + 1)?;
    let Some((first, raw)) = map.next_entry::<&'de RawValue, &'de RawValue>()? else {
        return Ok(Value::json("{}"));
    };
    // The order that script resources write: the type is known before the value, which needs no second look.
    if first.get() == BASE_TYPE && is_text(raw) {
        let Some(second) = map.next_key::<&'de RawValue>()? else {
            return alone(cell, raw);
        };
        if second.get() == VALUE {
            let inner = inner(cell, raw)?;
            let value = map.next_value_seed(inner).inspect_err(|_| cell.reading.at("value"))?;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::variant(value));
        }
        let entries = vec![(first, raw), (second, map.next_value()?)];
        return rest(cell, entries, map);
    }
    rest(cell, vec![(first, raw)], map)
}

/// Text of an object in a field of the string family.
pub(super) fn plain_object<'de, A: MapAccess<'de>>(mut map: A) -> Result<String, A::Error> {
    let mut entries = Vec::new();
    while let Some(entry) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
        entries.push(entry);
    }
    object_text(&entries).ok_or_else(too_deep)
}

/// Text of an array.
pub(super) fn array<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<String, A::Error> {
    let mut text = String::from("[");
    while let Some(raw) = elements.next_element::<&'de RawValue>()? {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&compact(raw.get()).ok_or_else(too_deep)?);
    }
    text.push(']');
    Ok(text)
}

/// An object whose keys come in another order, or that is plain JSON.
fn rest<'de, A: MapAccess<'de>>(
    cell: Cell<'_, '_>,
    mut entries: Vec<(&'de RawValue, &'de RawValue)>,
    mut map: A,
) -> Result<Value, A::Error> {
    while let Some(entry) = map.next_entry()? {
        entries.push(entry);
    }
    let find = |name| entries.iter().find(|(key, _)| key.get() == name).map(|(_, raw)| *raw);
    match (find(BASE_TYPE).filter(|raw| is_text(raw)), find(VALUE)) {
        (Some(base_type), Some(value)) => {
            let inner = inner(cell, base_type)?;
            let value =
                cell.reading.again(value, inner).inspect_err(|_: &A::Error| cell.reading.at("value"))?;
            Ok(Value::variant(value))
        }
        _ => object_text(&entries).map(Value::json).ok_or_else(too_deep),
    }
}

/// `{"baseType": ".."}` without a value: null of that type.
fn alone<E: Error>(cell: Cell<'_, '_>, base_type: &RawValue) -> Result<Value, E> {
    inner(cell, base_type).map(|_| Value::variant(Value::Nothing))
}

/// The seed for the value of this base type.
fn inner<'r, 'a, E: Error>(cell: Cell<'r, 'a>, base_type: &RawValue) -> Result<Cell<'r, 'a>, E> {
    // A name without escapes needs no deserializer; this runs once for each pushed value.
    let plain = base_type.get().trim_matches('"');
    let base_type = match BaseType::from_name(plain) {
        Some(base_type) => base_type,
        None => cell.reading.again(base_type, TypeName).inspect_err(|_: &E| cell.reading.at("baseType"))?,
    };
    Ok(Cell { base_type, depth: cell.depth + 1, ..cell })
}

fn object_text(entries: &[(&RawValue, &RawValue)]) -> Option<String> {
    let mut text = String::from("{");
    for (index, (key, raw)) in entries.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(key.get());
        text.push(':');
        text.push_str(&compact(raw.get())?);
    }
    text.push('}');
    Some(text)
}

fn is_text(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

// Keys as they stand in the text, so that they need no copy.
const BASE_TYPE: &str = "\"baseType\"";
const VALUE: &str = "\"value\"";
