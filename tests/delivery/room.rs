//! Row: spool full, disk error: 503 with Retry-After, what is in it stays, and it heals when the cause is gone.

use std::fs;

use serde_json::{Value, json};

use crate::house::{House, numbers, push, push_with};
use crate::support::wait_for;

#[test]
fn a_full_spool_refuses_with_503_keeps_what_it_has_and_takes_again_when_there_is_room() {
    let house = House::with(json!({}), |config| {
        config["edgebind"] = json!({ "store_max_bytes": 1_048_576 });
    });
    let large = "x".repeat(300_000);
    let mut kept = Vec::new();
    for number in 0..5 {
        let answer = house.send(push_with("A", &[number], &large)).join().unwrap();
        match answer.status {
            202 => kept.push(number),
            503 => assert!(answer.header("retry-after").is_some() && answer.text().contains("spool full")),
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert_eq!(kept, [0, 1, 2]);
    let degraded = || house.status()["status"]["degraded"].to_string();
    wait_for("health says so", degraded, |degraded| degraded.contains("spool is full"));
    house.gateway.logs("The spool is full");
    let mut connection = house.connect();
    let mut came = Vec::new();
    while came.len() < 3 {
        came.extend(numbers(&connection.takes()));
    }
    assert_eq!(came, kept);
    house.waiting(0);
    wait_for("health is well", || house.status()["status"]["health"].clone(), |health| health == "ready");
    house.cut(connection);
    house.keep("A", [9]);
}

#[test]
fn a_file_that_cannot_be_written_is_503_and_said_until_it_is_mended() {
    let house = House::offline(json!({}));
    house.keep("A", [1]);
    let state = house.site.folder().join("state");
    let away = house.site.folder().join("away");
    fs::create_dir(&away).unwrap();
    // The file is gone, and nothing can be made in its place.
    for name in ["spool.db", "spool.db-wal", "spool.db-shm"] {
        if state.join(name).exists() {
            fs::rename(state.join(name), away.join(name)).unwrap();
        }
    }
    fs::create_dir(state.join("spool.db")).unwrap();
    let status = wait_for(
        "health says so",
        || house.status(),
        |status| status["status"]["spool"]["state"] == "failed",
    );
    let said = status["status"]["degraded"].to_string();
    assert!(said.contains("spool.db") && said.contains("503"), "{said}");
    let answer = house.push("A", 2);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.header("retry-after").is_some());
    assert!(house.gateway.log().contains("The spool cannot be"));
    // Live updates need no disk.
    let mut connection = house.connect();
    let caller = house.send(push("B", &[3]));
    assert_eq!(connection.takes().entity, "B");
    assert_eq!(caller.join().unwrap().status, 200);

    fs::remove_dir(state.join("spool.db")).unwrap();
    for file in fs::read_dir(&away).unwrap() {
        let file = file.unwrap();
        fs::rename(file.path(), state.join(file.file_name())).unwrap();
    }
    house.spool("the spool is open", |spool| spool["state"] == "open");
    assert_eq!(numbers(&connection.takes()), [1], "what was in it is delivered");
    house.waiting(0);
    let well = |health: &Value| health == "ready";
    wait_for("health is well", || house.status()["status"]["health"].clone(), well);
}
