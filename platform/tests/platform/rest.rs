//! The REST subset: keys, things, properties and services, here and through to the edge.

use std::time::Duration;

use actix_web::http::StatusCode;
use edgebind_alwayson::{Code, Content, InfoTable, Message, Method, Response, Value};
use serde_json::json;

use crate::support::{Edge, KEY, on_actix, platform, request_of, rest, rest_as, rest_json, settings};

const MODEL: &str = r#"{"things": [
    {"name": "Pump", "properties": [
        {"name": "here", "baseType": "NUMBER", "value": 1.5},
        {"name": "speed", "baseType": "NUMBER", "remote": {"name": "rpm", "pushType": "ALWAYS"}},
        {"name": "kept", "baseType": "STRING", "value": "old", "remote": {"cacheTime": -1}}
    ], "services": [
        {"name": "Start", "remoteName": "StartMotor", "inputs": [{"name": "speed", "baseType": "INTEGER"}],
         "output": {"baseType": "BOOLEAN"}}
    ]},
    {"name": "a b/c", "identifier": "dev-42"}
]}"#;

/// A REST call while the edge does what `serve` says to the one request that comes of it.
async fn rest_with(
    platform: &edgebind_platform::Platform,
    edge: &mut Edge,
    call: (&str, &str, &str),
    serve: impl AsyncFnOnce(&mut Edge, Message),
) -> (StatusCode, String) {
    let (method, path, body) = call;
    let (answer, ()) = tokio::join!(rest(platform, method, path, body), async {
        let request = edge.requested().await;
        serve(edge, request).await;
    });
    answer
}

#[test]
fn nothing_is_shown_without_a_key() {
    on_actix(async {
        let platform = platform(MODEL).await;
        for path in ["/Thingworx/Things", "/Thingworx/Things/Pump/Properties/here", "/Thingworx/nothing"] {
            let (status, text) = rest_as(&platform, None, "GET", path, "").await;
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            assert_eq!(text, "No application key: send it as header appKey or in the query as appKey=....");
            let (status, text) = rest_as(&platform, Some("wrong"), "GET", path, "").await;
            assert_eq!(
                (status, text.as_str()),
                (StatusCode::UNAUTHORIZED, "The application key is not known.")
            );
        }
        let path = format!("/Thingworx/Things/Pump/Properties/here?appKey={KEY}");
        assert_eq!(rest_as(&platform, None, "GET", &path, "").await.0, StatusCode::OK);
    });
}

#[test]
fn a_table_is_written_as_the_real_interface_does() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let (status, text) = rest(&platform, "GET", "/Thingworx/Things/Pump/Properties/here", "").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            text,
            r#"{"rows":[{"here":1.5}],"dataShape":{"fieldDefinitions":{"here":{"name":"here","description":"","baseType":"NUMBER","aspects":{}}}}}"#
        );
        let list = rest_json(&platform, "GET", "/Thingworx/Things", "").await;
        let rows = list["rows"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Pump", "a b/c"]);
        assert_eq!(rows[0]["isConnected"], json!(false));
        assert_eq!(rows[0]["lastConnection"], json!(null));
        assert_eq!(list["dataShape"]["fieldDefinitions"]["lastConnection"]["baseType"], "DATETIME");
    });
}

#[test]
fn things_are_made_shown_and_deleted() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let entry = r#"{"name": "New", "properties": [{"name": "p", "baseType": "INTEGER", "value": 3}]}"#;
        let (status, text) = rest(&platform, "POST", "/Thingworx/Things", entry).await;
        assert_eq!(status, StatusCode::CREATED, "{text}");
        let (status, text) = rest(&platform, "POST", "/Thingworx/Things", entry).await;
        assert_eq!((status, text.as_str()), (StatusCode::CONFLICT, "Thing New exists already."));
        let (status, text) =
            rest(&platform, "POST", "/Thingworx/Things", "{\"name\": \"X\",\n \"colour\": 1}").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.starts_with("Line 2, column 9: unknown key `colour`, expected one of"), "{text}");
        let shown = rest_json(&platform, "GET", "/Thingworx/Things/New", "").await;
        assert_eq!(shown["properties"][0]["value"], json!(3));
        assert_eq!(rest(&platform, "DELETE", "/Thingworx/Things/New", "").await.0, StatusCode::OK);
        let (status, text) = rest(&platform, "GET", "/Thingworx/Things/New", "").await;
        assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, "Thing New does not exist."));
        // Names are percent-encoded; a slash in a name is none in the path.
        let shown =
            rest_json(&platform, "GET", "/Thingworx/Things/a%20b%2Fc/Properties/identifier", "").await;
        assert_eq!(shown["rows"][0]["identifier"], "dev-42");
    });
}

