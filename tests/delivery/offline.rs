//! Rows: not authenticated; spool off by configuration.

use edgebind_alwayson::{Body, Code, Method, Response};
use serde_json::json;

use crate::house::{House, every_kind, post, push, target};
use crate::support::{EDGE_GATEWAY, wait_for};

#[test]
fn not_authenticated_updates_and_calls_are_202_and_reads_503() {
    let house = House::offline(json!({}));
    for (kind, request) in every_kind("A") {
        let answer = house.send(request).join().unwrap();
        assert_eq!(answer.status, if kind == "read" { 503 } else { 202 }, "{kind}: {}", answer.text());
        if kind == "read" {
            assert!(answer.header("retry-after").is_some());
        }
    }
    house.waiting(4);
    let mut connection = house.connect();
    let expected = [
        (Method::Post, "UpdateSubscribedPropertyValues"),
        (Method::Put, "p"),
        (Method::Post, "e"),
        (Method::Post, "s"),
    ];
    for (method, name) in expected {
        assert_eq!(target(&connection.takes()), (method, "A", name), "in the order of acceptance");
    }
    house.waiting(0);
}

#[test]
fn a_refused_key_is_not_authenticated_whatever_stands() {
    let house = House::offline(json!({}));
    let mut connection = house.platform.accept();
    let auth = connection.message().unwrap();
    assert!(matches!(auth.body, Body::Auth(_)));
    connection.respond(&auth, Response::error(Code::UNAUTHORIZED, "no such key"));
    house.gateway.logs("The platform refused the application key.");
    house.keep("A", [1]);
    // Offered again on the same connection, and taken.
    connection.until_bound(&[EDGE_GATEWAY]);
    assert_eq!(target(&connection.takes()).1, "A");
    house.waiting(0);
}

#[test]
fn only_services_that_the_site_allows_are_kept() {
    let house = House::with(json!({}), |config| {
        config["edgebind"] = json!({ "store_services": ["AddRow*"] });
    });
    for (name, status) in [("AddRowToTable", 202), ("StartPump", 503)] {
        let answer = house.send(post(&format!("A/Services/{name}"), &json!({}))).join().unwrap();
        assert_eq!(answer.status, status, "{name}");
    }
    // Updates are no matter of that list.
    house.keep("A", [1]);
    house.waiting(2);
}

#[test]
fn what_could_never_be_sent_is_412_also_while_the_platform_is_away() {
    let house = House::offline(json!({ "max_msg_size": 20_000 }));
    let large = crate::house::push_with("A", &[1], &"x".repeat(30_000));
    assert_eq!(house.send(large).join().unwrap().status, 412);
    let in_chunks = crate::house::push_with("A", &[2], &"x".repeat(12_000));
    assert_eq!(house.send(in_chunks).join().unwrap().status, 202, "above a chunk is no matter");
    house.waiting(1);
}

#[test]
fn with_the_spool_off_nothing_is_kept_and_the_answer_is_503() {
    let house = House::with(json!({ "msg_timeout": 1000 }), |config| {
        config["offline_msg_store"] = json!({ "enabled": false });
    });
    for (kind, request) in every_kind("A") {
        let answer = house.send(request).join().unwrap();
        assert_eq!(answer.status, 503, "{kind}: {}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{kind}");
    }
    let mut connection = house.connect();
    let caller = house.send(push("A", &[7]));
    connection.takes();
    assert_eq!(caller.join().unwrap().status, 200);
    // What was sent and not answered is not known to have failed.
    for (kind, request) in every_kind("A") {
        let caller = house.send(request);
        connection.arrives();
        assert_eq!(caller.join().unwrap().status, 504, "{kind}");
    }
    wait_for("the status", || house.status()["status"]["spool"]["state"].clone(), |state| state == "off");
    assert!(!house.site.folder().join("state/spool.db").exists());
}
