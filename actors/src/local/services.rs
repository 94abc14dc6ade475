//! Which services the gateway has, with the inputs and the output that GetMetadata tells (EMS notes, 7.1 and 11).

use edgebind_alwayson::BaseType;
use serde_json::{Map, Value, json};

/// A service of the gateway.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) inputs: &'static [(&'static str, BaseType)],
    output: BaseType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AddEdgeThing,
    RemoveEdgeThing,
    HasEdgeThing,
    GetEdgeThings,
    GetMicroserverVersion,
    GetConfiguration,
    UpdateConfiguration,
    ReplaceConfiguration,
    GetLogData,
    StartFileLogging,
    StopFileLogging,
    TestPort,
    Restart,
    NotifyPropertyUpdate,
}

impl Service {
    /// The service of this name; names are compared without case (EMS notes, 7.1).
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }

    const fn new(
        name: &'static str,
        kind: Kind,
        inputs: &'static [(&'static str, BaseType)],
        output: BaseType,
    ) -> Self {
        Self { name, kind, inputs, output }
    }
}

/// What the platform shows when it browses the gateway thing.
pub(super) fn metadata(name: &str) -> String {
    let mut services = Map::new();
    let all = SERVICES.iter().map(|service| (service.name, service.inputs, service.output));
    for (service, inputs, output) in all.chain([("GetMetadata", &[][..], BaseType::Json)]) {
        let fields: Map<String, Value> = inputs
            .iter()
            .map(|(input, base_type)| {
                let field = json!({
                    "name": input, "description": "", "baseType": base_type.name(), "aspects": {}
                });
                ((*input).to_owned(), field)
            })
            .collect();
        let inputs = if fields.is_empty() { json!({}) } else { json!({ "fieldDefinitions": fields }) };
        services.insert(
            service.to_owned(),
            json!({
                "name": service, "description": "", "aspects": {}, "Inputs": inputs,
                "Outputs": { "name": "result", "baseType": output.name(), "fieldDefinitions": {} }
            }),
        );
    }
    json!({
        "name": name, "description": "", "isSystemObject": false,
        "propertyDefinitions": {
            "isConnected": {
                "name": "isConnected", "description": "", "baseType": "BOOLEAN",
                "aspects": { "isReadOnly": true }
            }
        },
        "serviceDefinitions": services, "eventDefinitions": {}
    })
    .to_string()
}

const SERVICES: &[Service] = &[
    Service::new(
        "AddEdgeThing",
        Kind::AddEdgeThing,
        &[
            ("name", BaseType::String),
            ("host", BaseType::String),
            ("port", BaseType::Number),
            ("path", BaseType::String),
            ("proto", BaseType::String),
            ("keepalive", BaseType::Number),
            ("timeout", BaseType::Number),
            ("user", BaseType::String),
            ("password", BaseType::Password),
            ("accept", BaseType::String),
            ("persist", BaseType::Boolean),
        ],
        BaseType::Nothing,
    ),
    Service::new("RemoveEdgeThing", Kind::RemoveEdgeThing, &[("name", BaseType::String)], BaseType::Nothing),
    Service::new("HasEdgeThing", Kind::HasEdgeThing, &[("name", BaseType::String)], BaseType::Boolean),
    Service::new("GetEdgeThings", Kind::GetEdgeThings, &[], BaseType::Infotable),
    Service::new("GetMicroserverVersion", Kind::GetMicroserverVersion, &[], BaseType::String),
    Service::new("GetConfiguration", Kind::GetConfiguration, &[], BaseType::Json),
    Service::new(
        "UpdateConfiguration",
        Kind::UpdateConfiguration,
        &[("config", BaseType::Json)],
        BaseType::Nothing,
    ),
    Service::new(
        "ReplaceConfiguration",
        Kind::ReplaceConfiguration,
        &[("config", BaseType::Json)],
        BaseType::Nothing,
    ),
    Service::new(
        "GetLogData",
        Kind::GetLogData,
        &[
            ("startDate", BaseType::Datetime),
            ("endDate", BaseType::Datetime),
            ("maxItems", BaseType::Integer),
        ],
        BaseType::Infotable,
    ),
    Service::new(
        "StartFileLogging",
        Kind::StartFileLogging,
        &[("level", BaseType::String), ("directory", BaseType::String)],
        BaseType::Nothing,
    ),
    Service::new(
        "StopFileLogging",
        Kind::StopFileLogging,
        &[("delete", BaseType::Boolean)],
        BaseType::Nothing,
    ),
    Service::new(
        "TestPort",
        Kind::TestPort,
        &[
            ("host", BaseType::String),
            ("port", BaseType::Integer),
            ("useSSL", BaseType::Boolean),
            ("useProxy", BaseType::Boolean),
        ],
        BaseType::Nothing,
    ),
    Service::new("Restart", Kind::Restart, &[], BaseType::Nothing),
    Service::new("NotifyPropertyUpdate", Kind::NotifyPropertyUpdate, &[], BaseType::Nothing),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_in_any_case() {
        assert_eq!(Service::find("addedgething").unwrap().kind, Kind::AddEdgeThing);
        assert!(Service::find("AddEdgeThin").is_none());
    }

    #[test]
    fn metadata_tells_every_service_with_its_inputs() {
        let metadata: Value = serde_json::from_str(&metadata("GW1")).unwrap();
        assert_eq!(metadata["name"], "GW1");
        let services = metadata["serviceDefinitions"].as_object().unwrap();
        assert_eq!(services.len(), SERVICES.len() + 1);
        let inputs = &services["TestPort"]["Inputs"]["fieldDefinitions"];
        assert_eq!(inputs["port"]["baseType"], "INTEGER");
        assert_eq!(services["GetConfiguration"]["Outputs"]["baseType"], "JSON");
    }
}
