//! The infotable: fields with a base type, rows of typed values (protocol notes, section 4.4).

use crate::{BaseType, Value};

/// A table with a data shape; cells stand in field order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InfoTable {
    /// Columns.
    pub fields: Vec<Field>,
    /// Rows; each has as many cells as there are fields.
    pub rows: Vec<Row>,
}

/// Cells of one row, in field order.
pub type Row = Vec<Value>;

/// One column of a data shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name of the column.
    pub name: String,
    /// Text for people, empty if there is none.
    pub description: String,
    /// Declared type; the type of a cell is its own.
    pub base_type: BaseType,
    /// Named annotations such as `isPrimaryKey`, in the order of the sender.
    pub aspects: Vec<Aspect>,
}

/// One annotation of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Aspect {
    /// Name, for example `dataShape`.
    pub name: String,
    /// Typed value.
    pub value: Value,
}

impl InfoTable {
    /// Name of the single JSON column that carries a plain JSON document (section 4.6).
    pub const CONTENT: &str = "_content_";
    /// Name of the single column that carries the result of a service (section 4.5).
    pub const RESULT: &str = "result";

    /// An empty table of these columns.
    #[must_use]
    pub const fn new(fields: Vec<Field>) -> Self {
        Self { fields, rows: Vec::new() }
    }

    /// One column, one row: how a single value travels (section 4.5).
    #[must_use]
    pub fn single(name: impl Into<String>, value: Value) -> Self {
        Self { fields: vec![Field::new(name, value.base_type())], rows: vec![vec![value]] }
    }

    /// The table that carries a JSON document (section 4.6).
    #[must_use]
    pub fn content(json: impl Into<String>) -> Self {
        Self::single(Self::CONTENT, Value::json(json))
    }

    /// Index of the column `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The cell of row `row` in column `name`.
    #[must_use]
    pub fn cell(&self, row: usize, name: &str) -> Option<&Value> {
        self.rows.get(row)?.get(self.column(name)?)
    }

    /// The JSON text, if this is a table with the single column `_content_` of type JSON (section 4.6).
    #[must_use]
    pub fn as_content(&self) -> Option<&str> {
        match self.fields.as_slice() {
            [field] if field.name == Self::CONTENT => self.rows.first()?.first()?.as_text(),
            _ => None,
        }
    }
}

impl Field {
    /// A column without description and aspects.
    #[must_use]
    pub fn new(name: impl Into<String>, base_type: BaseType) -> Self {
        Self { name: name.into(), description: String::new(), base_type, aspects: Vec::new() }
    }
}
