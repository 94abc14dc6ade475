//! The page and its live socket.

use actix_web::http::StatusCode;
use awc::ws;
use edgebind_alwayson::Value;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;

use crate::support::{Edge, KEY, PATIENCE, on_actix, platform, rest_as, soon};

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
        let mut request = awc::Client::default().ws(url);
        if let Some(origin) = origin {
            request = request.origin(origin);
        }
        match soon("the upgrade", request.connect()).await {
            Ok((_, socket)) => Ok(Self(socket)),
            Err(awc::error::WsClientError::InvalidResponseStatus(status)) => Err(status),
            Err(error) => panic!("{error}"),
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
        for (path, kind, part) in [
            ("/", "text/html; charset=utf-8", "<script src=\"page.js\" defer>"),
            ("/page.css", "text/css; charset=utf-8", "prefers-color-scheme: dark"),
            ("/page.js", "text/javascript; charset=utf-8", "new WebSocket"),
        ] {
            let url = format!("http://{}{path}", platform.address());
            let mut response = awc::Client::default().get(url).timeout(PATIENCE).send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers().get("content-type").unwrap(), kind);
            assert!(response.headers().get("content-security-policy").is_some());
            let text = String::from_utf8(response.body().await.unwrap().to_vec()).unwrap();
            assert!(text.contains(part), "{path}");
            assert!(!text.contains("://") || path == "/page.js", "nothing is loaded from elsewhere: {path}");
            assert!(!text.contains("Pump"));
        }
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
        assert_eq!(whole["kind"], "whole");
        assert_eq!(whole["things"][0]["name"], "Pump");
        assert_eq!(whole["things"][0]["connected"], false);
        assert_eq!(whole["things"][0]["properties"][0]["value"], json!(null));

        let mut edge = Edge::bound(&platform, &["Pump"]).await;
        let changes = page.picture().await;
        assert_eq!(changes["kind"], "changes");
        assert_eq!(changes["things"][0]["connected"], true);

        edge.push(
            "Pump",
            &[("speed", Value::Number(1.0), 1, "GOOD"), ("speed", Value::Number(900.5), 2, "BAD")],
        )
        .await;
        let changes = page.picture().await;
        let newest = json!([{"thing": "Pump", "property": "speed", "baseType": "NUMBER", "value": 900.5, "time": 2, "quality": "BAD"}]);
        assert_eq!(changes["values"], newest);

        drop(edge);
        assert_eq!(page.picture().await["things"][0]["connected"], false);
        rest_as(&platform, Some(KEY), "DELETE", "/Thingworx/Things/Pump", "").await;
        assert_eq!(page.picture().await["removed"], json!(["Pump"]));
    });
}
