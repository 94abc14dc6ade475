//! Several platforms in `ws_servers`: the last entry first, then the others in their order; back to the last after a loss.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::net::TcpListener;

use serde_json::json;
use support::{EDGE_GATEWAY, Process, Rest, Site, free_port, wait_for};

/// A site that knows servers at these ports; its own platform is the last.
fn site(others: &[u16]) -> Site {
    let mut site = Site::new([]);
    let ports = others.iter().copied().chain([site.platform_port]);
    let servers: Vec<_> = ports.map(|port| json!({ "host": "localhost", "port": port })).collect();
    site.config()["ws_servers"] = json!(servers);
    site
}

fn other(site: &Site, port: u16) -> (Process, Rest) {
    let platform = site.platform_elsewhere(port, &[]);
    (platform, Rest { address: format!("127.0.0.1:{port}"), key: site.key.clone() })
}

fn is_bound_at(rest: &Rest) {
    let what = format!("the gateway is bound at {}", rest.address);
    wait_for(&what, || rest.is_connected(EDGE_GATEWAY), |connected| *connected);
}

#[test]
fn the_last_server_is_dialled_first_and_the_others_when_it_is_gone() {
    let second = free_port();
    let site = site(&[second]);
    let (mut first, (mut spare, at_spare)) = (site.platform(), other(&site, second));
    site.rest().up();
    at_spare.up();
    let gateway = site.gateway();
    is_bound_at(&site.rest());
    assert!(!at_spare.is_connected(EDGE_GATEWAY), "one at a time");

    first.kill();
    is_bound_at(&at_spare);
    // It stays where it is, also when the other is back, until it is lost.
    let _first = site.platform();
    site.rest().up();
    site.local().online(true);
    assert!(!site.rest().is_connected(EDGE_GATEWAY));
    spare.kill();
    is_bound_at(&site.rest());
    drop(gateway);
}

#[test]
fn a_server_that_never_answers_costs_connect_timeout_and_the_order_is_that_of_the_file() {
    // It accepts, by the queue of the system, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (dead, good, spare) = (free_port(), free_port(), free_port());
    let mut site = site(&[dead, good, spare]);
    let silent = silent.local_addr().unwrap().port();
    site.config()["ws_servers"][3]["port"] = json!(silent);
    site.config()["ws_connection"]["connect_timeout"] = json!(500);
    let ((_good, at_good), (_spare, at_spare)) = (other(&site, good), other(&site, spare));
    at_good.up();
    at_spare.up();
    let gateway = site.gateway();
    is_bound_at(&at_good);
    assert!(!at_spare.is_connected(EDGE_GATEWAY), "the order of the file");
    let log = gateway.log();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text:?} is not in {log}"));
    assert!(
        at(&format!("localhost:{silent} did not answer within 500ms")) < at(&format!("localhost:{dead}"))
    );
}
