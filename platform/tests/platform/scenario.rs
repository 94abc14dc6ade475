//! A remote thing at work (scenario D): connected, browsed, added, read, written, invoked, disconnected; all by REST.

use edgebind_alwayson::{
    Characteristic, Code, Content, InfoTable, Message, Method, Request, Response, Value,
};
use serde_json::{Value as Json, json};

use crate::support::{Edge, is_connected, on_actix, platform, request_of, rest, rest_json, until};

const MODEL: &str = r#"{"things": [{"name": "Motor", "identifier": "m-1"}]}"#;
const THING: &str = "/edgebind/v1/platform/things/Motor";

/// An edge with one thing of one property and one service, as a script resource is one.
struct Device {
    edge: Edge,
    speed: f64,
}

impl Device {
    /// Serves requests of the platform until `done` says so of one that was answered.
    async fn serve(&mut self, mut done: impl FnMut(&Request) -> bool) {
        loop {
            let message = self.edge.requested().await;
            let request = request_of(&message).clone();
            assert_eq!(request.entity, "*m-1", "the name as bound");
            self.answer(&message, &request).await;
            if done(&request) {
                return;
            }
        }
    }

    async fn answer(&mut self, message: &Message, request: &Request) {
        let number =
            |name: &str, number: f64| Response::table(InfoTable::single(name, Value::Number(number)));
        match (request.method, request.name.as_str()) {
            (Method::Post, "GetMetadata") => {
                let metadata = InfoTable::single("result", Value::json(METADATA));
                self.edge.answer(message, Response::table(metadata)).await;
            }
            (Method::Post, "NotifyPropertyUpdate") => self.edge.answer(message, Response::success()).await,
            (Method::Get, "rpm") => self.edge.answer(message, number("rpm", self.speed)).await,
            (Method::Put, "rpm") => {
                match request.params.as_table().unwrap().cell(0, "rpm") {
                    Some(Value::Number(speed)) => self.speed = *speed,
                    other => panic!("unexpected {other:?}"),
                }
                self.edge.answer(message, Response::success()).await;
            }
            (Method::Post, "Add") => {
                let table = request.params.as_table().unwrap();
                match (table.cell(0, "a"), table.cell(0, "b")) {
                    (Some(Value::Number(a)), Some(Value::Number(b))) => {
                        self.edge.answer(message, number("result", a + b)).await;
                    }
                    other => panic!("unexpected {other:?}"),
                }
            }
            other => panic!("unexpected {other:?}"),
        }
    }
}

const METADATA: &str = r#"{"name": "*m-1", "propertyDefinitions": {"rpm": {"name": "rpm", "baseType": "NUMBER",
    "description": "turns a minute", "aspects": {"pushType": "ALWAYS", "pushThreshold": 0}}},
    "serviceDefinitions": {"Add": {"name": "Add", "description": "adds", "Inputs": {"fieldDefinitions": {
        "a": {"name": "a", "baseType": "NUMBER", "description": "first"}, "b": {"name": "b", "baseType": "NUMBER"}}},
        "Outputs": {"name": "result", "baseType": "NUMBER"}},
        "NotifyPropertyUpdate": {"name": "NotifyPropertyUpdate"}}, "eventDefinitions": {}}"#;

fn named<'a>(list: &'a Json, name: &str) -> &'a Json {
    list.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap()
}

