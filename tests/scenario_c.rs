//! Scenario C: many gateways may share the thing of one gateway, or have none at all.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Site, remote_thing, result, wait_for};

#[test]
fn two_gateways_of_one_name_serve_the_things_behind_both() {
    let first = Site::new([remote_thing("Pump"), remote_thing("Fan")]);
    let (platform, gateway) = first.running();
    let rest = first.rest();
    rest.connected(EDGE_GATEWAY, true);
    let second = first.beside();
    let refused = second.gateway();
    second.ready(&refused);
    let _agents = [first.agents(&["--name", "Pump"]), second.agents(&["--name", "Fan"])];
    for thing in ["Pump", "Fan"] {
        rest.connected(thing, true);
        rest.moves(thing, "temperature");
        assert_eq!(result(&rest.call(thing, "Add", &json!({ "a": 1, "b": 2 }))), 3, "{thing}");
    }
    // The platform keeps the shared thing for the first; the second is refused again and again, and says it once.
    let refusals = || platform.log().matches("Bind refused.").count();
    wait_for("the second gateway tries again", refusals, |refusals| *refusals >= 3);
    let warnings = |process: &Process| -> Vec<String> {
        let log = process.log();
        log.lines().filter(|line| line.contains(" WARN ")).map(str::to_owned).collect()
    };
    let said = warnings(&refused);
    assert!((1..=2).contains(&said.len()), "the marker and the name, once each: {said:#?}");
    assert!(said.iter().all(|line| line.contains(EDGE_GATEWAY)), "{said:#?}");
    assert_eq!(warnings(&gateway), Vec::<String>::new());
    for thing in ["Pump", "Fan", EDGE_GATEWAY] {
        assert!(rest.is_connected(thing), "{thing} is connected still");
    }
}

#[test]
fn a_gateway_that_the_platform_does_not_know_is_there_as_long_as_it_is_connected() {
    let mut site = Site::new([remote_thing("Pump")]);
    site.config()["auto_bind"] = json!([{ "name": "Nameless", "gateway": true }]);
    let (_platform, mut gateway) = site.running();
    let rest = site.rest();
    rest.connected("Nameless", true);
    assert_eq!(rest.thing("Nameless")["ephemeral"], true);
    assert_eq!(result(&rest.call("Nameless", "GetMicroserverVersion", &json!({}))), "5.4.0.114");
    let _agent = site.agents(&["--name", "Pump"]);
    rest.connected("Pump", true);
    assert!(gateway.terminate().success());
    wait_for("it is gone", || rest.get("Nameless").status, |status| *status == 404);
    assert_ne!(rest.thing("Pump"), Value::Null);
}

#[test]
fn a_gateway_without_a_name_of_its_own_binds_the_things_behind_it() {
    let mut site = Site::new([remote_thing("Pump")]);
    site.config().as_object_mut().unwrap().remove("auto_bind");
    let _running = site.running();
    let _agent = site.agents(&["--name", "Pump"]);
    site.rest().connected("Pump", true);
    site.rest().moves("Pump", "temperature");
    assert!(!site.rest().is_connected(EDGE_GATEWAY));
}
