//! Requests of an edge to the platform (protocol notes, section 8).

use edgebind_alwayson::{
    BaseType, Body, Characteristic, Code, Content, EntityType, InfoTable, Method, Request, Response, Value,
};
use edgebind_platform::{News, model::Change};
use serde_json::json;

use crate::support::{Edge, on_actix, platform, request_of, rest, rest_json, soon, vector};

const MODEL: &str = r#"{"things": [
    {"name": "Thing1", "description": "first", "properties": [
        {"name": "num", "baseType": "NUMBER", "value": 1},
        {"name": "str", "baseType": "STRING"},
        {"name": "when", "baseType": "DATETIME"},
        {"name": "far", "baseType": "NUMBER", "remote": {"name": "near"}}
    ], "services": [
        {"name": "Add", "remoteName": "AddNumbers",
         "inputs": [{"name": "a", "baseType": "NUMBER"}, {"name": "b", "baseType": "INTEGER"}],
         "output": {"baseType": "NUMBER"}}
    ]},
    {"name": "Caller"}
]}"#;

fn read(entity: &str, property: &str) -> Request {
    Request::thing(Method::Get, entity, Characteristic::Properties, property, Content::Nothing)
}

fn write(entity: &str, property: &str, params: Content) -> Request {
    Request::thing(Method::Put, entity, Characteristic::Properties, property, params)
}

fn content(json: &str) -> Content {
    Content::Table(InfoTable::content(json))
}

#[test]
fn an_edge_reads_what_the_platform_holds_bound_or_not() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let answer = edge.request(read("Thing1", "num")).await;
        assert_eq!(answer, Response::table(InfoTable::single("num", Value::Number(1.0))));
        let answer = edge.request(read("Thing1", "")).await;
        let all = answer.content.as_table().unwrap();
        assert_eq!(all.rows.len(), 1);
        assert_eq!(all.cell(0, "num"), Some(&Value::Number(1.0)));
        assert_eq!(all.cell(0, "isConnected"), Some(&Value::Boolean(false)));
        assert_eq!(all.cell(0, "description"), Some(&Value::string("first")));
        for (entity, property, reason) in [
            ("Nobody", "num", "thing Nobody does not exist"),
            ("Thing1", "nothing", "thing Thing1 has no property nothing"),
        ] {
            assert_eq!(edge.request(read(entity, property)).await, Response::error(Code::NOT_FOUND, reason));
        }
        let resource = Request {
            entity_type: EntityType::from_name("Resources").unwrap(),
            ..read("EntityServices", "x")
        };
        let reason = "Resources EntityServices is not offered by this platform";
        assert_eq!(edge.request(resource).await, Response::error(Code::NOT_FOUND, reason));
    });
}

