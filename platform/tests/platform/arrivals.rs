//! The arrival log: what was confirmed stands in it, in order, over the death of a platform.

use std::path::Path;

use edgebind_alwayson::{Characteristic, Code, Content, InfoTable, Method, Request, Value};
use edgebind_platform::Platform;
use serde_json::{Value as Json, json};

use crate::support::{Edge, on_actix, rest, settings};

const MODEL: &str = r#"{"things": [{"name": "Pump", "properties": [
    {"name": "speed", "baseType": "NUMBER", "remote": {"pushType": "ALWAYS"}}]}]}"#;

async fn platform(file: &Path) -> Platform {
    let mut settings = settings(MODEL);
    settings.arrivals = Some(file.to_owned());
    edgebind_platform::start(settings).await.unwrap()
}

fn lines(file: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn request(method: Method, of: Characteristic, name: &str, number: f64) -> Request {
    let table = InfoTable::single(name, Value::Number(number));
    Request::thing(method, "Pump", of, name, Content::Table(table))
}

#[test]
fn what_an_edge_was_told_is_taken_stands_in_the_log_in_order() {
    on_actix(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("arrivals.jsonl");
        let platform = platform(&file).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let rows = [("speed", Value::Number(1.0), 42, "GOOD"), ("nope", Value::Number(9.0), 42, "GOOD")];
        assert_eq!(edge.push("Pump", &rows).await.code, Code::BAD_REQUEST);
        let write = request(Method::Put, Characteristic::Properties, "speed", 2.0);
        assert_eq!(edge.request(write).await.code, Code::SUCCESS);
        let event = request(Method::Post, Characteristic::Events, "alarm", 3.0);
        assert_eq!(edge.request(event).await.code, Code::SUCCESS);
        let lines = lines(&file);
        let told: Vec<_> = lines.iter().map(|line| line["request"].as_str().unwrap()).collect();
        assert_eq!(told, ["push", "write", "event"], "what was refused is not in it: {lines:?}");
        assert_eq!((&lines[0]["value"], &lines[0]["time"]), (&json!(1), &json!(42)));
        assert_eq!((&lines[1]["property"], &lines[1]["value"]), (&json!("speed"), &json!(2)));
        assert_eq!((&lines[2]["event"], &lines[2]["data"]), (&json!("alarm"), &json!({ "alarm": 3 })));
        for line in &lines {
            assert_eq!((&line["thing"], &line["run"]), (&json!("Pump"), &lines[0]["run"]));
            assert!(line["connection"].is_u64() && line["atMs"].is_i64(), "{line}");
        }
        // What a caller of the REST interface does was not delivered by an edge.
        let made = rest(&platform, "POST", "/Thingworx/Things", r#"{"name": "New"}"#).await;
        assert_eq!((made.0.as_u16(), self::lines(&file).len()), (201, 3));
    });
}

#[test]
fn a_line_that_a_kill_cut_off_harms_no_other() {
    on_actix(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("arrivals.jsonl");
        std::fs::write(&file, "{\"run\":\"1-1\"}\n{\"run\":\"1-1\",\"conn").unwrap();
        let platform = platform(&file).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        edge.push("Pump", &[("speed", Value::Number(1.0), 42, "GOOD")]).await;
        let lines = lines(&file);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[1]["value"], json!(1));
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_to_the_log_is_not_confirmed() {
    on_actix(async {
        // Its writes fail always.
        let platform = platform(Path::new("/dev/full")).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let answer = edge.push("Pump", &[("speed", Value::Number(1.0), 42, "GOOD")]).await;
        assert_eq!(answer.code, Code::SERVICE_UNAVAILABLE, "{answer:?}");
    });
}
