//! What the original has left in its offline store is taken over once, whatever happens meanwhile.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, ops::ControlFlow, path::PathBuf};

use bytes::Bytes;
use edgebind_alwayson::{
    BaseType, Body, Characteristic, Content, Field, InfoTable, Message, Method, Request, Value, encode, split,
};
use edgebind_store::{Kind, Stored, View};
use serde_json::json;
use support::{Site, wait_for};

/// An installation that the original served before.
struct Left {
    site: Site,
    directory: PathBuf,
}

impl Left {
    fn new(messages: &[Bytes]) -> Self {
        let mut site = Site::new([support::remote_thing("T1")]);
        let directory = site.folder().join("original");
        fs::create_dir(&directory).expect("a folder");
        site.config()["offline_msg_store"] = json!({ "directory": directory });
        let left = Self { site, directory };
        fs::write(left.file(""), stored(messages)).expect("a file");
        left
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.directory.join(format!("offline_msgs.bin{suffix}"))
    }

    /// What waits in the spool.
    fn waiting(&self) -> Vec<Stored> {
        let view = View::open(&self.site.folder().join("state")).expect("a spool");
        let mut all = Vec::new();
        let walk = view.each_waiting(None, |line| {
            all.push(line.expect("undamaged"));
            ControlFlow::Continue(())
        });
        walk.expect("readable");
        all
    }

    fn summary(&self) -> Vec<(String, Kind)> {
        self.waiting()
            .into_iter()
            .map(|stored| (stored.entry.entity.to_string(), stored.entry.kind))
            .collect()
    }
}

fn stored(messages: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        bytes.extend_from_slice(b"!twMsg!");
        bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(message);
    }
    bytes
}

fn message(method: Method, entity: &str, of: Characteristic, name: &str, params: Content) -> Bytes {
    let body = Body::Request(Request::thing(method, entity, of, name, params));
    encode(&Message { request_id: 5, endpoint_id: 0, session_id: 0x1234, body }).unwrap()
}

fn put(entity: &str, text: &str) -> Bytes {
    let value = Content::Table(InfoTable::single("label", Value::string(text)));
    message(Method::Put, entity, Characteristic::Properties, "label", value)
}

fn push(entity: &str) -> Bytes {
    let field = |name: &str, base_type| Field::new(name, base_type);
    let mut values = InfoTable::new(vec![
        field("name", BaseType::String),
        field("value", BaseType::Variant),
        field("time", BaseType::Datetime),
        field("quality", BaseType::String),
    ]);
    values.rows.push(vec![
        Value::string("temperature"),
        Value::Number(1.5),
        Value::Datetime(1_700_000_000_000),
        Value::string("GOOD"),
    ]);
    let values = Content::Table(InfoTable::single("values", Value::Table(Box::new(values))));
    message(Method::Post, entity, Characteristic::Services, "UpdateSubscribedPropertyValues", values)
}

fn everything() -> Vec<Bytes> {
    let nothing = Content::Nothing;
    let long = put("T1", &"x".repeat(2000));
    let mut messages = vec![
        put("T1", "v1"),
        message(Method::Get, "T1", Characteristic::Properties, "label", nothing.clone()),
        push("T1"),
        message(Method::Post, "T2", Characteristic::Services, "AddRow", nothing.clone()),
    ];
    messages.extend(split(&long, 500).unwrap());
    messages.push(message(Method::Post, "T2", Characteristic::Events, "Alarm", nothing));
    messages
}

fn expected() -> Vec<(String, Kind)> {
    let all = [("T1", Kind::Write), ("T1", Kind::Push), ("T1", Kind::Write), ("T2", Kind::Event)];
    all.map(|(thing, kind)| (format!("Things/{thing}"), kind)).to_vec()
}

