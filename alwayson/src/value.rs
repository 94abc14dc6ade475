//! A typed value: a cell, an aspect, the content of a VARIANT (protocol notes, sections 4.2 and 4.3).

use crate::{BaseType, InfoTable};

/// One value with its own base type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null of every column type.
    Nothing,
    /// A type of the string family; `BaseType::is_text` holds for the first part.
    Text(BaseType, String),
    /// IEEE 754 double.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Datetime(i64),
    /// 32-bit integer.
    Integer(i32),
    /// 64-bit integer of newer platforms.
    Long(i64),
    /// A place on Earth.
    Location(Location),
    /// A nested table.
    Table(Box<InfoTable>),
    /// Bytes of base type BLOB.
    Blob(Vec<u8>),
    /// Bytes of base type IMAGE.
    Image(Vec<u8>),
    /// A value in a cell of base type VARIANT, which carries its own type.
    Variant(Box<Self>),
}

/// Longitude and latitude in degrees, elevation in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Location {
    /// Degrees, east positive.
    pub longitude: f64,
    /// Degrees, north positive.
    pub latitude: f64,
    /// Metres.
    pub elevation: f64,
}

impl Value {
    /// A value of base type STRING.
    #[must_use]
    pub fn string(text: impl Into<String>) -> Self {
        Self::Text(BaseType::String, text.into())
    }

    /// A value of base type JSON that holds `text`, which should be JSON.
    #[must_use]
    pub fn json(text: impl Into<String>) -> Self {
        Self::Text(BaseType::Json, text.into())
    }

    /// A value of base type INFOTABLE.
    #[must_use]
    pub fn table(table: InfoTable) -> Self {
        Self::Table(Box::new(table))
    }

    /// A value of base type VARIANT.
    #[must_use]
    pub fn variant(value: Self) -> Self {
        Self::Variant(Box::new(value))
    }

    /// The base type that the value carries on the wire.
    #[must_use]
    pub const fn base_type(&self) -> BaseType {
        match self {
            Self::Nothing => BaseType::Nothing,
            Self::Text(base_type, _) => *base_type,
            Self::Number(_) => BaseType::Number,
            Self::Boolean(_) => BaseType::Boolean,
            Self::Datetime(_) => BaseType::Datetime,
            Self::Integer(_) => BaseType::Integer,
            Self::Long(_) => BaseType::Long,
            Self::Location(_) => BaseType::Location,
            Self::Table(_) => BaseType::Infotable,
            Self::Blob(_) => BaseType::Blob,
            Self::Image(_) => BaseType::Image,
            Self::Variant(_) => BaseType::Variant,
        }
    }

    /// The text of a value of the string family, also inside a VARIANT.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(_, text) => Some(text),
            Self::Variant(value) => value.as_text(),
            _ => None,
        }
    }

    /// The table of an INFOTABLE value, also inside a VARIANT.
    #[must_use]
    pub fn as_table(&self) -> Option<&InfoTable> {
        match self {
            Self::Table(table) => Some(table),
            Self::Variant(value) => value.as_table(),
            _ => None,
        }
    }
}
