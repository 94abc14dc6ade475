//! The recorded exchanges of the original's script resource, played to ours (`tests/data/vectors/lsr-http.json`).
//!
//! Compared are status, content type and body. Times are those of the recording, an empty Lua table is `[]` or `{}`, and
//! what the original does by accident ([`ACCIDENTS`]) is looked at no further than its status.
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::{Map, Value, json};
use support::{Answer, Recorder, Request, Resource};

/// Exchanges whose text is an accident of the original: an error of its Lua code, or a list with the layout of its files.
const ACCIDENTS: &[&str] =
    &["property set broken JSON", "service Lua error", "script list", "script list xml", "globals"];

/// The list of things, which the original's router fails at and ours gives (`docs/deviations.md`).
const MENDED: &[&str] = &["thing list"];

#[test]
fn the_recorded_exchanges_have_the_answers_of_the_original() {
    let exchanges: Vec<Value> =
        serde_json::from_str(include_str!("data/vectors/lsr-http.json")).expect("the recorded exchanges");
    // A gateway that knows no subscriptions.
    let gateway = Recorder::start(|seen| match seen.path.rsplit('/').next() {
        Some("GetPropertySubscriptions") => {
            (200, json!({ "dataShape": { "fieldDefinitions": {} }, "rows": [] }).to_string())
        }
        _ => (200, String::new()),
    });
    let resource = Resource::new(
        gateway.port,
        "scripts.EdgeThing = { file = 'thing.lua', template = 'edge_thing', scanRate = 3600000, taskRate = 3600000 }\n\
         scripts.sample = { file = 'sample.lua' }",
    );
    resource.file("custom/templates/edge_thing.lua", include_str!("lua/edge_thing.lua"));
    resource.file("custom/scripts/sample.lua", include_str!("lua/sample.lua"));
    let _running = resource.start();
    resource.serves("EdgeThing");
    gateway.until("GetPropertySubscriptions", 1);

    let differences: Vec<String> =
        exchanges.iter().filter_map(|exchange| difference(&resource, exchange)).collect();
    assert!(exchanges.len() > 100, "the recording has 117 exchanges");
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// What differs in the answer to one exchange, if anything.
fn difference(resource: &Resource, exchange: &Value) -> Option<String> {
    let name = exchange["name"].as_str().unwrap();
    let answer = resource.ask(&request(exchange));
    if MENDED.contains(&name) {
        return (answer.status != 200).then(|| format!("{name}: {}", answer.status));
    }
    let recorded = &exchange["response"];
    if recorded["status"] != answer.status {
        return Some(format!(
            "{name}: {} instead of {}: {}",
            answer.status,
            recorded["status"],
            answer.text()
        ));
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if recorded["headers"]["Content-Type"] != kind {
        return Some(format!("{name}: {kind} instead of {}", recorded["headers"]["Content-Type"]));
    }
    if ACCIDENTS.contains(&name) { None } else { body_difference(name, recorded, &answer) }
}

fn body_difference(name: &str, recorded: &Value, answer: &Answer) -> Option<String> {
    let (wanted, seen) = if let Some(body) = recorded.get("body_json") {
        let (mut wanted, mut seen) = (body.clone(), answer.json());
        if name.starts_with("get metadata") {
            only_common(&mut wanted, &mut seen);
        }
        (plain(&wanted), plain(&seen))
    } else {
        let wanted = recorded["body"].as_str().unwrap_or_default();
        // Long bodies are cut in the recording.
        let whole = wanted.find("...<").map_or(wanted, |end| &wanted[..end]);
        let text = answer.text();
        let seen = if whole.len() < wanted.len() { text.get(..whole.len()).unwrap_or(&text) } else { &text };
        (json!(whole), json!(seen))
    };
    if name == "service list" {
        return missing_services(&wanted, &seen);
    }
    (wanted != seen).then(|| format!("{name}:\n   {seen}\n   instead of\n   {wanted}"))
}

/// The recorded request; bodies that the recording cuts are made up again from the table that came back.
fn request(exchange: &Value) -> Request {
    let recorded = &exchange["request"];
    let mut request = Request::new(recorded["method"].as_str().unwrap(), recorded["path"].as_str().unwrap());
    if let Some(kind) = recorded["headers"]["Content-Type"].as_str() {
        request = request.header("Content-Type", kind);
    }
    match (exchange["name"].as_str().unwrap(), recorded["body"].as_str()) {
        ("infotable property set", _) => request.body(json!({ "InMemory_InfoTable": rows() }).to_string()),
        ("service echo InfoTable", _) => request.body(json!({ "value": rows() }).to_string()),
        (_, Some(body)) => request.body(body),
        (_, None) => request,
    }
}

fn rows() -> Value {
    json!({ "rows": [{
        "Boolean": true, "Datetime": 1_600_000_000_000_i64, "GroupName": "g", "HTML": "h", "Hyperlink": "hl", "Image": "aa",
        "Imagelink": "il", "Integer": 1, "Json": { "a": 1 }, "Location": { "latitude": 1, "longitude": 2, "elevation": 3 },
        "MashupName": "mn", "MenuName": "me", "Number": 1.5, "Query": { "q": 1 }, "String": "s", "Text": "t",
        "ThingName": "tn", "UserName": "un", "XML": "<x/>"
    }] })
}

/// Leaves in both descriptions what the test's template has: the original's example had more.
fn only_common(wanted: &mut Value, seen: &mut Value) {
    for part in ["propertyDefinitions", "serviceDefinitions"] {
        let ours: Map<String, Value> = seen[part].as_object().unwrap().clone();
        wanted[part].as_object_mut().unwrap().retain(|name, _| ours.contains_key(name));
        assert!(ours.len() > 20, "{part}: {}", ours.len());
        assert_eq!(ours.len(), wanted[part].as_object().unwrap().len(), "{part} of the recording");
    }
}

fn missing_services(wanted: &Value, seen: &Value) -> Option<String> {
    let recorded = wanted.as_array().unwrap();
    let unknown: Vec<&Value> = seen.as_array()?.iter().filter(|name| !recorded.contains(name)).collect();
    (!unknown.is_empty()).then(|| format!("services that the recording does not have: {unknown:?}"))
}

/// With what may differ made equal: times of the recording's day or of now, numbers, empty tables.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(members) if members.is_empty() => json!([]),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(time) if time > 1.7e12 => json!("<time>"),
            Some(number) => json!(number),
            None => value.clone(),
        },
        Value::String(_) | Value::Bool(_) | Value::Null => value.clone(),
    }
}
