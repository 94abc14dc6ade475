//! Refused from the spool: what each status of the platform means for what waits.

use edgebind_alwayson::Code;
use serde_json::json;

use crate::house::{House, numbers, push, put, target};

#[test]
fn what_the_platform_will_never_take_becomes_a_dead_letter_at_once_and_the_next_goes() {
    let house = House::offline(json!({}));
    let codes =
        [Code::BAD_REQUEST, Code::NOT_ACCEPTABLE, Code::ENTITY_TOO_LARGE, Code::UNSUPPORTED_CONTENT_FORMAT];
    for place in 0..=codes.len() {
        let answer = house.send(put(&format!("A/Properties/p{place}"), &json!({ "p": 1 }))).join().unwrap();
        assert_eq!(answer.status, 202);
    }
    let mut connection = house.connect();
    for (place, code) in codes.into_iter().enumerate() {
        let arrived = connection.arrives();
        assert_eq!(target(&arrived.request).2, format!("p{place}"));
        connection.refuse(&arrived, code);
    }
    assert_eq!(target(&connection.takes()).2, "p4");
    house.spool("four dead letters", |spool| spool["dead_records"] == 4 && spool["records"] == 0);
    house.gateway.logs("the records went to the dead letters");
    let text = crate::support::edgebind()
        .args(["status", "--state-dir"])
        .arg(house.site.folder().join("state"))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("4 dead letters"));
}

#[test]
fn unauthorized_lets_everything_wait_and_the_status_says_so() {
    let house = House::offline(json!({}));
    for thing in ["A", "B", "C"] {
        house.keep(thing, [1]);
    }
    let mut connection = house.connect();
    let mut first = Vec::new();
    for _ in 0..3 {
        let arrived = connection.arrives();
        connection.refuse(&arrived, Code::UNAUTHORIZED);
        first.push(arrived.request.entity);
    }
    let status = crate::support::wait_for(
        "health says so",
        || house.status(),
        |status| status["status"]["degraded"].to_string().contains("UNAUTHORIZED"),
    );
    assert_eq!(status["status"]["health"], "degraded");
    assert_eq!(status["status"]["spool"]["records"], 3);
    assert!(status["status"]["spool"]["halted_until_unix_ms"].is_i64());
    // One asks whether the platform takes us again, and then all go.
    let mut came: Vec<String> = (0..3).map(|_| connection.takes().entity).collect();
    came.sort();
    assert_eq!(came, ["A", "B", "C"]);
    house.waiting(0);
    crate::support::wait_for(
        "health is well",
        || house.status(),
        |status| status["status"]["health"] == "ready",
    );
}

#[test]
fn an_entity_that_is_missing_or_forbidden_waits_alone_and_is_shown() {
    for code in [Code::FORBIDDEN, Code::NOT_FOUND, Code::PRECONDITION_FAILED] {
        let house = House::offline(json!({}));
        house.keep("Missing", [1]);
        house.keep("There", [2]);
        let mut connection = house.connect();
        for _ in 0..2 {
            let arrived = connection.arrives();
            if arrived.request.entity == "Missing" {
                connection.refuse(&arrived, code);
            } else {
                connection.confirm(&arrived);
            }
        }
        let spool = house.spool("one entity waits", |spool| spool["records"] == 1);
        let waiting = &spool["waiting"][0];
        assert_eq!(waiting["entity"], "Things/Missing");
        assert_eq!(waiting["code"], code.to_string());
        assert!(waiting["next_retry_unix_ms"].is_i64());
        assert_eq!(numbers(&connection.takes()), [1], "tried again by itself");
        house.waiting(0);
    }
}

#[test]
fn any_other_refusal_is_tried_again() {
    for code in [Code::INTERNAL_SERVER_ERROR, Code::SERVICE_UNAVAILABLE, Code::METHOD_NOT_ALLOWED, Code(0xBF)]
    {
        let house = House::offline(json!({}));
        house.keep("A", [1]);
        let mut connection = house.connect();
        let arrived = connection.arrives();
        connection.refuse(&arrived, code);
        assert_eq!(numbers(&connection.takes()), [1], "{code}");
        house.spool("nothing waits, nothing died", |spool| {
            spool["records"] == 0 && spool["dead_records"] == 0
        });
    }
}

#[test]
fn a_refusal_of_a_live_update_is_its_senders_alone() {
    let (house, mut connection) = House::online(json!({}));
    for (code, status) in [(Code::UNAUTHORIZED, 401), (Code::NOT_FOUND, 404), (Code::BAD_REQUEST, 400)] {
        let caller = house.send(push("A", &[1]));
        let arrived = connection.arrives();
        connection.refuse(&arrived, code);
        assert_eq!(caller.join().unwrap().status, status);
    }
    let spool = house.spool("the spool is seen", |_| true);
    assert_eq!((&spool["appended"], &spool["dead_records"]), (&json!(0), &json!(0)));
}
