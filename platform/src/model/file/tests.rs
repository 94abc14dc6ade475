use edgebind_alwayson::{BaseType, Value};
use proptest::prelude::*;

use super::*;
use crate::model::AccessError;

fn fault(text: &str) -> String {
    Model::parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_reference_page_is_a_model() {
    let page = include_str!("../../../../docs/reference/platform-model.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let model = Model::parse(example).unwrap();
    let names: Vec<&str> = model.things().map(|thing| thing.name.as_str()).collect();
    assert_eq!(names, ["EdgeGateway", "OtherEdgeThing", "Pump-7"]);
    let thing = model.resolve("*pump-0007").unwrap();
    assert_eq!(thing.name, "Pump-7");
    let property = model.resolve("OtherEdgeThing").unwrap().property("temperature").unwrap();
    assert_eq!(
        property.remote,
        Some(RemoteBinding {
            name: "temp".to_owned(),
            push: Some(Push { push_type: PushType::Value, threshold: 0.5 }),
            cache: Cache::Through,
        })
    );
    let service = model.resolve("OtherEdgeThing").unwrap().service("Add").unwrap();
    assert_eq!(service.remote_name, "AddNumbers");
    assert_eq!(service.inputs.len(), 2);
    assert_eq!(service.output, BaseType::Number);
}

#[test]
fn values_are_of_the_declared_type() {
    let thing = Thing::parse(
        r#"{"name": "T", "properties": [
            {"name": "whole", "baseType": "integer", "value": 7},
            {"name": "when", "baseType": "DATETIME", "value": 1500000000000, "time": 5},
            {"name": "none", "baseType": "STRING"}
        ]}"#,
    )
    .unwrap();
    assert_eq!(thing.property("whole").unwrap().sample.value, Value::Integer(7));
    assert_eq!(thing.property("when").unwrap().sample, Sample::good(Value::Datetime(1_500_000_000_000), 5));
    assert_eq!(thing.property("none").unwrap().sample, Sample::unknown());
}

#[test]
fn a_fault_is_found_by_line_and_column() {
    assert_eq!(fault("{\n  \"things\": [\n"), "line 3, column 1: EOF while parsing a list");
    assert_eq!(
        fault("{\"things\": [\n  {\"name\": \"A\",\n   \"nmae\": 1}]}"),
        "line 3, column 9: unknown key `nmae`, expected one of `name`, `identifier`, `template`, `description`, \
         `learn`, `lastConnection`, `properties`, `services`"
    );
    assert_eq!(
        fault("{\"things\": [\n  {\"name\": \"A\"}, {\"name\": \"A\"}]}"),
        "line 2, column 18: thing A exists already"
    );
    assert_eq!(
        fault(
            "{\"things\": [{\"name\": \"A\",\n \"properties\": [{\"name\": \"p\", \"baseType\": \"NUMBR\"}]}]}"
        ),
        "line 2, column 50: \"NUMBR\" is no base type, for example NUMBER or STRING"
    );
    assert_eq!(
        fault("{\"things\": [{\"name\": \"A\",\n \"properties\": [\n{\"name\": \"p\", \"baseType\": \"NUMBER\", \"value\": \"x\"}]}]}").split(": ").next(),
        Some("line 3, column 46")
    );
}

#[test]
fn contradictions_are_refused_with_a_sentence() {
    let thing = |inner: &str| Thing::parse(&format!("{{\"name\": \"A\", {inner}}}")).unwrap_err().problem;
    let property = |inner: &str| thing(&format!("\"properties\": [{inner}]"));
    assert_eq!(
        property(r#"{"name": "isConnected", "baseType": "BOOLEAN"}"#),
        "property isConnected is one that every thing has already"
    );
    assert_eq!(
        property(r#"{"name": "p", "baseType": "NUMBER"}, {"name": "p", "baseType": "NUMBER"}"#),
        "property p is there twice"
    );
    assert_eq!(
        property(
            r#"{"name": "p", "baseType": "NUMBER", "remote": {"name": "x"}},
               {"name": "q", "baseType": "NUMBER", "remote": {"name": "x"}}"#
        ),
        "x at the edge stands behind property p of thing A already"
    );
    assert_eq!(
        property(r#"{"name": "p", "baseType": "NUMBER", "remote": {"pushThreshold": 1}}"#),
        "remote binding of p: pushThreshold needs a pushType"
    );
    assert_eq!(
        property(r#"{"name": "p", "baseType": "NUMBER", "remote": {"cacheTime": -7}}"#),
        "remote binding of p: cacheTime -7 is neither -1 (kept), 0 (read through) nor a time in milliseconds"
    );
    assert_eq!(
        thing(r#""template": "Fridge""#),
        "\"Fridge\" is no template; known are RemoteThing, RemoteThingWithFileTransfer, RemoteThingWithTunnels, \
         RemoteThingWithTunnelsAndFileTransfer, EMSGateway, SDKGateway"
    );
    assert_eq!(thing(r#""identifier": """#), AccessError::BadName(String::new()).to_string());
    assert_eq!(
        thing(
            r#""services": [{"name": "s", "inputs": [{"name": "a", "baseType": "NUMBER"}, {"name": "a", "baseType": "NUMBER"}]}]"#
        ),
        "input a is there twice"
    );
}

proptest! {
    #[test]
    fn any_text_is_a_model_or_a_fault_inside_the_text(text in r#"[{}\[\]":, \na-z0-9]{0,60}"#) {
        let text = format!("{{\"things\": [{{\"name\": \"A\", \"properties\": [{text}]}}]}}");
        if let Err(error) = Model::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1);
            prop_assert!(error.column >= 1 && error.column <= text.len() + 1);
            prop_assert!(!error.problem.is_empty());
        }
    }
}
