//! The journal of registrations: what is known after a restart, before any agent says a word (design: binding).
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Site, edgebind, remote_thing, result, wait_for, wait_until};

/// What the admin interface says of a thing; `Null` if it does not know it.
fn thing(site: &Site, name: &str) -> Value {
    let state = site.folder().join("state");
    let output =
        edgebind().args(["things", name, "--json", "--state-dir"]).arg(state).output().expect("it runs");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn status(site: &Site) -> Value {
    let state = site.folder().join("state");
    let output = edgebind().args(["status", "--json", "--state-dir"]).arg(state).output().expect("it runs");
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    all["status"].clone()
}

/// Registers a thing as an agent does.
fn add(site: &Site, inputs: &Value) {
    // A gateway that is just starting says so.
    let add = || site.local().post("LocalEms/Services/AddEdgeThing", inputs);
    let answer = wait_for("AddEdgeThing", add, |answer| answer.status != 503);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The file of the store.
fn spool(site: &Site) -> PathBuf {
    site.folder().join("state/spool.db")
}

/// Somebody who accepts connections and says nothing.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

#[test]
fn restored_things_are_bound_before_an_agent_says_a_word() {
    let site = Site::new([remote_thing("Pump"), remote_thing("Fan")]);
    let (_platform, mut gateway) = site.running();
    let mut agents = site.agents(&["--name", "Pump", "--rate", "5"]);
    let (_fan, port) = silent();
    add(
        &site,
        &json!({ "name": "Fan", "host": "127.0.0.1", "port": port, "path": "/scripts/Fan", "keepalive": 60_000 }),
    );
    for name in ["Pump", "Fan"] {
        site.rest().connected(name, true);
    }
    gateway.kill();
    // Who is stopped says no word; its endpoint still accepts connections, as that of a busy device does.
    agents.signal("-STOP");
    for name in ["Pump", "Fan"] {
        site.rest().connected(name, false);
    }
    let gateway = site.gateway();
    for name in ["Pump", "Fan"] {
        site.rest().connected(name, true);
    }
    gateway.logs("Registrations were restored from before the restart.");
    let fan = thing(&site, "Fan");
    assert_eq!((&fan["source"], &fan["endpoint"]["path"]), (&json!("registered"), &json!("/scripts/Fan")));
    // The agent is told of the new binding, asks for its subscriptions, and values flow again.
    agents.signal("-CONT");
    site.rest().moves("Pump", "temperature");
    let sum = site.rest().call("Pump", "Add", &json!({ "a": 2, "b": 3 }));
    assert_eq!(result(&sum), 5, "{}", sum.text());
    assert!(agents.runs());
}

#[test]
fn a_restored_thing_is_probed_at_once_and_says_so_until_the_first_success() {
    let site = Site::new([remote_thing("Here"), remote_thing("Gone")]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_here, here) = silent();
    let (gone, gone_port) = silent();
    for (name, port) in [("Here", here), ("Gone", gone_port)] {
        add(&site, &json!({ "name": name, "host": "127.0.0.1", "port": port, "keepalive": 3_600_000 }));
    }
    assert_eq!(thing(&site, "Here")["restored"], false, "who has registered is known");
    gateway.kill();
    drop(gone);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    // An hour's keepalive does not put off the first probe.
    wait_for(
        "the probe",
        || thing(&site, "Here"),
        |here| here["endpoint"]["state"] == "answering" && here["restored"] == false,
    );
    wait_for("the end of who is gone", || thing(&site, "Gone"), Value::is_null);
    assert!(gateway.log().contains("Registrations were restored from before the restart."));
    // Its registration has ended for good.
    assert!(gateway.terminate().success());
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Here", true);
    assert_eq!(thing(&site, "Gone"), Value::Null);
}

#[test]
fn a_thing_that_was_removed_is_not_restored_and_the_last_word_counts() {
    let site = Site::new([]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_first, first) = silent();
    let (_second, second) = silent();
    for name in ["Stays", "Goes"] {
        add(&site, &json!({ "name": name, "host": "127.0.0.1", "port": first }));
    }
    add(
        &site,
        &json!({ "name": "Stays", "host": "127.0.0.1", "port": second, "keepalive": 5000, "timeout": 7000 }),
    );
    let removed = site.local().post("LocalEms/Services/RemoveEdgeThing", &json!({ "name": "Goes" }));
    assert_eq!(removed.status, 200);
    gateway.kill();
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Stays", true);
    let stays = thing(&site, "Stays");
    assert_eq!(stays["endpoint"]["address"], format!("http://127.0.0.1:{second}"));
    assert_eq!(
        (&stays["endpoint"]["keepalive_ms"], &stays["endpoint"]["timeout_ms"]),
        (&json!(5000), &json!(7000))
    );
    site.local().has("Goes", false);
}

#[test]
fn the_configuration_wins_for_one_name() {
    let mut site = Site::new([]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_registered, registered) = silent();
    add(&site, &json!({ "name": "Both", "host": "127.0.0.1", "port": registered }));
    gateway.kill();
    let (_configured, configured) = silent();
    site.config()["auto_bind"] = json!([
        { "name": EDGE_GATEWAY, "gateway": true },
        { "name": "Both", "host": "127.0.0.1", "port": configured }
    ]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    gateway.logs("The configuration has the thing, its registration is dropped.");
    let both = thing(&site, "Both");
    assert_eq!((&both["source"], &both["restored"]), (&json!("auto_bind"), &json!(false)));
    assert_eq!(both["endpoint"]["address"], format!("http://127.0.0.1:{configured}"));
    // For good: it does not come back when the entry goes.
    wait_for("the journal", || status(&site)["journal"]["owed"].clone(), |owed| *owed == 0);
    gateway.kill();
    site.config()["auto_bind"] = json!([{ "name": EDGE_GATEWAY, "gateway": true }]);
    let gateway = site.gateway();
    site.ready(&gateway);
    gateway.logs("The spool is open.");
    assert_eq!(thing(&site, "Both"), Value::Null);
}

#[test]
fn a_password_is_restored_and_never_written_in_clear() {
    let site = Site::new([]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (listener, port) = silent();
    let inputs = json!({
        "name": "Secret", "host": "127.0.0.1", "port": port, "user": "user-of-the-thing",
        "password": "geheim-4711", "keepalive": 3_600_000
    });
    add(&site, &inputs);
    gateway.kill();
    let state = site.folder().join("state");
    for entry in fs::read_dir(&state).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).unwrap_or_default();
        for secret in ["user-of-the-thing", "geheim-4711"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", path.display());
        }
    }
    let mode = |path: PathBuf| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(spool(&site)), mode(state.join("install.key"))), (0o600, 0o600));
    drop(listener);
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Secret", true);
    let rows = site.local().post("LocalEms/Services/GetEdgeThings", &json!({})).json()["rows"].clone();
    let row = rows
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["name"] == "Secret")
        .expect("it is there")
        .clone();
    assert_eq!(row["user"], "user-of-the-thing");
    assert!(!gateway.log().contains("without its credentials"));
}

