//! Scenario D: services of remote things, called by the platform's REST like local ones.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::time::Duration;

use edgebind_kernel::clock;
use serde_json::{Value, json};
use support::{Answer, Process, Request, Rest, Site, remote_thing, result, wait_for};

#[test]
fn a_remote_service_looks_like_a_local_one() {
    let (_site, _running, rest) = connected(&[]);
    let local = rest.call("Pump", "GetPropertyValues", &json!({}));
    let remote = rest.call("Pump", "Add", &json!({ "a": 2, "b": 3.5 }));
    for answer in [&local, &remote] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json()["dataShape"]["fieldDefinitions"].is_object(), "{}", answer.text());
        assert_eq!(answer.json()["rows"].as_array().map(Vec::len), Some(1), "{}", answer.text());
    }
    assert_eq!(local.header("content-type"), remote.header("content-type"));
    assert_eq!(result(&remote), 5.5);
}

#[test]
fn a_service_may_have_another_name_at_the_device() {
    let (_site, _running, rest) = connected(&[]);
    assert_eq!(result(&rest.call("Pump", "Sum", &json!({ "a": 20, "b": 22 }))), 42);
}

#[test]
fn inputs_and_results_keep_their_text() {
    let (_site, _running, rest) = connected(&[]);
    for text in ["", "grün \"q\" \\ \n\t end", "ключ 鍵 🔑", &"x".repeat(20_000)] {
        let answer = rest.call("Pump", "Echo", &json!({ "text": text }));
        assert_eq!((answer.status, result(&answer)), (200, json!(text)));
    }
}

#[test]
fn a_failing_service_gives_its_own_text() {
    let (_site, _running, rest) = connected(&[]);
    let failed = rest.call("Pump", "Fail", &json!({}));
    assert_eq!(failed.status, 500);
    assert!(failed.text().to_lowercase().contains("it failed"), "{}", failed.text());
    let refused = rest.call("Pump", "Slow", &json!({ "ms": -1 }));
    assert_eq!(refused.status, 500);
    assert!(refused.text().contains("takes ms from 0 to 60000"), "{}", refused.text());
}

#[test]
fn what_nobody_knows_is_not_found() {
    let (_site, _running, rest) = connected(&[]);
    let cases = [
        (rest.call("Pump", "Nope", &json!({})), "Nope"),
        (rest.call("Nobody", "Add", &json!({})), "Nobody"),
        (rest.get("Pump/Properties/nope"), "nope"),
        // Defined on the platform, unknown at the device.
        (rest.get("Pump/Properties/astray"), "elsewhere"),
        (rest.put("Pump", "nope", &json!(1)), "nope"),
        (rest.put("Pump", "astray", &json!(1)), "elsewhere"),
    ];
    for (answer, named) in cases {
        assert_eq!(answer.status, 404, "{}", answer.text());
        says(&answer, named);
    }
}

#[test]
fn wrong_inputs_and_values_are_refused_with_their_name() {
    let (_site, _running, rest) = connected(&[]);
    let cases = [
        (rest.call("Pump", "Add", &json!({ "a": "many", "b": 1 })), "a"),
        (rest.call("Pump", "Add", &json!({ "a": 1, "c": 1 })), "c"),
        (rest.put("Pump", "count", &json!("three")), "count"),
    ];
    for (answer, named) in cases {
        assert_eq!(answer.status, 400, "{}", answer.text());
        says(&answer, named);
    }
}

#[test]
fn a_slow_service_answers_within_its_time() {
    let (_site, _running, rest) = connected(&[]);
    let begun = clock::now();
    let answer = rest.call("Pump", "Slow", &json!({ "ms": 700 }));
    let took = clock::now().duration_since(begun);
    assert_eq!((answer.status, result(&answer)), (200, json!(700)));
    assert!(took >= Duration::from_millis(700), "answered after {took:?}");
}

