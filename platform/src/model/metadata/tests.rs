use edgebind_alwayson::{Body, Incoming, InfoTable, Limits, decode, notation::from_hex};

use proptest::prelude::*;

use super::*;

fn read(json: &str) -> RemoteMetadata {
    RemoteMetadata::read(&Content::Table(InfoTable::single("result", Value::json(json)))).unwrap()
}

#[test]
fn the_example_of_the_protocol_notes_is_understood() {
    let notes = include_str!("../../../../docs/protocol/alwayson.md");
    let section = notes.split("### 9.4 GetMetadata").nth(1).unwrap();
    let example = section.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let metadata = read(example);
    assert_eq!(metadata.skipped, [""; 0]);
    assert_eq!(
        metadata.properties,
        [RemoteProperty {
            name: "num".to_owned(),
            base_type: BaseType::Number,
            description: "a number".to_owned(),
            push: Some(Push { push_type: PushType::Value, threshold: 5.0 }),
        }]
    );
    let service = &metadata.services[0];
    assert_eq!((service.name.as_str(), service.description.as_str()), ("Tab", "table svc"));
    assert_eq!((service.inputs[0].name.as_str(), service.inputs[0].base_type), ("a", BaseType::Number));
    assert_eq!(service.inputs[0].description, "first");
    assert_eq!(service.output, BaseType::Infotable);
}

#[test]
fn the_bytes_of_the_reference_client_are_understood() {
    let vectors: Vec<Json> =
        serde_json::from_str(include_str!("../../../../tests/data/vectors/alwayson.json")).unwrap();
    let vector = vectors.iter().find(|vector| vector["name"] == "resp_getmetadata").unwrap();
    let bytes = from_hex(vector["hex"].as_str().unwrap()).unwrap();
    let Ok(Incoming::Message(message)) = decode(&bytes, &Limits::DEFAULT) else { panic!("no message") };
    let Body::Response(response) = message.body else { panic!("no response") };
    let metadata = RemoteMetadata::read(&response.content).unwrap();
    assert_eq!(metadata.properties[0].name, "p");
    assert_eq!(metadata.properties[0].push, Some(Push { push_type: PushType::Always, threshold: 0.0 }));
    assert!(metadata.services.is_empty());
}

#[test]
fn the_answer_of_the_original_script_resource_is_understood() {
    let cases: Vec<Json> =
        serde_json::from_str(include_str!("../../../../tests/data/vectors/lsr-http.json")).unwrap();
    let case = cases.iter().find(|case| case["name"] == "get metadata (service)").unwrap();
    let body = case["response"]["body_json"].to_string();
    let metadata = read(&body);
    assert!(metadata.properties.len() > 3, "{metadata:?}");
    assert!(metadata.services.iter().any(|service| service.name == "Add" && service.inputs.len() == 2));
    assert!(metadata.skipped.is_empty(), "{:?}", metadata.skipped);
}

#[test]
fn lists_for_maps_odd_types_and_missing_parts_are_lived_with() {
    let metadata = read(
        r#"{"propertyDefinitions": {
            "ok": {"baseType": "STRING", "aspects": {"pushType": "value", "pushThreshold": "2.5", "pushThreshold": 1}},
            "odd": {"baseType": "COLOUR"}, "none": {}, "bad": 5,
            "negative": {"baseType": "NUMBER", "aspects": {"pushType": "DEADBAND", "pushThreshold": -1}}
        }, "serviceDefinitions": {
            "GetMetadata": {"Outputs": {"baseType": "JSON"}},
            "Plain": {"Inputs": [], "Outputs": []},
            "Ordered": {"inputs": {"fieldDefinitions": {
                "a": {"baseType": "NUMBER", "ordinal": 2}, "b": {"baseType": "INTEGER", "ordinal": 1}}}}
        }, "eventDefinitions": []}"#,
    );
    let names: Vec<&str> = metadata.properties.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names, ["negative", "ok"]);
    assert_eq!(
        metadata.properties[1].push,
        Some(Push { push_type: PushType::Value, threshold: 1.0 }),
        "of a key that is there twice the last counts"
    );
    assert_eq!(metadata.properties[0].push, Some(Push { push_type: PushType::Deadband, threshold: 0.0 }));
    assert_eq!(metadata.services.len(), 2);
    assert_eq!(metadata.services[1].output, BaseType::Nothing);
    let inputs: Vec<&str> = metadata.services[0].inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["b", "a"]);
    assert_eq!(
        metadata.skipped,
        [
            "property bad: it has no baseType",
            "property none: it has no baseType",
            "property odd: \"COLOUR\" is no base type"
        ]
    );
    assert!(read(r#"{"propertyDefinitions": [], "serviceDefinitions": []}"#).properties.is_empty());
}

#[test]
fn what_is_no_metadata_is_said() {
    let error = |content: &Content| RemoteMetadata::read(content).unwrap_err().to_string();
    let column = |value: Value| Content::Table(InfoTable::single("result", value));
    assert_eq!(
        error(&Content::Nothing),
        "the edge's answer to GetMetadata is not understood: it holds no text in a column result"
    );
    assert!(error(&column(Value::Number(1.0))).ends_with("it holds no text in a column result"));
    assert!(error(&column(Value::json("[]"))).ends_with("it is no JSON object"));
    assert!(error(&column(Value::json("{"))).contains("it is no JSON: EOF"));
    let other = Content::Table(InfoTable::single("_content_", Value::json("{}")));
    assert_eq!(RemoteMetadata::read(&other).unwrap(), RemoteMetadata::default());
}

/// JSON of the shape of metadata, with anything in the places of everything.
fn any_json() -> impl Strategy<Value = Json> {
    let key = prop::sample::select(vec![
        "propertyDefinitions",
        "serviceDefinitions",
        "Inputs",
        "Outputs",
        "fieldDefinitions",
        "aspects",
        "baseType",
        "pushType",
        "pushThreshold",
        "ordinal",
        "name",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        prop::sample::select(vec!["NUMBER", "ALWAYS", "-1", ""]).prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_metadata_or_an_error(text in any::<String>()) {
        let _ = RemoteMetadata::read(&Content::Table(InfoTable::single("result", Value::json(text))));
    }

    #[test]
    fn every_definition_is_taken_or_named(json in any_json()) {
        let content = Content::Table(InfoTable::single("result", Value::json(json.to_string())));
        let Ok(metadata) = RemoteMetadata::read(&content) else { return Ok(()) };
        let members = |key: &str| json.get(key).and_then(Json::as_object).map_or(0, Map::len);
        let all = metadata.properties.len() + metadata.services.len() + metadata.skipped.len();
        prop_assert_eq!(all, members("propertyDefinitions") + members("serviceDefinitions"));
        for property in &metadata.properties {
            prop_assert!(property.push.is_none_or(|push| push.threshold >= 0.0));
        }
    }
}
