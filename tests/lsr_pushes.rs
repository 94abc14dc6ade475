//! What things push, and that nothing they wanted to push is lost (script resource notes, 4.4 to 4.7; where ours differs,
//! `docs/deviations.md`).
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use support::{Recorder, Resource, Seen, rows_of, wait_for};

/// Two values that count up with each read, and one that is set.
const TEMPLATE: &str = "module('templates.t', thingworx.template.extend)\n\
    properties.count = { baseType = 'NUMBER', handler = 'generator', functionType = 'ramp', minValue = 0, maxValue = 1e9 }\n\
    properties.other = { baseType = 'NUMBER', handler = 'generator', functionType = 'ramp', minValue = 0, maxValue = 1e9 }\n\
    properties.label = { baseType = 'STRING', value = 'first' }\n";

/// The body of an answer with one result.
fn table(column: &str, value: &Value) -> String {
    json!({ "dataShape": { "fieldDefinitions": {} }, "rows": [{ column: value }] }).to_string()
}

fn subscriptions(names: &[&str]) -> String {
    let rows: Vec<Value> = names
        .iter()
        .map(|name| json!({ "edgeName": name, "pushType": "VALUE", "pushThreshold": 0 }))
        .collect();
    json!({ "dataShape": { "fieldDefinitions": {} }, "rows": rows }).to_string()
}

/// A gateway that answers everything, pushes with what `push` says.
fn gateway(names: &'static [&'static str], push: impl Fn(&Seen) -> u16 + Send + Sync + 'static) -> Recorder {
    Recorder::start(move |seen| match seen.path.rsplit('/').next().unwrap_or_default() {
        "GetPropertySubscriptions" => (200, subscriptions(names)),
        "HasEdgeThing" => (200, table("result", &json!(true))),
        "isConnected" => (200, table("isConnected", &json!(true))),
        "UpdateSubscribedPropertyValues" => (push(seen), String::new()),
        _ => (200, String::new()),
    })
}

fn resource(gateway: &Recorder, settings: &str) -> Resource {
    let script = format!("scripts.T = {{ file = 'thing.lua', template = 't', scanRate = 600, {settings} }}");
    let resource = Resource::new(gateway.port, &script);
    resource.file("custom/templates/t.lua", TEMPLATE);
    resource
}

/// Whether the numbers of one property come one after the other, none missing, none twice.
fn gapless(rows: &[(String, Value)], name: &str) -> bool {
    let numbers: Vec<i64> = rows
        .iter()
        .filter(|(of, _)| of == name)
        .filter_map(|(_, value)| value.as_f64())
        .map(|n| n as i64)
        .collect();
    numbers.windows(2).all(|two| two[1] == two[0] + 1)
}

#[test]
fn values_of_a_refused_push_come_later_in_their_order() {
    let refuses = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&refuses);
    let gateway =
        gateway(&["count", "other"], move |_| if switch.load(Ordering::Relaxed) { 503 } else { 200 });
    let resource = resource(&gateway, "maxConcurrentPropertyUpdates = 1");
    let _running = resource.start();
    gateway.until("UpdateSubscribedPropertyValues", 4);
    refuses.store(true, Ordering::Relaxed);
    let refused_from = gateway.seen().len();
    let attempts =
        || gateway.seen()[refused_from..].iter().filter(|seen| seen.path.contains("Update")).count();
    wait_for("two refused attempts", attempts, |count| *count >= 2);
    let refused: Vec<_> = gateway.seen()[refused_from..]
        .iter()
        .filter(|seen| seen.path.contains("Update"))
        .map(rows_of)
        .collect();
    // The first row that was refused is what is sent again, and nothing passes it.
    assert!(refused.len() >= 2);
    assert_eq!(refused[refused.len() - 2], refused[refused.len() - 1]);
    let repeated = refused[refused.len() - 1].clone();
    refuses.store(false, Ordering::Relaxed);
    let before = gateway.rows("T").len();
    wait_for("what was kept", || gateway.rows("T").len(), |count| *count >= before + 8);
    // What was refused was answered more than once; afterwards each value came once.
    let rows = gateway.rows("T");
    let from = rows.iter().rposition(|row| *row == repeated[0]).unwrap();
    assert!(gapless(&rows[from..], "count"), "{rows:?}");
    assert!(gapless(&rows[from..], "other"), "{rows:?}");
}

