//! Push and GetPropertySubscriptions (protocol notes, section 10).

use edgebind_alwayson::{Code, Content, InfoTable, Value};
use serde_json::json;

use crate::support::{Edge, on_actix, platform, rest_json, vector};

const MODEL: &str = r#"{"things": [
    {"name": "SteamSensor", "properties": [
        {"name": "Temperature", "baseType": "NUMBER", "remote": {"cacheTime": -1}},
        {"name": "count", "baseType": "INTEGER", "remote": {"name": "edgeCount", "pushType": "VALUE", "pushThreshold": 2, "cacheTime": -1}},
        {"name": "level", "baseType": "NUMBER", "remote": {"name": "lvl", "pushType": "DEADBAND", "pushThreshold": 0.5}},
        {"name": "note", "baseType": "STRING"}
    ]},
    {"name": "Student", "learn": true}
]}"#;

async fn property(platform: &edgebind_platform::Platform, thing: &str, name: &str) -> serde_json::Value {
    let path = format!("/Thingworx/Things/{thing}/Properties/{name}");
    rest_json(platform, "GET", &path, "").await["rows"][0][name].clone()
}

#[test]
fn a_pushed_value_of_the_reference_client_is_what_rest_reads() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        edge.send_bytes(vector("post_update_vtq_one")).await;
        let answer = edge.message().await;
        assert_eq!(answer.body.code(), Code::SUCCESS);
        assert_eq!(property(&platform, "SteamSensor", "Temperature").await, json!(401.25));
        let thing = platform.thing("SteamSensor").unwrap();
        let shown = thing.property("Temperature").unwrap();
        assert_eq!((shown.time, shown.quality.as_str()), (Some(1_500_000_000_000), "GOOD"));
    });
}

#[test]
fn pushed_values_are_found_by_the_name_at_the_edge_and_brought_to_the_declared_type() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let pushed = edge
            .push(
                "SteamSensor",
                &[
                    ("edgeCount", Value::Number(6.0), 10, "GOOD"),
                    ("edgeCount", Value::Number(7.0), 20, "BAD"),
                    ("note", Value::Integer(5), 30, "UNKNOWN"),
                ],
            )
            .await;
        assert_eq!(pushed.code, Code::SUCCESS, "{pushed:?}");
        let thing = platform.thing("SteamSensor").unwrap();
        let count = thing.property("count").unwrap();
        assert_eq!((&count.value, count.time, count.quality.as_str()), (&Value::Integer(7), Some(20), "BAD"));
        assert_eq!(thing.property("note").unwrap().value, Value::string("5"));
        assert_eq!(property(&platform, "SteamSensor", "count").await, json!(7));
    });
}

#[test]
fn good_rows_are_applied_and_the_others_are_named_in_the_refusal() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let refusal = edge
            .push(
                "SteamSensor",
                &[
                    ("Temperature", Value::Number(1.5), 10, "GOOD"),
                    ("pressure", Value::Number(2.0), 10, "GOOD"),
                    ("edgeCount", Value::string("many"), 10, "GOOD"),
                ],
            )
            .await;
        assert_eq!(refusal.code, Code::BAD_REQUEST);
        let reason = refusal.reason.unwrap();
        assert!(
            reason.starts_with("1 of 3 values applied; unknown properties: pressure; refused: edgeCount"),
            "{reason}"
        );
        assert_eq!(property(&platform, "SteamSensor", "Temperature").await, json!(1.5));
        let unknown = edge.push("SteamSensor", &[("pressure", Value::Number(2.0), 10, "GOOD")]).await;
        assert_eq!(unknown.code, Code::NOT_FOUND);
        let nobody = edge.push("Nobody", &[("pressure", Value::Number(2.0), 10, "GOOD")]).await;
        assert_eq!(nobody.code, Code::NOT_FOUND);
    });
}

