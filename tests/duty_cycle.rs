//! A link that is off most of the time: it unbinds and closes in order, comes back, keeps what is sent meanwhile, and comes
//! back early when somebody asks and the site wants that.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::{Value, json};
use support::{Process, Site, edgebind, remote_thing, wait_for, wait_until};

const THING: &str = "Pump";

/// A site with a thing that nobody has to answer for, and a link with this duty cycle.
fn site(percent: u8, period_ms: u32, on_demand: bool) -> Site {
    let mut site = Site::new([remote_thing(THING)]);
    let port = support::free_port();
    site.config()["auto_bind"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": THING, "host": "127.0.0.1", "port": port }));
    let link = &mut site.config()["ws_connection"];
    link["duty_cycle"] = json!(percent);
    link["connect_period"] = json!(period_ms);
    link["connect_on_demand"] = json!(on_demand);
    site
}

/// What `edgebind status` says.
fn status(site: &Site) -> Value {
    let state = site.folder().join("state");
    let output = edgebind().args(["status", "--json", "--state-dir"]).arg(&state).output().unwrap();
    serde_json::from_slice::<Value>(&output.stdout).map_or(Value::Null, |mut all| all["status"].take())
}

fn sleeps(site: &Site) -> Value {
    wait_for("the link sleeps", || status(site), |status| status["link"]["state"] == "sleeping")
}

fn start(site: &Site) -> (Process, Process) {
    let (platform, gateway) = (site.platform(), site.gateway());
    site.ready(&gateway);
    (platform, gateway)
}

#[test]
fn the_link_goes_off_in_order_and_comes_back() {
    let site = site(50, 3000, false);
    let (platform, gateway) = start(&site);
    for _ in 0..2 {
        site.rest().connected(THING, true);
        site.rest().connected(THING, false);
    }
    gateway.logs("The duty cycle begins its time off.");
    platform.logs("Normal Close Duty cycle off time");
    assert!(!gateway.log().contains("No connection to the platform."), "nothing is wrong");
}

#[test]
fn what_is_sent_in_the_time_off_is_kept_and_arrives_after_it() {
    let site = site(20, 5000, false);
    let (_platform, _gateway) = start(&site);
    let asleep = sleeps(&site);
    assert_eq!(asleep["health"], "ready", "{asleep}");
    assert!(asleep["link"]["next_retry_unix_ms"].is_i64(), "{asleep}");
    let local = site.local();
    // Whether each comes in the time off is seen by its answer: 202 is kept, 200 is delivered.
    let mut number = 0;
    let kept = wait_until("a write in the time off", || {
        number += 1;
        let label = format!("write {number}");
        let answer = local.put(&format!("{THING}/Properties/label"), &json!({ "label": label }));
        (answer.status == 202).then_some(label)
    });
    wait_for("the write arrives", || site.rest().value(THING, "label"), |value| *value == json!(kept));
    // A read cannot wait.
    wait_until("a read in the time off", || {
        (local.get(&format!("{THING}/Properties/label")).status == 503).then_some(())
    });
}

#[test]
fn a_caller_wakes_the_link_where_the_site_wants_that() {
    // Without the caller it would sleep for most of an hour.
    let site = site(1, 3_600_000 / 60, true);
    let (_platform, gateway) = start(&site);
    sleeps(&site);
    let answer = site.local().get(&format!("{THING}/Properties/label"));
    assert_ne!(answer.status, 503, "{answer:?}");
    gateway.logs("Somebody asks in the time off: connecting.");
    sleeps(&site);
    let answer = site.local().put(&format!("{THING}/Properties/label"), &json!({ "label": "x" }));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_platform_that_is_gone_when_somebody_asks_holds_nobody_up_for_ever() {
    let mut site = site(1, 60_000, true);
    site.config()["ws_connection"]["connect_timeout"] = json!(2000);
    let (mut platform, _gateway) = start(&site);
    sleeps(&site);
    platform.kill();
    let answer = site.local().get(&format!("{THING}/Properties/label"));
    assert_eq!(answer.status, 503, "{answer:?}");
    let answer = site.local().put(&format!("{THING}/Properties/label"), &json!({ "label": "x" }));
    assert_eq!(answer.status, 202, "{answer:?}");
}
