//! Parameters by name, from typed columns or from a `_content_` document (protocol notes, sections 4.5 and 4.6).

use std::collections::BTreeMap;

use edgebind_alwayson::{BaseType, Content, Field, InfoTable, Value, json};
use serde_json::value::RawValue;

use super::{AccessError, coerce::coerce};

/// Parameters of one request, by name.
pub(super) struct Params<'a> {
    cells: BTreeMap<String, Cell<'a>>,
}

/// One parameter before its declared type is known.
enum Cell<'a> {
    Typed(&'a Value),
    Json(&'a str),
}

impl<'a> Params<'a> {
    /// Reads the first row of the parameters; no parameters are none by name.
    ///
    /// # Errors
    ///
    /// [`AccessError::BadParams`] for a `_content_` document that is not a JSON object.
    pub(super) fn read(content: &'a Content) -> Result<Self, AccessError> {
        let Some(table) = content.as_table() else { return Ok(Self { cells: BTreeMap::new() }) };
        let cells = match table.as_content() {
            Some(document) => serde_json::from_str::<BTreeMap<String, &'a RawValue>>(document)
                .map_err(|error| {
                    AccessError::BadParams(format!("parameters are not a JSON object: {error}"))
                })?
                .into_iter()
                .map(|(name, raw)| (name, Cell::Json(raw.get())))
                .collect(),
            None => {
                let cells = table.rows.first().map(Vec::as_slice).unwrap_or_default();
                let names = table.fields.iter().map(|field| field.name.clone());
                names.zip(cells.iter().map(Cell::Typed)).collect()
            }
        };
        Ok(Self { cells })
    }

    /// Names of the parameters.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.cells.keys().map(String::as_str)
    }

    /// The parameter `name` as a value of `base_type`; `None` if it is missing.
    ///
    /// # Errors
    ///
    /// [`AccessError::BadValue`] if it does not fit.
    pub(super) fn value(&self, name: &str, base_type: BaseType) -> Result<Option<Value>, AccessError> {
        self.cells.get(name).map(|cell| cell.value(name, base_type)).transpose()
    }

    /// The only parameter, whatever its name is, as a value of `base_type`.
    ///
    /// # Errors
    ///
    /// As for [`Params::value`].
    pub(super) fn only(&self, base_type: BaseType) -> Result<Option<Value>, AccessError> {
        match self.cells.iter().next() {
            Some((name, cell)) if self.cells.len() == 1 => cell.value(name, base_type).map(Some),
            _ => Ok(None),
        }
    }

    /// One row with the declared `inputs` in order; a missing one is NOTHING.
    ///
    /// # Errors
    ///
    /// [`AccessError::BadValue`] for a value that does not fit or a parameter that is not declared.
    pub(super) fn row(&self, inputs: &[Field]) -> Result<InfoTable, AccessError> {
        if let Some(unknown) = self.names().find(|name| !inputs.iter().any(|field| field.name == *name)) {
            let known = inputs.iter().map(|field| field.name.as_str()).collect::<Vec<_>>();
            let right = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(AccessError::BadValue {
                name: unknown.to_owned(),
                problem: format!("there is no such parameter; declared are: {right}"),
            });
        }
        let cells = inputs
            .iter()
            .map(|field| Ok(self.value(&field.name, field.base_type)?.unwrap_or(Value::Nothing)))
            .collect::<Result<Vec<_>, AccessError>>()?;
        Ok(InfoTable { fields: inputs.to_vec(), rows: vec![cells] })
    }
}

impl Cell<'_> {
    fn value(&self, name: &str, base_type: BaseType) -> Result<Value, AccessError> {
        let bad = |problem: String| AccessError::BadValue { name: name.to_owned(), problem };
        match self {
            Self::Typed(value) => coerce((*value).clone(), base_type).map_err(|error| bad(error.to_string())),
            Self::Json(text) => {
                json::value_from_json(text, base_type).map_err(|error| bad(error.to_string()))
            }
        }
    }
}
