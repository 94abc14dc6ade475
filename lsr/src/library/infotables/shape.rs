//! `tw_datashape`: names and types of fields. Descriptions and aspects are lost, as in the original.

use mlua::{AnyUserData, Lua, Result, Table, Value};

use super::{base_type::BaseType, proxies::Proxies};
use crate::{
    host::{Arity, Natives},
    library::arguments::{Arguments, text_of},
};

/// Fields in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    fields: Vec<Field>,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Bytes, as Lua's texts are.
    pub(super) name: Vec<u8>,
    pub(super) base_type: BaseType,
}

impl Shape {
    /// Adds a field; one of the same name gives way.
    pub(super) fn add(&mut self, name: Vec<u8>, base_type: BaseType) {
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.base_type = base_type,
            None => self.fields.push(Field { name, base_type }),
        }
    }

    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The shape that `definitions`, `{ f = { baseType = ... } }`, describe; `None` if there is no such field.
    pub(super) fn from_definitions(definitions: &Table) -> Result<Option<Self>> {
        let mut shape = Self::default();
        for pair in definitions.pairs::<Value, Value>() {
            let (key, value) = pair?;
            let (Some(name), Value::Table(definition)) = (text_of(&key), value) else { continue };
            let base_type = definition.raw_get("baseType")?;
            let Some(base_type) = text_of(&base_type) else { continue };
            shape.add(name, BaseType::parse(&base_type));
        }
        Ok((!shape.fields.is_empty()).then_some(shape))
    }

    /// `{ f = { name, baseType, aspects = {} } }`.
    pub(super) fn definitions(&self, lua: &Lua) -> Result<Table> {
        let definitions = lua.create_table_with_capacity(0, self.fields.len())?;
        for field in &self.fields {
            let name = lua.create_string(&field.name)?;
            let definition = lua.create_table_with_capacity(0, 3)?;
            definition.raw_set("name", &name)?;
            definition.raw_set("baseType", field.base_type.name())?;
            definition.raw_set("aspects", lua.create_table()?)?;
            definitions.raw_set(name, definition)?;
        }
        Ok(definitions)
    }
}

/// Fills `tw_datashape` and the methods of shapes.
pub(super) fn install(natives: &Natives<'_>, shapes: &Proxies) -> Result<()> {
    let library = natives.table("tw_datashape")?;
    let kind = shapes.clone();
    library.raw_set(
        "createDataShape",
        // Fewer than two make nothing, rather than an error.
        natives.plain(Arity::between(0, 4), move |lua, arguments: Arguments| {
            let (Some(name), Some(base_type)) = (arguments.text_if_any(0), arguments.text_if_any(1)) else {
                return Ok(Value::Nil);
            };
            let mut shape = Shape::default();
            shape.add(name, BaseType::parse(&base_type));
            kind.make(Value::UserData(lua.create_any_userdata(shape)?))
        })?,
    )?;
    let kind = shapes.clone();
    shapes.method(
        "addField",
        natives.plain(Arity::between(3, 5), move |_, arguments: Arguments| {
            let shape = of(&kind, arguments.value(0))?.ok_or_else(|| arguments.mismatch(0, "data shape"))?;
            let (name, base_type) = (arguments.text(1)?, BaseType::parse(&arguments.text(2)?));
            shape.borrow_mut::<Shape>()?.add(name, base_type);
            Ok(())
        })?,
    )?;
    let kind = shapes.clone();
    shapes.method(
        "clone",
        natives.plain(Arity::exactly(1), move |lua, arguments: Arguments| {
            let shape = of(&kind, arguments.value(0))?.ok_or_else(|| arguments.mismatch(0, "data shape"))?;
            let copy = shape.borrow::<Shape>()?.clone();
            kind.make(Value::UserData(lua.create_any_userdata(copy)?))
        })?,
    )?;
    let kind = shapes.clone();
    shapes.method(
        "toTable",
        natives.plain(Arity::exactly(1), move |lua, arguments: Arguments| {
            let shape = of(&kind, arguments.value(0))?.ok_or_else(|| arguments.mismatch(0, "data shape"))?;
            let table = lua.create_table()?;
            table.raw_set("fieldDefinitions", shape.borrow::<Shape>()?.definitions(lua)?)?;
            Ok(table)
        })?,
    )
}

/// The shape that a value of a script stands for.
pub(super) fn of(shapes: &Proxies, value: &Value) -> Result<Option<AnyUserData>> {
    Ok(match shapes.object(value)? {
        Value::UserData(shape) => Some(shape),
        _ => None,
    })
}
