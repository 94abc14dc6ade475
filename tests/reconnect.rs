//! Losses: the platform goes and comes back, the key is wrong and becomes right, the gateway is killed or stopped.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Site, free_port, remote_thing, result, wait_for, wait_until};

#[test]
fn after_the_platform_was_killed_everything_is_bound_again_and_values_flow() {
    let plant = Plant::new();
    let (mut platform, gateway) = plant.site.running();
    let _agents = plant.agents();
    plant.is_alive();

    platform.kill();
    let local = plant.site.local();
    local.online(false);
    // Reads are refused, all else is kept; tests/delivery has the contract.
    for path in [&format!("{FIXED}/Properties/temperature"), "Agent-0001/Properties", "Unknown/Properties/p"]
    {
        let answer = local.get(path);
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{answer:?}");
        assert!(answer.text().contains("not connected"), "{answer:?}");
    }
    // Its own services go on, and nothing was forgotten.
    assert_eq!(result(&local.post("LocalEms/Services/GetMicroserverVersion", &json!({}))), "5.4.0.114");
    local.has("Agent-0001", true);
    gateway.logs("No connection to the platform.");

    let _platform = plant.site.platform();
    plant.is_alive();
    local.online(true);
}

#[test]
fn a_thing_that_registers_while_the_platform_is_away_is_bound_when_it_is_back() {
    let site = Site::new([remote_thing("Late")]);
    let (mut platform, _gateway) = site.running();
    platform.kill();
    site.local().online(false);
    let agent = site.agents(&["--name", "Late"]);
    agent.event("the registration", |event| event["event"] == "registered");
    let _platform = site.platform();
    site.rest().connected("Late", true);
    site.rest().moves("Late", "temperature");
}

#[test]
fn a_refused_key_is_offered_again_until_the_platform_takes_it() {
    let plant = Plant::new();
    let mut platform = plant.site.platform_with_key("99999999-aaaa-4bbb-8ccc-000000000009");
    let gateway = plant.site.gateway();
    plant.site.ready(&gateway);
    let _agents = plant.agents();
    gateway.logs("The platform refused the application key.");
    let what = "the gateway tries again and again";
    wait_for(what, || platform.log().matches("Edge refused.").count(), |refusals| *refusals >= 3);
    let local = plant.site.local();
    assert!(!local.is_online());
    assert_eq!(local.get(&format!("{FIXED}/Properties/temperature")).status, 503);
    let said = gateway.log().matches("The platform refused the application key.").count();
    assert_eq!(said, 1, "a refusal that goes on is said once");
    assert!(!gateway.log().contains(&plant.site.key), "the key is a secret");

    platform.kill();
    let _platform = plant.site.platform();
    plant.is_alive();
}

#[test]
fn after_the_gateway_was_killed_things_register_and_are_bound_again() {
    let plant = Plant::new();
    let (_platform, mut gateway) = plant.site.running();
    let _agents = plant.agents();
    plant.is_alive();
    gateway.kill();
    for thing in plant.things() {
        plant.site.rest().connected(&thing, false);
    }
    let _gateway = plant.site.gateway();
    plant.is_alive();
}

#[test]
fn a_gateway_that_is_told_to_stop_unbinds_and_ends_with_success() {
    let plant = Plant::new();
    let (platform, mut gateway) = plant.site.running();
    let _agents = plant.agents();
    plant.is_alive();
    let ready = plant.site.folder().join("state/ready.json");
    assert!(ready.exists());
    assert!(gateway.terminate().success(), "{}", gateway.log());
    assert!(!ready.exists());
    // Unbound by the gateway before it closed: nothing is left for the platform to find out.
    for thing in plant.things() {
        assert!(!plant.site.rest().is_connected(&thing), "{thing} is bound still");
    }
    let port = plant.site.gateway_port;
    wait_until("the port is free", || std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    drop(platform);
}

/// The gateway's thing, one thing of `auto_bind` and many that register.
struct Plant {
    site: Site,
    fixed_port: u16,
}

impl Plant {
    fn new() -> Self {
        let names = (1..=MANY).map(|number| format!("Agent-{number:04}"));
        let mut site = Site::new(names.chain([FIXED.to_owned()]).map(|name| remote_thing(&name)));
        let fixed_port = free_port();
        let entry = json!({ "name": FIXED, "host": "127.0.0.1", "port": fixed_port, "protocol": "http" });
        site.config()["auto_bind"].as_array_mut().unwrap().push(entry);
        Self { site, fixed_port }
    }

    fn agents(&self) -> [Process; 2] {
        let (many, port) = (MANY.to_string(), self.fixed_port.to_string());
        // They ask often whether they are known still; a push alone does not tell them, for it is relayed all the same.
        let often = ["--rate", "2", "--keepalive-ms", "1000"];
        [
            self.site.agents(&[&often[..], &["--count", &many]].concat()),
            self.site.agents(&["--no-register", "--name", FIXED, "--port", &port, "--rate", "2"]),
        ]
    }

    fn things(&self) -> Vec<String> {
        let many = (1..=MANY).map(|number| format!("Agent-{number:04}"));
        many.chain([FIXED.to_owned(), EDGE_GATEWAY.to_owned()]).collect()
    }

    /// Waits until every thing is bound, pushes new values and answers a call.
    fn is_alive(&self) {
        let rest = self.site.rest();
        for thing in self.things() {
            rest.connected(&thing, true);
        }
        let counts = || -> BTreeMap<String, Value> {
            let things = self.things().into_iter().filter(|name| name != EDGE_GATEWAY);
            things.map(|thing| (thing.clone(), rest.value(&thing, "count"))).collect()
        };
        let before = counts();
        wait_for("every thing pushes a new count", &counts, |now| {
            now.iter().all(|(thing, count)| count.is_i64() && *count != before[thing])
        });
        for thing in [FIXED, "Agent-0001"] {
            assert_eq!(result(&rest.call(thing, "Add", &json!({ "a": 1, "b": 2 }))), 3, "{thing}");
        }
    }
}

const FIXED: &str = "OtherEdgeThing";
const MANY: u16 = 20;
