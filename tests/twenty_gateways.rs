//! Scenario C at its size: twenty gateways share one gateway name. It harms no thing, and is said once.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Site, edgebind, wait_for, wait_until};

const GATEWAYS: usize = 20;

/// Twenty gateways of one site, each with things of its own.
struct Fleet {
    site: Site,
    platform: Process,
    gateways: Vec<Process>,
}

impl Fleet {
    /// Starts the platform, then the gateways, which share `gateway` and the things of `shared`.
    fn start(gateway: &str, shared: &[&str]) -> Self {
        let names = (0..GATEWAYS).flat_map(own).chain(shared.iter().map(|name| (*name).to_owned()));
        let mut site = Site::new(names.map(|name| json!({ "name": name })));
        let platform = site.platform();
        site.rest().up();
        let gateways = (0..GATEWAYS).map(|number| {
            let mut config = site.config().clone();
            config["http_server"]["port"] = json!(0);
            let things = own(number).into_iter().chain(shared.iter().map(|name| (*name).to_owned()));
            let things = things.map(|name| json!({ "name": name, "host": "localhost", "port": 9 }));
            config["auto_bind"] = std::iter::once(json!({ "name": gateway, "gateway": true }))
                .chain(things)
                .collect::<Vec<_>>()
                .into();
            let file = site.file(&format!("gateway-{number}.json"), &config.to_string());
            let state = state_dir(&site, number);
            Process::start(site.folder(), &["run", "-cfg", &file, "--state-dir", &state], &[])
        });
        let gateways = gateways.collect();
        Self { site, platform, gateways }
    }

    /// Waits until all things that belong to one gateway alone are bound.
    fn all_bound(&self) {
        let rest = self.site.rest();
        for name in (0..GATEWAYS).flat_map(own) {
            rest.connected(&name, true);
        }
    }

    /// What `edgebind things` shows of a thing of a gateway.
    fn thing(&self, number: usize, name: &str) -> Value {
        let state = state_dir(&self.site, number);
        let output =
            edgebind().args(["things", name, "--json", "--state-dir", &state]).output().expect("it runs");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// The gateways for which the thing is in `state`.
    fn in_state(&self, name: &str, state: &str) -> Vec<usize> {
        (0..GATEWAYS).filter(|number| self.thing(*number, name)["state"] == state).collect()
    }
}

/// Names of the two things that one gateway has for itself.
fn own(number: usize) -> [String; 2] {
    [format!("Line-{number:02}-Pump"), format!("Line-{number:02}-Press")]
}

fn state_dir(site: &Site, number: usize) -> String {
    site.folder().join(format!("state-{number}")).display().to_string()
}

#[test]
fn gateways_that_share_a_name_unknown_to_the_platform_bind_everything_without_a_word() {
    let fleet = Fleet::start("SharedEdge", &[]);
    fleet.all_bound();
    for (number, gateway) in fleet.gateways.iter().enumerate() {
        let state = state_dir(&fleet.site, number);
        wait_for(
            "edgebind status",
            || edgebind().args(["status", "--state-dir", &state]).output().expect("it runs"),
            |output| {
                output.status.success() && String::from_utf8_lossy(&output.stdout).contains("3 of 3 bound")
            },
        );
        assert!(!gateway.log().contains(" WARN edgebind_actors::binder"), "{}", gateway.log());
    }
}

#[test]
fn a_gateway_name_and_a_thing_that_others_hold_are_said_once_and_harm_nobody() {
    let mut fleet = Fleet::start(EDGE_GATEWAY, &["Shared"]);
    fleet.all_bound();
    // One gateway has the shared names, the others say why they have not.
    for name in [EDGE_GATEWAY, "Shared"] {
        wait_for(
            &format!("{name} is held once"),
            || {
                (
                    fleet.in_state(name, "bound").len(),
                    fleet.in_state(name, "waiting for the old session").len(),
                )
            },
            |counts| *counts == (1, GATEWAYS - 1),
        );
    }
    let holder = fleet.in_state("Shared", "bound")[0];
    let waiting = (holder + 1) % GATEWAYS;
    let standing = wait_until("the next attempt is known", || {
        Some(fleet.thing(waiting, "Shared")).filter(|thing| thing["next_retry_unix_ms"].is_i64())
    });
    assert!(
        standing["refusal"]["reason"].as_str().is_some_and(|reason| reason.contains("Shared")),
        "{standing}"
    );
    for (number, gateway) in fleet.gateways.iter().enumerate() {
        let log = gateway.log();
        let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
        let has_marker = fleet.thing(number, EDGE_GATEWAY)["state"] == "bound";
        assert_eq!(count("refuses the gateway marker"), usize::from(!has_marker), "{log}");
        assert!(count("waiting for the old session") <= 2, "once a name: {log}");
        assert!(log.lines().filter(|line| line.contains(" WARN ")).count() <= 3, "{log}");
    }
    // When the holder goes, another one takes over; nothing else moves.
    fleet.gateways[holder].kill();
    wait_for(
        "another gateway holds the shared thing",
        || fleet.in_state("Shared", "bound").into_iter().filter(|number| *number != holder).count(),
        |count| *count == 1,
    );
    let rest = fleet.site.rest();
    for name in (0..GATEWAYS).filter(|number| *number != holder).flat_map(own) {
        assert!(rest.is_connected(&name), "{name}");
    }
    assert!(fleet.platform.runs());
}