#[test]
fn a_remote_thing_is_browsed_added_read_written_invoked_and_lost() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let edge = Edge::bound(&platform, &["*m-1"]).await;
        let mut device = Device { edge, speed: 900.0 };
        let things = rest_json(&platform, "GET", "/edgebind/v1/platform/things", "").await;
        let shown = named(&things, "Motor");
        assert_eq!((&shown["connected"], &shown["boundName"]), (&json!(true), &json!("*m-1")));
        assert!(shown["lastConnection"].is_i64());

        // Browse: nothing is added yet.
        let remote = format!("{THING}/remote");
        let (offer, ()) = tokio::join!(
            rest_json(&platform, "GET", &remote, ""),
            device.serve(|request| request.name == "GetMetadata")
        );
        assert_eq!(
            offer["properties"],
            json!([{"name": "rpm", "baseType": "NUMBER", "description": "turns a minute",
                    "pushType": "ALWAYS", "pushThreshold": 0.0, "added": false}])
        );
        assert_eq!(
            offer["services"],
            json!([{"name": "Add", "description": "adds", "output": {"baseType": "NUMBER"}, "added": false,
                    "inputs": [{"name": "a", "baseType": "NUMBER", "description": "first"},
                               {"name": "b", "baseType": "NUMBER", "description": ""}]}])
        );

        // Add all: the edge is told and asks for its subscriptions.
        let (added, ()) = tokio::join!(
            rest_json(&platform, "POST", &remote, r#"{"all": true}"#),
            device.serve(|request| request.name == "NotifyPropertyUpdate")
        );
        assert_eq!(added, json!({"properties": ["rpm"], "services": ["Add"], "refused": []}));
        let rows = device.edge.call("*m-1", "GetPropertySubscriptions", Content::Nothing).await;
        assert_eq!(rows.content.as_table().unwrap().cell(0, "edgeName"), Some(&Value::string("rpm")));
        let (offer, ()) = tokio::join!(
            rest_json(&platform, "GET", &remote, ""),
            device.serve(|request| request.name == "GetMetadata")
        );
        assert_eq!(
            (&offer["properties"][0]["added"], &offer["services"][0]["added"]),
            (&json!(true), &json!(true))
        );
        let metadata = rest_json(&platform, "GET", "/Thingworx/Things/Motor/Metadata", "").await;
        assert_eq!(metadata["propertyDefinitions"]["rpm"]["aspects"]["pushType"], "ALWAYS");
        assert_eq!(metadata["propertyDefinitions"]["isConnected"]["baseType"], "BOOLEAN");
        let add = &metadata["serviceDefinitions"]["Add"];
        assert_eq!(add["Inputs"]["fieldDefinitions"]["a"]["baseType"], "NUMBER");
        assert_eq!(add["Outputs"]["baseType"], "NUMBER");

        // Read through.
        let rpm = "/Thingworx/Things/Motor/Properties/rpm";
        let (read, ()) =
            tokio::join!(rest_json(&platform, "GET", rpm, ""), device.serve(|request| request.name == "rpm"));
        assert_eq!(read["rows"][0]["rpm"], json!(900));

        // Written through: the value is new when the edge pushes it back.
        let held = || platform.thing("Motor").unwrap().property("rpm").unwrap().value.clone();
        let (written, ()) = tokio::join!(
            rest(&platform, "PUT", rpm, r#"{"rpm": 1200}"#),
            device.serve(|request| request.method == Method::Put)
        );
        assert_eq!((written.0.as_u16(), device.speed), (200, 1200.0));
        assert_eq!(held(), Value::Number(900.0), "the platform waits for the push");
        let pushed = device.edge.push("*m-1", &[("rpm", Value::Number(device.speed), 5_000, "GOOD")]).await;
        assert_eq!(pushed.code, Code::SUCCESS);
        assert_eq!(held(), Value::Number(1200.0));
        let history = rest_json(&platform, "GET", &format!("{THING}/properties/rpm/history"), "").await;
        let samples = history["samples"].as_array().unwrap();
        assert_eq!(samples.len(), 2, "what was read and what was pushed");
        assert_eq!(samples[0], json!({"time": 5_000, "quality": "GOOD", "value": 1200}), "oldest first");

        // Invoked: it looks like a local service.
        let (result, ()) = tokio::join!(
            rest_json(&platform, "POST", "/Thingworx/Things/Motor/Services/Add", r#"{"a": 1.5, "b": 2}"#),
            device.serve(|request| request.name == "Add")
        );
        assert_eq!(result["rows"][0]["result"], json!(3.5));

        // An event is kept.
        let data = Content::Table(InfoTable::single("message", Value::string("hot")));
        let event = Request::thing(Method::Post, "*m-1", Characteristic::Events, "Alarm", data);
        assert_eq!(device.edge.request(event).await.code, Code::SUCCESS);
        let data = Content::Table(InfoTable::content(r#"{"message":"hotter"}"#));
        let event = Request::thing(Method::Post, "*m-1", Characteristic::Events, "Alarm", data);
        assert_eq!(device.edge.request(event).await.code, Code::SUCCESS);
        let events = rest_json(&platform, "GET", &format!("{THING}/events"), "").await;
        let messages: Vec<_> = events["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["data"]["message"].clone())
            .collect();
        assert_eq!(messages, ["hot", "hotter"]);

        // Lost.
        drop(device);
        until("the thing to be unbound", || (!platform.thing("Motor")?.connected).then_some(())).await;
        assert!(!is_connected(&platform, "Motor").await);
        for (method, path, body) in
            [("GET", remote.as_str(), ""), ("POST", &remote, r#"{"all": true}"#), ("GET", rpm, "")]
        {
            let (status, text) = rest(&platform, method, path, body).await;
            assert_eq!((status.as_u16(), text.as_str()), (503, "Thing Motor is not connected."));
        }
    });
}

#[test]
fn some_of_what_an_edge_offers_is_added_and_wrong_wishes_are_explained() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let edge = Edge::bound(&platform, &["*m-1"]).await;
        let mut device = Device { edge, speed: 0.0 };
        let remote = format!("{THING}/remote");
        for (body, status, sentence) in [
            ("{}", 400, "The body asks for nothing to be added."),
            (
                r#"{"all": true, "services": ["Add"]}"#,
                400,
                "The body asks for all and for some: one of them would be right.",
            ),
            (r#"{"every": true}"#, 400, "The body is not understood: unknown field `every`"),
        ] {
            let (got, text) = rest(&platform, "POST", &remote, body).await;
            assert_eq!(got.as_u16(), status);
            assert!(text.starts_with(sentence), "{text}");
        }
        let (refused, ()) = tokio::join!(
            rest(&platform, "POST", &remote, r#"{"properties": ["rpm", "volts"]}"#),
            device.serve(|request| request.name == "GetMetadata")
        );
        assert_eq!(
            (refused.0.as_u16(), refused.1.as_str()),
            (404, "Thing Motor offers no property volts at the edge.")
        );
        let (added, ()) = tokio::join!(
            rest_json(&platform, "POST", &remote, r#"{"services": ["Add"]}"#),
            device.serve(|request| request.name == "GetMetadata")
        );
        assert_eq!(added, json!({"properties": [], "services": ["Add"], "refused": []}));
        // An answer that is no metadata, and one that refuses.
        for (answer, status) in [
            (Response::table(InfoTable::single("result", Value::Number(1.0))), 502),
            (Response::error(Code::NOT_FOUND, "no such service"), 404),
        ] {
            let (got, ()) = tokio::join!(rest(&platform, "GET", &remote, ""), async {
                let message = device.edge.requested().await;
                device.edge.answer(&message, answer).await;
            });
            assert_eq!(got.0.as_u16(), status, "{}", got.1);
        }
    });
}

#[test]
fn a_remote_binding_is_made_changed_and_ended_and_the_edge_is_told_each_time() {
    on_actix(async {
        let platform = platform(
            r#"{"things": [{"name": "Motor", "properties": [
            {"name": "speed", "baseType": "NUMBER", "value": 1, "history": 2}]}]}"#,
        )
        .await;
        let mut edge = Edge::bound(&platform, &["Motor"]).await;
        let binding = format!("{THING}/properties/speed/binding");
        let told = async |edge: &mut Edge| {
            let message = edge.requested().await;
            assert_eq!(request_of(&message).name, "NotifyPropertyUpdate");
            edge.answer(&message, Response::success()).await;
        };
        let wanted = r#"{"name": "rpm", "pushType": "DEADBAND", "pushThreshold": 2, "cacheTime": -1}"#;
        let shown = rest_json(&platform, "PUT", &binding, wanted).await;
        let speed = named(&shown["properties"], "speed");
        assert_eq!(
            (&speed["remoteName"], &speed["pushType"], &speed["pushThreshold"], &speed["cacheTime"]),
            (&json!("rpm"), &json!("DEADBAND"), &json!(2.0), &json!(-1))
        );
        told(&mut edge).await;
        for time in 1..=3 {
            edge.push("Motor", &[("rpm", Value::Number(2.0), time, "BAD")]).await;
        }
        let history = rest_json(&platform, "GET", &format!("{THING}/properties/speed/history"), "").await;
        assert_eq!(
            history["samples"],
            json!([{"time": 2, "quality": "BAD", "value": 2}, {"time": 3, "quality": "BAD", "value": 2}])
        );
        rest_json(&platform, "DELETE", &binding, "").await;
        told(&mut edge).await;
        let fresh = r#"{"name": "volts", "baseType": "NUMBER", "remote": {"pushType": "ALWAYS"}}"#;
        rest_json(&platform, "PUT", &format!("{THING}/properties/volts"), fresh).await;
        told(&mut edge).await;
        rest_json(&platform, "DELETE", &format!("{THING}/properties/volts"), "").await;
        told(&mut edge).await;
        let service = r#"{"name": "Stop", "remoteName": "halt"}"#;
        let shown = rest_json(&platform, "PUT", &format!("{THING}/services/Stop"), service).await;
        assert_eq!(shown["services"][0]["remoteName"], "halt");
        let shown = rest_json(&platform, "DELETE", &format!("{THING}/services/Stop"), "").await;
        assert_eq!(shown["services"], json!([]));
        for (method, path, body, status, sentence) in [
            ("PUT", "properties/none/binding", "{}", 404, "Thing Motor has no property none."),
            (
                "PUT",
                "properties/speed/binding",
                r#"{"pushType": "SOME"}"#,
                400,
                "Line 1, column 20: \"SOME\" is no push type",
            ),
            (
                "PUT",
                "properties/a",
                r#"{"name": "b", "baseType": "NUMBER"}"#,
                400,
                "The body is about b, the address about a.",
            ),
            (
                "PUT",
                "properties/name",
                r#"{"name": "name", "baseType": "STRING"}"#,
                400,
                "Property name is one that every thing has already.",
            ),
            ("DELETE", "services/none", "", 404, "Thing Motor has no service none."),
            ("GET", "properties/none/history", "", 404, "Thing Motor has no property none."),
            (
                "POST",
                "properties/speed/history",
                "",
                405,
                "This method is not possible here; possible are GET.",
            ),
        ] {
            let (got, text) = rest(&platform, method, &format!("{THING}/{path}"), body).await;
            assert_eq!(got.as_u16(), status, "{path}: {text}");
            assert!(text.starts_with(sentence), "{text}");
        }
    });
}
