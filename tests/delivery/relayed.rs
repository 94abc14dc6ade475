//! Row: authenticated, nothing waiting for this entity.

use edgebind_alwayson::Code;
use serde_json::json;

use crate::house::{House, every_kind, push, target};

#[test]
fn nothing_waiting_every_kind_is_relayed_and_the_answer_is_the_platforms_without_touching_the_disk() {
    let (house, mut connection) = House::online(json!({}));
    for (kind, request) in every_kind("Foreign") {
        let caller = house.send(request);
        connection.takes();
        let answer = caller.join().unwrap();
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    for (code, status) in [(Code::NOT_FOUND, 404), (Code::FORBIDDEN, 402), (Code::INTERNAL_SERVER_ERROR, 500)]
    {
        for (kind, request) in every_kind("Foreign") {
            let caller = house.send(request);
            let arrived = connection.arrives();
            connection.refuse(&arrived, code);
            assert_eq!(caller.join().unwrap().status, status, "{kind} {code}");
        }
    }
    let spool = house.spool("the spool is seen", |_| true);
    assert_eq!((&spool["appended"], &spool["records"]), (&json!(0), &json!(0)), "{spool}");
}

#[test]
fn the_entity_may_be_anything_of_the_platform() {
    let (house, mut connection) = House::online(json!({}));
    let path = "/Thingworx/Resources/R/Events/e";
    let caller = house.send(crate::support::Request::new("POST", path).json(&json!({})));
    let arrived = connection.takes();
    assert_eq!((format!("{:?}", arrived.entity_type).as_str(), target(&arrived).1), ("Resources", "R"));
    assert_eq!(caller.join().unwrap().status, 200);
}

#[test]
fn entities_do_not_wait_for_each_other() {
    let (house, mut connection) = House::online(json!({}));
    let first = house.send(push("A", &[1]));
    let held = connection.arrives();
    let second = house.send(push("B", &[2]));
    let arrived = connection.arrives();
    assert_eq!(arrived.request.entity, "B");
    connection.confirm(&arrived);
    assert_eq!(second.join().unwrap().status, 200);
    connection.confirm(&held);
    assert_eq!(first.join().unwrap().status, 200);
}