#[test]
fn registrations_are_kept_also_where_updates_are_not() {
    let mut site = Site::new([remote_thing("Pump")]);
    site.config()["offline_msg_store"] = json!({ "enabled": false });
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Pump", "host": "127.0.0.1", "port": port }));
    let update = site.local().put("Pump/Properties/label", &json!({ "label": "x" }));
    assert_eq!(update.status, 503, "updates have no store: {}", update.text());
    gateway.kill();
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Pump", true);
    assert_eq!(status(&site)["spool"]["state"], "off");
    assert_eq!(status(&site)["journal"]["owed"], 0);
}

#[test]
fn a_renewal_that_changes_nothing_writes_nothing() {
    let site = Site::new([]);
    let gateway = site.gateway();
    site.ready(&gateway);
    let (_listener, port) = silent();
    let inputs = json!({ "name": "Often", "host": "127.0.0.1", "port": port, "user": "u", "password": "p" });
    add(&site, &inputs);
    let log = site.folder().join("state/spool.db-wal");
    let written = || fs::read(&log).expect("the store's log");
    let before = written();
    for _ in 0..20 {
        add(&site, &inputs);
    }
    assert!(before == written(), "twenty renewals have written to the disk");
    add(
        &site,
        &json!({ "name": "Often", "host": "127.0.0.1", "port": port, "user": "u", "password": "other" }),
    );
    assert!(before != written(), "a changed password has not");
}

