//! Infotable or something else: the objects with `rows` and a shape (EMS notes, section 6.2).

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    cell::Cell,
    compact::{self, compact},
    error::{JsonError, position},
    reading::Reading,
    shape::{Column, Shape},
};
use crate::{InfoTable, Row, Value};

/// One JSON text, read in a single pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// An object with `rows` and `dataShape` or `datashape`.
    Table(InfoTable),
    /// Any other JSON: its compact text, strings and numbers as they stood.
    Other(String),
}

impl Document {
    /// Reads a text; what stands behind an object or array is ignored (EMS notes, section 6.2).
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the text is not UTF-8, not JSON, nested too deep, or an infotable with a cell that cannot
    /// be taken for the base type of its field.
    pub fn read(text: &[u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(text).map_err(|error| {
            let (line, column) = position(text, error.valid_up_to());
            JsonError::new(String::new(), "text is not UTF-8".to_owned(), line, column)
        })?;
        let reading = Reading::new(text);
        let mut source = serde_json::Deserializer::from_str(text);
        let table = match text.trim_start().bytes().next() {
            Some(b'{') => TableSeed { reading: &reading, depth: 0 }.deserialize(&mut source),
            Some(b'[') => IgnoredAny::deserialize(&mut source).map(|_| None),
            _ => IgnoredAny::deserialize(&mut source).and_then(|_| source.end()).map(|()| None),
        };
        match table.map_err(|error| reading.fault(&error))? {
            Some(table) => Ok(Self::Table(table)),
            None => compact(text).map(Self::Other).ok_or_else(too_deep),
        }
    }
}

/// An infotable, or `None` for an object that is none.
#[derive(Clone, Copy)]
pub(super) struct TableSeed<'r, 'a> {
    pub(super) reading: &'r Reading<'a>,
    /// Tables and variants around this one.
    pub(super) depth: u32,
}

impl<'de> DeserializeSeed<'de> for TableSeed<'_, '_> {
    type Value = Option<InfoTable>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TableSeed<'_, '_> {
    type Value = Option<InfoTable>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an infotable with `rows` and `dataShape`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // Whether an object with a shape is an infotable is known only when its rows come, so the shape is kept
        // as text; it is small. Rows are read at once behind the shape, and kept as text before it.
        let mut shape: Option<&'de RawValue> = None;
        let mut rows: Option<&'de RawValue> = None;
        let mut table = None;
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match (key, shape, rows) {
                _ if table.is_some() => _ = map.next_value::<IgnoredAny>()?,
                (Key::Shape, None, _) => {
                    let raw = map.next_value()?;
                    shape = Some(raw);
                    if let Some(rows) = rows {
                        table = Some(self.table(raw, |seed| self.reading.again(rows, seed))?);
                    }
                }
                (Key::Rows, Some(shape), _) => {
                    table = Some(self.table(shape, |seed| map.next_value_seed(seed))?)
                }
                (Key::Rows, None, None) => rows = Some(map.next_value()?),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(table)
    }
}

impl<'r, 'a> TableSeed<'r, 'a> {
    fn table<'de, E: Error>(
        self,
        shape: &'de RawValue,
        rows: impl FnOnce(&mut RowsSeed<'r, 'a, '_>) -> Result<(), E>,
    ) -> Result<InfoTable, E> {
        let shape: Shape = self
            .reading
            .again(shape, super::shape::ShapeSeed { reading: self.reading })
            .inspect_err(|_| {
                self.reading.at("dataShape");
            })?;
        let mut seed = RowsSeed { table: self, shape: &shape, rows: Vec::new() };
        rows(&mut seed)?;
        let rows = seed.rows;
        Ok(InfoTable { fields: shape.into_fields(), rows })
    }
}

/// The rows of a table; kept outside of the visitor so that they need no second move.
struct RowsSeed<'r, 'a, 's> {
    table: TableSeed<'r, 'a>,
    shape: &'s Shape,
    rows: Vec<Row>,
}

impl<'de> DeserializeSeed<'de> for &mut RowsSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut RowsSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        let mut seed = RowSeed { table: self.table, shape: self.shape, next: 0 };
        loop {
            match rows.next_element_seed(&mut seed) {
                Ok(Some(row)) => self.rows.push(row),
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.table.reading.at(format_args!("rows[{}]", self.rows.len()));
                    return Err(error);
                }
            }
        }
    }

    /// Some JSON writers print an empty list as `{}`.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match map.next_key::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::custom("`rows` is an object instead of an array")),
        }
    }
}

/// One row; remembers the column behind the last one, since rows mostly name their cells in one order.
struct RowSeed<'r, 'a, 's> {
    table: TableSeed<'r, 'a>,
    shape: &'s Shape,
    next: usize,
}

impl<'de> DeserializeSeed<'de> for &mut RowSeed<'_, '_, '_> {
    type Value = Row;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Row, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut RowSeed<'_, '_, '_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row, an object with a key for each field")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
        let TableSeed { reading, depth } = self.table;
        reading.count_cells(self.shape.fields().len())?;
        let mut row = vec![Value::Nothing; self.shape.fields().len()];
        while let Some(column) = map.next_key_seed(Column { shape: self.shape, guess: self.next })? {
            let Some((index, field)) = column else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.next = index + 1;
            let seed = Cell { base_type: field.base_type, reading, depth };
            let value = map.next_value_seed(seed).inspect_err(|_| reading.at(&field.name))?;
            if let Some(cell) = row.get_mut(index) {
                *cell = value;
            }
        }
        Ok(row)
    }

    /// An empty object that a JSON writer printed as `[]`: a row of nothing.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Row, A::Error> {
        self.table.reading.count_cells(self.shape.fields().len())?;
        match elements.next_element::<IgnoredAny>()? {
            None => Ok(vec![Value::Nothing; self.shape.fields().len()]),
            Some(_) => Err(A::Error::custom("a row is an array instead of an object")),
        }
    }
}

enum Key {
    Rows,
    Shape,
    Other,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Key, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "rows" => Key::Rows,
            "dataShape" | "datashape" => Key::Shape,
            _ => Key::Other,
        })
    }
}

fn too_deep() -> JsonError {
    let message = format!("more than {} arrays and objects in each other", compact::MAX_DEPTH);
    JsonError::new(String::new(), message, 0, 0)
}
