//! Inputs of a service by name, whichever way they came.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{JsonError, cell::Cell, reading::Reading, write::write_value};
use crate::{BaseType, Content, Value};

/// Named inputs of a service: the keys of a plain JSON object or the fields of an infotable's first row.
///
/// Services of the gateway take both forms everywhere (EMS notes, sections 7.3 and 16).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs {
    entries: Vec<(String, Value)>,
}

impl Inputs {
    /// Reads the parameters of a request; no content and an empty table give no inputs.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if the plain JSON in `content` is not an object; an empty array counts as an empty object.
    pub fn from_content(content: &Content) -> Result<Self, JsonError> {
        let Content::Table(table) = content else {
            return Ok(Self::default());
        };
        if let Some(text) = table.as_content() {
            return Self::from_json(text);
        }
        let cells = table.rows.first().into_iter().flatten().cloned();
        Ok(Self { entries: table.fields.iter().map(|field| field.name.clone()).zip(cells).collect() })
    }

    /// Reads a plain JSON object.
    ///
    /// # Errors
    ///
    /// As for [`Inputs::from_content`].
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        let reading = Reading::new(text);
        let mut source = serde_json::Deserializer::from_str(text);
        let entries = Entries { reading: &reading }
            .deserialize(&mut source)
            .and_then(|entries| source.end().map(|()| entries))
            .map_err(|error| reading.fault(&error))?;
        Ok(Self { entries })
    }

    /// The input `name`; of several with one name the last.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.entries.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Whether there is an input `name`, be it null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The input `name` if it is a text; JSON objects and arrays are none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match plain(self.value(name)?) {
            Value::Text(BaseType::Json | BaseType::Query, _) => None,
            Value::Text(_, text) => Some(text),
            _ => None,
        }
    }

    /// The input `name` if it is a whole number or the decimal text of one.
    ///
    /// Script resources send the port as text (EMS notes, section 7.3).
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match plain(self.value(name)?) {
            Value::Integer(value) => Some(i64::from(*value)),
            Value::Long(value) | Value::Datetime(value) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            Value::Number(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            Value::Text(_, text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The input `name` if it is true or false, also as text.
    #[must_use]
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match plain(self.value(name)?) {
            Value::Boolean(value) => Some(*value),
            Value::Text(_, text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::Text(_, text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The input `name` as JSON text.
    #[must_use]
    pub fn json(&self, name: &str) -> Option<String> {
        let mut text = Vec::new();
        write_value(self.value(name)?, &mut text);
        String::from_utf8(text).ok()
    }

    /// Names of the inputs in the order of the sender.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }
}

fn plain(value: &Value) -> &Value {
    match value {
        Value::Variant(inner) => plain(inner),
        other => other,
    }
}

struct Entries<'r, 'a> {
    reading: &'r Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = Vec<(String, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the inputs by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let seed = Cell { base_type: BaseType::Variant, reading: self.reading, depth: 0 };
            let value = map.next_value_seed(seed).inspect_err(|_| self.reading.at(&name))?;
            entries.push((name, value));
        }
        Ok(entries)
    }

    /// Script resources print an empty object as `[]`.
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        match elements.next_element::<&RawValue>()? {
            None => Ok(Vec::new()),
            Some(_) => Err(serde::de::Error::custom("an array instead of an object with the inputs by name")),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }
}
