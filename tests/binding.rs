//! Every desired thing whose endpoint is not known dead is bound, or shown with reason and next attempt: what the tests of
//! scenarios, faults, losses and the journal do not show of it.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{collections::BTreeSet, net::TcpListener};

use edgebind_kernel::clock;
use serde_json::{Value, json};
use support::{Process, Site, edgebind, remote_thing, wait_for, wait_until};

/// What the admin interface says of a thing; `Null` if it does not know it.
fn thing(site: &Site, name: &str) -> Value {
    let state = site.folder().join("state");
    let output =
        edgebind().args(["things", name, "--json", "--state-dir"]).arg(state).output().expect("it runs");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Somebody who accepts connections and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

fn add(site: &Site, inputs: &Value) {
    let add = || site.local().post("LocalEms/Services/AddEdgeThing", inputs);
    let answer = wait_for("AddEdgeThing", add, |answer| answer.status != 503);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_loss_of_the_link_is_no_failure_of_a_thing_and_an_unreachable_platform_costs_no_restart() {
    let site = Site::new([remote_thing("Pump")]);
    let (mut platform, _gateway) = site.running();
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Pump", "host": "127.0.0.1", "port": port }));
    site.rest().connected("Pump", true);
    for _ in 0..2 {
        platform.kill();
        // Some attempts in vain, each with the time of the next.
        let mut attempts = BTreeSet::new();
        wait_for(
            "attempts to connect",
            || {
                let waiting = thing(&site, "Pump");
                if waiting["state"] == "waiting for the platform" {
                    attempts.extend(waiting["next_retry_unix_ms"].as_i64());
                }
                attempts.len()
            },
            |attempts| *attempts >= 3,
        );
        platform = site.platform();
        site.rest().connected("Pump", true);
    }
    let pump = thing(&site, "Pump");
    assert_eq!((&pump["restarts"], &pump["last_exit"]), (&json!(0), &Value::Null), "{pump}");
}

#[test]
fn a_keepalive_below_one_second_is_clamped_and_no_lease() {
    let site = Site::new([]);
    let gateway = site.gateway();
    site.ready(&gateway);
    let (listener, port) = silent();
    listener.set_nonblocking(true).expect("a listener that can be asked");
    add(&site, &json!({ "name": "Quick", "host": "127.0.0.1", "port": port, "keepalive": 10 }));
    assert_eq!(thing(&site, "Quick")["endpoint"]["keepalive_ms"], 1000);
    // Several probes later it stands, although it was not renewed: somebody answers there.
    for _ in 0..4 {
        wait_until("a probe", || listener.accept().ok());
    }
    let state = || thing(&site, "Quick")["endpoint"]["state"].clone();
    wait_for("the state of the endpoint", state, |state| state == "answering");
}

#[test]
fn the_first_failed_connect_makes_suspect_and_the_second_a_second_later_ends_the_registration() {
    let site = Site::new([remote_thing("Pump")]);
    let (_platform, gateway) = site.running();
    let (listener, port) = silent();
    add(&site, &json!({ "name": "Pump", "host": "127.0.0.1", "port": port, "keepalive": 1000 }));
    site.rest().connected("Pump", true);
    drop(listener);
    gateway.logs("Nobody answers the probe, it is repeated.");
    site.rest().connected("Pump", false);
    site.local().has("Pump", false);
    let log = gateway.log();
    let place = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text}: {log}"));
    let (first, second) = (place("it is repeated"), place("Nobody answers at the endpoint."));
    assert!(first < second && second < place("Deregistered."));
    // One that comes back in between is forgiven.
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Pump", "host": "127.0.0.1", "port": port, "keepalive": 1000 }));
    site.rest().connected("Pump", true);
    assert_eq!(gateway.log().matches("Nobody answers at the endpoint.").count(), 1);
}

#[test]
fn after_a_new_bind_the_agent_is_told_and_asks_for_its_subscriptions_anew() {
    let site = Site::new([remote_thing("Pump")]);
    let (mut platform, mut gateway) = site.running();
    let agents = site.agents(&["--name", "Pump", "--rate", "5"]);
    site.rest().connected("Pump", true);
    site.rest().moves("Pump", "count");
    let subscribed =
        |agents: &Process| agents.events().iter().filter(|event| event["event"] == "subscribed").count();
    // A new platform, then a new gateway: each makes a new binding, and the agent has registered once.
    for part in ["platform", "gateway"] {
        let before = subscribed(&agents);
        if part == "platform" {
            platform.kill();
            platform = site.platform();
        } else {
            gateway.kill();
            gateway = site.gateway();
            site.ready(&gateway);
        }
        wait_for(&format!("subscriptions after a new {part}"), || subscribed(&agents), |now| *now > before);
        site.rest().connected("Pump", true);
        site.rest().moves("Pump", "count");
    }
    let registrations = agents.events().iter().filter(|event| event["event"] == "registered").count();
    assert_eq!(registrations, 1, "the journal has restored it, it had no reason to register again");
}

#[test]
fn hundreds_of_things_held_by_an_old_session_are_bound_soon_after_it_is_released() {
    let names: Vec<String> = (0..300).map(|number| format!("T-{number:03}")).collect();
    let mut site = Site::new(names.iter().map(|name| remote_thing(name)));
    let entry = |name: &String| json!({ "name": name, "host": "localhost", "port": 9 });
    site.config()["auto_bind"] = names.iter().map(entry).collect();
    let (_platform, mut first) = site.running();
    let last = names.last().expect("300 names");
    site.rest().connected(last, true);
    let second = site.beside();
    let gateway = second.gateway();
    second.ready(&gateway);
    let by_state = || {
        let state = second.folder().join("state");
        let output =
            edgebind().args(["status", "--json", "--state-dir"]).arg(state).output().expect("it runs");
        let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        all["status"]["things"]["by_state"].clone()
    };
    wait_for("all wait", by_state, |states| states["waiting for the old session"] == 300);
    // Some rounds of waiting, in which the backoffs grow.
    let restarts = || thing(&second, last)["restarts"].as_u64();
    wait_for("some attempts", restarts, |restarts| *restarts >= Some(5));
    first.kill();
    let released = clock::now();
    wait_for("all are bound", by_state, |states| states["bound"] == 300);
    let took = clock::now().duration_since(released);
    println!("300 things bound {took:?} after the old session was released");
}
