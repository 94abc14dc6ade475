//! `edgebind spool`: the same with a running gateway as without one.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, path::Path, process::Output};

use edgebind_alwayson::{
    Body, Characteristic, Content, InfoTable, Message, Method, Request, Value as Wire, encode,
};
use edgebind_kernel::clock;
use edgebind_store::{Clock, Kind, Options, Record, Spool};
use serde_json::{Value, json};
use support::{Process, Site, edgebind, remote_thing, wait_for};

/// A spool with two waiting records of `T1`, one of `T2`, and two dead letters of `T1`; their numbers in this order.
fn filled(folder: &Path) -> Vec<u64> {
    let clock = Clock { now: clock::now, unix_ms: clock::unix_millis };
    let (spool, _) = Spool::open(Options::new(folder, clock)).expect("a spool");
    let mut ids = Vec::new();
    for (thing, text) in
        [("T1", "one"), ("T1", "two"), ("T2", "three"), ("T1", "dead one"), ("T1", "dead two")]
    {
        ids.push(spool.append_blocking(write(thing, text)).expect("room").seq);
    }
    spool.wait(|spool, done| spool.give_up(ids[3..].to_vec(), "refused with 0x80", done)).expect("moved");
    ids
}

fn write(thing: &str, text: &str) -> Record {
    let value = Content::Table(InfoTable::single("label", Wire::string(text)));
    let body = Body::Request(Request::thing(Method::Put, thing, Characteristic::Properties, "label", value));
    let payload = encode(&Message { request_id: 0, endpoint_id: 0, session_id: 0, body }).unwrap();
    Record { entity: format!("Things/{thing}").into(), kind: Kind::Write, payload }
}

/// Where the commands find the spool.
struct Desk {
    site: Site,
    ids: Vec<u64>,
    gateway: Option<Process>,
}

impl Desk {
    fn new(running: bool) -> Self {
        let site = Site::new([remote_thing("T1"), remote_thing("T2")]);
        let folder = site.folder().join("state");
        let ids = filled(&folder);
        let gateway = running.then(|| {
            let gateway = site.gateway();
            site.ready(&gateway);
            gateway.logs("The spool is open.");
            gateway
        });
        Self { site, ids, gateway }
    }