#[test]
fn an_edge_writes_by_columns_and_by_json_of_a_gateway() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let put = write("Thing1", "num", Content::Table(InfoTable::single("num", Value::Integer(-3))));
        assert_eq!(edge.request(put).await, Response::success());
        assert_eq!(platform.thing("Thing1").unwrap().property("num").unwrap().value, Value::Number(-3.0));
        assert_eq!(
            edge.request(write("Thing1", "num", content(r#"{"num":42.250000000000000}"#))).await.code,
            Code::SUCCESS
        );
        assert_eq!(platform.thing("Thing1").unwrap().property("num").unwrap().value, Value::Number(42.25));
        let several = write("Thing1", "*", content(r#"{"num":7,"str":"abc","when":1500000000123}"#));
        assert_eq!(edge.request(several).await.code, Code::SUCCESS);
        let thing = platform.thing("Thing1").unwrap();
        let values: Vec<_> =
            ["num", "str", "when"].map(|name| thing.property(name).unwrap().value.clone()).into();
        assert_eq!(values, [Value::Number(7.0), Value::string("abc"), Value::Datetime(1_500_000_000_123)]);
        // All or none.
        let refusal = edge.request(write("Thing1", "*", content(r#"{"num":8,"when":"never"}"#))).await;
        assert_eq!(refusal.code, Code::BAD_REQUEST, "{refusal:?}");
        assert_eq!(platform.thing("Thing1").unwrap().property("num").unwrap().value, Value::Number(7.0));
        let refusal = edge.request(write("Thing1", "isConnected", content(r#"{"isConnected":true}"#))).await;
        assert_eq!(refusal.code, Code::METHOD_NOT_ALLOWED);
        assert_eq!(edge.request(write("Thing1", "num", Content::Nothing)).await.code, Code::BAD_REQUEST);
    });
}

#[test]
fn a_service_that_is_defined_remote_runs_at_the_other_edge() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut worker = Edge::bound(&platform, &["Thing1"]).await;
        let mut caller = Edge::bound(&platform, &["Caller"]).await;
        let answer = tokio::join!(caller.call("Thing1", "Add", content(r#"{"a":1.5,"b":2}"#)), async {
            let call = worker.requested().await;
            let request = request_of(&call);
            assert_eq!((request.entity.as_str(), request.name.as_str()), ("Thing1", "AddNumbers"));
            let table = request.params.as_table().unwrap();
            assert_eq!(table.rows, [[Value::Number(1.5), Value::Integer(2)]]);
            let types: Vec<_> = table.fields.iter().map(|field| field.base_type).collect();
            assert_eq!(types, [BaseType::Number, BaseType::Integer]);
            let sum = InfoTable::single("result", Value::Number(3.5));
            worker.answer(&call, Response::table(sum)).await;
        })
        .0;
        assert_eq!(answer, Response::table(InfoTable::single("result", Value::Number(3.5))));
        let refusal = caller.call("Thing1", "Undefined", Content::Nothing).await;
        assert_eq!(refusal, Response::error(Code::NOT_FOUND, "thing Thing1 has no service Undefined"));
        let refusal = caller.call("Thing1", "Add", content(r#"{"c":1}"#)).await;
        assert_eq!(
            refusal,
            Response::error(Code::BAD_REQUEST, "value of c: there is no such parameter; declared are: a, b")
        );
        drop(worker);
        let lost = loop {
            let answer = caller.call("Thing1", "Add", content("{}")).await;
            if answer.reason.as_deref() == Some("thing Thing1 is not connected") {
                break answer;
            }
        };
        assert_eq!(lost.code, Code::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn an_event_is_recorded_and_told_to_the_watchers() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut watch = platform.watch();
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let event = Request::thing(
            Method::Post,
            "Thing1",
            Characteristic::Events,
            "Alarm",
            content(r#"{"message":"m1"}"#),
        );
        assert_eq!(edge.request(event).await, Response::success());
        match soon("the event", watch.next()).await {
            Some(News::Change(change)) => match &*change {
                Change::Event { thing, event, data, .. } => {
                    assert_eq!((thing.as_str(), event.as_str()), ("Thing1", "Alarm"));
                    assert_eq!(*data, content(r#"{"message":"m1"}"#));
                }
                other => panic!("unexpected {other:?}"),
            },
            other => panic!("unexpected {other:?}"),
        }
        // The reference client's bytes, for a thing that is not there.
        edge.send_bytes(vector("post_event")).await;
        assert_eq!(edge.message().await.body.code(), Code::NOT_FOUND);
        let delete = Request { method: Method::Delete, ..read("Thing1", "num") };
        assert_eq!(edge.request(delete).await.code, Code::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn every_endpoint_id_and_request_id_comes_back() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.send_bytes(vector("auth_endpoint_ones")).await;
        let answer = edge.message().await;
        assert_eq!(answer.endpoint_id, u32::MAX);
        assert!(matches!(
            answer.body,
            Body::Response(Response { code: Code::SUCCESS | Code::UNAUTHORIZED, .. })
        ));
        edge.authenticate().await;
        edge.send(0, Body::Request(read("Thing1", "num"))).await;
        let answer = edge.message().await;
        assert_eq!((answer.request_id, answer.body.code()), (0, Code::SUCCESS));
        let all = rest_json(&platform, "GET", "/Thingworx/Things/Thing1/Properties", "").await;
        assert_eq!(all["rows"][0]["num"], json!(1));
    });
}

#[test]
fn file_transfer_and_tunnels_are_not_found_with_a_sentence() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        for (entity, service) in [("FileTransferSubsystem", "CopyFile"), ("TunnelSubsystem", "StartTunnel")] {
            let request =
                Request::thing(Method::Post, entity, Characteristic::Services, service, content("{}"));
            let request = Request { entity_type: EntityType::from_name("Subsystems").unwrap(), ..request };
            let reason = format!("Subsystems {entity} is not offered by this platform");
            assert_eq!(edge.request(request).await, Response::error(Code::NOT_FOUND, reason));
            let path = format!("/Thingworx/Subsystems/{entity}/Services/{service}");
            let (status, text) = rest(&platform, "POST", &path, "{}").await;
            assert_eq!((status.as_u16(), text), (404, format!("{path} is not offered by this platform.")));
        }
    });
}
