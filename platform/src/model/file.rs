//! The model as a JSON file (`docs/reference/platform-model.md`): read with line and column of every fault.

use edgebind_alwayson::{BaseType, Field, json};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use super::{
    Cache, History, Model, Property, Push, PushType, Quality, RemoteBinding, Sample, ServiceDefinition,
    Template, Thing,
    coerce::coerce,
    definition::{check_property, check_service},
};

/// Where and why a model file, or the description of one thing, is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
#[non_exhaustive]
pub struct ModelError {
    /// Line, counted from 1.
    pub line: usize,
    /// Byte in the line, counted from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Model {
    /// Reads a model file; values without a time of their own have none.
    ///
    /// # Errors
    ///
    /// [`ModelError`] for text that is not JSON, for unknown keys, and for things that contradict each other.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let place = Place { text };
        let file: FileEntry<'_> = place.read(text)?;
        let mut model = Self::new();
        model.auto_properties = file.auto_properties;
        for raw in file.things {
            let thing = place.thing(raw.get())?;
            model.add(thing).map_err(|error| place.error(raw.get(), error.to_string()))?;
        }
        // What stood in the file from the start is no news for those who watch.
        model.changes.clear();
        Ok(model)
    }
}

impl Thing {
    /// Reads the description of one thing: an entry of `things` in a model file, also the body that REST takes.
    ///
    /// # Errors
    ///
    /// As for [`Model::parse`].
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        Place { text }.thing(text)
    }
}

impl Property {
    /// Reads the description of one property: an entry of `properties` in a model file.
    ///
    /// # Errors
    ///
    /// As for [`Model::parse`].
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        Place { text }.property(text)
    }
}

impl RemoteBinding {
    /// Reads the remote binding of the property `property`: the object `remote` of a model file.
    ///
    /// # Errors
    ///
    /// As for [`Model::parse`].
    pub fn parse(text: &str, property: &str) -> Result<Self, ModelError> {
        Place { text }.remote(text, property)
    }
}

