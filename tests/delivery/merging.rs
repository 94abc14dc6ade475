//! Order: at most one unanswered update per entity, waiting pushes merged, rows in order, within `max_msg_size`.

use edgebind_alwayson::{Code, encode, split};
use serde_json::json;

use crate::house::{House, numbers, push, push_with, put, target};
use crate::support::wait_for;

#[test]
fn live_pushes_that_wait_go_as_one_message_with_their_rows_in_order() {
    let (house, mut connection) = House::online(json!({}));
    let first = house.send(push("A", &[1, 2]));
    let held = connection.arrives();
    let others: Vec<_> = (3..=6).map(|number| house.send(push("A", &[number]))).collect();
    // All of them are at the gateway when another entity, sent after them by each, is answered.
    for number in 3..=6 {
        let after = house.send(push("Other", &[number]));
        connection.takes();
        after.join().unwrap();
    }
    assert!(others.iter().all(|other| !other.is_finished()), "at most one is unanswered");
    connection.confirm(&held);
    let mut came = Vec::new();
    while came.len() < 4 {
        came.extend(numbers(&connection.takes()));
    }
    came.sort_unstable();
    assert_eq!(came, [3, 4, 5, 6]);
    for caller in others.into_iter().chain([first]) {
        assert_eq!(caller.join().unwrap().status, 200);
    }
}

#[test]
fn replayed_pushes_go_together_within_the_message_size_and_in_their_order() {
    let house = House::offline(json!({ "max_msg_size": 65_536 }));
    for number in 0..40 {
        let answer = house.send(push_with("A", &[number], &"x".repeat(4_000))).join().unwrap();
        assert_eq!(answer.status, 202);
    }
    let mut connection = house.connect();
    let (mut came, mut messages) = (Vec::new(), 0);
    while came.len() < 40 {
        let arrived = connection.arrives();
        let chunks = split(&encode(&arrived.message).unwrap(), 8192).unwrap();
        assert!(chunks.len() * 8192 <= 65_536, "{} chunks", chunks.len());
        came.extend(numbers(&arrived.request));
        connection.confirm(&arrived);
        messages += 1;
    }
    assert_eq!(came, (0..40).collect::<Vec<_>>());
    assert!((3..20).contains(&messages), "{messages} messages");
    house.waiting(0);
}

#[test]
fn only_neighbours_of_one_kind_are_merged_and_order_is_kept_over_all_kinds() {
    let house = House::offline(json!({}));
    house.keep("A", [1, 2]);
    assert_eq!(house.send(put("A/Properties/p", &json!({ "p": 1 }))).join().unwrap().status, 202);
    house.keep("A", [3, 4]);
    let mut connection = house.connect();
    assert_eq!(numbers(&connection.takes()), [1, 2]);
    assert_eq!(target(&connection.takes()).2, "p");
    assert_eq!(numbers(&connection.takes()), [3, 4]);
    house.waiting(0);
}

#[test]
fn a_merged_push_that_is_refused_is_split_until_the_bad_one_stands_alone() {
    let house = House::offline(json!({}));
    house.keep("A", 1..=8);
    let mut connection = house.connect();
    let mut taken = Vec::new();
    while taken.len() < 7 {
        let arrived = connection.arrives();
        let came = numbers(&arrived.request);
        if came.contains(&5) {
            connection.refuse(&arrived, Code::BAD_REQUEST);
        } else {
            taken.extend(came);
            connection.confirm(&arrived);
        }
    }
    assert_eq!(taken, [1, 2, 3, 4, 6, 7, 8]);
    house.waiting(0);
    let spool = house.spool("one died", |spool| spool["dead_records"] == 1);
    assert_eq!(spool["records"], 0);
}

#[test]
fn a_flood_to_one_entity_arrives_in_order_with_one_message_at_a_time() {
    let (house, mut connection) = House::online(json!({}));
    let address = house.local().address;
    let sender = std::thread::spawn(move || {
        (0..200).map(|number| push("A", &[number]).send(&address).unwrap().status).collect::<Vec<_>>()
    });
    let mut came = Vec::new();
    while came.len() < 200 {
        came.extend(numbers(&connection.takes()));
    }
    assert_eq!(came, (0..200).collect::<Vec<_>>());
    assert!(sender.join().unwrap().iter().all(|status| *status == 200));
    wait_for("nothing was kept", || house.status()["status"]["spool"]["appended"].clone(), |kept| kept == 0);
}
