//! Scenario B: things that register by themselves, by name or by identifier; what is gone is unbound.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::time::Duration;

use edgebind_kernel::clock;
use serde_json::{Value, json};
use support::{Site, remote_thing, result, wait_for};

#[test]
fn registering_by_name_binds_and_signing_off_unbinds() {
    let site = Site::new([remote_thing("Pump")]);
    let _running = site.running();
    let (rest, local) = (site.rest(), site.local());
    assert!(!rest.is_connected("Pump"));
    let mut agent = site.agents(&["--name", "Pump", "--rate", "5"]);
    rest.connected("Pump", true);
    assert!(rest.thing("Pump")["lastConnection"].is_i64());
    rest.moves("Pump", "temperature");
    local.has("Pump", true);
    assert!(agent.terminate().success());
    rest.connected("Pump", false);
    local.has("Pump", false);
    assert!(rest.is_connected(support::EDGE_GATEWAY));
}

#[test]
fn a_thing_with_an_identifier_is_bound_by_it() {
    let mut thing = remote_thing("Press");
    thing["identifier"] = json!("SN-4711");
    let site = Site::new([thing]);
    let _running = site.running();
    let rest = site.rest();
    let mut agent = site.agents(&["--name", "Press", "--identifier", "SN-4711", "--rate", "5"]);
    rest.connected("Press", true);
    assert_eq!(rest.thing("Press")["boundName"], "*SN-4711");
    rest.moves("Press", "temperature");
    // The platform's callers use the name, whatever the thing is bound as.
    let echo = rest.call("Press", "Echo", &json!({ "text": "hello" }));
    assert_eq!((echo.status, result(&echo)), (200, json!("hello")));
    let written = rest.put("Press", "label", &json!("by name"));
    assert_eq!(written.status, 200, "{}", written.text());
    wait_for("the written value comes back", || rest.value("Press", "label"), |label| label == "by name");
    assert!(agent.terminate().success());
    rest.connected("Press", false);
}

#[test]
fn a_thing_with_an_identifier_cannot_be_bound_by_its_name() {
    let mut thing = remote_thing("Press");
    thing["identifier"] = json!("SN-4711");
    let site = Site::new([thing, remote_thing("Pump")]);
    let (platform, gateway) = site.running();
    let rest = site.rest();
    let by_name = site.agents(&["--name", "Press"]);
    // The gateway took it in; it is the platform that refuses, again and again.
    by_name.event("the registration", |event| event["event"] == "registered");
    let what = "the gateway tries again";
    wait_for(what, || platform.log().matches("Bind refused.").count(), |refusals| *refusals >= 3);
    let log = gateway.log();
    let said: Vec<&str> =
        log.lines().filter(|line| line.contains("refused") && line.contains("Press")).collect();
    assert_eq!(said.len(), 1, "a refusal that goes on is said once: {log}");
    assert!(!rest.is_connected("Press"));
    // A refusal is no matter for the others.
    let _other = site.agents(&["--name", "Pump"]);
    rest.connected("Pump", true);
    let _by_identifier = site.agents(&["--name", "Press", "--identifier", "SN-4711"]);
    rest.connected("Press", true);
    assert_eq!(rest.thing("Press")["boundName"], "*SN-4711");
}

#[test]
fn a_killed_agent_is_unbound_its_neighbour_is_served_and_its_return_binds_it() {
    let site = Site::new([remote_thing("Pump"), remote_thing("Fan")]);
    let _running = site.running();
    let rest = site.rest();
    let quick = ["--keepalive-ms", "1000", "--rate", "5", "--name"];
    let mut pump = site.agents(&[&quick[..], &["Pump"]].concat());
    let _fan = site.agents(&[&quick[..], &["Fan"]].concat());
    rest.connected("Pump", true);
    rest.connected("Fan", true);
    let killed = clock::now();
    pump.kill();
    wait_for(
        "the killed thing is disconnected",
        || {
            let sum = rest.call("Fan", "Add", &json!({ "a": 1, "b": 2 }));
            assert_eq!((sum.status, result(&sum)), (200, json!(3)), "the neighbour is served");
            assert!(rest.is_connected("Fan"));
            rest.is_connected("Pump")
        },
        |connected| !connected,
    );
    // At most one interval, a second look a second later, and room for a busy machine.
    let took = clock::now().duration_since(killed);
    assert!(took < Duration::from_secs(8), "unbound after {took:?} with a probe each second");
    site.local().has("Pump", false);
    let refused = rest.call("Pump", "Add", &json!({ "a": 1, "b": 2 }));
    assert_eq!(refused.status, 503, "{}", refused.text());

    let _again = site.agents(&[&quick[..], &["Pump"]].concat());
    rest.connected("Pump", true);
    rest.moves("Pump", "temperature");
    rest.moves("Fan", "temperature");
}

#[test]
fn a_killed_script_resource_takes_all_its_things_with_it() {
    let names = ["Hall-0001", "Hall-0002", "Hall-0003"];
    let site = Site::new(names.map(remote_thing));
    let _running = site.running();
    let rest = site.rest();
    let arguments = ["--name-prefix", "Hall", "--count", "3", "--shared-port", "--keepalive-ms", "1000"];
    let mut agents = site.agents(&arguments);
    for name in names {
        rest.connected(name, true);
    }
    agents.kill();
    for name in names {
        rest.connected(name, false);
    }
    let left = site.local().post("LocalEms/Services/GetEdgeThings", &json!({})).json();
    assert_eq!(left["rows"].as_array().map(Vec::len), Some(1), "the gateway's own thing stays: {left}");
    let _again = site.agents(&arguments);
    for name in names {
        rest.connected(name, true);
        assert_ne!(rest.thing(name), Value::Null);
    }
}
