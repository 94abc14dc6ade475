//! Misbehaviour on request: every switch of the control interface, and what an edge sees of it.

use std::time::Duration;

use awc::ws;
use bytes::Bytes;
use edgebind_alwayson::{
    Auth, Body, Characteristic, Claim, Code, Content, InfoTable, Method, Request, Response, Value,
};
use edgebind_kernel::clock;
use edgebind_platform::Platform;
use serde_json::{Value as Json, json};

use crate::support::{Edge, KEY, PATIENCE, bind, is_connected, on_actix, request_of, settings, soon};

const MODEL: &str = r#"{"things": [
    {"name": "Pump", "properties": [{"name": "p", "baseType": "NUMBER", "value": 1}]}, {"name": "Motor"}
]}"#;

async fn platform() -> Platform {
    let mut settings = settings(MODEL);
    settings.control_port = Some(0);
    edgebind_platform::start(settings).await.unwrap()
}

/// A call of the control interface; returns status and body.
async fn call(platform: &Platform, method: &str, path: &str, body: &str) -> (u16, String) {
    let url = format!("http://{}/control/v1/{path}", platform.control_address().unwrap());
    let request = awc::Client::default().request(method.parse().unwrap(), url).timeout(PATIENCE);
    let mut response = request.send_body(body.to_owned()).await.unwrap();
    let text = response.body().await.unwrap();
    (response.status().as_u16(), String::from_utf8(text.to_vec()).unwrap())
}

/// A call that has to succeed, as JSON.
async fn control(platform: &Platform, method: &str, path: &str, body: &str) -> Json {
    let (status, text) = call(platform, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {text}");
    if text.is_empty() { Json::Null } else { serde_json::from_str(&text).unwrap() }
}

async fn rule(platform: &Platform, kind: &str, rule: &str) -> u64 {
    control(platform, "POST", kind, rule).await["id"].as_u64().unwrap()
}

fn read() -> Request {
    Request::thing(Method::Get, "Pump", Characteristic::Properties, "p", Content::Nothing)
}

fn write(number: f64) -> Request {
    let params = Content::Table(InfoTable::single("p", Value::Number(number)));
    Request::thing(Method::Put, "Pump", Characteristic::Properties, "p", params)
}

fn auth() -> Body {
    Body::Auth(Auth { claims: vec![Claim { name: "appKey".to_owned(), value: KEY.to_owned() }] })
}

fn value(platform: &Platform) -> Value {
    platform.thing("Pump").unwrap().property("p").unwrap().value.clone()
}

/// An edge that is authenticated and has bound nothing.
async fn authenticated(platform: &Platform) -> Edge {
    let mut edge = Edge::connect(platform).await;
    edge.authenticate().await;
    edge
}

/// Sends `body`, which must stay without an answer, and finds out by the answer to a read behind it.
async fn unanswered(edge: &mut Edge, body: Body) {
    edge.send(77, body).await;
    edge.send(78, Body::Request(read())).await;
    let answer = edge.message().await;
    assert_eq!(answer.request_id, 78, "{answer:?}");
}

#[test]
fn a_scripted_answer_comes_in_place_of_the_usual_as_often_as_it_says() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        let scripted = r#"{"entity": "Pu*", "characteristic": "Properties", "method": "GET", "name": "p",
                           "code": "FORBIDDEN", "reason": "not today", "times": 2}"#;
        rule(&platform, "answers", scripted).await;
        rule(&platform, "answers", r#"{"method": "PUT", "code": "SUCCESS"}"#).await;
        let table = r#"{"name": "Count", "content": 7}"#;
        rule(&platform, "answers", table).await;
        for _ in 0..2 {
            assert_eq!(edge.request(read()).await, Response::error(Code::FORBIDDEN, "not today"));
        }
        assert_eq!(edge.request(read()).await.code, Code::SUCCESS);
        // Success that is not true.
        assert_eq!(edge.request(write(5.0)).await, Response::success());
        assert_eq!(value(&platform), Value::Number(1.0));
        let counted = edge.call("Anything", "Count", Content::Nothing).await;
        assert_eq!(counted, Response::table(InfoTable::single("result", Value::Number(7.0))));
        let state = control(&platform, "GET", "state", "").await;
        assert_eq!((&state["rules"][0]["hits"], &state["rules"][0]["left"]), (&json!(2), &json!(0)));
        assert_eq!(state["rules"][0]["kind"], "answer");
        assert_eq!(state["connections"].as_array().unwrap().len(), 1);
    });
}

