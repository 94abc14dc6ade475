//! What a simulated thing tells about itself: the answer to GetMetadata (protocol notes, section 9.4).

use serde_json::{Map, Value, json};

use super::thing::Property;

/// The metadata object; no infotable stands around it.
pub(super) fn of(name: &str, properties: &[Property]) -> Value {
    let properties: Map<_, _> = properties
        .iter()
        .enumerate()
        .map(|(at, property)| (property.name.clone(), definition(at, property)))
        .collect();
    let services: Map<_, _> =
        SERVICES.iter().map(|service| (service.name.to_owned(), service.json())).collect();
    let data = fields(&[("number", "INTEGER", "Counts from 1"), ("message", "STRING", "Text for people")]);
    json!({
        "name": name,
        "type": "Things",
        "description": "",
        "isSystemObject": false,
        "implementedShapes": ["propsubscribe", "metadata"],
        "propertyDefinitions": properties,
        "serviceDefinitions": services,
        "eventDefinitions": {EVENT: {
            "name": EVENT,
            "description": "Fired at the chosen interval",
            "aspects": {},
            "EventData": {"name": "", "aspects": {}, "fieldDefinitions": data},
        }},
    })
}

/// Names of the services, in the order of the metadata.
pub(super) fn services() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|service| service.name)
}

fn definition(ordinal: usize, property: &Property) -> Value {
    json!({
        "name": property.name,
        "description": "",
        "baseType": property.base_type.name(),
        "category": "",
        "tags": [],
        "sourceType": "ThingShape",
        "ordinal": ordinal,
        "aspects": {
            "isPersistent": false,
            "isReadOnly": false,
            "dataChangeType": "VALUE",
            "dataChangeThreshold": 0,
            "cacheTime": 0,
            // Those of the template, whatever the platform subscribes to now (script resource notes, 5.1).
            "pushType": "VALUE",
            "pushThreshold": 0,
            "defaultValue": property.value,
        },
    })
}

/// A service that the endpoint offers.
struct Service {
    name: &'static str,
    description: &'static str,
    /// Name, base type, description of each input.
    inputs: &'static [(&'static str, &'static str, &'static str)],
    output: &'static str,
}

impl Service {
    fn json(&self) -> Value {
        let result = match self.output {
            "NOTHING" => json!({}),
            output => fields(&[("result", output, "")]),
        };
        json!({
            "name": self.name,
            "description": self.description,
            "category": "",
            "tags": [],
            "sourceType": "Thing",
            "aspects": {},
            "Inputs": {"name": "", "description": "", "tags": [], "fieldDefinitions": fields(self.inputs)},
            "Outputs": {
                "name": "result",
                "description": "",
                "tags": [],
                "baseType": self.output,
                "fieldDefinitions": result,
            },
        })
    }
}

fn fields(fields: &[(&str, &str, &str)]) -> Value {
    let definitions = fields.iter().enumerate().map(|(ordinal, (name, base_type, description))| {
        let definition =
            json!({"name": name, "baseType": base_type, "description": description, "ordinal": ordinal, "aspects": {}});
        ((*name).to_owned(), definition)
    });
    Value::Object(definitions.collect())
}

const SERVICES: &[Service] = &[
    Service {
        name: "Add",
        description: "Adds two numbers",
        inputs: &[("a", "NUMBER", "First"), ("b", "NUMBER", "Second")],
        output: "NUMBER",
    },
    Service {
        name: "Echo",
        description: "Answers its input",
        inputs: &[("text", "STRING", "What to answer")],
        output: "STRING",
    },
    Service {
        name: "Slow",
        description: "Answers after a while",
        inputs: &[("ms", "INTEGER", "Milliseconds to wait, 60000 at most")],
        output: "INTEGER",
    },
    Service { name: "Fail", description: "Fails always", inputs: &[], output: "NOTHING" },
    Service { name: "GetMetadata", description: "Describes this thing", inputs: &[], output: "JSON" },
    Service {
        name: "NotifyPropertyUpdate",
        description: "Says that the subscriptions changed",
        inputs: &[],
        output: "NOTHING",
    },
];

/// The event that a simulated thing fires.
pub(super) const EVENT: &str = "Heartbeat";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::thing::Thing;

    #[test]
    fn what_nobody_subscribes_to_is_offered_with_the_push_type_of_the_template() {
        let mut thing = Thing::new(0, "A", 4, 1);
        thing.subscribe(&[]);
        let metadata = of("A", thing.properties());
        assert_eq!(metadata["propertyDefinitions"]["count"]["aspects"]["pushType"], "VALUE");
    }
}