    fn spool(&self, arguments: &[&str]) -> Output {
        let state = self.site.folder().join("state");
        edgebind().arg("spool").args(arguments).arg("--state-dir").arg(state).output().expect("it runs")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.spool(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Numbers and states of all records.
    fn states(&self) -> Vec<(u64, String)> {
        let records = self.json(&["ls", "--records"])["records"].clone();
        let one =
            |record: &Value| (record["id"].as_u64().unwrap(), record["state"].as_str().unwrap().to_owned());
        records.as_array().expect("a list").iter().map(one).collect()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_waits_and_what_was_given_up_is_listed_shown_and_exported() {
    for running in [false, true] {
        let desk = Desk::new(running);
        let all = desk.json(&["ls"]);
        assert_eq!((&all["records"], &all["dead_records"]), (&json!(3), &json!(2)), "{all}");
        let entities: Vec<_> =
            all["entities"].as_array().unwrap().iter().map(|one| (&one["entity"], &one["records"])).collect();
        assert_eq!(entities, [(&json!("Things/T1"), &json!(2)), (&json!("Things/T2"), &json!(1))]);
        assert_eq!(all["dead"][0]["reason"], "refused with 0x80");
        let people = desk.spool(&["ls"]);
        assert!(people.status.success());
        let text = out(&people);
        assert!(text.starts_with("3 records wait") && text.contains("refused with 0x80"), "{text}");
        assert!(text.contains("Things/T2"), "{text}");
        let narrow = desk.json(&["ls", "--entity", "T2"]);
        assert_eq!((narrow["entities"].as_array().unwrap().len(), &narrow["dead"]), (1, &json!([])));
        let listed = desk.spool(&["ls", "--records", "--entity", "Things/T1"]);
        assert_eq!(out(&listed).lines().count(), 5, "{}", out(&listed));

        let dead = desk.json(&["show", &desk.ids[4].to_string()]);
        assert_eq!((&dead["state"], &dead["kind"]), (&json!("dead"), &json!("write")));
        assert!(dead["message"].to_string().contains("dead two"), "{dead}");
        let people = out(&desk.spool(&["show", &desk.ids[0].to_string()]));
        assert!(
            people.contains("Things/T1") && people.contains("waiting") && people.contains("one"),
            "{people}"
        );
        let nothing = desk.spool(&["show", "999"]);
        assert_eq!(nothing.status.code(), Some(1));
        assert!(said(&nothing).contains("no record has the number 999"), "{}", said(&nothing));

        let lines: Vec<Value> = out(&desk.spool(&["export"]))
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        let states: Vec<_> = lines.iter().map(|line| line["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["waiting", "waiting", "waiting", "dead", "dead"]);
        assert!(lines[2]["message"].to_string().contains("three"));
        assert_eq!(out(&desk.spool(&["export", "--dead"])).lines().count(), 2);
    }
}

#[test]
fn dead_letters_are_retried_and_dropped_and_what_waits_is_not_dropped_by_mistake() {
    for running in [false, true] {
        let desk = Desk::new(running);
        let [first, .., dead, other] = desk.ids[..] else { panic!("five records") };
        let refused = desk.spool(&["drop", &first.to_string()]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains("--force deletes it"), "{}", said(&refused));
        let unknown = desk.spool(&["retry", "999"]);
        assert_eq!(unknown.status.code(), Some(1));
        assert!(said(&unknown).contains("no record has the number 999"), "{}", said(&unknown));
        assert_eq!(desk.spool(&["retry", &first.to_string()]).status.code(), Some(1), "it waits already");
        assert_eq!(desk.states().len(), 5, "nothing has changed");

        assert_eq!(desk.json(&["retry", &dead.to_string()])["count"], 1);
        let states = desk.states();
        let waiting: Vec<u64> =
            states.iter().filter(|(_, state)| state == "waiting").map(|(id, _)| *id).collect();
        assert_eq!(waiting.len(), 4, "{states:?}");
        assert!(waiting[3] > other, "to the end of the queue");
        let dropped = desk.spool(&["drop", "--all"]);
        assert!(dropped.status.success() && out(&dropped).contains("1 records deleted"), "{dropped:?}");
        assert!(desk.spool(&["drop", "--force", &first.to_string()]).status.success());
        let left: Vec<u64> = desk.states().into_iter().map(|(id, _)| id).collect();
        assert_eq!(left, [desk.ids[1], desk.ids[2], waiting[3]]);
    }
}

#[test]
fn a_running_gateway_delivers_what_is_retried_and_not_what_was_dropped() {
    let desk = Desk::new(true);
    assert!(desk.spool(&["drop", "--force", &desk.ids[2].to_string()]).status.success());
    assert!(desk.spool(&["retry", &desk.ids[3].to_string()]).status.success());
    let _platform = desk.site.platform();
    wait_for("the retried one", || desk.site.rest().value("T1", "label"), |label| label == "dead one");
    wait_for("only a dead letter", || desk.states(), |states| states.len() == 1);
    // The delivery knows it at once: nothing has to be started anew.
    assert!(desk.spool(&["retry", "--all", "--entity", "T1"]).status.success());
    wait_for("the other", || desk.site.rest().value("T1", "label"), |label| label == "dead two");
    wait_for("nothing", || desk.states(), Vec::is_empty);
    assert_ne!(desk.site.rest().value("T2", "label"), "three");
    assert_eq!(out(&desk.spool(&["ls", "--records"])), "Nothing waits, and nothing was given up.\n");
}

#[test]
fn a_damaged_spool_is_set_aside_and_what_can_be_read_is_rescued_once() {
    for running in [true, false] {
        let mut desk = Desk::new(false);
        let folder = desk.site.folder().join("state");
        let file = folder.join("spool.db");
        let mut bytes = fs::read(&file).expect("it is there");
        // The first page, without which SQLite knows nothing of the file.
        bytes[..100].fill(0xA5);
        fs::write(&file, &bytes).expect("written");
        let mut gateway = desk.site.gateway();
        desk.site.ready(&gateway);
        gateway.logs("The spool is open.");
        let aside = fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| {
                path.to_string_lossy().contains(".damaged-") && !path.to_string_lossy().ends_with("-wal")
            })
            .expect("it was set aside");
        let aside = aside.display().to_string();
        assert_eq!(desk.states(), [], "a fresh spool");
        if running {
            desk.gateway = Some(gateway);
        } else {
            assert!(gateway.terminate().success());
        }
        let exported = desk.spool(&["salvage", &aside, "--export"]);
        assert_eq!(out(&exported).lines().count(), 5, "{exported:?}");
        let rescued = desk.json(&["salvage", &aside]);
        assert_eq!((&rescued["records"], &rescued["dead"]), (&json!(3), &json!(2)), "{rescued}");
        let states: Vec<String> = desk.states().into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, ["waiting", "waiting", "waiting", "dead", "dead"]);
        assert_eq!(desk.json(&["ls"])["dead"][0]["reason"], "refused with 0x80");
        let again = desk.spool(&["salvage", &aside]);
        assert_eq!(again.status.code(), Some(1), "{again:?}");
        let again = desk.spool(&["salvage", &format!("{aside}.rescued")]);
        assert_eq!(again.status.code(), Some(1));
        assert!(said(&again).contains("was rescued before"), "{}", said(&again));
        let used = desk.spool(&["salvage", &file.display().to_string()]);
        assert!(said(&used).contains("in use"), "{}", said(&used));
        if running {
            let _platform = desk.site.platform();
            wait_for("the rescued", || desk.site.rest().value("T2", "label"), |label| label == "three");
        }
    }
}

#[test]
fn the_original_s_file_can_be_read_too() {
    let desk = Desk::new(false);
    let payload = write("T1", "old").payload;
    let mut bytes = b"!twMsg!".to_vec();
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&payload);
    let file = desk.site.folder().join("offline_msgs.bin.imported");
    fs::write(&file, bytes).expect("written");
    let lines = desk.spool(&["salvage", &file.display().to_string(), "--export"]);
    let line: Value = serde_json::from_slice(&lines.stdout).expect("a line");
    assert!(line["message"].to_string().contains("old"), "{line}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let site = Site::new([]);
    let state = site.folder().join("nothing");
    let run = |arguments: &[&str]| edgebind().arg("spool").args(arguments).output().expect("it runs");
    let state = state.display().to_string();
    let missing = run(&["ls", "--state-dir", &state]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(said(&missing).contains("there is no spool in") && said(&missing).contains("--state-dir"));
    assert!(!Path::new(&state).exists(), "looking makes nothing");
    for wrong in
        [&["retry"][..], &["drop"], &["drop", "1", "--all"], &["retry", "x"], &["nothing"], &["show"]]
    {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    let help = run(&["salvage", "--help"]);
    assert!(help.status.success() && out(&help).contains("Examples:"));
    // A gateway that holds the directory and has no socket is not disturbed.
    let desk = Desk::new(true);
    fs::remove_file(desk.site.folder().join("state/admin.sock")).expect("it is there");
    let held = desk.spool(&["drop", "--all"]);
    assert_eq!(held.status.code(), Some(1));
    let id = desk.gateway.as_ref().unwrap().id();
    assert!(said(&held).contains(&format!("in use by process {id}")), "{}", said(&held));
}
