//! 2,000 things on one connection, and on 200: everything still works. How quickly is a matter of `benches/speed`.

use std::time::Duration;

use edgebind_alwayson::{Code, Response, Value};
use edgebind_platform::{Platform, model::Thing};

use crate::support::{Edge, on_actix, platform, request_of, rest_json, soon, until};

const THINGS: usize = 2000;

/// A platform with `thing-0` to `thing-1999`, each with the remote property `speed`.
async fn crowded() -> (Platform, Vec<String>) {
    let platform = platform(r#"{"things": []}"#).await;
    let names: Vec<_> = (0..THINGS).map(|number| format!("thing-{number}")).collect();
    for name in &names {
        let thing = format!(
            r#"{{"name": "{name}", "properties": [{{"name": "speed", "baseType": "NUMBER", "remote": {{}}}}]}}"#
        );
        platform.add(Thing::parse(&thing).unwrap()).unwrap();
    }
    (platform, names)
}

fn connected(platform: &Platform) -> Vec<String> {
    platform.things().into_iter().filter(|thing| thing.connected).map(|thing| thing.name).collect()
}

async fn bound(platform: &Platform, names: &[String]) -> Edge {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    Edge::bound(platform, &names).await
}

/// What a REST client reads of a remote property, answered by `edge`.
async fn read_through(platform: &Platform, edge: &mut Edge, name: &str, speed: f64) -> serde_json::Value {
    let path = format!("/Thingworx/Things/{name}/Properties/speed");
    let answered = async {
        let request = edge.requested().await;
        assert_eq!(request_of(&request).entity, name);
        let table = edgebind_alwayson::InfoTable::single("speed", Value::Number(speed));
        edge.answer(&request, Response::table(table)).await;
    };
    let (table, ()) = tokio::join!(rest_json(platform, "GET", &path, ""), answered);
    table["rows"][0]["speed"].clone()
}

async fn push(edge: &mut Edge, name: &str, speed: f64) -> Code {
    edge.push(name, &[("speed", Value::Number(speed), 1_500_000_000_000, "GOOD")]).await.code
}

#[test]
fn two_thousand_things_live_on_one_connection() {
    on_actix(async {
        let (platform, names) = crowded().await;
        let mut edge = bound(&platform, &names).await;
        assert_eq!(connected(&platform).len(), THINGS);
        for (number, name) in names.iter().enumerate() {
            assert_eq!(push(&mut edge, name, number as f64).await, Code::SUCCESS);
        }
        for (number, name) in names.iter().enumerate().step_by(97) {
            let thing = platform.thing(name).unwrap();
            assert_eq!(thing.properties[0].value, Value::Number(number as f64), "{name}");
        }
        let list = rest_json(&platform, "GET", "/Thingworx/Things", "").await;
        let rows = list["rows"].as_array().unwrap();
        assert_eq!(rows.len(), THINGS);
        assert!(rows.iter().all(|row| row["isConnected"] == true));
        assert_eq!(read_through(&platform, &mut edge, "thing-1999", 12.0).await, 12);
        drop(edge);
        until("the unbind of all", || connected(&platform).is_empty().then_some(())).await;
        soon("the stop", platform.stop(Duration::from_secs(5))).await;
    });
}

#[test]
fn two_thousand_things_live_on_two_hundred_connections_and_each_ends_alone() {
    on_actix(async {
        let (platform, names) = crowded().await;
        let mut edges = Vec::new();
        for names in names.chunks(THINGS / 200) {
            edges.push(bound(&platform, names).await);
        }
        assert_eq!((connected(&platform).len(), platform.counts().connections), (THINGS, 200));
        for (number, edge) in edges.iter_mut().enumerate() {
            let name = &names[number * 10 + 3];
            assert_eq!(push(edge, name, number as f64).await, Code::SUCCESS);
            assert_eq!(platform.thing(name).unwrap().properties[0].value, Value::Number(number as f64));
        }
        // A request finds the one connection that has the thing.
        for number in [0, 57, 199] {
            let name = names[number * 10 + 9].clone();
            assert_eq!(read_through(&platform, &mut edges[number], &name, 5.0).await, 5);
        }
        edges.truncate(100);
        let rest = || {
            let names = connected(&platform);
            (names.len() == THINGS / 2).then_some(names)
        };
        let mut left = until("the unbind of one half", rest).await;
        left.sort_by_key(|name| name.trim_start_matches("thing-").parse::<usize>().unwrap());
        assert_eq!(left, names[..THINGS / 2]);
        drop(edges);
        until("the unbind of all", || connected(&platform).is_empty().then_some(())).await;
        soon("the stop", platform.stop(Duration::from_secs(5))).await;
    });
}
