//! The scenarios A, B and D with the script resource on the device's side, and what must not be lost when gateway or
//! platform are away.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::{Value, json};
use support::{Process, Request, Resource, Rest, Site, remote_thing, result, wait_for};

const THING: &str = "OtherEdgeThing";

/// The device of the site: `settings` are further settings of its script.
fn device(site: &Site, settings: &str) -> Resource {
    let script = format!(
        "scripts.{THING} = {{ file = 'thing.lua', template = 'device', scanRate = 600, keepAliveRate = 2000, {settings} }}"
    );
    let resource = Resource::new(site.gateway_port, &script);
    resource.file("custom/templates/device.lua", include_str!("lua/device.lua"));
    resource
}

/// An installation whose gateway has the device in its configuration (scenario A).
fn explicit() -> (Site, Resource) {
    let mut site = Site::new([remote_thing(THING)]);
    let resource = device(&site, "register = false");
    let port = resource.port;
    let entry = json!({ "name": THING, "host": "localhost", "port": port, "protocol": "http" });
    site.config()["auto_bind"].as_array_mut().unwrap().push(entry);
    (site, resource)
}

fn works(rest: &Rest) {
    rest.connected(THING, true);
    for property in ["temperature", "count"] {
        rest.moves(THING, property);
    }
    let written = rest.put(THING, "label", &json!("pump 3"));
    assert_eq!(written.status, 200, "{}", written.text());
    wait_for("the label", || rest.value(THING, "label"), |label| label == "pump 3");
    assert_eq!(result(&rest.call(THING, "Add", &json!({ "a": 2, "b": 3.5 }))), 5.5);
}

#[test]
fn a_configured_thing_works_when_the_device_starts_last() {
    let (site, resource) = explicit();
    let _running = site.running();
    let _device = resource.start();
    works(&site.rest());
}

#[test]
fn a_configured_thing_works_when_the_device_starts_first() {
    let (site, resource) = explicit();
    let _device = resource.start();
    let gateway = site.gateway();
    site.ready(&gateway);
    let _platform = site.platform();
    works(&site.rest());
}

#[test]
fn registering_by_name_binds_and_stopping_unbinds() {
    let site = Site::new([remote_thing(THING)]);
    let _running = site.running();
    let resource = device(&site, "register = true");
    let mut process = resource.start();
    works(&site.rest());
    site.local().has(THING, true);
    assert!(process.terminate().success());
    site.rest().connected(THING, false);
    site.local().has(THING, false);
}

#[test]
fn a_thing_with_an_identifier_is_bound_by_it() {
    let mut thing = remote_thing(THING);
    thing["identifier"] = json!("SN-4711");
    let site = Site::new([thing]);
    let _running = site.running();
    let resource = device(&site, "identifier = 'SN-4711'");
    let _process = resource.start();
    works(&site.rest());
    assert_eq!(site.rest().thing(THING)["boundName"], "*SN-4711");
}

#[test]
fn services_take_and_give_what_they_should() {
    let site = Site::new([remote_thing(THING)]);
    let _running = site.running();
    let resource = device(&site, "register = true");
    let _process = resource.start();
    let rest = site.rest();
    rest.connected(THING, true);
    for text in ["", "grün \"q\" \\ \n\t end", "ключ 鍵 🔑", &"x".repeat(20_000)] {
        let answer = rest.call(THING, "Echo", &json!({ "text": text }));
        assert_eq!((answer.status, result(&answer)), (200, json!(text)));
    }
    let failed = rest.call(THING, "Fail", &json!({}));
    assert_eq!(failed.status, 500);
    assert!(failed.text().contains("it failed"), "{}", failed.text());
    assert_eq!(rest.call(THING, "Nope", &json!({})).status, 404);
}

/// The numbers that the platform has seen of `count`, in their order.
fn counted(rest: &Rest) -> Vec<i64> {
    let path = format!("/edgebind/v1/platform/things/{THING}/properties/count/history");
    let answer = Request::get(&path).header("appKey", &rest.key).send(&rest.address).unwrap();
    let samples = answer.json()["samples"].as_array().cloned().unwrap_or_default();
    samples.iter().filter_map(|sample| sample["value"].as_i64()).collect()
}

/// Every number is there; one may have come twice, when its answer was lost (at least once).
fn nothing_is_missing(numbers: &[i64]) {
    assert!(numbers.windows(2).all(|two| two[1] <= two[0] + 1), "{numbers:?}");
}

/// A site whose platform remembers enough of `count`, with everything running.
fn counting() -> (Site, (Process, Process), Resource, Process) {
    let mut thing = remote_thing(THING);
    let properties = thing["properties"].as_array_mut().unwrap();
    let count = properties.iter_mut().find(|property| property["name"] == "count").unwrap();
    count["history"] = json!(10_000);
    let site = Site::new([thing]);
    let running = site.running();
    let resource = device(&site, "register = true");
    let process = resource.start();
    wait_for("the first values", || counted(&site.rest()), |numbers| numbers.len() >= 3);
    (site, running, resource, process)
}

#[test]
fn a_killed_gateway_costs_no_value_and_binds_the_thing_again() {
    let (site, (_platform, mut gateway), resource, _process) = counting();
    let rest = site.rest();
    gateway.kill();
    rest.connected(THING, false);
    // The thing goes on counting: a read takes the next number, as a scan does.
    let before = resource.property(THING, "count").as_i64().unwrap();
    wait_for(
        "the thing counts",
        || resource.property(THING, "count").as_i64().unwrap(),
        |now| *now >= before + 4,
    );
    let _gateway = site.gateway();
    rest.connected(THING, true);
    let seen = counted(&rest).len();
    wait_for("values after the return", || counted(&rest).len(), |now| *now >= seen + 5);
    assert!(resource.get(&format!("/scripts/{THING}/status")).text().contains("Running"));
}

#[test]
fn values_read_while_the_gateway_is_away_arrive_in_their_order() {
    let (site, (_platform, mut gateway), _resource, process) = counting();
    let rest = site.rest();
    gateway.kill();
    rest.connected(THING, false);
    let failures = || process.output().matches("does not register").count();
    wait_for("two failed registrations", failures, |count| *count >= 2);
    let last = *counted(&rest).last().unwrap();
    let _gateway = site.gateway();
    rest.connected(THING, true);
    wait_for("what was kept", || counted(&rest).last().copied(), |now| *now >= Some(last + 6));
    nothing_is_missing(&counted(&rest));
}

#[test]
fn values_read_while_the_platform_is_away_arrive_in_their_order() {
    let (site, (mut platform, _gateway), resource, _process) = counting();
    let last = *counted(&site.rest()).last().unwrap();
    platform.kill();
    site.local().online(false);
    let first = resource.property(THING, "running");
    assert_eq!(first, Value::Bool(true));
    let _platform = site.platform();
    let rest = site.rest();
    rest.connected(THING, true);
    wait_for("values again", || counted(&rest).last().copied(), |now| *now >= Some(last + 4));
    // The platform forgot its history with its end; what it has seen since has no gaps.
    let numbers = counted(&rest);
    assert!(numbers.first().is_some_and(|first| *first <= last + 1), "{numbers:?} after {last}");
    nothing_is_missing(&numbers);
}
