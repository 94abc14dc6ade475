//! Upgrade, AUTH, BIND, limits of time, bad input (protocol notes, sections 2, 7 and 13).

use std::time::Duration;

use awc::ws;
use bytes::Bytes;
use edgebind_alwayson::{Auth, Bind, Body, Characteristic, Code, Content, Method, Request, Response, Value};
use edgebind_kernel::clock;
use edgebind_platform::model::Policy;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Edge, bind, is_connected, on_actix, platform, request_of, rest_json, settings, soon, until, vector,
};

const MODEL: &str = r#"{"things": [
    {"name": "SteamSensor"}, {"name": "Other"},
    {"name": "Ident", "identifier": "dev-42"},
    {"name": "Gate", "template": "EMSGateway"}
]}"#;

#[test]
fn the_bytes_of_the_reference_client_connect_a_thing() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        let answer = edge.authenticate().await;
        assert!(answer.session_id != 0 && answer.session_id != u32::MAX);
        assert!(!is_connected(&platform, "SteamSensor").await);
        edge.send_bytes(vector("bind_one")).await;
        let answer = edge.message().await;
        assert_eq!((answer.request_id, answer.body), (3, Body::Response(Response::success())));
        // The notification comes behind the answer to the BIND, with the name as bound (section 9.5).
        let notification = edge.message().await;
        let request = request_of(&notification);
        assert_eq!(
            *request,
            Request::thing(
                Method::Post,
                "SteamSensor",
                Characteristic::Services,
                "NotifyPropertyUpdate",
                Content::Nothing
            )
        );
        assert!(is_connected(&platform, "SteamSensor").await);
        let last =
            rest_json(&platform, "GET", "/Thingworx/Things/SteamSensor/Properties/lastConnection", "").await;
        assert!(last["rows"][0]["lastConnection"].as_i64().unwrap() > 1_700_000_000_000);
        edge.send_bytes(vector("unbind_one")).await;
        until("the unbind", || platform.thing("SteamSensor").filter(|thing| !thing.connected)).await;
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_wrong_key_is_refused_and_the_right_one_is_taken_on_the_same_connection() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        for auth in [Auth::app_key("wrong"), Auth { claims: Vec::new() }] {
            let refusal = edge.exchange(Body::Auth(auth)).await;
            assert_eq!(refusal.code, Code::UNAUTHORIZED);
            assert!(refusal.reason.is_some());
        }
        let first = edge.authenticate().await.session_id;
        // A repeated AUTH gets a new id and keeps the bindings (section 7.6).
        assert_eq!(edge.bind(&["SteamSensor"]).await.code, Code::SUCCESS);
        let notification = edge.requested().await;
        edge.answer(&notification, Response::success()).await;
        let second = edge.authenticate().await.session_id;
        assert_ne!(first, second);
        assert!(is_connected(&platform, "SteamSensor").await);
    });
}

#[test]
fn an_unknown_name_refuses_the_bind_with_its_name_and_binds_nothing() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let refusal = edge.bind(&["SteamSensor", "Nobody"]).await;
        assert_eq!(refusal, Response::error(Code::NOT_FOUND, "unknown: Nobody"));
        assert!(!is_connected(&platform, "SteamSensor").await);
        // The connection stays; the things that are known can be bound.
        assert_eq!(edge.bind(&["SteamSensor"]).await.code, Code::SUCCESS);
    });
}

#[test]
fn a_thing_with_an_identifier_is_bound_by_it_and_asked_by_it() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        assert_eq!(edge.bind(&["Ident"]).await.code, Code::BAD_REQUEST);
        assert_eq!(edge.bind(&["*dev-42"]).await.code, Code::SUCCESS);
        assert_eq!(request_of(&edge.requested().await).entity, "*dev-42");
        // The edge learns the name behind the identifier (section 7.3).
        let name =
            Request::thing(Method::Get, "*dev-42", Characteristic::Properties, "name", Content::Nothing);
        let answer = edge.request(name).await;
        assert_eq!(answer.content.as_table().unwrap().cell(0, "name"), Some(&Value::string("Ident")));
    });
}

