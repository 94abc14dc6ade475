//! The control interface of the relay, as a test script uses it.

use edgebind_platform::relay::{Admission, Relay, RelayControl, Way, serve_control};
use serde_json::{Value, json};

use super::peers::Peers;
use crate::support::{PATIENCE, on_actix, until};

struct Control(RelayControl);

impl Control {
    fn of(relay: &Relay) -> Self {
        Self(serve_control(relay.clone(), 0).unwrap())
    }

    /// Status and body, which is a sentence if it is no JSON.
    async fn call(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.call_from(None, method, path, body).await
    }

    async fn call_from(&self, origin: Option<&str>, method: &str, path: &str, body: &str) -> (u16, Value) {
        let url = format!("http://{}/control/v1/relay{path}", self.0.address());
        let mut request = awc::Client::default().request(method.parse().unwrap(), url).timeout(PATIENCE);
        if let Some(origin) = origin {
            request = request.insert_header(("Origin", origin));
        }
        let mut response = request.send_body(body.to_owned()).await.unwrap();
        let bytes = response.body().await.unwrap();
        let text = || Value::from(String::from_utf8_lossy(&bytes).into_owned());
        (response.status().as_u16(), serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
    }
}

#[test]
fn orders_by_http_reach_the_connections() {
    on_actix(async {
        let peers = Peers::new().await;
        let control = Control::of(&peers.relay);
        let (mut near, mut far) = peers.pair().await;
        near.send(b"hello").await;
        far.expect(b"hello").await;
        let (_, view) = control.call("GET", "", "").await;
        assert_eq!(view["target"], json!(peers.relay.view().target));
        assert_eq!(view["connections"][0]["bytesUp"], 5);
        let order = r#"{"do": "halfOpen", "way": "up", "connection": 1}"#;
        assert_eq!(control.call("POST", "/orders", order).await, (200, json!({ "connections": 1 })));
        assert_eq!(peers.relay.connections()[0].half_open, Some(Way::Up));
        assert_eq!(control.call("POST", "/orders", r#"{"do": "thaw"}"#).await.0, 200);
        let order = r#"{"do": "cutAfter", "way": "up", "bytes": 2}"#;
        assert_eq!(control.call("POST", "/orders", order).await.0, 200);
        near.send(b"abc").await;
        assert_eq!(far.rest().await, (b"ab".to_vec(), true));
        control.0.stop().await;
    });
}

#[test]
fn an_order_for_the_next_connection_waits_for_it() {
    on_actix(async {
        let peers = Peers::new().await;
        let control = Control::of(&peers.relay);
        let order = r#"{"do": "cut", "how": "finish", "next": true}"#;
        assert_eq!(control.call("POST", "/orders", order).await, (200, json!({ "connections": 0 })));
        assert_eq!(peers.near().await.rest().await, (Vec::new(), false));
        let (mut near, mut far) = peers.pair().await;
        near.send(b"next").await;
        far.expect(b"next").await;
        control.0.stop().await;
    });
}

#[test]
fn faults_are_set_shown_and_healed_by_http() {
    on_actix(async {
        let peers = Peers::new().await;
        let control = Control::of(&peers.relay);
        let body = r#"{"up": {"latencyMs": 20, "pieceBytes": 1}, "admission": "hang", "closeDelayMs": 5}"#;
        assert_eq!(control.call("PUT", "/faults", body).await.0, 200);
        assert_eq!(peers.relay.faults().admission, Admission::Hang);
        let (_, shown) = control.call("GET", "/faults", "").await;
        assert_eq!((&shown["up"]["pieceBytes"], &shown["closeDelayMs"]), (&json!(1), &json!(5)));
        let (status, seed) = control.call("POST", "/chaos", r#"{"seed": 7}"#).await;
        assert_eq!((status, seed), (200, json!({ "seed": 7 })));
        assert_eq!(control.call("GET", "", "").await.1["chaosSeed"], 7);
        assert_eq!(control.call("DELETE", "/chaos", "").await.0, 200);
        // What stood before the schedule stands again.
        assert_eq!(peers.relay.faults().admission, Admission::Hang);
        assert_eq!(control.call("DELETE", "/faults", "").await.0, 200);
        let (mut near, mut far) = peers.pair().await;
        near.send(b"healed").await;
        far.expect(b"healed").await;
        let dead = r#"{"target": "127.0.0.1:9"}"#;
        assert_eq!(control.call("PUT", "/target", dead).await.0, 200);
        assert_eq!(peers.relay.view().target.port(), 9);
        control.0.stop().await;
    });
}

#[test]
fn what_is_not_understood_is_refused_with_a_sentence_and_changes_nothing() {
    on_actix(async {
        let peers = Peers::new().await;
        let control = Control::of(&peers.relay);
        let wrong = [
            ("PUT", "/faults", r#"{"up": {"latency": 20}}"#, 400, "unknown field `latency`"),
            ("PUT", "/faults", r#"{"up": {"bytesPerS": 0}}"#, 400, "bytesPerS is 0"),
            ("PUT", "/faults", "nonsense", 400, "not understood"),
            ("POST", "/orders", r#"{"do": "explode"}"#, 400, "explode"),
            ("POST", "/orders", r#"{"do": "cut", "conection": 1}"#, 400, "conection"),
            ("POST", "/orders", r#"{"do": "cut", "connection": 9}"#, 404, "number 9"),
            ("POST", "/orders", r#"{"do": "cut", "connection": 9, "next": true}"#, 400, "not for both"),
            ("POST", "/chaos", r#"{"faults": []}"#, 400, "no fault"),
            ("POST", "/faults", "{}", 405, "only GET, PUT, DELETE"),
            ("GET", "/other", "", 404, "not offered"),
        ];
        for (method, path, body, status, sentence) in wrong {
            let (answered, text) = control.call(method, path, body).await;
            assert_eq!(answered, status, "{method} {path} {body}: {text}");
            assert!(text.as_str().unwrap().contains(sentence), "{method} {path} {body}: {text}");
        }
        assert_eq!(peers.relay.faults(), edgebind_platform::relay::Faults::default());
        until("no connection", || peers.relay.connections().is_empty().then_some(())).await;
        control.0.stop().await;
    });
}

#[test]
fn a_web_page_cannot_use_it() {
    on_actix(async {
        let peers = Peers::new().await;
        let control = Control::of(&peers.relay);
        let (status, _) = control
            .call_from(Some("http://evil.example"), "PUT", "/faults", r#"{"admission": "hang"}"#)
            .await;
        assert_eq!(status, 404);
        assert_eq!(peers.relay.faults().admission, Admission::Forward);
        control.0.stop().await;
    });
}