impl ServiceDefinition {
    /// Reads the description of one service: an entry of `services` in a model file.
    ///
    /// # Errors
    ///
    /// As for [`Model::parse`].
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        Place { text }.service(text)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FileEntry<'a> {
    #[serde(default)]
    auto_properties: bool,
    #[serde(borrow)]
    things: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ThingEntry<'a> {
    name: String,
    identifier: Option<String>,
    #[serde(default = "Template::remote_thing", deserialize_with = "template")]
    template: Template,
    #[serde(default)]
    description: String,
    #[serde(default)]
    learn: bool,
    last_connection: Option<i64>,
    #[serde(borrow, default)]
    properties: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    services: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PropertyEntry<'a> {
    name: String,
    #[serde(deserialize_with = "base_type")]
    base_type: BaseType,
    #[serde(default)]
    description: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    time: Option<i64>,
    quality: Option<String>,
    history: Option<usize>,
    #[serde(borrow)]
    remote: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RemoteEntry {
    name: Option<String>,
    #[serde(default, deserialize_with = "push_type")]
    push_type: Option<PushType>,
    push_threshold: Option<f64>,
    cache_time: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ServiceEntry<'a> {
    name: String,
    #[serde(default)]
    description: String,
    remote_name: Option<String>,
    #[serde(borrow, default)]
    inputs: Vec<&'a RawValue>,
    output: Option<OutputEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct InputEntry {
    name: String,
    #[serde(deserialize_with = "base_type")]
    base_type: BaseType,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OutputEntry {
    #[serde(deserialize_with = "base_type")]
    base_type: BaseType,
}

/// The whole text, in which the parts that are read one by one have their place.
struct Place<'a> {
    text: &'a str,
}

impl<'a> Place<'a> {
    fn thing(&self, raw: &'a str) -> Result<Thing, ModelError> {
        let entry: ThingEntry<'a> = self.read(raw)?;
        let mut thing = Thing::new(entry.name, entry.template);
        thing.identifier = entry.identifier;
        thing.description = entry.description;
        thing.learn = entry.learn;
        thing.last_connection = entry.last_connection;
        for raw in entry.properties {
            let property = self.property(raw.get())?;
            let twice =
                thing.property(&property.name).map(|_| format!("property {} is there twice", property.name));
            let checked = check_property(&thing, &property).map_err(|error| error.to_string());
            twice.map_or(checked, Err).map_err(|problem| self.error(raw.get(), problem))?;
            thing.set_property(property);
        }
        for raw in entry.services {
            let service = self.service(raw.get())?;
            let twice =
                thing.service(&service.name).map(|_| format!("service {} is there twice", service.name));
            let checked = check_service(&thing, &service).map_err(|error| error.to_string());
            twice.map_or(checked, Err).map_err(|problem| self.error(raw.get(), problem))?;
            thing.set_service(service);
        }
        Model::new().add(thing.clone()).map_err(|error| self.error(raw, error.to_string()))?;
        Ok(thing)
    }

    fn property(&self, raw: &'a str) -> Result<Property, ModelError> {
        let entry: PropertyEntry<'a> = self.read(raw)?;
        let mut property = Property::new(entry.name, entry.base_type);
        property.description = entry.description;
        if let Some(value) = entry.value {
            let read = json::value_from_json(value.get(), entry.base_type);
            let read = read.map_err(|error| self.error(value.get(), error.message().to_owned()))?;
            let value =
                coerce(read, entry.base_type).map_err(|error| self.error(value.get(), error.to_string()))?;
            let quality = entry.quality.as_deref().map_or(Quality::GOOD, Quality::new);
            property.sample = Sample { value, time: entry.time, quality };
        } else if entry.time.is_some() || entry.quality.is_some() {
            let problem = format!("property {} has a time or a quality but no value", property.name);
            return Err(self.error(raw, problem));
        }
        if let Some(limit) = entry.history {
            if limit > History::MAX_LIMIT {
                let problem = format!(
                    "property {}: a history of {limit} values is too long, at most {} are kept",
                    property.name,
                    History::MAX_LIMIT
                );
                return Err(self.error(raw, problem));
            }
            property.history = History::new(limit);
        }
        if let Some(remote) = entry.remote {
            property.remote = Some(self.remote(remote.get(), &property.name)?);
        }
        Ok(property)
    }

    fn remote(&self, raw: &'a str, property: &str) -> Result<RemoteBinding, ModelError> {
        let entry: RemoteEntry = self.read(raw)?;
        let problem = |text: String| self.error(raw, format!("remote binding of {property}: {text}"));
        let push = match (entry.push_type, entry.push_threshold) {
            (None, Some(_)) => return Err(problem("pushThreshold needs a pushType".to_owned())),
            (_, Some(threshold)) if threshold.is_nan() || threshold < 0.0 => {
                return Err(problem(format!("pushThreshold {threshold} is not a number from 0 up")));
            }
            (push_type, threshold) => {
                push_type.map(|push_type| Push { push_type, threshold: threshold.unwrap_or(0.0) })
            }
        };
        let cache = match entry.cache_time {
            None => Cache::Through,
            Some(time) => Cache::from_cache_time(time).ok_or_else(|| {
                problem(format!(
                    "cacheTime {time} is neither -1 (kept), 0 (read through) nor a time in milliseconds"
                ))
            })?,
        };
        Ok(RemoteBinding { name: entry.name.unwrap_or_else(|| property.to_owned()), push, cache })
    }

    fn service(&self, raw: &'a str) -> Result<ServiceDefinition, ModelError> {
        let entry: ServiceEntry<'a> = self.read(raw)?;
        let mut inputs: Vec<Field> = Vec::new();
        for raw in entry.inputs {
            let input: InputEntry = self.read(raw.get())?;
            if inputs.iter().any(|known| known.name == input.name) {
                return Err(self.error(raw.get(), format!("input {} is there twice", input.name)));
            }
            inputs.push(Field { description: input.description, ..Field::new(input.name, input.base_type) });
        }
        Ok(ServiceDefinition {
            remote_name: entry.remote_name.unwrap_or_else(|| entry.name.clone()),
            name: entry.name,
            description: entry.description,
            inputs,
            output: entry.output.map_or(BaseType::Nothing, |output| output.base_type),
        })
    }

    /// Reads `part`, which is a slice of the whole text.
    fn read<T: Deserialize<'a>>(&self, part: &'a str) -> Result<T, ModelError> {
        serde_json::from_str(part).map_err(|error| {
            let text = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let problem = text.strip_suffix(&place).unwrap_or(&text).replace("unknown field", "unknown key");
            let start = self.error(part, problem);
            match error.line() {
                0 => start,
                1 => ModelError { column: start.column + error.column().saturating_sub(1), ..start },
                line => ModelError { line: start.line + line - 1, column: error.column().max(1), ..start },
            }
        })
    }

    /// A fault at the beginning of `part`, which is a slice of the whole text.
    fn error(&self, part: &str, problem: String) -> ModelError {
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        ModelError { line, column, problem }
    }
}

fn base_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BaseType, D::Error> {
    let name = String::deserialize(deserializer)?;
    BaseType::from_name(&name)
        .ok_or_else(|| D::Error::custom(format!("{name:?} is no base type, for example NUMBER or STRING")))
}

fn template<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Template, D::Error> {
    let name = String::deserialize(deserializer)?;
    if Template::KNOWN.contains(&name.as_str()) {
        Ok(Template::new(name))
    } else {
        Err(D::Error::custom(format!("{name:?} is no template; known are {}", Template::KNOWN.join(", "))))
    }
}

fn push_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PushType>, D::Error> {
    let name = String::deserialize(deserializer)?;
    PushType::from_name(&name).map(Some).ok_or_else(|| {
        let known = PushType::ALL.map(PushType::name).join(", ");
        D::Error::custom(format!("{name:?} is no push type; known are {known}"))
    })
}

#[cfg(test)]
mod tests;