#[test]
fn silence_is_silence_before_or_after_the_deed() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        rule(&platform, "answers", r#"{"method": "PUT", "silent": true, "times": 1}"#).await;
        rule(&platform, "answers", r#"{"method": "PUT", "silent": true, "execute": true, "times": 1}"#).await;
        rule(&platform, "answers", r#"{"method": "PUT", "execute": true, "code": "GATEWAY_TIMEOUT"}"#).await;
        unanswered(&mut edge, Body::Request(write(2.0))).await;
        assert_eq!(value(&platform), Value::Number(1.0), "nothing is done");
        unanswered(&mut edge, Body::Request(write(3.0))).await;
        assert_eq!(value(&platform), Value::Number(3.0), "done, and not said");
        assert_eq!(edge.request(write(4.0)).await.code, Code::GATEWAY_TIMEOUT);
        assert_eq!(value(&platform), Value::Number(4.0), "done, and denied");
    });
}

#[test]
fn a_late_answer_is_overtaken_by_others() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        rule(&platform, "answers", r#"{"method": "PUT", "delayMs": 150}"#).await;
        let begun = clock::now();
        edge.send(5, Body::Request(write(2.0))).await;
        edge.send(6, Body::Request(read())).await;
        let order = [edge.message().await.request_id, edge.message().await.request_id];
        assert_eq!(order, [6, 5]);
        assert!(clock::now() - begun >= Duration::from_millis(150));
        assert_eq!(value(&platform), Value::Number(2.0));
    });
}