#[test]
fn a_restart_by_the_platform_keeps_what_was_registered() {
    let site = Site::new([remote_thing("Pump")]);
    let (_platform, gateway) = site.running();
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Pump", "host": "127.0.0.1", "port": port }));
    site.rest().connected("Pump", true);
    let restarted = site.rest().call(EDGE_GATEWAY, "Restart", &json!({}));
    assert_eq!(restarted.status, 200, "{}", restarted.text());
    gateway.logs("The gateway starts anew.");
    gateway.logs("Registrations were restored from before the restart.");
    site.ready(&gateway);
    site.rest().connected("Pump", true);
    site.local().has("Pump", true);
}

#[test]
fn a_store_that_cannot_be_written_refuses_no_registration_says_so_and_heals() {
    let site = Site::new([]);
    let folder = site.folder().join("state");
    fs::create_dir(&folder).expect("a folder");
    // A directory in the place of the file cannot be opened, not even by root.
    fs::create_dir(spool(&site)).expect("a folder");
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Early", "host": "127.0.0.1", "port": port }));
    site.local().has("Early", true);
    assert_eq!(status(&site)["journal"]["owed"], 1);
    fs::remove_dir(spool(&site)).expect("nothing is in it");
    wait_for("the journal", || status(&site)["journal"]["owed"].clone(), |owed| *owed == 0);
    gateway.kill();
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Early", true);
    assert!(gateway.log().contains("Registrations were restored"));
}

#[test]
fn a_file_that_vanishes_under_the_gateway_is_written_again() {
    let site = Site::new([]);
    let mut gateway = site.gateway();
    site.ready(&gateway);
    let (_listener, port) = silent();
    add(&site, &json!({ "name": "Kept", "host": "127.0.0.1", "port": port }));
    for suffix in ["", "-wal", "-shm"] {
        let path = site.folder().join(format!("state/spool.db{suffix}"));
        fs::remove_file(path).unwrap_or_default();
    }
    wait_until("a file with the registration", || {
        let view = edgebind_store::View::open(&site.folder().join("state")).ok()?;
        view.journal().ok()?.iter().any(|entry| entry.name == "Kept").then_some(())
    });
    gateway.kill();
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().has("Kept", true);
}

#[test]
fn a_gateway_waits_for_the_old_session_and_binds_as_soon_as_it_is_released() {
    let mut site = Site::new([remote_thing("Shared"), remote_thing("Other")]);
    site.config()["auto_bind"] = json!([
        { "name": "Shared", "host": "localhost", "port": 9 }, { "name": "Other", "host": "localhost", "port": 9 }
    ]);
    let (_platform, mut first) = site.running();
    for name in ["Shared", "Other"] {
        site.rest().connected(name, true);
    }
    // Another connection with the same things, as of the same gateway after a loss the platform has not noticed.
    let second = site.beside();
    let gateway: Process = second.gateway();
    second.ready(&gateway);
    for name in ["Shared", "Other"] {
        wait_for(
            "the state",
            || thing(&second, name),
            |thing| thing["state"] == "waiting for the old session",
        );
    }
    let again = wait_for(
        "more than one attempt",
        || thing(&second, "Shared"),
        |thing| thing["restarts"].as_u64() >= Some(4),
    );
    assert_eq!(again["state"], "waiting for the old session", "no budget is spent: {again}");
    first.kill();
    for name in ["Shared", "Other"] {
        wait_for("bound", || thing(&second, name), |thing| thing["state"] == "bound");
    }
    let said = gateway.log().matches("waiting for the old session to end").count();
    assert_eq!(said, 2, "once for each thing: {}", gateway.log());
}