#[test]
fn a_gateway_without_a_thing_is_ephemeral_and_goes_with_its_connection() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let bound = edge.exchange(Body::Bind(bind(&["Shed", "Other"], Some("Shed")))).await;
        assert_eq!(bound.code, Code::SUCCESS);
        let thing = platform.thing("Shed").unwrap();
        assert!(thing.ephemeral && thing.connected);
        assert_eq!(thing.template, "EMSGateway");
        drop(edge);
        until("the end of the gateway", || platform.thing("Shed").is_none().then_some(())).await;
        assert!(!is_connected(&platform, "Other").await);
    });
}

#[test]
fn the_first_connection_keeps_a_thing_until_it_is_lost() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let first = Edge::bound(&platform, &["SteamSensor"]).await;
        let mut second = Edge::connect(&platform).await;
        second.authenticate().await;
        let refusal = second.bind(&["SteamSensor"]).await;
        let reason = "bound by another connection: SteamSensor";
        assert_eq!(refusal, Response::error(Code::PRECONDITION_FAILED, reason));
        drop(first);
        until("the unbind", || platform.thing("SteamSensor").filter(|thing| !thing.connected)).await;
        assert_eq!(second.bind(&["SteamSensor"]).await.code, Code::SUCCESS);
    });
}

#[test]
fn with_last_in_wins_the_second_connection_takes_the_thing() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.policy = Policy::LastInWins;
        let platform = edgebind_platform::start(settings).await.unwrap();
        let first = Edge::bound(&platform, &["SteamSensor"]).await;
        let second = Edge::bound(&platform, &["SteamSensor"]).await;
        drop(first);
        until("the end of the first", || (platform.counts().connections == 1).then_some(())).await;
        assert!(is_connected(&platform, "SteamSensor").await);
        drop(second);
        until("the unbind", || platform.thing("SteamSensor").filter(|thing| !thing.connected)).await;
    });
}

#[test]
fn the_first_message_has_to_be_auth() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::connect(&platform).await;
        edge.send_bytes(vector("bind_one")).await;
        assert_eq!(edge.closed().await.0, 1008);
        until("the end", || (platform.counts().connections == 0).then_some(())).await;
    });
}

#[test]
fn a_connection_without_auth_is_closed_in_time() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.auth_wait = Duration::from_millis(50);
        let platform = edgebind_platform::start(settings).await.unwrap();
        let mut edge = Edge::connect(&platform).await;
        assert_eq!(edge.closed().await.0, 1008);
    });
}

#[test]
fn a_silent_edge_is_closed_and_unbound_and_a_ping_is_a_sign_of_life() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.idle_limit = Duration::from_millis(400);
        let platform = edgebind_platform::start(settings).await.unwrap();
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let start = clock::now();
        while start.elapsed() < Duration::from_millis(900) {
            edge.send_frame(ws::Message::Ping(Bytes::from_static(b"23:15:40"))).await;
            assert_eq!(edge.frame().await, Some(ws::Frame::Pong(Bytes::from_static(b"23:15:40"))));
        }
        assert!(platform.thing("SteamSensor").unwrap().connected);
        edge.closed().await;
        until("the unbind", || platform.thing("SteamSensor").filter(|thing| !thing.connected)).await;
    });
}

#[test]
fn bad_messages_are_answered_or_counted_and_the_link_stays() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let mut bad: Vec<Bytes> = vec![
            Bytes::new(),
            Bytes::from_static(&[1]),
            Bytes::from_static(&[0xFF; 40]),
            vector("keep_alive"),
            // A response to nothing.
            vector("resp_success_number"),
        ];
        // A read of an entity type and a characteristic that do not exist, with an id of its own.
        bad.push(Bytes::from_static(&[
            1, 1, 0, 0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x63, 1, b'x', 9, 1, b'y', 0, 0xFF,
        ]));
        for bytes in bad {
            edge.send_bytes(bytes).await;
        }
        edge.send_frame(ws::Message::Text("hello".into())).await;
        let answer = edge.message().await;
        assert_eq!(answer.request_id, 0x909);
        assert!(matches!(answer.body, Body::Response(Response { code: Code::NOT_FOUND, .. })), "{answer:?}");
        let read = Request::thing(
            Method::Get,
            "SteamSensor",
            Characteristic::Properties,
            "isConnected",
            Content::Nothing,
        );
        let answer = edge.request(read).await;
        assert_eq!(answer.content.as_table().unwrap().cell(0, "isConnected"), Some(&Value::Boolean(true)));
        assert!(platform.counts().violations >= 3, "{:?}", platform.counts());
    });
}

