//! `tw_infotable`: rows of a shape.

use mlua::{AnyUserData, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use super::{
    base_type::Kind,
    cell,
    proxies::Proxies,
    shape::{self, Shape},
};
use crate::{
    host::{Arity, Natives},
    library::arguments::{Arguments, number_of},
};

/// Both kinds of userdata.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    shapes: Proxies,
    tables: Proxies,
}

/// What an infotable is in Lua: a table of these two.
struct InfoTable {
    /// A copy of the shape it was made of.
    shape: AnyUserData,
    rows: Table,
}

impl InfoTable {
    fn new(lua: &Lua, shape: Shape) -> Result<Self> {
        Ok(Self { shape: lua.create_any_userdata(shape)?, rows: lua.create_table()? })
    }

    /// The infotable that `value` stands for.
    fn of(kinds: &Kinds, value: &Value) -> Result<Option<Self>> {
        let Value::Table(parts) = kinds.tables.object(value)? else { return Ok(None) };
        Ok(Some(Self { shape: parts.raw_get(1)?, rows: parts.raw_get(2)? }))
    }

    /// Reads `{ dataShape = { fieldDefinitions = ... }, rows = ... }`; `None` if it is something else, or a cell does not
    /// fit. A cell may be missing: the platform leaves out what has no value.
    fn from_table(lua: &Lua, kinds: &Kinds, table: &Table, depth: usize) -> Result<Option<Self>> {
        let Value::Table(data_shape) = table.raw_get("dataShape")? else { return Ok(None) };
        let Value::Table(definitions) = data_shape.raw_get("fieldDefinitions")? else { return Ok(None) };
        let Some(shape) = Shape::from_definitions(&definitions)? else { return Ok(None) };
        let made = Self::new(lua, shape)?;
        if let Value::Table(rows) = table.raw_get("rows")? {
            for index in 1..=rows.raw_len() {
                let Value::Table(row) = rows.raw_get(index)? else { return Ok(None) };
                match made.convert(lua, kinds, &row, depth)? {
                    Converted::Row { row, .. } => made.rows.raw_push(row)?,
                    Converted::Misfit(_) => return Ok(None),
                }
            }
        }
        Ok(Some(made))
    }

    fn into_value(self, lua: &Lua, kinds: &Kinds) -> Result<Value> {
        let parts = lua.create_table_with_capacity(2, 0)?;
        parts.raw_set(1, self.shape)?;
        parts.raw_set(2, self.rows)?;
        kinds.tables.make(Value::Table(parts))
    }

    fn to_table(&self, lua: &Lua) -> Result<Value> {
        let data_shape = lua.create_table()?;
        data_shape.raw_set("fieldDefinitions", self.shape.borrow::<Shape>()?.definitions(lua)?)?;
        let table = lua.create_table()?;
        table.raw_set("dataShape", data_shape)?;
        table.raw_set("rows", cell::copy(lua, &Value::Table(self.rows.clone()), 0)?)?;
        Ok(Value::Table(table))
    }

    fn convert(&self, lua: &Lua, kinds: &Kinds, given: &Table, depth: usize) -> Result<Converted> {
        let shape = self.shape.borrow::<Shape>()?;
        let row = lua.create_table_with_capacity(0, shape.fields().len())?;
        let mut found = 0;
        for field in shape.fields() {
            let name = lua.create_string(&field.name)?;
            let value: Value = given.raw_get(&name)?;
            // A missing BOOLEAN counts as false.
            if value.is_nil() && field.base_type.kind() != Kind::Boolean {
                continue;
            }
            let converted = cell::convert(lua, kinds, field.base_type, &value, depth + 1)?;
            if converted.is_nil() {
                return Ok(Converted::Misfit(field.name.clone()));
            }
            row.raw_set(name, converted)?;
            found += 1;
        }
        Ok(Converted::Row { row, found, required: shape.fields().len() })
    }
}

/// What became of the values of a row.
enum Converted {
    /// So many of them were there.
    Row { row: Table, found: usize, required: usize },
    /// This one does not fit its field.
    Misfit(Vec<u8>),
}

