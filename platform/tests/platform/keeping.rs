//! The model in a file: what changed is there after an orderly end, values included.

use std::time::Duration;

use edgebind_alwayson::Value;
use edgebind_platform::{Platform, model::Model};

use crate::support::{Edge, on_actix, rest, settings, until};

const MODEL: &str = r#"{"things": [{"name": "Pump", "properties": [
    {"name": "speed", "baseType": "NUMBER", "remote": {"pushType": "ALWAYS"}}]}]}"#;

async fn platform(file: &std::path::Path, model: &str, pause: Duration) -> Platform {
    let mut settings = settings(model);
    settings.persist = Some(file.to_owned());
    settings.persist_pause = pause;
    edgebind_platform::start(settings).await.unwrap()
}

#[test]
fn a_platform_goes_on_where_it_ended() {
    on_actix(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("things.json");
        let first = platform(&file, MODEL, Duration::from_secs(3600)).await;
        let mut edge = Edge::bound(&first, &["Pump"]).await;
        edge.push("Pump", &[("speed", Value::Number(7.5), 42, "BAD")]).await;
        let made = rest(&first, "POST", "/Thingworx/Things", r#"{"name": "New", "identifier": "n-1"}"#).await;
        assert_eq!(made.0.as_u16(), 201);
        let bound_at = first.thing("Pump").unwrap().last_connection;
        first.stop(Duration::from_secs(5)).await;
        let text = std::fs::read_to_string(&file).unwrap();
        let second = platform(&file, &text, Duration::from_secs(3600)).await;
        let pump = second.thing("Pump").unwrap();
        assert_eq!((pump.connected, pump.last_connection), (false, bound_at));
        let speed = pump.property("speed").unwrap();
        assert_eq!(
            (&speed.value, speed.time, speed.quality.as_str()),
            (&Value::Number(7.5), Some(42), "BAD")
        );
        assert_eq!(second.thing("*n-1").unwrap().name, "New");
    });
}

#[test]
fn changes_reach_the_file_while_the_platform_runs() {
    on_actix(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("things.json");
        let platform = platform(&file, MODEL, Duration::from_millis(1)).await;
        let held = |name: &str| {
            let text = std::fs::read_to_string(&file).ok()?;
            let model = Model::parse(&text).expect("a reader finds a whole file");
            model.resolve(name).is_some().then_some(())
        };
        for name in ["A", "B", "C"] {
            let made =
                rest(&platform, "POST", "/Thingworx/Things", &format!(r#"{{"name": "{name}"}}"#)).await;
            assert_eq!(made.0.as_u16(), 201);
            until("the write", || held(name)).await;
        }
    });
}
