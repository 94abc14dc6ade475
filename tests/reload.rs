//! A changed configuration comes into force in a running gateway: at once where no binding is dropped for it, else named.
#![cfg(all(unix, feature = "dev"))]
#![allow(clippy::indexing_slicing, reason = "what is missing fails the test, as it should")]

#[path = "support/all.rs"]
mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::{Process, Site, edgebind, remote_thing, wait_for};

const SECOND_KEY: &str = "00000000-aaaa-4bbb-8ccc-000000000002";

/// Reloads by the command; exit code and report.
fn reload(site: &Site, more: &[&str]) -> (Option<i32>, Value) {
    let output = command(site, &[more, &["--json"]].concat());
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|_| panic!("no report: {output:?}")))
}

fn command(site: &Site, more: &[&str]) -> Output {
    let file = site.config_file();
    let state = site.folder().join("state");
    let mut command = edgebind();
    command.args(["reload", "-cfg", &file, "--state-dir"]).arg(state).args(more);
    command.output().expect("the command ends")
}

fn effect<'r>(report: &'r Value, key: &str) -> &'r str {
    let changes = report["changes"].as_array().expect("a list");
    let found = changes.iter().find(|change| change["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} in {report:#}"))["effect"].as_str().expect("a word")
}

/// A site whose platform knows two keys.
fn site() -> (Site, Process, Process) {
    let mut site = Site::new([remote_thing("Pump"), remote_thing("Fan")]);
    site.config()["auto_bind"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "Pump", "host": "127.0.0.1", "port": 1 }));
    let platform = site.platform_with_keys(&[&site.key, SECOND_KEY]);
    let gateway = site.gateway();
    site.ready(&gateway);
    site.rest().connected("Pump", true);
    (site, platform, gateway)
}

/// When the platform saw the thing connect the last time.
fn bound_since(site: &Site, name: &str) -> Value {
    site.rest().thing(name)["lastConnection"].clone()
}

#[test]
fn things_a_key_and_the_log_level_change_without_dropping_a_binding() {
    let (mut site, _platform, gateway) = site();
    let since = bound_since(&site, "Pump");
    assert!(!since.is_null());
    site.config()["appKey"] = json!(SECOND_KEY);
    site.config()["logger"]["level"] = json!("DEBUG");
    let things = site.config()["auto_bind"].as_array_mut().expect("a list");
    things.push(json!({ "name": "Fan", "host": "127.0.0.1", "port": 2 }));
    let (code, report) = reload(&site, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    for key in ["appKey", "logger.level", "auto_bind[Fan].port"] {
        assert_eq!(effect(&report, key), "applied", "{report:#}");
    }
    let shown = report.to_string();
    assert!(!shown.contains(SECOND_KEY) && !shown.contains(&site.key), "no key is shown: {shown}");
    site.rest().connected("Fan", true);
    assert_eq!(bound_since(&site, "Pump"), since, "it was bound all the time");
    gateway.logs("DEBUG");

    site.config()["auto_bind"].as_array_mut().expect("a list").truncate(2);
    assert_eq!(reload(&site, &[]).0, Some(0));
    site.rest().connected("Fan", false);
    assert_eq!(bound_since(&site, "Pump"), since);
    assert_eq!(reload(&site, &[]).1["changes"], json!([]), "nothing is left over");
}

#[test]
fn a_key_that_the_platform_refuses_is_given_up_for_the_one_before() {
    let (mut site, _platform, gateway) = site();
    let since = bound_since(&site, "Pump");
    site.config()["appKey"] = json!("a-key-that-nobody-knows");
    let (code, report) = reload(&site, &[]);
    assert_eq!((code, effect(&report, "appKey")), (Some(1), "refused"));
    assert!(report.to_string().contains("UNAUTHORIZED"), "{report:#}");
    site.local().online(true);
    assert_eq!(bound_since(&site, "Pump"), since);
    gateway.logs("Not changed.");
    // It was not taken for what is in force: asked again, it is tried again.
    assert_eq!(effect(&reload(&site, &[]).1, "appKey"), "refused");
}

#[test]
fn what_needs_a_restart_is_named_until_there_is_one() {
    let (mut site, _platform, gateway) = site();
    let port = support::free_port();
    site.config()["http_server"]["port"] = json!(port);
    for _ in 0..2 {
        let (code, report) = reload(&site, &[]);
        assert_eq!((code, effect(&report, "http_server.port")), (Some(1), "restart"));
    }
    let said = command(&site, &[]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("needs --restart"), "{said:?}");
    let (code, report) = reload(&site, &["--restart"]);
    assert_eq!((code, &report["restarts"]), (Some(0), &json!(true)));
    site.gateway_port = port;
    site.ready(&gateway);
    site.rest().connected("Pump", true);
}

#[test]
fn a_hangup_reloads_and_a_broken_file_changes_nothing() {
    let (mut site, _platform, gateway) = site();
    site.config()["auto_bind"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "Fan", "host": "127.0.0.1", "port": 2 }));
    site.config_file();
    gateway.signal("-HUP");
    site.rest().connected("Fan", true);
    site.file("config.json", "{ \"auto_bind\": [");
    gateway.signal("-HUP");
    gateway.logs("everything stays as it was");
    for name in ["Pump", "Fan"] {
        assert!(site.rest().is_connected(name));
    }
    site.config()["ws_connection"]["ping_rate"] = json!(-5);
    let refused = command(&site, &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ping_rate"), "{refused:?}");
    wait_for("the gateway runs on", || site.rest().is_connected("Pump"), |connected| *connected);
}
