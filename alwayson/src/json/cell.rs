//! One JSON value as a typed value.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    compact::{self, compact},
    convert,
    document::TableSeed,
    reading::Reading,
    variant,
};
use crate::{BaseType, Location, Value};

/// The next JSON value, taken for `base_type`.
#[derive(Clone, Copy)]
pub(super) struct Cell<'r, 'a> {
    pub(super) base_type: BaseType,
    pub(super) reading: &'r Reading<'a>,
    /// Tables and variants around this cell.
    pub(super) depth: u32,
}

impl<'de> DeserializeSeed<'de> for Cell<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        match self.base_type {
            BaseType::Json | BaseType::Query => {
                let raw = <&RawValue>::deserialize(source)?.get();
                if raw == "null" {
                    return Ok(Value::Nothing);
                }
                let text = compact(raw).ok_or_else(too_deep)?;
                Ok(Value::Text(self.base_type, text))
            }
            _ => source.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Cell<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of base type {}", self.base_type)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        convert::boolean(value, self.base_type).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        convert::integer(value, self.base_type).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "no base type holds it but a double")]
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        convert::number(value, self.base_type).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        convert::text(value, self.base_type).map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        match self.base_type {
            BaseType::Nothing => {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::Nothing)
            }
            BaseType::Variant => variant::array(elements).map(Value::json),
            base_type if base_type.is_text() => Ok(Value::Text(base_type, variant::array(elements)?)),
            base_type => Err(A::Error::custom(format_args!("an array cannot be taken for {base_type}"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match self.base_type {
            BaseType::Nothing => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Nothing)
            }
            BaseType::Infotable => {
                Reading::check_depth(self.depth + 1)?;
                match (TableSeed { reading: self.reading, depth: self.depth + 1 }).visit_map(map)? {
                    Some(table) => Ok(Value::table(table)),
                    None => Err(A::Error::custom("an INFOTABLE needs both `rows` and `dataShape`")),
                }
            }
            BaseType::Variant => variant::object(self, map),
            BaseType::Location => self.location(map),
            base_type if base_type.is_text() => Ok(Value::Text(base_type, variant::plain_object(map)?)),
            base_type => Err(A::Error::custom(format_args!("an object cannot be taken for {base_type}"))),
        }
    }
}

impl Cell<'_, '_> {
    /// `latitude`, `longitude` and perhaps `elevation`; null for one of the first two makes the whole null, as we
    /// write NaN.
    fn location<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (mut latitude, mut longitude, mut elevation) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let part = match key.as_str() {
                "latitude" => &mut latitude,
                "longitude" => &mut longitude,
                "elevation" => &mut elevation,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let seed = Cell { base_type: BaseType::Number, ..self };
            *part = Some(map.next_value_seed(seed).inspect_err(|_| self.reading.at(&key))?);
        }
        match (latitude, longitude, elevation) {
            (Some(Value::Number(latitude)), Some(Value::Number(longitude)), elevation) => {
                let elevation = if let Some(Value::Number(metres)) = elevation { metres } else { 0.0 };
                Ok(Value::Location(Location { longitude, latitude, elevation }))
            }
            (Some(_), Some(_), _) => Ok(Value::Nothing),
            _ => Err(A::Error::custom("a LOCATION needs `latitude` and `longitude`")),
        }
    }
}

/// The error of a JSON text that is nested too deep to be handed on.
pub(super) fn too_deep<E: Error>() -> E {
    E::custom(format_args!("more than {} arrays and objects in each other", compact::MAX_DEPTH))
}
