//! What an edge says it offers: its answer to GetMetadata (protocol notes, section 9.4).
//!
//! The forms of the reference client and of the original script resource (LSR notes, 5.1) differ: maps may be absent
//! or an empty list, names of the inputs come with or without an order. What cannot be understood is left out by
//! name, and the rest is taken.

use edgebind_alwayson::{BaseType, Content, Field, Value};
use serde_json::{Map, Value as Json};

use super::{AccessError, Push, PushType};

/// Properties and services of a thing at the edge, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RemoteMetadata {
    /// Properties.
    pub properties: Vec<RemoteProperty>,
    /// Services, without those by which edge and platform keep house.
    pub services: Vec<RemoteService>,
    /// Definitions that cannot be used, each with the reason.
    pub skipped: Vec<String>,
}

/// A property as the edge declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteProperty {
    /// Name at the edge.
    pub name: String,
    /// Declared type.
    pub base_type: BaseType,
    /// Text for people, empty if there is none.
    pub description: String,
    /// What the edge pushes by itself, `None` if it does not say.
    pub push: Option<Push>,
}

/// A service as the edge declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteService {
    /// Name at the edge.
    pub name: String,
    /// Text for people, empty if there is none.
    pub description: String,
    /// Parameters, in their order if the edge gives one, else by name.
    pub inputs: Vec<Field>,
    /// Type of the result, `NOTHING` for none.
    pub output: BaseType,
}

impl RemoteMetadata {
    /// Service that is asked for them.
    pub const SERVICE: &'static str = "GetMetadata";

    /// Reads the answer to GetMetadata: a JSON object in the column `result`, or in the only column.
    ///
    /// # Errors
    ///
    /// [`AccessError::BadMetadata`] when there is no such object.
    pub fn read(answer: &Content) -> Result<Self, AccessError> {
        let bad = |problem: &str| AccessError::BadMetadata(problem.to_owned());
        let text = document(answer).ok_or_else(|| bad("it holds no text in a column result"))?;
        match serde_json::from_str(text) {
            Ok(Json::Object(metadata)) => Ok(Self::of(&metadata)),
            Ok(_) => Err(bad("it is no JSON object")),
            Err(error) => Err(AccessError::BadMetadata(format!("it is no JSON: {error}"))),
        }
    }

    fn of(metadata: &Map<String, Json>) -> Self {
        let mut read = Self::default();
        for (name, definition) in entries(metadata, &["propertyDefinitions"]) {
            match declared_type(definition) {
                Ok(base_type) => read.properties.push(RemoteProperty {
                    name: name.clone(),
                    base_type,
                    description: text(definition, "description"),
                    push: push(definition),
                }),
                Err(problem) => read.skipped.push(format!("property {name}: {problem}")),
            }
        }
        for (name, definition) in entries(metadata, &["serviceDefinitions"]) {
            if HOUSEKEEPING.contains(&name.as_str()) {
                continue;
            }
            match service(name, definition) {
                Ok(service) => read.services.push(service),
                Err(problem) => read.skipped.push(format!("service {name}: {problem}")),
            }
        }
        read
    }
}

/// Services that serve the connection and mean nothing to people.
const HOUSEKEEPING: [&str; 3] = [RemoteMetadata::SERVICE, "NotifyPropertyUpdate", "SynchronizeModelState"];

fn document(answer: &Content) -> Option<&str> {
    match answer {
        Content::Nothing => None,
        Content::Bare(value) => value.as_text(),
        Content::Table(table) => {
            let row = table.rows.first()?;
            let cell = table.cell(0, "result").or_else(|| row.first().filter(|_| row.len() == 1))?;
            match cell {
                Value::Variant(inner) => inner.as_text(),
                cell => cell.as_text(),
            }
        }
    }
}

/// Members of the map under the first of `keys` that is there; an empty list stands for an empty map.
fn entries<'a>(object: &'a Map<String, Json>, keys: &[&str]) -> impl Iterator<Item = (&'a String, &'a Json)> {
    keys.iter().find_map(|key| object.get(*key)).and_then(Json::as_object).into_iter().flatten()
}

fn text(definition: &Json, key: &str) -> String {
    definition.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

fn declared_type(definition: &Json) -> Result<BaseType, String> {
    let name = definition.get("baseType").and_then(Json::as_str).ok_or("it has no baseType")?;
    BaseType::from_name(name).ok_or_else(|| format!("{name:?} is no base type"))
}

fn push(definition: &Json) -> Option<Push> {
    let aspects = definition.get("aspects")?;
    let push_type = PushType::from_name(&aspects.get("pushType")?.as_str()?.to_ascii_uppercase())?;
    let threshold = match aspects.get("pushThreshold") {
        Some(Json::String(text)) => text.trim().parse().ok(),
        other => other.and_then(Json::as_f64),
    };
    let threshold = threshold.filter(|threshold| threshold.is_finite() && *threshold >= 0.0).unwrap_or(0.0);
    Some(Push { push_type, threshold })
}

fn service(name: &str, definition: &Json) -> Result<RemoteService, String> {
    let part = |keys: [&str; 2]| keys.iter().find_map(|key| definition.get(*key));
    let mut inputs = Vec::new();
    if let Some(declared) = part(["Inputs", "inputs"]).and_then(Json::as_object) {
        for (input, definition) in entries(declared, &["fieldDefinitions"]) {
            let base_type =
                declared_type(definition).map_err(|problem| format!("input {input}: {problem}"))?;
            let ordinal = definition.get("ordinal").and_then(Json::as_i64).unwrap_or(0);
            let description = text(definition, "description");
            inputs.push((ordinal, Field { description, ..Field::new(input, base_type) }));
        }
    }
    inputs.sort_by_key(|(ordinal, _)| *ordinal);
    let output = match part(["Outputs", "outputs"]) {
        Some(output) if output.get("baseType").is_some() => {
            declared_type(output).map_err(|problem| format!("output: {problem}"))?
        }
        _ => BaseType::Nothing,
    };
    Ok(RemoteService {
        name: name.to_owned(),
        description: text(definition, "description"),
        inputs: inputs.into_iter().map(|(_, field)| field).collect(),
        output,
    })
}

#[cfg(test)]
mod tests;
