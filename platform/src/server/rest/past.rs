//! `/edgebind/v1/platform/things/<thing>/...`: what was: the history of a property, the events of a thing.

use actix_web::{HttpResponse, web};
use edgebind_alwayson::{Content, InfoTable, Value};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{MayRead, RestError};
use crate::{
    model::{AccessError, Sample, value_as_json},
    server::shared::Shared,
};

/// Samples of a property, oldest first.
pub(super) async fn history(
    _: MayRead,
    shared: web::Data<Shared>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, RestError> {
    let (thing, property) = path.into_inner();
    // Copied out, so that long values are written without the model's lock.
    let samples: Vec<Sample> = shared.with_model(|model| {
        let found = model.resolve(&thing).ok_or_else(|| AccessError::UnknownThing(thing.clone()))?;
        let unknown = || AccessError::UnknownProperty { thing: thing.clone(), property: property.clone() };
        let known = found.property(&property).ok_or_else(unknown)?;
        Ok::<_, AccessError>(known.history().by_time().into_iter().cloned().collect())
    })?;
    let samples = samples.iter().map(SampleJson::of).collect();
    Ok(HttpResponse::Ok().json(HistoryJson { samples }))
}

/// Events of a thing, oldest first.
pub(super) async fn events(
    _: MayRead,
    shared: web::Data<Shared>,
    thing: web::Path<String>,
) -> Result<HttpResponse, RestError> {
    let events: Vec<_> = shared.with_model(|model| {
        let found = model.resolve(&thing).ok_or_else(|| AccessError::UnknownThing(thing.clone()))?;
        Ok::<_, AccessError>(found.events().cloned().collect())
    })?;
    let events = events
        .iter()
        .map(|event| EventJson { name: &event.name, time: event.time, data: event_data(&event.data) })
        .collect();
    Ok(HttpResponse::Ok().json(EventsJson { events }))
}

#[derive(Serialize)]
struct HistoryJson<'a> {
    samples: Vec<SampleJson<'a>>,
}

#[derive(Serialize)]
struct SampleJson<'a> {
    time: Option<i64>,
    quality: &'a str,
    #[serde(serialize_with = "value_as_json")]
    value: &'a Value,
}

#[derive(Serialize)]
struct EventsJson<'a> {
    events: Vec<EventJson<'a>>,
}

#[derive(Serialize)]
struct EventJson<'a> {
    name: &'a str,
    time: i64,
    data: Box<RawValue>,
}

impl<'a> SampleJson<'a> {
    fn of(sample: &'a Sample) -> Self {
        Self { time: sample.time, quality: sample.quality.as_str(), value: &sample.value }
    }
}

/// Event data by name: the JSON document of a gateway as it came, the first row of a table, or an empty object.
pub(in crate::server) fn event_data(content: &Content) -> Box<RawValue> {
    let raw = match content {
        Content::Nothing => None,
        Content::Bare(value) => written(value),
        Content::Table(table) => match table.as_content() {
            Some(document) => RawValue::from_string(document.to_owned()).ok(),
            None => row(table),
        },
    };
    raw.unwrap_or_else(|| RawValue::from_string("{}".to_owned()).expect("an empty object is JSON"))
}

fn row(table: &InfoTable) -> Option<Box<RawValue>> {
    let cells = table.rows.first()?;
    let named = table.fields.iter().zip(cells);
    let members: Option<std::collections::BTreeMap<&str, Box<RawValue>>> =
        named.map(|(field, cell)| Some((field.name.as_str(), written(cell)?))).collect();
    serde_json::value::to_raw_value(&members?).ok()
}

fn written(value: &Value) -> Option<Box<RawValue>> {
    let mut text = Vec::new();
    edgebind_alwayson::json::write_value(value, &mut text);
    RawValue::from_string(String::from_utf8(text).ok()?).ok()
}
