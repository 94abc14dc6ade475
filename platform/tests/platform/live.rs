//! The page and its live socket.

use actix_web::http::StatusCode;
use awc::ws;
use edgebind_alwayson::{Characteristic, Content, Method, Request, Response, Value};
use edgebind_platform::{AppKey, Rights};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;

use crate::support::{Edge, KEY, PATIENCE, on_actix, platform, rest_as, settings, soon};

const MODEL: &str = r#"{"things": [
    {"name": "Pump", "learn": true, "properties": [{"name": "speed", "baseType": "NUMBER", "remote": {}}]}
]}"#;

/// A browser's live socket: takes pictures and says `ok`.
struct Page(actix_codec::Framed<awc::BoxedSocket, ws::Codec>);

impl Page {
    async fn open(
        platform: &edgebind_platform::Platform,
        query: &str,
        origin: Option<&str>,
    ) -> Result<Self, StatusCode> {
        let url = format!("http://{}/live{query}", platform.address());
        let mut request = awc::Client::default().ws(url).max_frame_size(1 << 20);
        if let Some(origin) = origin {
            request = request.origin(origin);
        }
        match soon("the upgrade", request.connect()).await {
            Ok((_, socket)) => Ok(Self(socket)),
            Err(awc::error::WsClientError::InvalidResponseStatus(status)) => Err(status),
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, text: &str) {
        self.0.send(ws::Message::Text(text.to_owned().into())).await.unwrap();
    }

    /// Pictures until `wanted` finds something in one.
    async fn until<T>(&mut self, wanted: impl Fn(&serde_json::Value) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(&self.picture().await) {
                return found;
            }
        }
    }

    async fn picture(&mut self) -> serde_json::Value {
        loop {
            match soon("a picture", self.0.next()).await.unwrap().unwrap() {
                ws::Frame::Text(text) => {
                    self.0.send(ws::Message::Text("ok".into())).await.unwrap();
                    return serde_json::from_slice(&text).unwrap();
                }
                ws::Frame::Ping(_) | ws::Frame::Pong(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }
}

#[test]
fn the_page_is_served_whole_and_holds_no_data() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let (mut waiting, mut served) = (vec!["/".to_owned()], Vec::new());
        while let Some(path) = waiting.pop() {
            if served.contains(&path) {
                continue;
            }
            let url = format!("http://{}{path}", platform.address());
            let mut response = awc::Client::default().get(url).timeout(PATIENCE).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let kind = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
            let policy = response.headers().get("content-security-policy").unwrap().to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
            let text = String::from_utf8(response.body().await.unwrap().to_vec()).unwrap();
            let elsewhere =
                text.replace("${scheme}://${location.host}", "").replace("http://www.w3.org/2000/svg", "");
            assert!(!elsewhere.contains("://"), "nothing is loaded from elsewhere: {path}");
            assert!(!text.contains("Pump"));
            // Whatever it names is served, too.
            let names =
                text.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css"));
            waiting.extend(names.map(|name| match name.strip_prefix("./") {
                Some(name) => format!("/page/{name}"),
                None => format!("/{name}"),
            }));
            served.push(path);
            let script = kind == "text/javascript; charset=utf-8";
            assert!(
                script || kind == "text/html; charset=utf-8" || kind == "text/css; charset=utf-8",
                "{kind}"
            );
        }
        assert_eq!(served.len(), 16, "{served:?}");
        assert_eq!(platform.page_url(), format!("http://{}/?appKey={KEY}", platform.address()));
    });
}

#[test]
fn the_live_socket_wants_a_key_and_a_page_of_its_own() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let own = format!("http://{}", platform.address());
        let key = format!("?appKey={KEY}");
        for (query, origin, status) in [
            ("", Some(own.as_str()), StatusCode::UNAUTHORIZED),
            ("?appKey=wrong", None, StatusCode::UNAUTHORIZED),
            (key.as_str(), Some("http://elsewhere.example"), StatusCode::FORBIDDEN),
            (key.as_str(), Some("null"), StatusCode::FORBIDDEN),
        ] {
            assert_eq!(Page::open(&platform, query, origin).await.err(), Some(status), "{query} {origin:?}");
        }
        assert!(Page::open(&platform, &key, Some(&own)).await.is_ok());
        assert_eq!(rest_as(&platform, None, "GET", "/live", "").await.0, StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn the_live_socket_shows_the_connection_the_values_and_the_end() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut page = Page::open(&platform, &format!("?appKey={KEY}"), None).await.unwrap();
        let whole = page.picture().await;
        assert_eq!((&whole["part"], &whole["more"]), (&json!("first"), &json!(false)));
        assert_eq!(whole["things"][0]["name"], "Pump");
        assert_eq!(whole["things"][0]["connected"], false);
        page.say(r#"{"watch": ["Pump", "Nobody"]}"#).await;
        let watched = page.picture().await["watched"].clone();
        assert_eq!(watched.as_array().map(Vec::len), Some(1));
        assert_eq!(watched[0]["properties"][0]["value"], json!(null));

        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let changes = page.picture().await;
        assert_eq!(changes["part"], json!(null));
        assert_eq!(changes["things"][0]["connected"], true);
        assert_eq!(changes["watched"][0]["boundName"], "Pump");

        edge.push(
            "Pump",
            &[("speed", Value::Number(1.0), 1, "GOOD"), ("speed", Value::Number(900.5), 2, "BAD")],
        )
        .await;
        let values = page.until(|picture| picture.get("values").cloned()).await;
        let newest = json!([{"thing": "Pump", "property": "speed", "baseType": "NUMBER", "value": 900.5, "time": 2, "quality": "BAD"}]);
        assert_eq!(values, newest);

        let overheated =
            Request::thing(Method::Post, "Pump", Characteristic::Events, "Overheated", Content::Nothing);
        assert_eq!(edge.request(overheated).await, Response::success());
        assert_eq!(page.until(|picture| picture.get("events").cloned()).await, json!(["Pump"]));

        drop(edge);
        assert_eq!(page.picture().await["things"][0]["connected"], false);
        rest_as(&platform, Some(KEY), "DELETE", "/Thingworx/Things/Pump", "").await;
        assert_eq!(page.picture().await["removed"], json!(["Pump"]));
    });
}

