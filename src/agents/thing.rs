//! The simulated thing: its properties, their values and what of them is to be pushed. Pure.
//!
//! Values are a function of the thing's number and a sequence number, so that a test can tell which values
//! it must see, and in which order. Property `count` is the sequence number itself.

use edgebind_alwayson::BaseType;
use serde_json::{Value, json};

use super::messages::Subscription;

/// Properties with their values, and the sequence number of the last step.
#[derive(Debug)]
pub(super) struct Thing {
    index: usize,
    sequence: u32,
    properties: Vec<Property>,
}

/// One property.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) base_type: BaseType,
    pub(super) value: Value,
    /// When the value was set, in milliseconds since 1970.
    pub(super) time_ms: i64,
    pub(super) push: PushType,
    /// For numbers: the change that a push needs.
    pub(super) threshold: f64,
    due: bool,
}

/// When a property is pushed (script resource notes, 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PushType {
    Always,
    Value,
    Never,
}

/// Why a value was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum WriteError {
    #[error("Property '{0}' not found")]
    Unknown(String),
    #[error("Property '{name}' takes {} values, not {value}", base_type.name())]
    Type { name: String, base_type: BaseType, value: String },
}

impl Thing {
    /// A thing with `properties` properties (four at least), all due, as set at `now_ms`.
    pub(super) fn new(index: usize, name: &str, properties: usize, now_ms: i64) -> Self {
        let fixed = [
            (TEMPERATURE.to_owned(), BaseType::Number, Value::Null),
            (RUNNING.to_owned(), BaseType::Boolean, Value::Null),
            (COUNT.to_owned(), BaseType::Integer, Value::Null),
            (LABEL.to_owned(), BaseType::String, json!(format!("{name}, simulated"))),
        ];
        let generated = (fixed.len() + 1..=properties)
            .map(|number| (format!("{GENERATED}{number:04}"), BaseType::Number, Value::Null));
        let properties = fixed
            .into_iter()
            .chain(generated)
            .map(|(name, base_type, value)| Property {
                name,
                base_type,
                value,
                time_ms: now_ms,
                push: PushType::Value,
                threshold: 0.0,
                due: true,
            })
            .collect();
        let mut thing = Self { index, sequence: 0, properties };
        thing.simulate(now_ms);
        thing
    }

    /// Takes the next step of the simulation: every changing property has its next value.
    pub(super) fn step(&mut self, now_ms: i64) {
        self.sequence = self.sequence.wrapping_add(1) & MAX_COUNT;
        self.simulate(now_ms);
    }

    /// Sets a property by order of the platform; it is due at once if it is pushed at all.
    ///
    /// # Errors
    ///
    /// [`WriteError`] for an unknown name, and for a value that cannot be converted to the property's type.
    pub(super) fn write(&mut self, name: &str, value: &Value, now_ms: i64) -> Result<(), WriteError> {
        let Some(property) = self.properties.iter_mut().find(|property| property.name == name) else {
            return Err(WriteError::Unknown(name.to_owned()));
        };
        let Some(converted) = convert(property.base_type, value) else {
            let (name, base_type) = (name.to_owned(), property.base_type);
            return Err(WriteError::Type { name, base_type, value: value.to_string() });
        };
        if name == COUNT {
            // The count goes on from what was written.
            self.sequence = u32::try_from(converted.as_i64().unwrap_or(0)).unwrap_or(0) & MAX_COUNT;
        }
        property.value = converted;
        property.time_ms = now_ms;
        property.due = property.push != PushType::Never;
        Ok(())
    }

    /// Takes over what the platform wants pushed: what is not in the list is never pushed.
    pub(super) fn subscribe(&mut self, subscriptions: &[Subscription]) {
        for property in &mut self.properties {
            let found = subscriptions.iter().rev().find(|row| row.edge_name == property.name);
            property.push = found.map_or(PushType::Never, |row| row.push_type());
            property.threshold = found.map_or(0.0, |row| row.push_threshold);
            property.due = property.push != PushType::Never;
        }
    }

    /// Makes everything due again that is pushed at all, as after a registration.
    pub(super) fn make_all_due(&mut self) {
        for property in &mut self.properties {
            property.due = property.push != PushType::Never;
        }
    }

    /// The properties to push now; they are no longer due, whether the push succeeds or not (8.2).
    pub(super) fn take_due(&mut self) -> Vec<Property> {
        let due = |property: &mut Property| std::mem::take(&mut property.due).then(|| property.clone());
        self.properties.iter_mut().filter_map(due).collect()
    }

    /// Number of the last step; the value of `count`.
    pub(super) const fn sequence(&self) -> u32 {
        self.sequence
    }

    pub(super) fn properties(&self) -> &[Property] {
        &self.properties
    }

    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    fn simulate(&mut self, now_ms: i64) {
        let (index, sequence) = (self.index, self.sequence);
        for (position, property) in self.properties.iter_mut().enumerate() {
            let Some(value) = simulated(&property.name, index, position, sequence) else { continue };
            property.due |= match property.push {
                PushType::Always => true,
                PushType::Never => false,
                PushType::Value => differs(&property.value, &value, property.threshold),
            };
            property.value = value;
            property.time_ms = now_ms;
        }
    }
}

/// Value of a property at a step; `None` for one that the simulation does not change.
pub(super) fn simulated(name: &str, index: usize, position: usize, sequence: u32) -> Option<Value> {
    let step = f64::from(sequence);
    match name {
        // Each thing is at another place of the same wave, rounded as a sensor would.
        TEMPERATURE => {
            let phase = f64::from(u32::try_from(index % 1000).unwrap_or(0));
            Some(json!(((20.0 + 5.0 * ((step + 7.0 * phase) / 10.0).sin()) * 100.0).round() / 100.0))
        }
        RUNNING => Some(json!((sequence / 10).is_multiple_of(2))),
        COUNT => Some(json!(sequence)),
        LABEL => None,
        _ => Some(json!(step + f64::from(u32::try_from(position).unwrap_or(0)) / 1024.0)),
    }
}

