//! The model as text of a model file: what [`Model::parse`] reads back.

use edgebind_alwayson::{Field, Value};
use serde::{Serialize, ser::Error as _};

use super::{History, Model, Property, Quality, ServiceDefinition, Thing, view::value_as_json};

/// What of a model is worth keeping: things with their values, without histories, events and who is connected.
#[derive(Clone, Debug)]
pub struct Snapshot {
    auto_properties: bool,
    things: Vec<Thing>,
}

impl Model {
    /// Copies what is worth keeping; ephemeral things are not, they go with their connections.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let things = self.things().filter(|thing| !thing.ephemeral).map(Thing::without_past).collect();
        Snapshot { auto_properties: self.auto_properties, things }
    }
}

impl Snapshot {
    /// Text of a model file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file = FileEntry {
            auto_properties: self.auto_properties,
            things: self.things.iter().map(ThingEntry::of).collect(),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("names and values are JSON");
        text.push('\n');
        text
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileEntry<'a> {
    auto_properties: bool,
    things: Vec<ThingEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThingEntry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<&'a str>,
    template: &'a str,
    description: &'a str,
    learn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_connection: Option<i64>,
    properties: Vec<PropertyEntry<'a>>,
    services: Vec<ServiceEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyEntry<'a> {
    name: &'a str,
    base_type: &'static str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_value")]
    value: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quality: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<RemoteEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RemoteEntry<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_threshold: Option<f64>,
    cache_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceEntry<'a> {
    name: &'a str,
    description: &'a str,
    remote_name: &'a str,
    inputs: Vec<InputEntry<'a>>,
    output: OutputEntry,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InputEntry<'a> {
    name: &'a str,
    base_type: &'static str,
    description: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputEntry {
    base_type: &'static str,
}

impl<'a> ThingEntry<'a> {
    fn of(thing: &'a Thing) -> Self {
        Self {
            name: &thing.name,
            identifier: thing.identifier.as_deref(),
            template: thing.template.as_str(),
            description: &thing.description,
            learn: thing.learn,
            last_connection: thing.last_connection,
            properties: thing.properties().map(PropertyEntry::of).collect(),
            services: thing.services().map(ServiceEntry::of).collect(),
        }
    }
}

impl<'a> PropertyEntry<'a> {
    fn of(property: &'a Property) -> Self {
        let sample = &property.sample;
        // JSON has no word for a value that is not there, and none for numbers that are none.
        let value = Some(&sample.value).filter(|value| has_json(value));
        let limit = property.history.limit();
        Self {
            name: &property.name,
            base_type: property.base_type.name(),
            description: &property.description,
            value,
            time: sample.time.filter(|_| value.is_some()),
            quality: Some(sample.quality.as_str())
                .filter(|quality| value.is_some() && *quality != Quality::GOOD.as_str()),
            history: Some(limit).filter(|limit| *limit != History::DEFAULT_LIMIT),
            remote: property.remote.as_ref().map(|remote| RemoteEntry {
                name: &remote.name,
                push_type: remote.push.map(|push| push.push_type.name()),
                push_threshold: remote.push.map(|push| push.threshold),
                cache_time: remote.cache.cache_time(),
            }),
        }
    }
}

impl<'a> ServiceEntry<'a> {
    fn of(service: &'a ServiceDefinition) -> Self {
        let input = |field: &'a Field| InputEntry {
            name: &field.name,
            base_type: field.base_type.name(),
            description: &field.description,
        };
        Self {
            name: &service.name,
            description: &service.description,
            remote_name: &service.remote_name,
            inputs: service.inputs.iter().map(input).collect(),
            output: OutputEntry { base_type: service.output.name() },
        }
    }
}

fn has_json(value: &Value) -> bool {
    match value {
        Value::Nothing => false,
        Value::Number(number) => number.is_finite(),
        _ => true,
    }
}

fn some_value<S: serde::Serializer>(value: &Option<&Value>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value_as_json(value, serializer),
        None => Err(S::Error::custom("a missing value is left out")),
    }
}

#[cfg(test)]
mod tests {
    use edgebind_alwayson::{BaseType, Bind, Gateway, InfoTable, Location};

    use super::*;
    use crate::model::{ConnectionId, Sample};

    fn again(model: &Model) -> Model {
        let text = model.snapshot().to_json();
        Model::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn the_example_of_the_reference_page_survives() {
        let page = include_str!("../../../docs/reference/platform-model.md");
        let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let model = Model::parse(example).unwrap();
        let read = again(&model);
        assert_eq!(read.view(), model.view());
        assert_eq!(read.snapshot().to_json(), model.snapshot().to_json());
    }

    #[test]
    fn values_of_every_type_survive_with_time_and_quality() {
        let table = InfoTable::single("x", Value::Number(1.0));
        let place = Location { longitude: -75.5, latitude: 40.25, elevation: 103.5 };
        let values = [
            Value::string("text \"with\" \n everything \u{1}"),
            Value::Number(-12.5),
            Value::Boolean(true),
            Value::Datetime(1_500_000_000_123),
            Value::Integer(-7),
            Value::Long(1 << 40),
            Value::Location(place),
            Value::table(table),
            Value::Blob(vec![0, 1, 254, 255]),
            Value::Image(vec![9, 8]),
            Value::variant(Value::Number(7.0)),
            Value::json(r#"{"a":[1,2]}"#),
            Value::Text(BaseType::Xml, "<a/>".to_owned()),
        ];
        let mut thing = Thing::parse(r#"{"name": "T", "identifier": "i", "learn": true}"#).unwrap();
        for (number, value) in values.into_iter().enumerate() {
            let mut property = Property::new(format!("p{number:02}"), value.base_type());
            property.take(Sample { value, time: Some(5), quality: Quality::BAD });
            thing.set_property(property);
        }
        let mut nan = Property::new("none", BaseType::Number);
        nan.take(Sample::good(Value::Number(f64::NAN), 7));
        thing.set_property(nan);
        let mut model = Model::new();
        model.add(thing).unwrap();
        let read = again(&model);
        let (before, after) = (model.resolve("T").unwrap(), read.resolve("*i").unwrap());
        for property in before.properties().filter(|property| property.name != "none") {
            assert_eq!(after.property(&property.name).unwrap().sample, property.sample);
        }
        assert_eq!(after.property("none").unwrap().sample, Sample::unknown());
        assert!(after.learn);
    }

    #[test]
    fn ephemeral_things_and_the_past_are_left_out_and_the_last_connection_stays() {
        let mut model =
            Model::parse(r#"{"things": [{"name": "T", "properties": [{"name": "p", "baseType": "NUMBER", "history": 3}]}]}"#)
                .unwrap();
        let gateway = Some(Gateway { name: "G".to_owned(), template: "EMSGateway".to_owned() });
        model
            .bind(ConnectionId(1), &Bind { unbind: false, gateway, names: vec!["T".to_owned()] }, 42)
            .unwrap();
        model.set("T", "p", Sample::good(Value::Number(1.0), 1));
        let read = again(&model);
        assert_eq!(read.things().len(), 1);
        let thing = read.resolve("T").unwrap();
        assert_eq!((thing.last_connection(), thing.is_connected()), (Some(42), false));
        let property = thing.property("p").unwrap();
        assert_eq!((property.history().limit(), property.history().by_time().len()), (3, 0));
        assert_eq!(property.sample.value, Value::Number(1.0));
    }
}