#[test]
fn a_service_that_is_too_slow_times_out_and_holds_up_nobody() {
    let (_site, _running, rest) = connected(&["--timeout-ms", "1000"]);
    let begun = clock::now();
    let slow = std::thread::spawn({
        let rest = rest.clone();
        move || rest.call("Pump", "Slow", &json!({ "ms": 60_000 }))
    });
    // As long as the slow one is out, everything else of the same device is served.
    let mut served = 0;
    while !slow.is_finished() {
        assert_eq!(result(&rest.call("Pump", "Add", &json!({ "a": 1, "b": 1 }))), 2);
        served += 1;
    }
    assert!(served > 1, "served {served} calls beside the slow one");
    let answer = slow.join().unwrap();
    let took = clock::now().duration_since(begun);
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    assert!(took < Duration::from_secs(15), "given up after {took:?}");
}

#[test]
fn a_thing_that_is_not_connected_is_unavailable() {
    let (_site, _running, rest) = connected(&[]);
    let answers = [
        rest.call("Absent", "Add", &json!({ "a": 1, "b": 2 })),
        rest.get("Absent/Properties/temperature"),
        rest.put("Absent", "label", &json!("x")),
    ];
    for answer in answers {
        assert_eq!(answer.status, 503, "{}", answer.text());
        says(&answer, "Absent");
        assert!(answer.text().contains("not connected"), "{}", answer.text());
    }
}

#[test]
fn what_the_device_offers_is_browsed_and_added_and_comes_to_life() {
    let site = Site::new([json!({ "name": "Bare" })]);
    let (_platform, _gateway) = site.running();
    let _agent = site.agents(&["--name", "Bare"]);
    let rest = site.rest();
    rest.connected("Bare", true);
    let remote = |method: &str, body: Option<Value>| {
        let request =
            Request::new(method, "/edgebind/v1/platform/things/Bare/remote").header("appKey", &rest.key);
        let request = body.map_or(request.clone(), |body| request.json(&body));
        let answer = request.send(&rest.address).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let offer = remote("GET", None);
    let names = |list: &Value| {
        let named = list.as_array().unwrap().iter();
        named.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(names(&offer["services"]).contains(&"Add".to_owned()), "{offer}");
    assert_eq!(offer["skipped"], json!([]));
    let added = remote("POST", Some(json!({ "all": true })));
    assert_eq!(added["refused"], json!([]));
    assert_eq!(added["properties"].as_array().map(Vec::len), Some(names(&offer["properties"]).len()));
    // The device was told, asked what to push, and pushes.
    rest.moves("Bare", "temperature");
    assert_eq!(result(&rest.call("Bare", "Add", &json!({ "a": 2, "b": 3 }))), 5);
    let written = rest.put("Bare", "label", &json!("new"));
    assert_eq!(written.status, 200, "{}", written.text());
    wait_for("the pushed label", || rest.value("Bare", "label"), |value| *value == "new");
}

/// A platform, a gateway and the agent `Pump`, started with these arguments; nobody stands for `Absent`.
fn connected(arguments: &[&str]) -> (Site, [Process; 3], Rest) {
    let mut pump = remote_thing("Pump");
    let more = |list: &mut Value, entry: Value| list.as_array_mut().unwrap().push(entry);
    let numbers = json!([{ "name": "a", "baseType": "NUMBER" }, { "name": "b", "baseType": "NUMBER" }]);
    more(
        &mut pump["services"],
        json!({ "name": "Sum", "remoteName": "Add", "inputs": numbers, "output": { "baseType": "NUMBER" } }),
    );
    more(
        &mut pump["properties"],
        json!({ "name": "astray", "baseType": "NUMBER", "remote": { "name": "elsewhere" } }),
    );
    let site = Site::new([pump, remote_thing("Absent")]);
    let (platform, gateway) = site.running();
    let agent = site.agents(&[&["--name", "Pump"], arguments].concat());
    let rest = site.rest();
    rest.connected("Pump", true);
    (site, [platform, gateway, agent], rest)
}

/// Whether the answer is a sentence that names what it is about.
fn says(answer: &Answer, named: &str) {
    let text = answer.text();
    assert!(answer.is_sentence() && text.contains(named), "{named:?} in {text:?}");
}