#[test]
fn a_page_is_not_told_the_values_of_things_that_it_does_not_show() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut page = Page::open(&platform, &format!("?appKey={KEY}"), None).await.unwrap();
        page.picture().await;
        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        edge.push("Pump", &[("speed", Value::Number(1.0), 1, "GOOD")]).await;
        drop(edge);
        // The end of the connection comes behind the value.
        let told = page
            .until(|picture| {
                assert_eq!(picture.get("values"), None);
                assert_eq!(picture.get("watched"), None);
                picture["things"].get(0).map(|thing| thing["connected"].clone()).filter(|now| now == false)
            })
            .await;
        assert_eq!(told, false);
    });
}

#[test]
fn many_things_come_in_parts_and_none_is_missing() {
    on_actix(async {
        let things: Vec<_> =
            (0..2500).map(|number| json!({ "name": format!("Thing-{number:04}") })).collect();
        let platform = platform(&json!({ "things": things }).to_string()).await;
        let mut page = Page::open(&platform, &format!("?appKey={KEY}"), None).await.unwrap();
        let mut names = Vec::new();
        for (part, things, more) in [("first", 1000, true), ("next", 1000, true), ("next", 500, false)] {
            let picture = page.picture().await;
            assert_eq!((&picture["part"], &picture["more"]), (&json!(part), &json!(more)));
            let told = picture["things"].as_array().unwrap();
            assert_eq!(told.len(), things);
            names.extend(told.iter().map(|thing| thing["name"].as_str().unwrap().to_owned()));
        }
        let all: Vec<_> = (0..2500).map(|number| format!("Thing-{number:04}")).collect();
        assert_eq!(names, all);
    });
}

#[test]
fn the_wire_is_shown_while_it_is_wanted_without_secrets() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut page = Page::open(&platform, &format!("?appKey={KEY}"), None).await.unwrap();
        page.picture().await;
        page.say(r#"{"wire": ""}"#).await;
        // A new filter on the wire takes effect with the next picture; the login comes after it.
        page.say(r#"{"watch": ["Pump"]}"#).await;
        page.until(|picture| picture.get("watched").cloned()).await;
        let edge = Edge::bound(&platform, &["Pump"]).await;
        let mut titles = Vec::new();
        while titles.len() < 6 {
            for line in page.until(|picture| picture.get("lines").cloned()).await.as_array().unwrap() {
                assert!(!line.to_string().contains(KEY), "{line}");
                titles.push(format!("{} {}", line["way"].as_str().unwrap(), line["title"].as_str().unwrap()));
            }
        }
        let expected = [
            "in AUTH",
            "out SUCCESS",
            "in BIND Pump",
            "out SUCCESS",
            "out POST Pump Services/NotifyPropertyUpdate",
            "in SUCCESS",
        ];
        assert_eq!(titles, expected);

        page.say(r#"{"wire": null}"#).await;
        drop(edge);
        let last = page.until(|picture| picture["things"].get(0).cloned().map(|_| picture.clone())).await;
        assert_eq!(last.get("lines"), None);
    });
}

#[test]
fn a_page_that_says_something_else_is_closed() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut page = Page::open(&platform, &format!("?appKey={KEY}"), None).await.unwrap();
        page.picture().await;
        page.say("hello").await;
        let frame = soon("the close", page.0.next()).await.unwrap().unwrap();
        let ws::Frame::Close(Some(reason)) = frame else { panic!("unexpected {frame:?}") };
        assert_eq!(reason.code, ws::CloseCode::Policy);
    });
}

#[test]
fn the_live_socket_wants_the_right_to_read_and_ends_with_its_key() {
    on_actix(async {
        let mut settings = settings(MODEL);
        let soon_over = edgebind_kernel::clock::unix_millis() + 1500;
        settings.app_keys.push(AppKey::new("binds").with_rights(Rights::parse("bind").unwrap()));
        settings.app_keys.push(AppKey::new("ends").expiring(soon_over));
        let platform = edgebind_platform::start(settings).await.unwrap();
        let refused = Page::open(&platform, "?appKey=binds", None).await.err();
        assert_eq!(refused, Some(StatusCode::FORBIDDEN));
        let mut page = Page::open(&platform, "?appKey=ends", None).await.unwrap();
        page.picture().await;
        let frame = soon("the close", page.0.next()).await.unwrap().unwrap();
        let ws::Frame::Close(Some(reason)) = frame else { panic!("unexpected {frame:?}") };
        assert_eq!(reason.code, ws::CloseCode::Policy);
        assert_eq!(reason.description.as_deref(), Some("Policy Violation the application key has expired"));
        let refused = Page::open(&platform, "?appKey=ends", None).await.err();
        assert_eq!(refused, Some(StatusCode::UNAUTHORIZED));
    });
}
