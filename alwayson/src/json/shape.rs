//! The data shape of an infotable: names and types of its fields.

use std::{collections::HashMap, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    cell::Cell,
    convert::{excerpt, whole},
    reading::Reading,
};
use crate::{Aspect, BaseType, Field, Value};

/// Fields in the order of the text, found by name.
#[derive(Default)]
pub(super) struct Shape {
    fields: Vec<Field>,
    /// Only for wide tables: going through the fields is faster for narrow ones.
    index: HashMap<String, usize>,
}

impl Shape {
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub(super) fn into_fields(self) -> Vec<Field> {
        self.fields
    }

    /// Adds a field; a name that occurs twice keeps its first place and takes its last definition.
    fn add(&mut self, field: Field) {
        let known = self.find(&field.name, 0).map(|(index, _)| index);
        if let Some(known) = known.and_then(|index| self.fields.get_mut(index)) {
            *known = field;
            return;
        }
        self.fields.push(field);
        if self.fields.len() >= WIDE {
            let unknown = self.fields.iter().enumerate().skip(self.index.len());
            self.index.extend(unknown.map(|(index, field)| (field.name.clone(), index)));
        }
    }

    fn find(&self, name: &str, guess: usize) -> Option<(usize, &Field)> {
        let guess = if guess < self.fields.len() { guess } else { 0 };
        if let Some(field) = self.fields.get(guess).filter(|field| field.name == name) {
            return Some((guess, field));
        }
        if self.index.is_empty() {
            self.fields.iter().enumerate().find(|(_, field)| field.name == name)
        } else {
            let index = *self.index.get(name)?;
            self.fields.get(index).map(|field| (index, field))
        }
    }
}

/// The key of a cell: the column of that name, `None` if the shape has none.
pub(super) struct Column<'s> {
    pub(super) shape: &'s Shape,
    /// Where to look first.
    pub(super) guess: usize,
}

impl<'de, 's> DeserializeSeed<'de> for Column<'s> {
    type Value = Option<(usize, &'s Field)>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'s> Visitor<'_> for Column<'s> {
    type Value = Option<(usize, &'s Field)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.shape.find(name, self.guess))
    }
}

/// `{"fieldDefinitions": {..}}`; other keys, such as the name of the shape, are not transmitted.
pub(super) struct ShapeSeed<'r, 'a> {
    pub(super) reading: &'r Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for ShapeSeed<'_, '_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Shape, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed<'_, '_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a data shape with `fieldDefinitions`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut shape = Shape::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "fieldDefinitions" {
                map.next_value_seed(Definitions { shape: &mut shape, reading: self.reading })
                    .inspect_err(|_| self.reading.at(key))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(shape)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Shape, A::Error> {
        nothing_in(elements).map(|()| Shape::default())
    }
}

/// Field definitions by name; adds them to the shape.
struct Definitions<'r, 'a> {
    shape: &'r mut Shape,
    reading: &'r Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for Definitions<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Definitions<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("field definitions by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let mut field = Field::new(name, BaseType::Nothing);
            let definition = Definition { field: &mut field, reading: self.reading };
            let result = map.next_value_seed(definition);
            result.inspect_err(|_| self.reading.at(&field.name))?;
            self.shape.add(field);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        nothing_in(elements)
    }
}

/// Definition of one field; its `name` is not read, since cells are named by the key of the definition.
struct Definition<'r, 'a> {
    field: &'r mut Field,
    reading: &'r Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for Definition<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Definition<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the definition of a field, an object with `baseType`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_base_type = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "baseType" => {
                    self.field.base_type =
                        map.next_value_seed(TypeName).inspect_err(|_| self.reading.at(key))?;
                    has_base_type = true;
                }
                "description" => {
                    self.field.description = map.next_value::<Option<String>>()?.unwrap_or_default()
                }
                "aspects" => map
                    .next_value_seed(Aspects { field: self.field, reading: self.reading })
                    .inspect_err(|_| self.reading.at(key))?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        if has_base_type { Ok(()) } else { Err(A::Error::missing_field("baseType")) }
    }
}

/// Name of a base type, compared without case.
pub(super) struct TypeName;

impl<'de> DeserializeSeed<'de> for TypeName {
    type Value = BaseType;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<BaseType, D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for TypeName {
    type Value = BaseType;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a base type")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<BaseType, E> {
        BaseType::from_name(name).ok_or_else(|| {
            let name = excerpt(name);
            E::custom(format_args!("`{name}` is no base type; known are NUMBER, STRING, BOOLEAN and so on"))
        })
    }
}

/// Aspects by name; the last of two equal names counts (protocol notes, section 9.4).
struct Aspects<'r, 'a> {
    field: &'r mut Field,
    reading: &'r Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for Aspects<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Aspects<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("aspects by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut places = HashMap::new();
        while let Some(name) = map.next_key::<String>()? {
            let seed = Cell { base_type: BaseType::Variant, reading: self.reading, depth: 0 };
            let value = aspect_value(map.next_value_seed(seed).inspect_err(|_| self.reading.at(&name))?);
            let aspects = &mut self.field.aspects;
            let place = *places.entry(name.clone()).or_insert(aspects.len());
            match aspects.get_mut(place) {
                Some(known) => known.value = value,
                None => aspects.push(Aspect { name, value }),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        nothing_in(elements)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Numbers in aspects go up as INTEGER, fractions cut off (conformance case `types/in-aspects`); only a number
/// that an INTEGER cannot hold stays a NUMBER.
fn aspect_value(value: Value) -> Value {
    match value {
        Value::Number(number) => whole::<i32>(number).map_or(value, Value::Integer),
        Value::Variant(value) => *value,
        other => other,
    }
}

/// An empty object that a JSON writer printed as `[]` (EMS notes, section 6.1).
fn nothing_in<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<(), A::Error> {
    match elements.next_element::<IgnoredAny>()? {
        None => Ok(()),
        Some(_) => Err(A::Error::custom("an array instead of an object")),
    }
}

/// From this many fields on, a shape keeps an index of their names.
const WIDE: usize = 24;