#[test]
fn what_the_gateway_has_on_disk_is_not_sent_again() {
    let gateway = gateway(&["count"], |_| 202);
    let resource = resource(&gateway, "taskRate = 60000");
    let _running = resource.start();
    gateway.until("UpdateSubscribedPropertyValues", 5);
    let rows = gateway.rows("T");
    assert!(gapless(&rows, "count"), "{rows:?}");
}

#[test]
fn a_thing_that_stops_signs_off() {
    let gateway = gateway(&[], |_| 200);
    let resource = resource(&gateway, "register = true");
    let mut running = resource.start();
    gateway.until("GetPropertySubscriptions", 1);
    let status = running.terminate();
    assert!(status.success(), "{status}");
    let removed = gateway.until("RemoveEdgeThing", 1);
    assert_eq!(removed[0].json, json!({ "name": "T" }));
}

#[test]
fn a_value_set_by_a_service_is_pushed_though_nothing_else_is_due() {
    let gateway = gateway(&["label"], |_| 200);
    let script = "scripts.T = { file = 'thing.lua', template = 't', scanRate = 3600000, taskRate = 3600000 }";
    let resource = Resource::new(gateway.port, script);
    resource.file(
        "custom/templates/t.lua",
        format!(
            "{TEMPLATE}services.Set = function(me, headers, query, data)\n\
               return me:setProperty('label', nil, nil, {{ value = data.value }})\nend\n"
        ),
    );
    let _running = resource.start();
    wait_for("the first push", || gateway.rows("T"), |rows| rows.contains(&("label".into(), json!("first"))));
    for value in ["second", "third"] {
        assert_eq!(resource.call("T", "Set", &json!({ "value": value })).status, 200);
        wait_for("its push", || gateway.rows("T"), |rows| rows.contains(&("label".into(), json!(value))));
    }
}

#[test]
fn a_thing_that_the_gateway_forgot_registers_again() {
    let forgotten = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&forgotten);
    let gateway = Recorder::start(move |seen| match seen.path.rsplit('/').next().unwrap_or_default() {
        "HasEdgeThing" => (200, table("result", &json!(!switch.swap(false, Ordering::Relaxed)))),
        "isConnected" => (200, table("isConnected", &json!(true))),
        _ => (200, String::new()),
    });
    let resource = resource(&gateway, "keepAliveRate = 1000");
    let _running = resource.start();
    gateway.until("HasEdgeThing", 1);
    assert_eq!(gateway.until("AddEdgeThing", 1).len(), 1);
    forgotten.store(true, Ordering::Relaxed);
    gateway.until("AddEdgeThing", 2);
}

#[test]
fn registration_says_how_the_thing_is_reached() {
    let gateway = gateway(&[], |_| 200);
    let resource = resource(&gateway, "identifier = 'SN-1', keepAliveRate = 2000, requestTimeout = 7000");
    let _running = resource.start();
    let registered = gateway.until("AddEdgeThing", 1);
    assert_eq!(
        registered[0].json,
        json!({
            "name": "*SN-1", "host": "127.0.0.1", "port": resource.port.to_string(), "proto": "http",
            "path": "/scripts/Thingworx", "keepalive": 2000, "timeout": 7000
        })
    );
    gateway.until("/Thingworx/Things/*SN-1/Services/GetPropertySubscriptions", 1);
    resource.serves("T");
    assert_eq!(resource.property("*SN-1", "label"), "first");
    assert_eq!(resource.property("T", "label"), "first");
}
