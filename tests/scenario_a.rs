//! Scenario A: a gateway with explicitly defined remote things, in every order of starting its parts.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::json;
use support::{EDGE_GATEWAY, Process, Site, free_port, remote_thing, result, wait_for};

#[test]
fn platform_gateway_device() {
    walk_through([Part::Platform, Part::Gateway, Part::Device]);
}

#[test]
fn platform_device_gateway() {
    walk_through([Part::Platform, Part::Device, Part::Gateway]);
}

#[test]
fn gateway_platform_device() {
    walk_through([Part::Gateway, Part::Platform, Part::Device]);
}

#[test]
fn gateway_device_platform() {
    walk_through([Part::Gateway, Part::Device, Part::Platform]);
}

#[test]
fn device_platform_gateway() {
    walk_through([Part::Device, Part::Platform, Part::Gateway]);
}

#[test]
fn device_gateway_platform() {
    walk_through([Part::Device, Part::Gateway, Part::Platform]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Platform,
    Gateway,
    Device,
}

/// Starts the parts one after the other and looks at everything that the scenario promises.
fn walk_through(order: [Part; 3]) {
    let mut site = Site::new([remote_thing(THING)]);
    let device_port = free_port();
    // The text of the scenario, with the ports of this test; nothing in it is there for the test's sake.
    *site.config() = json!({
        "ws_servers": [{ "host": "localhost", "port": site.platform_port }],
        "appKey": site.key,
        "certificates": { "validate": false },
        "logger": { "level": "INFO" },
        "http_server": { "host": "localhost", "port": site.gateway_port, "ssl": false, "authenticate": false },
        "ws_connection": { "encryption": "none" },
        "auto_bind": [
            { "name": EDGE_GATEWAY, "gateway": true },
            { "name": THING, "host": "localhost", "port": device_port, "protocol": "http" }
        ]
    });
    let mut device = None;
    let mut others = Vec::new();
    for (place, part) in order.into_iter().enumerate() {
        match part {
            Part::Platform => {
                others.push(site.platform());
                site.rest().up();
            }
            Part::Gateway => {
                let gateway = site.gateway();
                site.ready(&gateway);
                if !order[..place].contains(&Part::Platform) {
                    gateway.logs("No connection to the platform.");
                    assert!(!site.local().is_online());
                }
                others.push(gateway);
            }
            Part::Device => {
                let port = device_port.to_string();
                let started = site.agents(&["--no-register", "--name", THING, "--port", &port]);
                started.event("the address", |event| event["event"] == "listening");
                device = Some(started);
            }
        }
    }
    look(&site, device.expect("one of the parts"));
}

fn look(site: &Site, mut device: Process) {
    let rest = site.rest();
    for thing in [EDGE_GATEWAY, THING] {
        rest.connected(thing, true);
        assert_eq!(rest.get(&format!("{thing}/Properties/isConnected")).cell("isConnected"), true);
        let since = rest.get(&format!("{thing}/Properties/lastConnection")).cell("lastConnection");
        assert!(since.as_i64().is_some_and(|millis| millis > 1_700_000_000_000), "{thing}: {since}");
    }
    for property in ["temperature", "count"] {
        rest.moves(THING, property);
    }

    let written = rest.put(THING, "label", &json!("pump 3"));
    assert_eq!(written.status, 200, "{}", written.text());
    device.event("the write", |event| event["event"] == "written" && event["property"] == "label");
    wait_for("the written value comes back", || rest.value(THING, "label"), |label| label == "pump 3");
    let read = rest.get(&format!("{THING}/Properties/label"));
    assert_eq!((read.status, read.cell("label")), (200, json!("pump 3")), "{}", read.text());

    let sum = rest.call(THING, "Add", &json!({ "a": 2, "b": 3.5 }));
    assert_eq!((sum.status, result(&sum)), (200, json!(5.5)));
    device.event("the call", |event| event["event"] == "called" && event["service"] == "Add");

    let browsed = result(&rest.call(THING, "GetMetadata", &json!({})));
    for property in ["temperature", "running", "count", "label"] {
        assert_eq!(browsed["propertyDefinitions"][property]["name"], property, "{browsed}");
    }
    for service in ["Add", "Echo", "GetMetadata"] {
        assert_eq!(browsed["serviceDefinitions"][service]["name"], service, "{browsed}");
    }

    let known = rest.call(EDGE_GATEWAY, "GetEdgeThings", &json!({})).json();
    let rows = known["rows"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [EDGE_GATEWAY, THING]);

    // The value that the platform holds is no answer: a read goes to the device, and fails with it.
    device.kill();
    let read = rest.get(&format!("{THING}/Properties/label"));
    assert_eq!(read.status, 504, "{}", read.text());
    assert!(rest.is_connected(THING), "a thing of the configuration stays bound");
}

const THING: &str = "OtherEdgeThing";