#[test]
fn wrong_requests_get_a_status_and_a_sentence() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let property = "/Thingworx/Things/Pump/Properties";
        for (method, path, body, status, sentence) in [
            ("GET", "/Thingworx/Things/No/Properties/x".to_owned(), "", 404, "Thing No does not exist."),
            ("GET", format!("{property}/x"), "", 404, "Thing Pump has no property x."),
            (
                "GET",
                "/Thingworx/Users".to_owned(),
                "",
                404,
                "/Thingworx/Users is not offered by this platform.",
            ),
            (
                "DELETE",
                format!("{property}/here"),
                "",
                405,
                "This method is not possible here; possible are GET, PUT.",
            ),
            (
                "PUT",
                format!("{property}/isConnected"),
                "{\"isConnected\":true}",
                405,
                "Property isConnected of thing Pump can be read only.",
            ),
            ("PUT", format!("{property}/here"), "", 400, "The body holds no value for here."),
            ("PUT", format!("{property}/speed"), "{\"speed\":1}", 503, "Thing Pump is not connected."),
            ("GET", format!("{property}/speed"), "", 503, "Thing Pump is not connected."),
            (
                "POST",
                "/Thingworx/Things/Pump/Services/Start".to_owned(),
                "{}",
                503,
                "Thing Pump is not connected.",
            ),
        ] {
            let (got, text) = rest(&platform, method, &path, body).await;
            assert_eq!((got.as_u16(), text.as_str()), (status, sentence), "{method} {path}");
        }
        let (status, text) = rest(&platform, "PUT", &format!("{property}/here"), "{\"here\":").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.starts_with("The body is not understood: "), "{text}");
        let (status, text) = rest(&platform, "PUT", &format!("{property}/here"), "{\"here\":\"warm\"}").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(text.starts_with("Value of here: "), "{text}");
        let long = "x".repeat((1 << 20) + 1);
        let (status, text) = rest(&platform, "PUT", &format!("{property}/here"), &long).await;
        assert_eq!((status.as_u16(), text.as_str()), (413, "The body is longer than 1048576 bytes."));
    });
}

#[test]
fn a_property_of_the_platform_is_written_and_read_here() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let _edge = Edge::bound(&platform, &["Pump"]).await;
        rest_json(&platform, "PUT", "/Thingworx/Things/Pump/Properties/here", r#"{"here": 2.5}"#).await;
        let read = rest_json(&platform, "GET", "/Thingworx/Things/Pump/Properties/here", "").await;
        assert_eq!(read["rows"], json!([{"here": 2.5}]));
        rest_json(&platform, "PUT", "/Thingworx/Things/Pump/Properties/*", r#"{"here": 3}"#).await;
        assert_eq!(platform.thing("Pump").unwrap().property("here").unwrap().value, Value::Number(3.0));
    });
}

#[test]
fn a_remote_property_is_read_and_written_through_under_its_name_at_the_edge() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let path = "/Thingworx/Things/Pump/Properties/speed";
        let (status, text) = rest_with(&platform, &mut edge, ("GET", path, ""), async |edge, message| {
            let request = request_of(&message);
            assert_eq!(
                (request.method, request.entity.as_str(), request.name.as_str()),
                (Method::Get, "Pump", "rpm")
            );
            let answer = Response::table(InfoTable::single("rpm", Value::Integer(900)));
            edge.answer(&message, answer).await;
        })
        .await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.starts_with(r#"{"rows":[{"speed":900}],"#), "{text}");
        assert_eq!(platform.thing("Pump").unwrap().property("speed").unwrap().value, Value::Number(900.0));

        let call = ("PUT", path, r#"{"speed": 950.5}"#);
        let (status, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
            let request = request_of(&message);
            assert_eq!((request.method, request.name.as_str()), (Method::Put, "rpm"));
            assert_eq!(request.params, Content::Table(InfoTable::single("rpm", Value::Number(950.5))));
            edge.answer(&message, Response::success()).await;
        })
        .await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, ""));
        // The value is new when the edge pushes it back.
        assert_eq!(platform.thing("Pump").unwrap().property("speed").unwrap().value, Value::Number(900.0));
        let pushed = edge.push("Pump", &[("rpm", Value::Number(950.5), 5, "GOOD")]).await;
        assert_eq!(pushed.code, Code::SUCCESS);
        assert_eq!(platform.thing("Pump").unwrap().property("speed").unwrap().value, Value::Number(950.5));
        // A cached one does not trouble the edge.
        let kept = rest_json(&platform, "GET", "/Thingworx/Things/Pump/Properties/kept", "").await;
        assert_eq!(kept["rows"], json!([{"kept": "old"}]));
    });
}