/// Fills `tw_infotable` and the methods of infotables.
pub(super) fn install(natives: &Natives<'_>, shapes: &Proxies, tables: &Proxies) -> Result<()> {
    let kinds = Kinds { shapes: shapes.clone(), tables: tables.clone() };
    let library = natives.table("tw_infotable")?;
    let own = kinds.clone();
    library.raw_set(
        "createInfoTable",
        // None makes nothing, rather than an error.
        natives.plain(Arity::between(0, 1), move |lua, arguments: Arguments| {
            create(lua, &own, arguments.value(0))
        })?,
    )?;
    let own = kinds.clone();
    tables.method(
        "addRow",
        natives.plain(Arity::at_least(0), move |lua, arguments: Arguments| {
            let table = InfoTable::of(&own, arguments.value(0))?;
            match (table, arguments.value(1)) {
                (Some(table), Value::Table(row)) => add_row(lua, &own, &table, row),
                _ => (Value::Nil, "Invalid parameters").into_lua_multi(lua),
            }
        })?,
    )?;
    let own = kinds.clone();
    tables.method(
        "toTable",
        natives.plain(Arity::exactly(1), move |lua, arguments: Arguments| {
            match InfoTable::of(&own, arguments.value(0))? {
                Some(table) => table.to_table(lua),
                None => Ok(Value::Nil),
            }
        })?,
    )?;
    let own = kinds.clone();
    tables.method(
        "getValueFromRow",
        natives.plain(Arity::exactly(3), move |lua, arguments: Arguments| {
            value_from_row(lua, &own, &arguments)
        })?,
    )?;
    tables.method(
        "delete",
        natives.plain(Arity::exactly(1), move |_, arguments: Arguments| {
            kinds.tables.forget(arguments.value(0))
        })?,
    )
}

/// The table of an infotable, given as userdata or as table; nil for anything else.
pub(super) fn as_table(lua: &Lua, kinds: &Kinds, value: &Value, depth: usize) -> Result<Value> {
    if depth >= cell::MAX_DEPTH {
        return Ok(Value::Nil);
    }
    let table = match value {
        Value::Table(table) => InfoTable::from_table(lua, kinds, table, depth)?,
        other => InfoTable::of(kinds, other)?,
    };
    table.map_or(Ok(Value::Nil), |table| table.to_table(lua))
}

fn create(lua: &Lua, kinds: &Kinds, from: &Value) -> Result<Value> {
    let made = match from {
        Value::Table(table) => InfoTable::from_table(lua, kinds, table, 0)?,
        other => match shape::of(&kinds.shapes, other)? {
            Some(shape) => Some(InfoTable::new(lua, shape.borrow::<Shape>()?.clone())?),
            None => None,
        },
    };
    made.map_or(Ok(Value::Nil), |made| made.into_value(lua, kinds))
}

fn add_row(lua: &Lua, kinds: &Kinds, table: &InfoTable, row: &Table) -> Result<MultiValue> {
    let message = match table.convert(lua, kinds, row, 0)? {
        Converted::Row { row, found, required } if found == required => {
            table.rows.raw_push(row)?;
            return true.into_lua_multi(lua);
        }
        Converted::Row { found, required, .. } => {
            format!("Only found {found} valid row entries.  {required} required").into_bytes()
        }
        Converted::Misfit(name) => [b"Error converting field ", name.as_slice(), b" to primitive"].concat(),
    };
    (Value::Nil, lua.create_string(message)?).into_lua_multi(lua)
}

/// Field and row, counted from 1 as the original was seen to do; nil for what is not there.
fn value_from_row(lua: &Lua, kinds: &Kinds, arguments: &Arguments) -> Result<Value> {
    let (Some(table), Some(field)) = (InfoTable::of(kinds, arguments.value(0))?, arguments.text_if_any(1))
    else {
        return Ok(Value::Nil);
    };
    let Some(index) = number_of(arguments.value(2)) else { return Ok(Value::Nil) };
    let Value::Table(row) = table.rows.raw_get(index)? else { return Ok(Value::Nil) };
    let value = row.raw_get(lua.create_string(field)?)?;
    if let Value::Table(_) = value { cell::copy(lua, &value, 0) } else { Ok(value) }
}