fn differs(old: &Value, new: &Value, threshold: f64) -> bool {
    match (old.as_f64(), new.as_f64()) {
        (Some(old), Some(new)) => (new - old).abs() > threshold,
        _ => old != new,
    }
}

fn convert(base_type: BaseType, value: &Value) -> Option<Value> {
    match (base_type, value) {
        (BaseType::Number, Value::Number(_)) | (BaseType::Boolean, Value::Bool(_)) => Some(value.clone()),
        (BaseType::Number, Value::String(text)) => {
            text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        (BaseType::Boolean, Value::String(text)) => {
            text.trim().to_ascii_lowercase().parse().ok().map(Value::Bool)
        }
        (BaseType::Boolean, Value::Number(number)) => Some(Value::Bool(number.as_f64() != Some(0.0))),
        (BaseType::Integer, Value::Number(number)) => {
            let whole =
                number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= 2_147_483_647.0);
            // A whole number of 32 bits prints without a fraction and reads back exactly.
            whole.and_then(|number| format!("{number:.0}").parse::<i32>().ok()).map(Value::from)
        }
        (BaseType::Integer, Value::String(text)) => text.trim().parse::<i32>().ok().map(Value::from),
        (BaseType::String, Value::String(_)) => Some(value.clone()),
        (BaseType::String, Value::Null) => Some(Value::String(String::new())),
        (BaseType::String, other) => Some(Value::String(other.to_string())),
        _ => None,
    }
}

const TEMPERATURE: &str = "temperature";
const RUNNING: &str = "running";
const COUNT: &str = "count";
const LABEL: &str = "label";
const GENERATED: &str = "value";
/// `count` is an INTEGER, 31 bits and a sign.
const MAX_COUNT: u32 = 0x7fff_ffff;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rows: &[Property]) -> Vec<&str> {
        rows.iter().map(|row| row.name.as_str()).collect()
    }

    fn subscription(name: &str, push_type: &str, threshold: f64) -> Subscription {
        Subscription {
            edge_name: name.to_owned(),
            push_type: push_type.to_owned(),
            push_threshold: threshold,
        }
    }

    #[test]
    fn everything_is_due_first_and_then_what_changes() {
        let mut thing = Thing::new(0, "A", 6, 1);
        assert_eq!(
            names(&thing.take_due()),
            ["temperature", "running", "count", "label", "value0005", "value0006"]
        );
        assert!(thing.take_due().is_empty());
        thing.step(2);
        assert_eq!(names(&thing.take_due()), ["temperature", "count", "value0005", "value0006"]);
    }

    #[test]
    fn count_is_the_sequence_and_values_repeat_exactly() {
        let mut one = Thing::new(3, "A", 5, 1);
        let mut two = Thing::new(3, "A", 5, 1);
        for step in 1..=50_u32 {
            one.step(1);
            two.step(1);
            assert_eq!(one.property("count").unwrap().value, json!(step));
            assert_eq!(one.properties(), two.properties());
        }
    }

    #[test]
    fn only_subscribed_properties_are_pushed() {
        let mut thing = Thing::new(0, "A", 4, 1);
        thing.subscribe(&[subscription("count", "VALUE", 0.0), subscription("label", "ALWAYS", 0.0)]);
        assert_eq!(names(&thing.take_due()), ["count", "label"]);
        thing.step(2);
        assert_eq!(names(&thing.take_due()), ["count"]);
        thing.subscribe(&[]);
        thing.step(3);
        assert!(thing.take_due().is_empty());
    }

    #[test]
    fn a_number_is_pushed_above_its_threshold_and_always_means_always() {
        let mut thing = Thing::new(0, "A", 4, 1);
        thing.subscribe(&[subscription("count", "VALUE", 1.0), subscription("running", "ALWAYS", 0.0)]);
        thing.take_due();
        thing.step(2);
        assert_eq!(names(&thing.take_due()), ["running"], "1 is not more than 1");
        thing.write("count", &json!(10), 3).unwrap();
        assert_eq!(names(&thing.take_due()), ["count"], "a written value is pushed whatever the threshold");
    }

    #[test]
    fn a_write_converts_or_says_what_would_be_right() {
        let mut thing = Thing::new(0, "A", 4, 1);
        thing.write("temperature", &json!("21.5"), 5).unwrap();
        assert_eq!(thing.property("temperature").unwrap().value, json!(21.5));
        assert_eq!(thing.property("temperature").unwrap().time_ms, 5);
        thing.write("running", &json!("FALSE"), 5).unwrap();
        assert_eq!(thing.property("running").unwrap().value, json!(false));
        thing.write("count", &json!(41.0), 5).unwrap();
        thing.step(6);
        assert_eq!(thing.property("count").unwrap().value, json!(42));
        thing.write("label", &json!(7), 5).unwrap();
        assert_eq!(thing.property("label").unwrap().value, json!("7"));
        let error = thing.write("count", &json!(1.5), 5).unwrap_err();
        assert_eq!(error.to_string(), "Property 'count' takes INTEGER values, not 1.5");
        let error = thing.write("nope", &json!(1), 5).unwrap_err();
        assert_eq!(error.to_string(), "Property 'nope' not found");
    }

    #[test]
    fn a_new_registration_makes_everything_due_again() {
        let mut thing = Thing::new(0, "A", 4, 1);
        thing.take_due();
        thing.make_all_due();
        assert_eq!(thing.take_due().len(), 4);
    }
}
