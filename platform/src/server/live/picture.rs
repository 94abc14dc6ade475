//! What the page is told, as JSON; the page's scripts read these names.

use edgebind_alwayson::Value;
use serde::Serialize;

use super::lines::Line;
use crate::model::{Sample, Thing, ThingView, value_as_json};

/// One message to the page; what is empty is left out.
#[derive(Default, Serialize)]
pub(super) struct Picture<'a> {
    /// A part of the whole picture: `first` or `next`. What no part tells does not exist any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'static str>,
    /// Whether a next part follows; false in the last one.
    pub(super) more: bool,
    /// Things that are there, new or with another state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) things: Vec<Summary>,
    /// Names of things that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) removed: Vec<&'a str>,
    /// Everything about things that the page shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) watched: Vec<ThingView>,
    /// New values of things that the page shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) values: Vec<NewValue<'a>>,
    /// Things that the page shows and that fired events; the events are had by REST.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<&'a str>,
    /// Messages on the wire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lines: Vec<Line>,
    /// Messages on the wire that were left out because there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) missed: u64,
}

/// What the list of things shows of each.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<String>,
    template: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    connected: bool,
    last_connection: Option<i64>,
}

/// A new value of a property.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewValue<'a> {
    thing: &'a str,
    property: &'a str,
    base_type: &'static str,
    #[serde(serialize_with = "value_as_json")]
    value: &'a Value,
    time: Option<i64>,
    quality: &'a str,
}

impl Picture<'_> {
    /// The JSON; `None` if there is nothing to tell.
    pub(super) fn text(&self) -> Option<String> {
        let nothing = self.part.is_none()
            && self.things.is_empty()
            && self.removed.is_empty()
            && self.watched.is_empty()
            && self.values.is_empty()
            && self.events.is_empty()
            && self.lines.is_empty()
            && self.missed == 0;
        if nothing { None } else { serde_json::to_string(self).ok() }
    }
}

impl Summary {
    pub(super) fn of(thing: &Thing) -> Self {
        Self {
            name: thing.name.clone(),
            identifier: thing.identifier.clone(),
            template: thing.template.to_string(),
            description: thing.description.clone(),
            connected: thing.is_connected(),
            last_connection: thing.last_connection(),
        }
    }
}

impl<'a> NewValue<'a> {
    pub(super) fn of(thing: &'a str, property: &'a str, sample: &'a Sample) -> Self {
        Self {
            thing,
            property,
            base_type: sample.value.base_type().name(),
            value: &sample.value,
            time: sample.time,
            quality: sample.quality.as_str(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}
