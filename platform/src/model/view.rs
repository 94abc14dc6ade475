//! What the model shows to people and programs: plain data that can be cloned, compared and written as JSON.

use edgebind_alwayson::{BaseType, Value, json};
use serde::{Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

use super::{Model, Property, ServiceDefinition, Thing};

/// One thing as it is shown; times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ThingView {
    /// Unique name.
    pub name: String,
    /// Second key, if there is one.
    pub identifier: Option<String>,
    /// Name of the template.
    pub template: String,
    /// Text for people.
    pub description: String,
    /// `isConnected`.
    pub connected: bool,
    /// `lastConnection`, `None` if it was never bound.
    pub last_connection: Option<i64>,
    /// Name as bound, `None` while it is not connected.
    pub bound_name: Option<String>,
    /// Whether it goes with its connection.
    pub ephemeral: bool,
    /// Properties in the order of their names, without the built-in ones.
    pub properties: Vec<PropertyView>,
    /// Service definitions in the order of their names.
    pub services: Vec<ServiceView>,
}

/// One property as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyView {
    /// Name on the platform.
    pub name: String,
    /// Declared type.
    #[serde(serialize_with = "base_type")]
    pub base_type: BaseType,
    /// Newest value.
    #[serde(serialize_with = "value_as_json")]
    pub value: Value,
    /// Time of the value, `None` while none has come.
    pub time: Option<i64>,
    /// Quality of the value.
    pub quality: String,
    /// Text for people.
    pub description: String,
    /// Name at the edge, `None` for a property of the platform.
    pub remote_name: Option<String>,
    /// What the edge is asked to push, `None` to leave that to the edge.
    pub push_type: Option<&'static str>,
    /// Smallest difference that is pushed.
    pub push_threshold: Option<f64>,
    /// `cacheTime` of a remote property.
    pub cache_time: Option<i64>,
    /// Values that its history keeps.
    pub history: usize,
}

/// One service definition as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// Name on the platform.
    pub name: String,
    /// Text for people.
    pub description: String,
    /// Name at the edge.
    pub remote_name: String,
    /// Name and type of each parameter.
    pub inputs: Vec<(String, String)>,
    /// Type of the result.
    #[serde(serialize_with = "base_type")]
    pub output: BaseType,
}

impl Model {
    /// Every thing as it is shown, in the order of the names.
    #[must_use]
    pub fn view(&self) -> Vec<ThingView> {
        self.things().map(ThingView::of).collect()
    }
}

impl ThingView {
    /// What `thing` shows.
    #[must_use]
    pub fn of(thing: &Thing) -> Self {
        Self {
            name: thing.name.clone(),
            identifier: thing.identifier.clone(),
            template: thing.template.to_string(),
            description: thing.description.clone(),
            connected: thing.is_connected(),
            last_connection: thing.last_connection(),
            bound_name: thing.binding().map(|binding| binding.bound_name.clone()),
            ephemeral: thing.is_ephemeral(),
            properties: thing.properties().map(PropertyView::of).collect(),
            services: thing.services().map(ServiceView::of).collect(),
        }
    }

    /// The property `name`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&PropertyView> {
        self.properties.iter().find(|property| property.name == name)
    }
}

impl PropertyView {
    fn of(property: &Property) -> Self {
        let remote = property.remote.as_ref();
        let push = remote.and_then(|remote| remote.push);
        Self {
            name: property.name.clone(),
            base_type: property.base_type,
            value: property.sample.value.clone(),
            time: property.sample.time,
            quality: property.sample.quality.to_string(),
            description: property.description.clone(),
            remote_name: remote.map(|remote| remote.name.clone()),
            push_type: push.map(|push| push.push_type.name()),
            push_threshold: push.map(|push| push.threshold),
            cache_time: remote.map(|remote| remote.cache.cache_time()),
            history: property.history().limit(),
        }
    }
}

impl ServiceView {
    fn of(service: &ServiceDefinition) -> Self {
        Self {
            name: service.name.clone(),
            description: service.description.clone(),
            remote_name: service.remote_name.clone(),
            inputs: service
                .inputs
                .iter()
                .map(|field| (field.name.clone(), field.base_type.name().to_owned()))
                .collect(),
            output: service.output,
        }
    }
}

/// A value as JSON (EMS notes, section 6.1).
pub(crate) fn value_as_json<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = Vec::new();
    json::write_value(value, &mut text);
    let text = String::from_utf8(text).map_err(S::Error::custom)?;
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}

fn base_type<S: Serializer>(base_type: &BaseType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(base_type.name())
}
