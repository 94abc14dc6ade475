//! Two thousand agents behind one gateway register, are bound, read and written, and survive a restart of the platform.
//! A slow test, in a file of its own.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};
use support::{Site, edgebind, remote_thing, wait_for};

const AGENTS: usize = 2000;
/// Callers of the platform at a time.
const CALLERS: usize = 8;

#[test]
fn two_thousand_agents_are_bound_read_written_and_bound_again_after_a_restart_of_the_platform() {
    let names: Vec<String> = (1..=AGENTS).map(|number| format!("Agent-{number:04}")).collect();
    let site = Site::new(names.iter().map(|name| remote_thing(name)));
    let (mut platform, gateway) = site.running();
    let count = AGENTS.to_string();
    // A push every 50 s each: 40 a second altogether.
    let agents = site.agents(&["--count", &count, "--rate", "0.02", "--shared-port", "--connections", "16"]);
    all_bound(&site);

    let rest = site.rest();
    each(&names, |number, name| {
        let read = rest.get(&format!("{name}/Properties/count"));
        assert_eq!(read.status, 200, "{name}: {}", read.text());
        assert!(read.cell("count").is_i64(), "{name}: {}", read.text());
        let written = rest.put(name, "label", &json!(format!("label {number}")));
        assert_eq!(written.status, 200, "{name}: {}", written.text());
    });
    each(&names, |number, name| {
        let read = rest.get(&format!("{name}/Properties/label"));
        assert_eq!(read.cell("label"), json!(format!("label {number}")), "{name}");
    });

    platform.kill();
    site.local().online(false);
    let _platform = site.platform();
    all_bound(&site);
    each(&names, |number, name| {
        let read = rest.get(&format!("{name}/Properties/label"));
        assert_eq!(read.cell("label"), json!(format!("label {number}")), "{name} after the restart");
    });
    let log = gateway.log();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    drop(agents);
}

/// Waits until gateway and platform agree that everything is bound.
fn all_bound(site: &Site) {
    let state = site.folder().join("state").display().to_string();
    wait_for(
        "all things are bound",
        || {
            let output =
                edgebind().args(["status", "--json", "--state-dir", &state]).output().expect("it runs");
            let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            answer["status"]["things"]["bound"].clone()
        },
        |bound| *bound == AGENTS + 1,
    );
    let (first, last) = ("Agent-0001", format!("Agent-{AGENTS:04}"));
    assert!(site.rest().is_connected(first) && site.rest().is_connected(&last));
}

/// Does `work` for each name, several at a time.
fn each(names: &[String], work: impl Fn(usize, &str) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(name) = names.get(number)
                {
                    work(number, name);
                }
            });
        }
    });
}