#[test]
fn a_framing_error_closes_the_link_with_a_status() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        // Opcode 3 means nothing, whatever the peer.
        edge.send_raw(&[0x83, 0x81, 0, 0, 0, 0, b'x']).await;
        assert_eq!(edge.closed().await.0, 1002);
        until("the unbind", || platform.thing("SteamSensor").filter(|thing| !thing.connected)).await;
    });
}

#[test]
fn a_message_longer_than_the_limit_is_a_framing_error() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.max_message_bytes = 10_000;
        let platform = edgebind_platform::start(settings).await.unwrap();
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        // Above the message limit, within that of frames: refused as a message, the link stays.
        edge.send_bytes(Bytes::from(vec![1; 12_000])).await;
        assert_eq!(edge.message().await.body.code(), Code::ENTITY_TOO_LARGE);
        let name =
            Request::thing(Method::Get, "SteamSensor", Characteristic::Properties, "name", Content::Nothing);
        assert_eq!(edge.request(name).await.code, Code::SUCCESS);
        edge.send_bytes(Bytes::from(vec![1; 15_001])).await;
        assert_eq!(edge.closed().await.0, 1009);
    });
}

#[test]
fn the_upgrade_of_the_reference_client_is_answered_as_it_demands() {
    on_actix(async {
        let platform = platform(MODEL).await;
        // Bare connections are forgotten silently (section 2.4).
        drop(TcpStream::connect(platform.address()).await.unwrap());
        let mut stream = TcpStream::connect(platform.address()).await.unwrap();
        let request = "GET /Thingworx/WS HTTP/1.1\r\nUser-Agent: ThingWorx C SDK\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nHost: 127.0.0.1\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: v5Z1DStn6RkJM3Qchg5xyQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
            Max-Frame-Size: 8192\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        // AUTH with the masking key 0 of the reference client.
        let auth = vector("auth_appkey");
        let mut frame = vec![0x82, 0x80 | u8::try_from(auth.len()).unwrap(), 0, 0, 0, 0];
        frame.extend_from_slice(&auth);
        stream.write_all(&frame).await.unwrap();
        let mut seen = Vec::new();
        let head = loop {
            let mut buffer = [0; 1024];
            let read = soon("the answer", stream.read(&mut buffer)).await.unwrap();
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..read]);
            let end = seen.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end.filter(|end| seen.len() >= end + 4 + 2 + 17) {
                break String::from_utf8(seen.drain(..end + 4).collect()).unwrap();
            }
        };
        let head = head.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        for line in ["\r\nupgrade: websocket\r\n", "\r\nconnection: upgrade\r\n"] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.contains("extensions"), "nothing is compressed: {head}");
        // One unmasked frame: success, no content.
        assert_eq!(seen[..2], [0x82, 17]);
        assert_eq!(seen[2..4], [1, 0x40]);
    });
}

#[test]
fn a_stop_says_goodbye_to_every_edge() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let mut edge = Edge::bound(&platform, &["SteamSensor"]).await;
        let address = platform.address();
        let (report, closed) = tokio::join!(platform.stop(Duration::from_secs(5)), edge.closed());
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(closed.0, 1001);
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn a_bind_of_thousands_of_names_is_answered_first_and_then_notified_name_by_name() {
    on_actix(async {
        let names: Vec<String> = (0..2_000).map(|number| format!("Thing{number}")).collect();
        let things: Vec<String> = names.iter().map(|name| format!("{{\"name\": \"{name}\"}}")).collect();
        let platform = platform(&format!("{{\"things\": [{}]}}", things.join(","))).await;
        let mut edge = Edge::connect(&platform).await;
        edge.authenticate().await;
        let bind = Bind { unbind: false, gateway: None, names: names.clone() };
        assert_eq!(edge.exchange(Body::Bind(bind)).await.code, Code::SUCCESS);
        let mut told = Vec::new();
        for _ in &names {
            let notification = edge.requested().await;
            told.push(request_of(&notification).entity.clone());
            edge.answer(&notification, Response::success()).await;
        }
        assert_eq!(told, names);
        assert!(platform.things().iter().all(|thing| thing.connected));
    });
}
