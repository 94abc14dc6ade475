use edgebind_alwayson::{BaseType, Bind, InfoTable, Value};

use super::*;
use crate::model::{ConnectionId, Sample};

const MODEL: &str = r#"{"things": [{"name": "T", "identifier": "id", "properties": [
    {"name": "here", "baseType": "NUMBER", "value": 1},
    {"name": "same", "baseType": "INTEGER", "value": 2},
    {"name": "far", "baseType": "NUMBER", "remote": {"name": "known", "pushType": "ALWAYS"}},
    {"name": "other", "baseType": "NUMBER", "remote": {"name": "somewhere"}}
], "services": [
    {"name": "S", "remoteName": "Known"}, {"name": "Other", "remoteName": "Elsewhere"}
]}]}"#;

const METADATA: &str = r#"{"propertyDefinitions": {
    "known": {"baseType": "NUMBER"},
    "same": {"baseType": "NUMBER", "aspects": {"pushType": "NEVER"}},
    "fresh": {"baseType": "STRING", "description": "d"},
    "other": {"baseType": "NUMBER"},
    "name": {"baseType": "STRING"}
}, "serviceDefinitions": {
    "Known": {}, "Other": {},
    "New": {"description": "n", "Inputs": {"fieldDefinitions": {"a": {"baseType": "NUMBER"}}},
            "Outputs": {"baseType": "STRING"}}
}}"#;

fn metadata() -> RemoteMetadata {
    RemoteMetadata::read(&Content::Table(InfoTable::single("result", Value::json(METADATA)))).unwrap()
}

fn connected() -> Model {
    let mut model = Model::parse(MODEL).unwrap();
    let bind = Bind { unbind: false, gateway: None, names: vec!["*id".to_owned()] };
    model.bind(ConnectionId(7), &bind, 1).unwrap();
    model
}

#[test]
fn browsing_asks_the_edge_by_the_name_as_bound() {
    assert_eq!(Model::parse(MODEL).unwrap().browse("T"), Err(AccessError::NotConnected("T".to_owned())));
    let call = connected().browse("T").unwrap();
    assert_eq!((call.request.entity.as_str(), call.request.name.as_str()), ("*id", "GetMetadata"));
}

#[test]
fn an_offer_tells_what_is_there_already() {
    let offer = connected().offer("T", metadata()).unwrap();
    let properties: Vec<(&str, bool)> =
        offer.properties.iter().map(|(property, added)| (property.name.as_str(), *added)).collect();
    let expected = [("fresh", false), ("known", true), ("name", false), ("other", false), ("same", false)];
    assert_eq!(properties, expected);
    let services: Vec<(&str, bool)> =
        offer.services.iter().map(|(service, added)| (service.name.as_str(), *added)).collect();
    assert_eq!(services, [("Known", true), ("New", false), ("Other", false)]);
}

#[test]
fn adding_everything_binds_what_is_local_and_refuses_what_is_taken() {
    let mut model = connected();
    let adopted = model.adopt("T", metadata(), &Selection::All).unwrap();
    assert_eq!(adopted.properties, ["fresh", "same"]);
    assert_eq!(adopted.services, ["New"]);
    let refused: Vec<String> =
        adopted.refused.iter().map(|(name, error)| format!("{name}: {error}")).collect();
    assert_eq!(
        refused,
        [
            "name: property name is one that every thing has already",
            "other: somewhere at the edge stands behind property other of thing T already",
            "Other: thing T has another service Other already"
        ]
    );
    let thing = model.resolve("T").unwrap();
    let fresh = thing.property("fresh").unwrap();
    let push = fresh.remote.as_ref().unwrap().push.unwrap();
    assert_eq!((push.push_type, fresh.description.as_str()), (PushType::Value, "d"));
    let same = thing.property("same").unwrap();
    assert_eq!((same.base_type, &same.sample.value), (BaseType::Integer, &Value::Integer(2)));
    assert_eq!(same.remote.as_ref().unwrap().push.unwrap().push_type, PushType::Never);
    let service = thing.service("New").unwrap();
    assert_eq!((service.inputs.len(), service.output), (1, BaseType::String));
    assert_eq!(model.take_rebound(), [(ConnectionId(7), "*id".to_owned())], "told once");
    model.rebound_again("*id");
    assert_eq!(model.take_rebound().len(), 1, "and again when it could not be told");
    assert_eq!(model.adopt("T", metadata(), &Selection::All).unwrap().properties, [""; 0]);
    assert!(model.take_rebound().is_empty(), "nothing changed");
}