#[test]
fn a_remote_service_runs_at_the_edge_and_looks_like_a_local_one() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let call = ("POST", "/Thingworx/Things/Pump/Services/Start", r#"{"speed": 7}"#);
        let (status, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
            let request = request_of(&message);
            assert_eq!(request.name, "StartMotor");
            assert_eq!(request.params.as_table().unwrap().rows, [[Value::Integer(7)]]);
            edge.answer(&message, Response::table(InfoTable::single("result", Value::Boolean(true)))).await;
        })
        .await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.starts_with(r#"{"rows":[{"result":true}],"dataShape""#), "{text}");
        // One without a definition goes to the edge by its own name, with the body as it is.
        let call = ("POST", "/Thingworx/Things/Pump/Services/Undefined", r#"{"x": [1]}"#);
        let (status, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
            let request = request_of(&message);
            assert_eq!(request.name, "Undefined");
            assert_eq!(request.params.as_table().unwrap().as_content(), Some(r#"{"x":[1]}"#));
            edge.answer(&message, Response::success()).await;
        })
        .await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, ""));
    });
}

#[test]
fn the_refusal_of_an_edge_becomes_a_status_and_its_reason_a_sentence() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let call = ("POST", "/Thingworx/Things/Pump/Services/Start", "");
        for (code, status) in [
            (Code::BAD_REQUEST, 400),
            (Code::UNAUTHORIZED, 403),
            (Code::NOT_FOUND, 404),
            (Code::INTERNAL_SERVER_ERROR, 500),
            (Code::GATEWAY_TIMEOUT, 504),
            (Code(0xF0), 502),
        ] {
            let (got, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
                edge.answer(&message, Response::error(code, "the motor is hot")).await;
            })
            .await;
            assert_eq!((got.as_u16(), text.as_str()), (status, "The motor is hot."));
        }
        // The reference client puts its reason into the content (section 9.3).
        let (_, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
            let content = Content::Table(InfoTable::single("reason", Value::string("stuck")));
            let answer = Response { code: Code::INTERNAL_SERVER_ERROR, reason: None, content };
            edge.answer(&message, answer).await;
        })
        .await;
        assert_eq!(text, "Stuck.");
        let (_, text) = rest_with(&platform, &mut edge, call, async |edge, message| {
            let answer = Response { code: Code::NOT_FOUND, reason: None, content: Content::Nothing };
            edge.answer(&message, answer).await;
        })
        .await;
        assert_eq!(text, "Refused with NOT_FOUND.");
    });
}

#[test]
fn an_edge_that_is_silent_or_lost_is_said_to_be() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.request_timeout = Duration::from_millis(80);
        let platform = edgebind_platform::start(settings).await.unwrap();
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let path = "/Thingworx/Things/Pump/Properties/speed";
        let (status, text) = rest(&platform, "GET", path, "").await;
        assert_eq!((status.as_u16(), text.as_str()), (504, "Thing Pump did not answer within 80 ms."));
        platform.stop(Duration::from_secs(1)).await;
        assert_eq!(edge.requested().await.body.code(), Code::GET);

        let platform = crate::support::platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let ((status, text), ()) = tokio::join!(rest(&platform, "GET", path, ""), async {
            edge.requested().await;
            drop(edge);
        });
        assert_eq!(
            (status.as_u16(), text.as_str()),
            (503, "Thing Pump was disconnected before it answered.")
        );
    });
}

#[test]
fn answers_of_many_chunks_and_small_frames_arrive_whole() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect_with(&platform, 600).await;
        edge.authenticate().await;
        edge.bind(&["Pump"]).await;
        let notification = edge.requested().await;
        edge.answer(&notification, Response::success()).await;
        let long = "y".repeat(5_000);
        let body = format!("{{\"text\": \"{long}\"}}");
        let path = "/Thingworx/Things/Pump/Services/Echo";
        let ((status, text), ()) = tokio::join!(rest(&platform, "POST", path, &body), async {
            let mut frames = 0;
            let mut seen = 0;
            while seen < 5_000 {
                match edge.frame().await {
                    Some(awc::ws::Frame::Binary(bytes)) => {
                        assert!(bytes.len() <= 600, "Max-Frame-Size is honoured");
                        seen += bytes.iter().filter(|byte| **byte == b'y').count();
                        frames += 1;
                    }
                    other => panic!("unexpected {other:?}"),
                }
            }
            assert!(frames > 8, "{frames}");
            drop(edge);
        });
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    });
}

#[test]
fn a_taken_port_is_said_and_the_next_one_is_tried_when_asked() {
    on_actix(async {
        let first = platform(MODEL).await;
        let mut settings = settings(MODEL);
        settings.port = first.address().port();
        let error = edgebind_platform::start(settings.clone()).await.err().unwrap();
        let port = settings.port;
        assert_eq!(error.to_string(), format!("cannot listen on 127.0.0.1, ports {port} to {port}"));
        settings.ports_to_try = 50;
        let second = edgebind_platform::start(settings.clone()).await.unwrap();
        assert!(second.address().port() > port);
        settings.app_keys.clear();
        assert!(edgebind_platform::start(settings).await.is_err());
    });
}