#[test]
fn updates_are_taken_over_once_chunks_joined_and_the_rest_is_kept_aside() {
    let left = Left::new(&everything());
    let before = fs::read(left.file("")).expect("it is there");
    let mut gateway = left.site.gateway();
    left.site.ready(&gateway);
    let log = gateway.log();
    assert!(
        log.contains("The original's stored updates were taken over") && log.contains("updates=4"),
        "{log}"
    );
    assert!(log.contains("left=1 reads, 1 calls"), "{log}");
    assert_eq!(left.summary(), expected());
    // Joined, and with the ids left open for the connection that will send it.
    let joined = &left.waiting()[2].payload;
    assert_eq!(joined.len(), put("T1", &"x".repeat(2000)).len());
    assert_eq!(&joined[2..14], &[0; 12][..]);
    assert!(!left.file("").exists());
    assert_eq!(fs::read(left.file(".imported")).expect("kept whole"), before);
    assert!(gateway.terminate().success());
    let gateway = left.site.gateway();
    left.site.ready(&gateway);
    gateway.logs("The spool is open.");
    assert_eq!(left.summary(), expected(), "not a second time");
    assert!(!gateway.log().contains("taken over"));
}

#[test]
fn what_was_taken_over_is_delivered_in_its_order() {
    let mut messages = vec![put("T1", "first"), push("T1")];
    messages.extend(split(&put("T1", &"x".repeat(2000)), 500).unwrap());
    messages.push(put("T1", "last"));
    let left = Left::new(&messages);
    let (_platform, _gateway) = left.site.running();
    let rest = left.site.rest();
    wait_for("the last write", || rest.value("T1", "label"), |label| label == "last");
    assert_eq!(rest.value("T1", "temperature"), 1.5);
    wait_for("an empty spool", || left.summary(), Vec::is_empty);
}

#[test]
fn a_crash_at_any_point_neither_loses_nor_doubles_an_update() {
    for place in
        ["spool.before-commit", "spool.after-commit", "takeover.before-rename", "takeover.after-rename"]
    {
        let left = Left::new(&everything());
        let mut dying = left.site.gateway_in(&[("EDGEBIND_FAIL_AT", place)]);
        assert!(!dying.ended().success(), "{place}");
        let mut gateway = left.site.gateway();
        left.site.ready(&gateway);
        gateway.logs("The spool is open.");
        assert_eq!(left.summary(), expected(), "{place}");
        assert!(!left.file("").exists() && left.file(".imported").exists(), "{place}");
        assert!(!left.site.folder().join("state/offline_msgs.takeover.json").exists(), "{place}");
        assert!(gateway.terminate().success());
    }
}

#[test]
fn a_file_that_cannot_be_renamed_is_not_taken_over_and_tried_again_at_the_next_start() {
    let mut left = Left::new(&[]);
    // So deep that the new name is too long for the system: that stops root, too.
    let (top, short) = (left.directory.join("d".repeat(100)), left.directory.join("d"));
    let mut deep = top.clone();
    while deep.as_os_str().len() + 202 < DEEPEST {
        deep.push("d".repeat(200));
    }
    deep.push("d".repeat(DEEPEST - deep.as_os_str().len() - 1));
    fs::create_dir_all(&deep).expect("a folder");
    fs::write(deep.join("offline_msgs.bin"), stored(&everything())).expect("a file");
    left.site.config()["offline_msg_store"]["directory"] = json!(deep);
    let mut gateway = left.site.gateway();
    left.site.ready(&gateway);
    gateway.logs("The original's stored updates were not taken over");
    assert_eq!(left.summary(), []);
    assert!(gateway.terminate().success());
    fs::rename(&top, &short).expect("renamed");
    let shorter = short.join(deep.strip_prefix(&top).expect("below"));
    left.site.config()["offline_msg_store"]["directory"] = json!(shorter);
    let gateway = left.site.gateway();
    left.site.ready(&gateway);
    gateway.logs("The original's stored updates were taken over");
    assert_eq!(left.summary(), expected());
}

#[test]
fn without_a_store_the_file_stays_as_it_is() {
    let mut left = Left::new(&everything());
    left.site.config()["offline_msg_store"]["enabled"] = json!(false);
    let gateway = left.site.gateway();
    left.site.ready(&gateway);
    wait_for(
        "it runs",
        || left.site.local().get("LocalEms/Properties/isConnected").status,
        |status| *status == 200,
    );
    assert!(left.file("").exists());
}

/// Length of a folder in which the original's file has a name and its new one has none: paths end at 4,095 bytes.
const DEEPEST: usize = 4075;