#[test]
fn a_selection_with_a_name_that_is_not_offered_adds_nothing() {
    let mut model = connected();
    let select = |properties: &[&str], services: &[&str]| Selection::Named {
        properties: properties.iter().map(|name| (*name).to_owned()).collect(),
        services: services.iter().map(|name| (*name).to_owned()).collect(),
    };
    let error = model.adopt("T", metadata(), &select(&["fresh", "no"], &[])).unwrap_err();
    assert_eq!(error.to_string(), "thing T offers no property no at the edge");
    assert!(model.resolve("T").unwrap().property("fresh").is_none());
    let adopted = model.adopt("T", metadata(), &select(&["fresh"], &["New"])).unwrap();
    assert_eq!((adopted.properties, adopted.services), (vec!["fresh".to_owned()], vec!["New".to_owned()]));
}

#[test]
fn only_a_change_of_a_remote_binding_is_told_to_the_edge() {
    let mut model = connected();
    let mut rebound = |work: &mut dyn FnMut(&mut Model)| {
        work(&mut model);
        !model.take_rebound().is_empty()
    };
    let local = || Property::new("new", BaseType::Number);
    let remote = || Some(RemoteBinding::new("far away"));
    assert!(!rebound(&mut |model| model.define_property("T", local()).unwrap()));
    assert!(rebound(&mut |model| model.bind_property("T", "new", remote()).unwrap()));
    assert!(!rebound(&mut |model| model.bind_property("T", "new", remote()).unwrap()));
    assert!(rebound(&mut |model| model.bind_property("T", "new", None).unwrap()));
    assert!(!rebound(&mut |model| model.bind_property("T", "new", None).unwrap()));
    assert!(!rebound(&mut |model| model.remove_property("T", "new").unwrap()));
    assert!(rebound(&mut |model| model.remove_property("T", "far").unwrap()));
    assert!(!rebound(&mut |model| model.remove_service("T", "S").unwrap()));
    assert!(rebound(&mut |model| model
        .bind_property("T", "here", Some(RemoteBinding::new("known")))
        .unwrap()));
    // Who is not connected is told after its next BIND anyway.
    model.disconnect(ConnectionId(7), 2);
    model.bind_property("T", "here", None).unwrap();
    assert!(model.take_rebound().is_empty());
}

#[test]
fn a_property_that_is_bound_keeps_value_and_history_and_one_edge_name_stands_behind_one() {
    let mut model = connected();
    model.set("T", "here", Sample::good(Value::Number(5.0), 50));
    model.bind_property("T", "here", Some(RemoteBinding::new("h"))).unwrap();
    let thing = model.resolve("T").unwrap();
    let here = thing.property("here").unwrap();
    assert_eq!((here.sample.time, here.history().by_time().len()), (Some(50), 1));
    assert_eq!(thing.bound_property("h").unwrap().name, "here");
    let error = model.bind_property("T", "same", Some(RemoteBinding::new("h"))).unwrap_err();
    assert_eq!(error.to_string(), "h at the edge stands behind property here of thing T already");
    model.remove_property("T", "here").unwrap();
    assert!(model.resolve("T").unwrap().bound_property("h").is_none());
    assert!(model.remove_property("T", "here").is_err());
    assert!(model.remove_service("T", "none").is_err());
}
