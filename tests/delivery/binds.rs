//! Replay begins after the first round of BINDs, or after 5 s; binding holds back no live update.

use std::time::Duration;

use edgebind_alwayson::{Body, Code, Response};
use edgebind_kernel::clock;
use serde_json::json;

use crate::house::{House, numbers, push};

#[test]
fn what_is_kept_goes_after_the_binds_are_answered_and_live_updates_before() {
    let house = House::offline(json!({}));
    house.keep("A", [1]);
    let mut connection = house.platform.accept();
    let auth = connection.message().unwrap();
    connection.grant(&auth);
    let bind = connection.message().unwrap();
    assert!(matches!(bind.body, Body::Bind(_)), "{bind:?}");
    house.local().online(true);
    let caller = house.send(push("B", &[2]));
    let live = connection.arrives();
    assert_eq!(live.request.entity, "B", "a pending BIND holds back no live update, and what is kept waits");
    connection.confirm(&live);
    assert_eq!(caller.join().unwrap().status, 200);
    connection.respond(&bind, Response::success());
    assert_eq!(numbers(&connection.takes()), [1]);
    house.waiting(0);
}

#[test]
fn a_refused_bind_ends_the_round_as_well() {
    let house = House::offline(json!({}));
    house.keep("A", [1]);
    let mut connection = house.platform.accept();
    let auth = connection.message().unwrap();
    connection.grant(&auth);
    let mut refused = 0;
    loop {
        let message = connection.message().unwrap();
        match &message.body {
            Body::Bind(_) => {
                connection.respond(&message, Response::error(Code::NOT_FOUND, "unknown"));
                refused += 1;
            }
            Body::Request(request) => {
                assert_eq!(numbers(request), [1]);
                connection.respond(&message, Response::success());
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 0);
    house.waiting(0);
}

#[test]
fn a_bind_that_is_never_answered_holds_back_what_is_kept_for_five_seconds_only() {
    let house = House::offline(json!({ "msg_timeout": 60_000 }));
    house.keep("A", [1]);
    let mut connection = house.platform.accept();
    let auth = connection.message().unwrap();
    connection.grant(&auth);
    let since = clock::now();
    let bind = connection.message().unwrap();
    assert!(matches!(bind.body, Body::Bind(_)));
    let replayed = connection.message().unwrap();
    let waited = clock::now().duration_since(since);
    assert!(matches!(&replayed.body, Body::Request(request) if numbers(request) == [1]));
    assert!(waited >= Duration::from_millis(4500), "{waited:?}");
    connection.respond(&replayed, Response::success());
    house.waiting(0);
}
