//! Row: sent, no answer in `msg_timeout` or the link lost.

use edgebind_alwayson::Method;
use serde_json::json;

use crate::house::{House, every_kind, get, numbers, post, push, put, target};

#[test]
fn without_an_answer_updates_are_202_and_sent_again_calls_and_reads_are_504_and_never_repeated() {
    let (house, mut connection) = House::online(json!({ "msg_timeout": 1000 }));
    for (kind, request) in every_kind("A") {
        let caller = house.send(request);
        let first = connection.arrives();
        let answer = caller.join().unwrap();
        if matches!(kind, "call" | "read") {
            assert_eq!(answer.status, 504, "{kind}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.status, 202, "{kind}: {}", answer.text());
        let again = connection.arrives();
        assert_eq!(again.request, first.request, "{kind}");
        connection.confirm(&again);
        house.waiting(0);
    }
    // Nothing of the call and the read comes again before what is asked next.
    let caller = house.send(get("A/Properties/last"));
    assert_eq!(target(&connection.takes()), (Method::Get, "A", "last"));
    assert_eq!(caller.join().unwrap().status, 200);
}

#[test]
fn a_lost_link_answers_at_once_updates_202_calls_and_reads_504() {
    for (kind, request) in every_kind("A") {
        let (house, mut connection) = House::online(json!({}));
        let caller = house.send(request);
        let first = connection.arrives();
        drop(connection);
        let status = caller.join().unwrap().status;
        let mut connection = house.connect();
        if matches!(kind, "call" | "read") {
            assert_eq!(status, 504, "{kind}");
            let caller = house.send(get("A/Properties/last"));
            assert_eq!(target(&connection.takes()), (Method::Get, "A", "last"), "{kind}");
            assert_eq!(caller.join().unwrap().status, 200);
        } else {
            assert_eq!(status, 202, "{kind}");
            assert_eq!(connection.takes(), first.request, "{kind}");
            house.waiting(0);
        }
    }
}

#[test]
fn a_late_answer_removes_the_copy_of_a_write() {
    let (house, mut connection) = House::online(json!({ "msg_timeout": 1500 }));
    let caller = house.send(put("A/Properties/p", &json!({ "p": 1 })));
    let late = connection.arrives();
    assert_eq!(caller.join().unwrap().status, 202);
    house.spool("it is kept", |spool| spool["appended"] == 1);
    // Whether the copy is on its way already is a matter of time; it is gone for good.
    connection.confirm(&late);
    house.waiting(0);
    assert_eq!(house.spool("nothing died", |_| true)["dead_records"], 0);
}

#[test]
fn updates_behind_an_unanswered_one_are_kept_in_their_order() {
    let (house, mut connection) = House::online(json!({ "msg_timeout": 1500 }));
    let first = house.send(push("A", &[1]));
    let _held = connection.arrives();
    let second = house.send(push("A", &[2]));
    assert_eq!(first.join().unwrap().status, 202);
    assert_eq!(second.join().unwrap().status, 202);
    assert_eq!(numbers(&connection.takes()), [1, 2]);
    house.waiting(0);
}

#[test]
fn an_event_that_was_answered_late_is_not_sent_for_ever() {
    let (house, mut connection) = House::online(json!({ "msg_timeout": 1000 }));
    let caller = house.send(post("A/Events/e", &json!({ "a": 1 })));
    connection.arrives();
    assert_eq!(caller.join().unwrap().status, 202);
    let again = connection.arrives();
    assert_eq!(again.request.name, "e");
    connection.confirm(&again);
    house.waiting(0);
    let caller = house.send(get("A/Properties/last"));
    assert_eq!(target(&connection.takes()), (Method::Get, "A", "last"));
    assert_eq!(caller.join().unwrap().status, 200);
}
