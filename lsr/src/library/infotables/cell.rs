//! What becomes of a value in a cell, by the table of 3.12 of the notes.

use mlua::{Lua, Result, Table, Value};

use super::{
    base_type::{BaseType, Kind},
    table::{self, Kinds},
};
use crate::library::arguments::{number_of, plain_number, text_of};

/// The value as the cell holds it; nil if it does not fit. Tables are copied.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn convert(
    lua: &Lua,
    kinds: &Kinds,
    base_type: BaseType,
    value: &Value,
    depth: usize,
) -> Result<Value> {
    Ok(match base_type.kind() {
        Kind::Number => Value::Number(number_of(value).unwrap_or(0.0)),
        Kind::Integer => {
            let whole = number_of(value).unwrap_or(0.0).floor();
            let whole = if whole.is_nan() { 0.0 } else { whole };
            Value::Number(whole.clamp(f64::from(i32::MIN), f64::from(i32::MAX)))
        }
        Kind::Boolean => Value::Boolean(!matches!(value, Value::Nil | Value::Boolean(false))),
        Kind::Datetime => Value::Number(number_of(value).unwrap_or(0.0)),
        Kind::Text => match value {
            Value::String(_) => value.clone(),
            other => {
                text_of(other).map_or(Ok(Value::Nil), |text| lua.create_string(text).map(Value::String))?
            }
        },
        Kind::Location => match value {
            Value::Table(place) => location(lua, place)?,
            _ => Value::Nil,
        },
        Kind::Table => copy(lua, value, depth)?,
        Kind::Variant => match value {
            Value::Table(variant) => {
                let named = text_of(&variant.raw_get("baseType")?).is_some();
                let held = !variant.raw_get::<Value>("value")?.is_nil();
                if named && held { copy(lua, value, depth)? } else { Value::Nil }
            }
            _ => Value::Nil,
        },
        Kind::InfoTable => table::as_table(lua, kinds, value, depth)?,
        Kind::Never => Value::Nil,
    })
}

/// A copy of a table without functions and userdata; nil for anything else, and for one in itself.
pub(super) fn copy(lua: &Lua, value: &Value, depth: usize) -> Result<Value> {
    let Value::Table(source) = value else { return Ok(Value::Nil) };
    if depth >= MAX_DEPTH {
        return Ok(Value::Nil);
    }
    let target = lua.create_table()?;
    for pair in source.pairs::<Value, Value>() {
        let (key, value) = pair?;
        match value {
            Value::Table(_) => {
                let inner = copy(lua, &value, depth + 1)?;
                if inner.is_nil() {
                    return Ok(Value::Nil);
                }
                target.raw_set(key, inner)?;
            }
            Value::String(_) | Value::Boolean(_) => target.raw_set(key, value)?,
            other => {
                if let Some(number) = plain_number(&other) {
                    target.raw_set(key, number)?;
                }
            }
        }
    }
    Ok(Value::Table(target))
}

fn location(lua: &Lua, place: &Table) -> Result<Value> {
    let location = lua.create_table_with_capacity(0, 3)?;
    for member in ["latitude", "longitude", "elevation"] {
        let number = number_of(&place.raw_get(member)?).unwrap_or(0.0);
        location.raw_set(member, number)?;
    }
    Ok(Value::Table(location))
}

/// Nesting of tables in a cell, and of infotables in each other.
pub(super) const MAX_DEPTH: usize = 100;