#[test]
fn a_push_that_a_gateway_relays_as_json_is_mapped_by_name() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let json = r#"{"values":{"dataShape":{"fieldDefinitions":{
            "name":{"name":"name","baseType":"STRING"},"value":{"name":"value","baseType":"VARIANT"},
            "time":{"name":"time","baseType":"DATETIME"},"quality":{"name":"quality","baseType":"STRING"}}},
            "rows":[{"name":"Temperature","value":{"baseType":"NUMBER","value":20.5},"time":1795304777000,"quality":"GOOD"}]}}"#;
        let params = Content::Table(InfoTable::content(json));
        let answer = edge.call("SteamSensor", "UpdateSubscribedPropertyValues", params).await;
        assert_eq!(answer.code, Code::SUCCESS, "{answer:?}");
        assert_eq!(property(&platform, "SteamSensor", "Temperature").await, json!(20.5));
        for bad in ["{}", "[1]", r#"{"values": 5}"#] {
            let params = Content::Table(InfoTable::content(bad));
            let answer = edge.call("SteamSensor", "UpdateSubscribedPropertyValues", params).await;
            assert_eq!(answer.code, Code::BAD_REQUEST, "{bad}: {answer:?}");
        }
    });
}

#[test]
fn a_thing_that_learns_gets_the_properties_that_are_pushed() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["Student"]).await;
        let pushed = edge
            .push(
                "Student",
                &[
                    ("speed", Value::Number(3.25), 10, "GOOD"),
                    ("on", Value::Boolean(true), 10, "GOOD"),
                    ("isConnected", Value::Boolean(false), 10, "GOOD"),
                ],
            )
            .await;
        assert_eq!(pushed.code, Code::BAD_REQUEST, "isConnected belongs to the platform");
        let thing = platform.thing("Student").unwrap();
        let values: Vec<_> = thing
            .properties
            .iter()
            .map(|property| (property.name.as_str(), property.value.clone()))
            .collect();
        assert_eq!(values, [("on", Value::Boolean(true)), ("speed", Value::Number(3.25))]);
        assert!(thing.connected);
    });
}

#[test]
fn subscriptions_are_the_push_rules_of_the_bindings_and_deadband_only_for_who_knows_it() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let rows = |answer: edgebind_alwayson::Response| {
            assert_eq!(answer.code, Code::SUCCESS, "{answer:?}");
            let table = answer.content.as_table().unwrap().clone();
            let names: Vec<_> = table.fields.iter().map(|field| field.name.clone()).collect();
            assert_eq!(names, ["edgeName", "pushType", "pushThreshold"]);
            table.rows
        };
        let row = |name: &str, rule: &str, threshold| {
            vec![Value::string(name), Value::string(rule), Value::Number(threshold)]
        };
        let options = Content::Table(InfoTable::single("options", Value::json(r#"{"hasDeadband":true}"#)));
        let answer = edge.call("SteamSensor", "GetPropertySubscriptions", options).await;
        assert_eq!(rows(answer), [row("edgeCount", "VALUE", 2.0), row("lvl", "DEADBAND", 0.5)]);
        let answer = edge.call("SteamSensor", "GetPropertySubscriptions", Content::Nothing).await;
        assert_eq!(rows(answer), [row("edgeCount", "VALUE", 2.0), row("lvl", "VALUE", 0.5)]);
        // What a script resource asks by way of the gateway.
        let empty = Content::Table(InfoTable::content("{}"));
        let answer = edge.call("Student", "GetPropertySubscriptions", empty).await;
        assert!(rows(answer).is_empty());
    });
}

#[test]
fn a_push_in_chunks_arrives_whole() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let text = "x".repeat(20_000);
        let body = edgebind_alwayson::Body::Request(edgebind_alwayson::Request::thing(
            edgebind_alwayson::Method::Post,
            "SteamSensor",
            edgebind_alwayson::Characteristic::Services,
            "UpdateSubscribedPropertyValues",
            crate::support::pushed(&[("note", Value::string(&text), 1, "GOOD")]),
        ));
        let message = edgebind_alwayson::Message { request_id: 77, endpoint_id: 0, session_id: 0, body };
        let mut chunks =
            edgebind_alwayson::split(&edgebind_alwayson::encode(&message).unwrap(), 8192).unwrap();
        assert!(chunks.len() > 2);
        chunks.reverse();
        for chunk in chunks {
            edge.send_bytes(chunk).await;
        }
        let answer = edge.message().await;
        assert_eq!((answer.request_id, answer.body.code()), (77, Code::SUCCESS));
        assert_eq!(property(&platform, "SteamSensor", "note").await, json!(text));
    });
}
