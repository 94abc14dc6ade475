//! The admin interface: what the commands say, who gets in, and that it never stands on the local HTTP server.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Request, Site, edgebind, remote_thing, wait_for, wait_until};

/// Runs a command against the gateway of `site`.
fn ask(site: &Site, arguments: &[&str]) -> Output {
    let state = site.folder().join("state");
    edgebind().args(arguments).arg("--state-dir").arg(state).output().expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A site with a bound, a refused and a registered thing.
fn mixed() -> Site {
    let mut site = Site::new([remote_thing("Known"), remote_thing("a b/c?d")]);
    site.config()["auto_bind"] = json!([
        { "name": EDGE_GATEWAY, "gateway": true },
        { "name": "Known", "host": "localhost", "port": 9 },
        { "name": "Unknown", "host": "localhost", "port": 9 },
        { "name": "a b/c?d", "host": "localhost", "port": 9 }
    ]);
    site
}

fn settled(site: &Site) {
    wait_for(
        "three are bound, one is refused",
        || json_of(&ask(site, &["status", "--json"]))["status"]["things"]["by_state"].clone(),
        |states| *states == json!({ "bound": 3, "refused": 1 }),
    );
}

#[test]
fn status_says_whether_the_gateway_is_ready_and_things_why_one_is_not_bound() {
    let site = mixed();
    let _running = site.running();
    settled(&site);
    let status = ask(&site, &["status"]);
    assert_eq!(status.status.code(), Some(1), "one thing is not bound");
    assert!(
        said(&status).contains("3 of 4 bound") && said(&status).contains("1 refused"),
        "{}",
        said(&status)
    );
    let unbound = ask(&site, &["things", "--unbound"]);
    assert!(unbound.status.success());
    let lines = said(&unbound);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.contains("Unknown") && lines.contains("NOT_FOUND unknown: Unknown"), "{lines}");
    let thing = wait_until("the next attempt is known", || {
        let thing = json_of(&ask(&site, &["things", "Unknown", "--json"]));
        thing["next_retry_unix_ms"].is_i64().then_some(thing)
    });
    assert_eq!(thing["refusal"]["code"], "NOT_FOUND");
    assert_eq!(thing["endpoint"]["address"], "http://localhost:9");
    assert_eq!(json_of(&ask(&site, &["things", "a b/c?d", "--json"]))["state"], "bound");
    let nobody = ask(&site, &["things", "Nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no thing is registered as \"Nobody\""));
}

#[test]
fn the_tree_shows_every_unit() {
    let site = mixed();
    let _running = site.running();
    settled(&site);
    let tree = json_of(&ask(&site, &["status", "--json"]))["tree"].clone();
    let mut found = Vec::new();
    let mut open = vec![&tree];
    while let Some(unit) = open.pop() {
        for key in ["state", "since_unix_ms", "restarts", "last_exit"] {
            assert!(unit.get(key).is_some(), "{key} of {unit}");
        }
        found.push(unit["id"].as_str().expect("a name").to_owned());
        open.extend(unit["children"].as_array().expect("a list"));
    }
    for unit in ["gateway", "platform", "link", "binder", "equipment", "sessions", "things", "registrar"] {
        assert!(found.iter().any(|id| id == unit), "{unit} in {found:?}");
    }
    assert!(found.iter().any(|id| id == "thing/Unknown"));
    assert!(found.iter().any(|id| id == "session/http://localhost:9"));
}

#[test]
fn without_the_platform_things_wait_and_the_next_attempt_is_told() {
    let site = mixed();
    let gateway = site.gateway();
    site.ready(&gateway);
    let thing = wait_until("the next attempt", || {
        let thing = json_of(&ask(&site, &["things", "Known", "--json"]));
        thing["next_retry_unix_ms"].is_i64().then_some(thing)
    });
    assert_eq!(thing["state"], "waiting for the platform");
    let status = ask(&site, &["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(said(&status).contains("4 waiting for the platform"), "{}", said(&status));
}

#[test]
fn a_gateway_that_does_not_run_is_said_with_what_to_do() {
    let site = mixed();
    for command in ["status", "things"] {
        let output = ask(&site, &[command]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            text.contains("no gateway runs with the state directory") && text.contains("--state-dir"),
            "{text}"
        );
    }
}

#[test]
fn the_port_wants_the_token_and_a_request_from_this_machine() {
    let mut site = mixed();
    site.config()["edgebind"] = json!({ "admin_port": 0 });
    let gateway = site.gateway();
    site.ready(&gateway);
    let state = site.folder().join("state");
    let ready: Value =
        serde_json::from_str(&fs::read_to_string(state.join("ready.json")).expect("it is there"))
            .expect("it is JSON");
    let admin = ready["admin"].as_str().expect("an address").to_owned();
    assert!(admin.starts_with("127.0.0.1:"));
    let mode = |name: &str| fs::metadata(state.join(name)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode("admin.token"), mode("admin.sock")), (0o600, 0o600));
    let token = fs::read_to_string(state.join("admin.token")).expect("it is there").trim().to_owned();
    let bearer = format!("Bearer {token}");
    let status = Request::get("/edgebind/v1/status");
    let sent = |request: Request| request.send(&admin).expect("an answer").status;
    assert_eq!(sent(status.clone()), 401);
    assert_eq!(sent(status.clone().header("Authorization", "Bearer wrong")), 401);
    assert_eq!(sent(status.clone().header("Authorization", &bearer)), 200);
    let foreign = status.clone().header("Authorization", &bearer).header("Origin", "http://evil.example");
    assert_eq!(sent(foreign), 403);
    let changing = Request::new("POST", "/edgebind/v1/status").header("Authorization", &bearer);
    assert_eq!(sent(changing), 405);
    assert_eq!(sent(Request::get("/edgebind/v1/nothing").header("Authorization", &bearer)), 404);
    assert_eq!(
        sent(Request::get("/edgebind/v1/things?unbound=perhaps").header("Authorization", &bearer)),
        400
    );
    // Nothing of it on the local HTTP server, with the token or without.
    let local = site.local().send(&status.header("Authorization", &bearer));
    assert_ne!(local.status, 200, "{}", local.text());
    // The log says where the token is, not what it is.
    assert!(gateway.log().contains("admin.token") && !gateway.log().contains(&token));
}

#[test]
fn a_second_gateway_with_the_same_state_directory_does_not_start() {
    let mut site = mixed();
    site.config()["http_server"]["port"] = json!(0);
    let text = site.config().to_string();
    let config = site.file("config.json", &text);
    let state = site.folder().join("state").display().to_string();
    let arguments = ["run", "-cfg", &config, "--state-dir", &state];
    let first = Process::start(site.folder(), &arguments, &[]);
    wait_until("the first is ready", || fs::read(site.folder().join("state/ready.json")).ok());
    let mut second = Process::start(site.folder(), &arguments, &[]);
    assert_eq!(second.ended().code(), Some(1));
    assert!(second.log().contains(&format!("in use by process {}", first.id())), "{}", second.log());
    // The first is not disturbed, and a killed one leaves nothing in the way.
    assert!(fs::exists(site.folder().join("state/ready.json")).expect("readable"));
    drop(first);
    let third = Process::start(site.folder(), &arguments, &[]);
    wait_until("the third is ready", || {
        let ready: Value =
            serde_json::from_slice(&fs::read(site.folder().join("state/ready.json")).ok()?).ok()?;
        (ready["pid"] == third.id()).then_some(())
    });
    wait_for("edgebind status", || ask(&site, &["status", "--json"]), |output| !output.stdout.is_empty());
}
