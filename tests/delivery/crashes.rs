//! 202 means on disk: the gateway is killed after it, at every point of the way.

use serde_json::json;

use crate::house::{House, numbers, post, push};

#[test]
fn what_was_answered_202_is_delivered_after_the_gateway_was_killed() {
    let mut house = House::offline(json!({}));
    for round in 0..3 {
        house.keep("A", [round * 2, round * 2 + 1]);
        house.restart();
    }
    let call = post("A/Services/record", &json!({ "a": 1 }));
    house.spool("the spool is open", |spool| spool["state"] == "open");
    assert_eq!(house.send(call).join().unwrap().status, 202);
    house.restart();
    let mut connection = house.connect();
    assert_eq!(numbers(&connection.takes()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(connection.takes().name, "record");
    house.waiting(0);
}

#[cfg(debug_assertions)]
#[test]
fn nobody_is_told_202_before_the_commit() {
    let mut house = House::offline(json!({}));
    house.restart_in(&[("EDGEBIND_FAIL_AT", "spool.before-commit")]);
    house.spool("the spool is open", |spool| spool["state"] == "open");
    let answer = push("A", &[1]).send(&house.local().address);
    assert!(
        answer.as_ref().is_err() || answer.as_ref().is_ok_and(|answer| answer.status != 202),
        "{answer:?}"
    );
    house.gateway.ended();
    house.restart();
    let mut connection = house.connect();
    let caller = house.send(push("A", &[2]));
    assert_eq!(numbers(&connection.takes()), [2], "what was not committed is not invented either");
    assert_eq!(caller.join().unwrap().status, 200);
}

#[cfg(debug_assertions)]
#[test]
fn what_was_committed_is_delivered_although_its_sender_was_not_told() {
    let mut house = House::offline(json!({}));
    house.restart_in(&[("EDGEBIND_FAIL_AT", "spool.after-commit")]);
    house.spool("the spool is open", |spool| spool["state"] == "open");
    // The answer, if one comes, is not our matter here.
    let _ = push("A", &[1]).send(&house.local().address);
    house.gateway.ended();
    house.restart();
    let mut connection = house.connect();
    assert_eq!(numbers(&connection.takes()), [1]);
    house.waiting(0);
}

#[test]
fn a_record_is_deleted_only_after_the_platform_has_confirmed_it() {
    let mut house = House::offline(json!({}));
    house.keep("A", [1, 2]);
    let mut connection = house.connect();
    let unconfirmed = connection.arrives();
    assert_eq!(numbers(&unconfirmed.request), [1, 2]);
    house.restart();
    let mut connection = house.connect();
    assert_eq!(numbers(&connection.takes()), [1, 2]);
    house.waiting(0);
    house.restart();
    let mut connection = house.connect();
    let caller = house.send(push("A", &[3]));
    assert_eq!(numbers(&connection.takes()), [3], "what was confirmed does not come again");
    assert_eq!(caller.join().unwrap().status, 200);
}

#[test]
fn an_orderly_stop_delivers_nothing_twice_and_loses_nothing() {
    let mut house = House::offline(json!({}));
    house.keep("A", [1]);
    house.keep("B", [2]);
    let mut connection = house.connect();
    let (one, other) = (connection.arrives(), connection.arrives());
    house.gateway.signal("-TERM");
    connection.confirm(&one);
    // The other one is not answered any more; the gateway closes the connection.
    connection.ended();
    assert!(house.gateway.ended().success(), "{}", house.gateway.log());
    house.gateway = house.site.gateway();
    house.site.ready(&house.gateway);
    let mut connection = house.connect();
    assert_eq!(connection.takes().entity, other.request.entity);
    house.waiting(0);
    assert_ne!(one.request.entity, other.request.entity);
}
