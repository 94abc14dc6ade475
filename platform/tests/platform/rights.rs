//! What keys open, by REST and at the WebSocket.

use edgebind_alwayson::{
    Auth, Body, Characteristic, Claim, Code, Content, InfoTable, Method, Request, Response, Value,
};
use edgebind_platform::{AppKey, Platform, Right, Rights};

use crate::support::{Edge, KEY, on_actix, rest_as, settings};

const MODEL: &str = r#"{"things": [{"name": "T", "properties": [{"name": "p", "baseType": "NUMBER", "value": 1},
    {"name": "r", "baseType": "NUMBER", "remote": {"pushType": "ALWAYS"}}]}]}"#;

/// A platform with a key named after each right, one of all rights, and one that has expired.
async fn platform() -> Platform {
    let mut settings = settings(MODEL);
    for (name, right) in
        [("read", Right::Read), ("write", Right::Write), ("invoke", Right::Invoke), ("bind", Right::Bind)]
    {
        settings.app_keys.push(AppKey::new(name).with_rights(Rights::from(right)));
    }
    settings.app_keys.push(AppKey::new("old").expiring(1_000));
    settings.app_keys.push(AppKey::parse("device:bind,write", 0).unwrap());
    edgebind_platform::start(settings).await.unwrap()
}

fn auth(key: &str) -> Body {
    Body::Auth(Auth { claims: vec![Claim { name: "appKey".to_owned(), value: key.to_owned() }] })
}

#[test]
fn each_right_opens_its_part_of_the_rest_interface_and_no_other() {
    on_actix(async {
        let platform = platform().await;
        let thing = "/Thingworx/Things/T";
        let beyond = "/edgebind/v1/platform/things";
        let push = r#"{"values": {"rows": [], "dataShape": {"fieldDefinitions": {
            "name": {"name": "name", "baseType": "STRING"}, "value": {"name": "value", "baseType": "VARIANT"}}}}}"#;
        for (right, method, path, body) in [
            ("read", "GET", "/Thingworx/Things".to_owned(), ""),
            ("read", "GET", format!("{thing}/Properties/p"), ""),
            ("read", "GET", format!("{thing}/Metadata"), ""),
            ("read", "GET", beyond.to_owned(), ""),
            ("read", "GET", format!("{beyond}/T/events"), ""),
            ("read", "GET", format!("{beyond}/T/remote"), ""),
            ("read", "GET", format!("{beyond}/T/properties/p/history"), ""),
            ("read", "POST", format!("{thing}/Services/GetPropertyValues"), ""),
            ("write", "PUT", format!("{thing}/Properties/p"), r#"{"p": 2}"#),
            ("write", "PUT", format!("{thing}/Properties"), r#"{"p": 2}"#),
            ("write", "POST", format!("{thing}/Services/UpdateSubscribedPropertyValues"), push),
            ("write", "POST", "/Thingworx/Things".to_owned(), r#"{"name": "N"}"#),
            ("write", "DELETE", "/Thingworx/Things/N".to_owned(), ""),
            ("write", "POST", format!("{beyond}/T/remote"), r#"{"all": true}"#),
            ("write", "PUT", format!("{beyond}/T/properties/p/binding"), "{}"),
            ("write", "DELETE", format!("{beyond}/T/properties/p/binding"), ""),
            ("invoke", "POST", format!("{thing}/Services/Anything"), ""),
        ] {
            for key in ["read", "write", "invoke", "bind"] {
                if key != right {
                    let (status, text) = rest_as(&platform, Some(key), method, &path, body).await;
                    assert_eq!(status.as_u16(), 403, "{key} at {method} {path}: {text}");
                    assert_eq!(text, format!("The application key has no right to {right}."));
                }
            }
            let (status, text) = rest_as(&platform, Some(right), method, &path, body).await;
            // The edge is not connected: the request went as far as that.
            assert!(status.is_success() || status.as_u16() == 503, "{method} {path}: {status} {text}");
            let (status, text) = rest_as(&platform, Some("old"), method, &path, body).await;
            assert_eq!((status.as_u16(), text.as_str()), (401, "The application key has expired."));
        }
    });
}

#[test]
fn an_edge_needs_a_key_that_is_known_alive_and_may_bind() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = Edge::connect(&platform).await;
        for (key, reason) in [
            ("unknown", "the application key is not known"),
            ("old", "the application key has expired"),
            ("read", "the application key has no right to bind"),
        ] {
            let answer = edge.exchange(auth(key)).await;
            assert_eq!(answer, Response::error(Code::UNAUTHORIZED, reason));
        }
        assert_eq!(edge.exchange(auth("bind")).await.code, Code::SUCCESS);
        assert_eq!(edge.bind(&["T"]).await.code, Code::SUCCESS);
    });
}

#[test]
fn requests_of_an_edge_run_with_the_rights_of_its_key() {
    on_actix(async {
        let platform = platform().await;
        let mut edge = Edge::connect(&platform).await;
        assert_eq!(edge.exchange(auth("device")).await.code, Code::SUCCESS);
        assert_eq!(edge.bind(&["T"]).await.code, Code::SUCCESS);
        let request = |method, characteristic, name: &str, params| {
            Request::thing(method, "T", characteristic, name, params)
        };
        let value = || Content::Table(InfoTable::single("p", Value::Number(5.0)));
        let forbidden = |right: &str| {
            Response::error(Code::FORBIDDEN, format!("the application key has no right to {right}"))
        };
        let read = request(Method::Get, Characteristic::Properties, "p", Content::Nothing);
        assert_eq!(edge.request(read.clone()).await, forbidden("read"));
        let call = request(Method::Post, Characteristic::Services, "Do", Content::Nothing);
        assert_eq!(edge.request(call).await, forbidden("invoke"));
        let write = request(Method::Put, Characteristic::Properties, "p", value());
        assert_eq!(edge.request(write.clone()).await, Response::success());
        assert_eq!(edge.push("T", &[("r", Value::Number(1.0), 1, "GOOD")]).await.code, Code::SUCCESS);
        // A new AUTH on the same connection brings its own rights.
        assert_eq!(edge.exchange(auth("bind")).await.code, Code::SUCCESS);
        assert_eq!(edge.request(write).await, forbidden("write"));
        assert_eq!(edge.exchange(auth(KEY)).await.code, Code::SUCCESS);
        assert_eq!(edge.request(read).await.code, Code::SUCCESS);
    });
}

#[test]
fn a_key_that_ends_while_an_edge_is_connected_opens_nothing_any_more() {
    on_actix(async {
        let mut settings = settings(MODEL);
        // The test waits for its end, which is no wait for a state of the platform: the time itself is the input.
        let end = edgebind_kernel::clock::unix_millis() + 300;
        settings.app_keys.push(AppKey::new("short").expiring(end));
        let platform = edgebind_platform::start(settings).await.unwrap();
        let mut edge = Edge::connect(&platform).await;
        assert_eq!(edge.exchange(auth("short")).await.code, Code::SUCCESS);
        let read = || Request::thing(Method::Get, "T", Characteristic::Properties, "p", Content::Nothing);
        let refusal = loop {
            let answer = edge.request(read()).await;
            if answer.code != Code::SUCCESS {
                break answer;
            }
        };
        assert_eq!(refusal, Response::error(Code::UNAUTHORIZED, "the application key has expired"));
        assert_eq!(edge.bind(&["T"]).await.code, Code::UNAUTHORIZED);
    });
}
