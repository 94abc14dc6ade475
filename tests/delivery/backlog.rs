//! Row: authenticated, the entity has a backlog.

use std::time::Duration;

use edgebind_kernel::clock;
use serde_json::json;

use crate::house::{House, every_kind, get, numbers, post, push};

#[test]
fn behind_a_backlog_an_update_is_committed_and_answered_200_when_the_platform_has_it() {
    for (kind, request) in every_kind("A") {
        if matches!(kind, "call" | "read") {
            continue;
        }
        let house = House::offline(json!({ "msg_timeout": 25_000 }));
        house.keep("A", [1]);
        let mut connection = house.connect();
        let backlog = connection.arrives();
        let caller = house.send(request);
        house.waiting(2);
        assert!(!caller.is_finished(), "{kind}: the platform has not got it");
        connection.confirm(&backlog);
        assert_eq!(numbers(&backlog.request), [1]);
        let behind = connection.arrives();
        assert_eq!(behind.request.entity, "A", "{kind}");
        connection.confirm(&behind);
        assert_eq!(caller.join().unwrap().status, 200, "{kind}");
        house.waiting(0);
    }
}

#[test]
fn behind_a_backlog_an_update_is_answered_202_after_msg_timeout() {
    let house = House::offline(json!({ "msg_timeout": 1500 }));
    house.keep("A", [1]);
    let mut connection = house.connect();
    let _held = connection.arrives();
    let sent_at = clock::now();
    let caller = house.send(push("A", &[2]));
    assert_eq!(caller.join().unwrap().status, 202);
    let waited = clock::now().duration_since(sent_at);
    assert!(waited >= Duration::from_millis(1400), "{waited:?}");
    house.waiting(2);
}

#[test]
fn behind_a_backlog_whoever_waits_is_answered_202_when_the_link_is_lost() {
    let house = House::offline(json!({ "msg_timeout": 25_000 }));
    house.keep("A", [1]);
    let mut connection = house.connect();
    let _held = connection.arrives();
    let caller = house.send(push("A", &[2]));
    house.waiting(2);
    house.cut(connection);
    assert_eq!(caller.join().unwrap().status, 202);
    let mut connection = house.connect();
    assert_eq!(numbers(&connection.takes()), [1, 2]);
    house.waiting(0);
}

#[test]
fn a_backlog_holds_back_neither_calls_nor_reads_nor_other_entities() {
    let house = House::offline(json!({}));
    house.keep("A", [1]);
    let mut connection = house.connect();
    let held = connection.arrives();
    for (what, request) in [
        ("a call", post("A/Services/s", &json!({}))),
        ("a read", get("A/Properties/p")),
        ("another entity", push("B", &[2])),
    ] {
        let caller = house.send(request);
        connection.takes();
        assert_eq!(caller.join().unwrap().status, 200, "{what}");
    }
    connection.confirm(&held);
    house.waiting(0);
}