#[test]
fn auth_is_refused_late_or_not_answered() {
    on_actix(async {
        let platform = platform().await;
        rule(&platform, "auth", r#"{"code": "SERVICE_UNAVAILABLE", "reason": "starting", "times": 1}"#).await;
        rule(&platform, "auth", r#"{"silent": true, "times": 1}"#).await;
        rule(&platform, "auth", r#"{"delayMs": 100, "times": 1}"#).await;
        let mut edge = Edge::connect(&platform).await;
        assert_eq!(edge.exchange(auth()).await, Response::error(Code::SERVICE_UNAVAILABLE, "starting"));
        let mut mute = Edge::connect(&platform).await;
        mute.send(1, auth()).await;
        assert!(tokio::time::timeout(Duration::from_millis(100), mute.frame()).await.is_err());
        let begun = clock::now();
        assert_eq!(edge.exchange(auth()).await.code, Code::SUCCESS);
        assert!(clock::now() - begun >= Duration::from_millis(100));
    });
}

#[test]
fn a_bind_is_refused_whole_by_its_bad_names_or_by_its_gateway_marker() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        let all = rule(&platform, "bind", r#"{"refuse": "all", "code": "PRECONDITION_FAILED"}"#).await;
        let refused = Response::error(Code::PRECONDITION_FAILED, "refused on request: Pump, Motor");
        assert_eq!(edge.bind(&["Pump", "Motor"]).await, refused);
        control(&platform, "DELETE", &format!("rules/{all}"), "").await;

        let bad = rule(&platform, "bind", r#"{"refuse": ["Mot*"], "reason": "bad"}"#).await;
        assert_eq!(edge.bind(&["Pump", "Motor"]).await, Response::error(Code::NOT_FOUND, "bad: Motor"));
        assert!(!is_connected(&platform, "Pump").await);
        assert_eq!(edge.bind(&["Pump"]).await.code, Code::SUCCESS);
        control(&platform, "DELETE", &format!("rules/{bad}"), "").await;

        rule(&platform, "bind", r#"{"refuse": ["Mot*"], "code": "SUCCESS", "times": 1}"#).await;
        assert_eq!(edge.bind(&["Motor"]).await.code, Code::SUCCESS);
        assert!(!is_connected(&platform, "Motor").await, "confirmed, and not bound");

        rule(&platform, "bind", r#"{"refuse": "gateway"}"#).await;
        let marked = edge.exchange(Body::Bind(bind(&["Motor"], Some("Gate")))).await;
        assert_eq!(marked, Response::error(Code::NOT_FOUND, "refused on request: Gate"));
        assert_eq!(edge.exchange(Body::Bind(bind(&["Motor"], None))).await.code, Code::SUCCESS);
    });
}

#[test]
fn a_bind_is_accepted_silently_dropped_or_taken_late() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        rule(&platform, "bind", r#"{"refuse": "all", "silent": true, "times": 1}"#).await;
        rule(&platform, "bind", r#"{"silent": true, "times": 1}"#).await;
        rule(&platform, "bind", r#"{"delayMs": 100, "times": 1}"#).await;
        unanswered(&mut edge, Body::Bind(bind(&["Pump"], None))).await;
        assert!(!is_connected(&platform, "Pump").await, "dropped");
        unanswered(&mut edge, Body::Bind(bind(&["Pump"], None))).await;
        assert!(is_connected(&platform, "Pump").await, "accepted, and not said");
        let begun = clock::now();
        edge.send(9, Body::Bind(bind(&["Motor"], None))).await;
        edge.send(10, Body::Request(read())).await;
        assert_eq!(edge.message().await.request_id, 10);
        let answer = edge.message().await;
        assert_eq!((answer.request_id, answer.body.code()), (9, Code::SUCCESS));
        assert!(clock::now() - begun >= Duration::from_millis(100));
        // A delay that outlives its connection binds nothing.
        rule(&platform, "bind", r#"{"delayMs": 50}"#).await;
        let mut other = authenticated(&platform).await;
        drop(edge);
        crate::support::until("the unbinding", || {
            (!platform.thing("Pump")?.connected && platform.counts().connections == 1).then_some(())
        })
        .await;
        other.send(9, Body::Bind(bind(&["Pump"], None))).await;
        other.send(10, Body::Request(read())).await;
        assert_eq!(other.message().await.request_id, 10, "the BIND has come");
        drop(other);
        crate::support::until("the end", || (platform.counts().connections == 0).then_some(())).await;
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(!is_connected(&platform, "Pump").await);
    });
}

#[test]
fn pings_are_not_answered_or_answered_with_nothing() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = authenticated(&platform).await;
        let mute = rule(&platform, "ping", r#"{"answer": "none"}"#).await;
        edge.send_frame(ws::Message::Ping(Bytes::from_static(b"23:15:40"))).await;
        edge.send(5, Body::Request(read())).await;
        assert_eq!(edge.message().await.request_id, 5, "no pong came before it");
        control(&platform, "DELETE", &format!("rules/{mute}"), "").await;
        rule(&platform, "ping", r#"{"answer": "empty", "times": 1}"#).await;
        for expected in ["", "23:15:41"] {
            edge.send_frame(ws::Message::Ping(Bytes::from_static(b"23:15:41"))).await;
            match edge.frame().await {
                Some(ws::Frame::Pong(payload)) => assert_eq!(payload, expected),
                other => panic!("unexpected {other:?}"),
            }
        }
    });
}

#[test]
fn one_connection_or_all_are_closed_with_a_status() {
    on_actix(async {
        let platform = platform().await;
        let mut first = authenticated(&platform).await;
        let mut second = Edge::bound(&platform, &["Pump"]).await;
        let third = authenticated(&platform).await;
        let state = control(&platform, "GET", "state", "").await;
        let connections = state["connections"].as_array().unwrap();
        let bound = connections.iter().find(|connection| connection["bound"] == json!(["Pump"])).unwrap();
        let body =
            json!({"connection": bound["id"], "code": 1011, "text": "Unexpected Condition"}).to_string();
        assert_eq!(control(&platform, "POST", "close", &body).await, json!({"closed": 1, "busy": 0}));
        assert_eq!(second.closed().await, (1011, "Unexpected Condition".to_owned()));
        assert!(!is_connected(&platform, "Pump").await);
        drop(third);
        crate::support::until("two to be gone", || (platform.counts().connections == 1).then_some(())).await;
        assert_eq!(control(&platform, "POST", "close", "").await["closed"], 1);
        assert_eq!(first.closed().await.0, 1001);
        for (body, status, sentence) in [
            (r#"{"code": 1006}"#, 400, "Code is a status that a Close frame can carry, for example 1001."),
            (r#"{"connection": 999}"#, 404, "There is no connection 999."),
            (r#"{"kode": 1}"#, 400, "The body is not understood: unknown field `kode`"),
        ] {
            let (got, text) = call(&platform, "POST", "close", body).await;
            assert_eq!(got, status);
            assert!(text.starts_with(sentence), "{text}");
        }
    });
}

#[test]
fn requests_are_pushed_to_an_edge_at_a_rate_and_their_answers_counted() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let body =
            r#"{"entity": "Pump", "name": "Start", "content": {"speed": 3}, "ratePerS": 200, "count": 21}"#;
        let begun = clock::now();
        let id = control(&platform, "POST", "push", body).await["id"].clone();
        for number in 0..21 {
            let message = edge.requested().await;
            let request = request_of(&message);
            assert_eq!((request.name.as_str(), request.method), ("Start", Method::Post));
            assert_eq!(request.params.as_table().unwrap().as_content(), Some(r#"{"speed":3}"#));
            let answer =
                if number == 0 { Response::error(Code::NOT_FOUND, "x") } else { Response::success() };
            edge.answer(&message, answer).await;
        }
        assert!(clock::now() - begun >= Duration::from_millis(100), "20 intervals of 5 ms");
        let path = format!("push/{id}");
        let report = soon("the end of the push", async {
            loop {
                let report = control(&platform, "GET", &path, "").await;
                if report["running"] == false {
                    break report;
                }
            }
        })
        .await;
        assert_eq!(report["outcomes"], json!({"SUCCESS": 20, "NOT_FOUND": 1}));
        assert_eq!(
            (&report["sent"], &report["open"], &report["skipped"]),
            (&json!(21), &json!(0), &json!(0))
        );
        assert!(report["latencyUs"]["p50"].as_u64().unwrap() > 0);
        // A read, which is lost with the connection.
        let body = r#"{"entity": "Pump", "characteristic": "Properties", "name": "far"}"#;
        let id = control(&platform, "POST", "push", body).await["id"].clone();
        assert_eq!(request_of(&edge.requested().await).method, Method::Get);
        drop(edge);
        let path = format!("push/{id}");
        soon("the loss", async {
            while control(&platform, "GET", &path, "").await["outcomes"] != json!({"LOST": 1}) {}
        })
        .await;
        for (body, status, sentence) in [
            (r#"{"entity": "Pump", "name": "s"}"#, 503, "Thing Pump is not connected."),
            (r#"{"entity": "No", "name": "s"}"#, 404, "Thing No does not exist."),
            (r#"{"entity": "Pump", "name": "s", "ratePerS": 0}"#, 400, "RatePerS 0 is not above 0"),
            (r#"{"entity": "Pump", "name": "s", "count": 0}"#, 400, "Count 0 would send nothing."),
        ] {
            let (got, text) = call(&platform, "POST", "push", body).await;
            assert_eq!(got, status, "{text}");
            assert!(text.starts_with(sentence), "{text}");
        }
        assert_eq!(call(&platform, "GET", "push/99", "").await.0, 404);
    });
}

#[test]
fn clearing_ends_every_misbehaviour() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        rule(&platform, "answers", r#"{"code": "FORBIDDEN"}"#).await;
        rule(&platform, "ping", r#"{"answer": "none"}"#).await;
        control(
            &platform,
            "POST",
            "push",
            r#"{"entity": "Pump", "name": "s", "ratePerS": 1, "count": 1000}"#,
        )
        .await;
        assert_eq!(edge.request(read()).await.code, Code::FORBIDDEN);
        control(&platform, "DELETE", "state", "").await;
        let state = control(&platform, "GET", "state", "").await;
        assert_eq!((&state["rules"], &state["pushes"]), (&json!([]), &json!([])));
        assert_eq!(edge.request(read()).await.code, Code::SUCCESS);
        assert_eq!(call(&platform, "DELETE", "rules/1", "").await.0, 404);
        let (status, text) = call(&platform, "POST", "answers", r#"{"code": 1}"#).await;
        assert_eq!(status, 400);
        assert!(text.starts_with("The rule is not understood: code is a status"), "{text}");
    });
}

#[test]
fn the_control_interface_is_there_only_when_asked_for_and_never_for_a_page() {
    on_actix(async {
        let platform = crate::support::platform(MODEL).await;
        assert_eq!(platform.control_address(), None);
        let platform = self::platform().await;
        let address = platform.control_address().unwrap();
        assert!(address.ip().is_loopback());
        let status = async |name: &str, value: &str| {
            let url = format!("http://{address}/control/v1/state");
            let request = awc::Client::default().get(url).insert_header((name, value));
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(status("accept", "*/*").await, 200);
        assert_eq!(status("origin", "http://127.0.0.1:1").await, 403);
        assert_eq!(status("host", "evil.example:80").await, 403);
        let mut settings = settings(MODEL);
        settings.control_port = Some(address.port());
        let error = edgebind_platform::start(settings).await.err().unwrap().to_string();
        let expected =
            format!("cannot listen on 127.0.0.1, port {}, for the control interface", address.port());
        assert_eq!(error, expected);
    });
}
