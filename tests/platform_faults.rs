//! A platform that misbehaves: bad messages cost nothing but themselves, bad frames and silence cost the connection,
//! and the gateway always comes back.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/fake_platform.rs"]
#[allow(dead_code, reason = "the other users of the fake need what this one does not")]
mod fake_platform;
#[path = "support/all.rs"]
mod support;

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use edgebind_alwayson::{
    Auth, Bind, Body, Characteristic, Code, Content, InfoTable, Message, Method, Response, Value, encode,
    split,
};
use edgebind_kernel::clock;
use fake_platform::{
    BINARY, CONTINUATION, Connection, FIN, FakePlatform, PING, PONG, TEXT, frame, read_head,
};
use serde_json::json;
use support::{Answer, EDGE_GATEWAY, Process, Site};

#[test]
fn no_message_ends_the_link() {
    let mut house = House::new(json!({}));
    for (what, bytes) in bad_messages() {
        house.connection.send_binary(&bytes);
        house.stands(&what);
    }
    for (what, first, payload) in [
        ("a text", FIN | TEXT, &b"hello"[..]),
        ("an empty text", FIN | TEXT, b""),
        ("a pong to nobody", FIN | PONG, b"12:00:00"),
    ] {
        house.connection.send_frame(first, payload);
        house.stands(what);
    }
    house.connection.send_frame(TEXT, b"a text in ");
    house.connection.send_frame(CONTINUATION, b"three ");
    house.connection.send_frame(FIN | CONTINUATION, b"frames");
    house.stands("a text in frames");
    assert!(house.gateway.log().contains("A message of the platform was dropped."));
    assert!(!house.gateway.log().contains("panicked"));
}

#[test]
fn a_thousand_random_messages_do_not_end_the_link() {
    let mut house = House::new(json!({}));
    let mut random = fastrand::Rng::with_seed(4711);
    let good =
        encode(&house.connection.request(Method::Get, THING, Characteristic::Properties, "count")).unwrap();
    for _ in 0..20 {
        for _ in 0..50 {
            let bytes: Vec<u8> = if random.bool() {
                let length = random.usize(0..400);
                std::iter::repeat_with(|| random.u8(..)).take(length).collect()
            } else {
                // A good message with a few bytes turned over gets further than noise.
                let mut bytes = good.to_vec();
                for _ in 0..random.usize(1..4) {
                    let place = random.usize(0..bytes.len());
                    bytes[place] = random.u8(..);
                }
                bytes
            };
            house.connection.send_binary(&bytes);
        }
        house.stands("fifty random messages");
    }
}

#[test]
fn every_truncation_of_a_request_is_survived() {
    let mut house = House::new(json!({}));
    let mut request = house.connection.request(Method::Put, THING, Characteristic::Properties, "label");
    if let Body::Request(request) = &mut request.body {
        request.params = Content::Table(InfoTable::single("label", Value::string("short")));
    }
    let whole = encode(&request).unwrap();
    for end in 0..whole.len() {
        house.connection.send_binary(&whole[..end]);
    }
    house.stands("all truncations of a request");
    house.connection.send_binary(&whole);
    assert_eq!(house.connection.answer_to(&request).code, Code::SUCCESS);
}

#[test]
fn what_nobody_here_knows_is_refused_with_a_reason() {
    let mut house = House::new(json!({}));
    let cases = [
        (Method::Get, "Nobody", Characteristic::Properties, "p", Code::NOT_FOUND),
        (Method::Get, THING, Characteristic::Properties, "p\r\nX: 1", Code::BAD_REQUEST),
        (Method::Put, THING, Characteristic::Properties, "label", Code::BAD_REQUEST),
        (Method::Delete, THING, Characteristic::Properties, "label", Code::METHOD_NOT_ALLOWED),
        (Method::Get, THING, Characteristic::Services, "Add", Code::METHOD_NOT_ALLOWED),
        (Method::Post, THING, Characteristic::Events, "e", Code::NOT_FOUND),
        (Method::Post, THING, Characteristic::Other(9), "e", Code::NOT_FOUND),
        (Method::Post, EDGE_GATEWAY, Characteristic::Services, "Nope", Code::NOT_FOUND),
        (Method::Post, EDGE_GATEWAY, Characteristic::Services, "HasEdgeThing", Code::BAD_REQUEST),
        (Method::Get, EDGE_GATEWAY, Characteristic::Properties, "nope", Code::NOT_FOUND),
    ];
    for (method, thing, of, name, code) in cases {
        let request = house.connection.request(method, thing, of, name);
        house.connection.send(&request);
        let answer = house.connection.answer_to(&request);
        assert_eq!(answer.code, code, "{method:?} {thing} {of:?} {name:?}: {answer:?}");
        assert!(
            answer.reason.is_some_and(|reason| reason.contains(' ')),
            "{method:?} {thing} {of:?} {name:?}"
        );
    }
    house.stands("refusals");
}

#[test]
fn a_message_in_several_frames_is_put_together() {
    let mut house = House::new(json!({}));
    let request = house.connection.request(Method::Post, THING, Characteristic::Services, "GetMetadata");
    let bytes = encode(&request).unwrap();
    let (head, rest) = bytes.split_at(7);
    let (middle, tail) = rest.split_at(9);
    house.connection.send_frame(BINARY, head);
    house.connection.send_frame(FIN | PING, b"between");
    house.connection.send_frame(CONTINUATION, middle);
    house.connection.send_frame(CONTINUATION, b"");
    house.connection.send_frame(FIN | CONTINUATION, tail);
    assert_eq!(house.connection.answer_to(&request).code, Code::SUCCESS);
}

#[test]
fn a_message_in_chunks_is_put_together_in_any_order() {
    let mut house = House::new(json!({}));
    let mut request = house.connection.request(Method::Post, THING, Characteristic::Services, "Echo");
    let text = "x".repeat(40_000);
    if let Body::Request(request) = &mut request.body {
        request.params = Content::Table(InfoTable::single("text", Value::string(text.as_str())));
    }
    let mut chunks = split(&encode(&request).unwrap(), 8192).unwrap();
    assert!(chunks.len() > 3);
    chunks.reverse();
    for chunk in &chunks {
        house.connection.send_binary(chunk);
    }
    let answer = loop {
        let frame = house.connection.frame().expect("the connection stands");
        // The answer comes in chunks as well: the first of them is enough to see here.
        if frame.opcode == BINARY && frame.payload.get(2..6) == Some(&request.request_id.to_be_bytes()[..]) {
            break frame;
        }
    };
    assert_eq!(answer.payload.get(1), Some(&Code::SUCCESS.0));
    assert!(answer.payload.len() <= 8192, "a message of {} bytes", answer.payload.len());
}

#[test]
fn pings_of_the_platform_are_answered_with_their_payload() {
    let mut house = House::new(json!({}));
    for payload in [&b""[..], b"12:34:56", &[0xff; 125]] {
        house.connection.send_frame(FIN | PING, payload);
        let pong = loop {
            let frame = house.connection.frame().expect("the connection stands");
            if frame.opcode == PONG {
                break frame;
            }
        };
        assert_eq!(pong.payload, payload);
    }
}

#[test]
fn a_framing_error_ends_the_connection_and_the_gateway_comes_back() {
    let mut house = House::new(json!({}));
    let mut masked = frame(FIN | BINARY, &[0; 4]);
    masked[1] |= 0x80;
    let huge = [&[FIN | BINARY, 127][..], &u64::MAX.to_be_bytes()].concat();
    for (what, bytes) in [
        ("reserved bits", frame(0xf2, b"hello")),
        ("a masked frame with reserved bits", [&[0xf2, 0x85][..], &[0; 9]].concat()),
        ("a masked frame", [masked, vec![0; 8]].concat()),
        ("an unknown type", frame(FIN | 3, b"hello")),
        ("an unknown control type", frame(FIN | 11, b"hello")),
        ("a longer ping than there can be", frame(FIN | PING, &[0; 200])),
        ("a ping in parts", frame(PING, b"x")),
        ("a continuation of nothing", frame(FIN | CONTINUATION, b"x")),
        ("a new message inside of another", [frame(BINARY, b"x"), frame(FIN | BINARY, b"y")].concat()),
        ("a length beyond everything", huge),
        ("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ] {
        house.connection.send_raw(&bytes).unwrap();
        house.connection.ended();
        house.connection = house.platform.welcome(&[EDGE_GATEWAY, THING]);
        house.stands(what);
    }
    assert!(house.gateway.log().contains("WebSocket framing"));
}

#[test]
fn a_platform_that_falls_silent_is_left_after_its_pong_stays_out() {
    let mut house = House::new(json!({ "ping_rate": 1000, "pingpong_timeout": 1000 }));
    // As long as it answers, it stays.
    for _ in 0..3 {
        let ping = loop {
            let frame = house.connection.frame().expect("the connection stands");
            if frame.opcode == PING {
                break frame;
            }
        };
        house.connection.send_frame(FIN | PONG, &ping.payload);
    }
    let silent_since = clock::now();
    house.connection.ended();
    let mut connection = house.platform.accept();
    let took = clock::now().duration_since(silent_since);
    assert!(took < Duration::from_secs(10), "left after {took:?}");
    connection.until_bound(&[EDGE_GATEWAY, THING]);
    house.connection = connection;
    house.stands("silence");
}

#[test]
fn an_unanswered_request_makes_the_gateway_look_whether_the_platform_lives() {
    // The regular ping is a minute away.
    let mut house = House::new(json!({ "pingpong_timeout": 1000, "msg_timeout": 60000 }));
    let caller = house.caller();
    let silent_since = clock::now();
    house.connection.ended();
    let answer = caller.join().unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    let took = clock::now().duration_since(silent_since);
    assert!(took < Duration::from_secs(20), "noticed after {took:?}");
    house.connection = house.platform.welcome(&[EDGE_GATEWAY, THING]);
    house.stands("silence while a request is out");
}

#[test]
fn a_platform_that_vanishes_is_noticed_at_once() {
    let mut house = House::new(json!({}));
    let caller = house.caller();
    let asked = loop {
        let message = house.connection.message().expect("the connection stands");
        match &message.body {
            Body::Request(request) if request.name == SOMETHING => break message,
            _ => house.connection.grant(&message),
        }
    };
    drop((asked, house.connection));
    let answer = caller.join().unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    house.connection = house.platform.welcome(&[EDGE_GATEWAY, THING]);
    house.stands("a vanished platform");
}

#[test]
fn a_late_answer_is_no_answer_to_the_next_request() {
    let mut house = House::new(json!({ "msg_timeout": 500 }));
    let answered = |house: &mut House, value: Option<f64>| {
        let caller = house.caller();
        let mut asked = None;
        while asked.is_none() {
            let message = house.connection.message().expect("the connection stands");
            match &message.body {
                Body::Request(request) if request.name == SOMETHING => asked = Some(message),
                _ => house.connection.grant(&message),
            }
        }
        let asked = asked.unwrap();
        if let Some(value) = value {
            house
                .connection
                .respond(&asked, Response::table(InfoTable::single(SOMETHING, Value::Number(value))));
        }
        (caller.join().unwrap(), asked)
    };
    let (answer, late) = answered(&mut house, None);
    assert_eq!(answer.status, 504, "{}", answer.text());
    house.connection.respond(&late, Response::table(InfoTable::single(SOMETHING, Value::Number(1.0))));
    let (answer, _) = answered(&mut house, Some(2.0));
    assert_eq!((answer.status, answer.cell(SOMETHING)), (200, json!(2)));
}

#[test]
fn an_upgrade_that_is_refused_is_tried_again() {
    let (site, platform) = House::unconnected(json!({ "connect_timeout": 1000 }));
    let gateway = site.gateway();
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "",
    ] {
        let mut stream = platform.tcp();
        let head = read_head(&mut stream);
        assert!(head.starts_with("GET /Thingworx/WS HTTP/1.1\r\n"), "{head}");
        stream.write_all(answer.as_bytes()).unwrap();
    }
    // Accepts, and says nothing.
    let mut silent = platform.tcp();
    read_head(&mut silent);
    let mut connection = platform.welcome(&[EDGE_GATEWAY]);
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the silent one was closed");
    assert_eq!(connection.call(EDGE_GATEWAY, "GetMicroserverVersion").code, Code::SUCCESS);
    for said in ["401", "404", "302", "did not answer within"] {
        assert!(gateway.log().contains(said), "{said} in {}", gateway.log());
    }
}

#[test]
fn a_platform_that_never_answers_auth_is_tried_again() {
    let (site, platform) = House::unconnected(json!({ "msg_timeout": 500, "pingpong_timeout": 500 }));
    let _gateway = site.gateway();
    let mut mute = platform.accept();
    let first = mute.message().expect("AUTH comes by itself");
    assert!(matches!(first.body, Body::Auth(_)), "{first:?}");
    mute.ended();
    let mut connection = platform.welcome(&[EDGE_GATEWAY]);
    assert_eq!(connection.call(EDGE_GATEWAY, "GetMicroserverVersion").code, Code::SUCCESS);
}

#[test]
fn a_refused_bind_is_tried_again_and_harms_no_other_name() {
    let (site, platform) = House::unconnected(json!({}));
    let _gateway = site.gateway();
    let mut connection = platform.welcome(&[EDGE_GATEWAY]);
    let _agents = site.agents(&["--name-prefix", "A", "--count", "2"]);
    let mut refusals = 0;
    let mut accepted = false;
    while refusals < 3 || !accepted {
        let message = connection.message().expect("the connection stands");
        match &message.body {
            // The platform refuses a whole BIND for one name in it.
            Body::Bind(bind) if bind.names.iter().any(|name| name == "A-0001") && refusals < 3 => {
                refusals += 1;
                connection.respond(&message, Response::error(Code::NOT_FOUND, "A-0001 does not exist"));
            }
            Body::Bind(bind) if bind.names.iter().any(|name| name == "A-0002") => {
                accepted = true;
                connection.grant(&message);
            }
            _ => connection.grant(&message),
        }
    }
    connection.until_bound(&["A-0001", "A-0002"]);
}

/// Messages that no platform should send.
fn bad_messages() -> Vec<(String, Vec<u8>)> {
    let header = |code: u8, body: &[u8]| -> Vec<u8> {
        [&[1, code, 0, 0, 0x70, 0x01, 0, 0, 0, 0, 0, 0, 0x12, 0x67, 0][..], body].concat()
    };
    let multipart = |code: u8, body: &[u8]| {
        let mut bytes = header(code, body);
        bytes[14] = 1;
        bytes
    };
    let foreign = |body| {
        let message = Message { request_id: 99, endpoint_id: 0, session_id: 4711, body };
        encode(&message).unwrap().to_vec()
    };
    let mut version = header(1, b"");
    version[0] = 2;
    let mut marker = header(0x40, &[0]);
    marker[14] = 7;
    let nothing_to_do = Response::table(InfoTable::single("x", Value::Number(1.0)));
    // A table in a table in a table, deeper than anybody nests.
    let deep =
        (0..200).fold(Value::Number(1.0), |inner, _| Value::Table(InfoTable::single("t", inner).into()));
    let mut messages = vec![
        ("nothing".to_owned(), vec![]),
        ("one byte".to_owned(), vec![1]),
        ("half a header".to_owned(), header(1, b"")[..14].to_vec()),
        ("another version".to_owned(), version),
        ("an unknown marker".to_owned(), marker),
        ("a request without a body".to_owned(), header(1, b"")),
        ("a name longer than the message".to_owned(), header(1, &[0x0a, 0x7f, b'x'])),
        ("a name of 2 GiB".to_owned(), header(1, &[0x0a, 0xff, 0xff, 0xff, 0xff, b'x'])),
        ("a name that is not UTF-8".to_owned(), header(1, &[0x0a, 2, 0xff, 0xfe, 1, 1, b'p', 0, 0])),
        ("a chunk without its place".to_owned(), multipart(0x40, &[0])),
        ("chunk 0 of 0".to_owned(), multipart(0x40, &[0, 0, 0, 0, 0x20, 0])),
        ("chunk 3 of 2".to_owned(), multipart(0x40, &[0, 3, 0, 2, 0x20, 0, 1, 2, 3])),
        ("one of many chunks".to_owned(), multipart(0x40, &[0, 1, 0xff, 0xff, 0x20, 0, 1, 2, 3])),
        ("AUTH".to_owned(), foreign(Body::Auth(Auth::app_key("x")))),
        (
            "BIND".to_owned(),
            foreign(Body::Bind(Bind { unbind: false, gateway: None, names: vec![THING.to_owned()] })),
        ),
        (
            "UNBIND".to_owned(),
            foreign(Body::Bind(Bind { unbind: true, gateway: None, names: vec![THING.to_owned()] })),
        ),
        ("an answer to nobody".to_owned(), foreign(Body::Response(nothing_to_do))),
        (
            "a refusal of nothing".to_owned(),
            foreign(Body::Response(Response::error(Code::UNAUTHORIZED, "go away"))),
        ),
        ("a table of 4 billion rows".to_owned(), header(0x40, &[0, 0x0d, 0xff, 0xff, 0xff, 0xff])),
    ];
    if let Ok(bytes) = encode(&Message {
        request_id: 98,
        endpoint_id: 0,
        session_id: 4711,
        body: Body::Response(Response { code: Code::SUCCESS, reason: None, content: Content::Bare(deep) }),
    }) {
        messages.push(("200 tables in each other".to_owned(), bytes.to_vec()));
    }
    for code in [0x00, 0x05, 0x0c, 0x13, 0x15, 0x3f, 0x60, 0x7f, 0xf0, 0xff] {
        messages.push((format!("code {code:02x} without a body"), header(code, b"")));
        messages.push((format!("code {code:02x} with a body"), header(code, &[1, 2, 3, 4, 5, 6, 7, 8])));
    }
    // Many sets of chunks that never become whole.
    for id in 0..100_u8 {
        let mut chunk = multipart(0x40, &[0, 1, 0, 200, 0x20, 0]);
        chunk[5] = id;
        chunk.extend_from_slice(&[id; 4000]);
        messages.push((format!("chunk of {id}"), chunk));
    }
    messages
}

/// A gateway with one agent behind it, bound by a platform of ours.
struct House {
    connection: Connection,
    platform: FakePlatform,
    gateway: Process,
    _agent: Process,
    site: Site,
}

impl House {
    fn new(settings: serde_json::Value) -> Self {
        let (site, platform) = Self::unconnected(settings);
        let gateway = site.gateway();
        let mut connection = platform.welcome(&[EDGE_GATEWAY]);
        let agent = site.agents(&["--name", THING, "--rate", "0", "--keepalive-ms", "3600000"]);
        connection.until_bound(&[THING]);
        let mut house = Self { connection, platform, gateway, _agent: agent, site };
        house.stands("the start");
        house
    }

    /// A platform that waits for a gateway with these settings of `ws_connection`.
    fn unconnected(settings: serde_json::Value) -> (Site, FakePlatform) {
        let mut site = Site::new([]);
        let platform = FakePlatform::at(site.platform_port);
        let group = site.config()["ws_connection"].as_object_mut().unwrap();
        group.insert("connect_retry_interval".to_owned(), json!(200));
        group.extend(settings.as_object().cloned().unwrap());
        (site, platform)
    }

    /// Fails unless the gateway and its thing answer on the connection that there is.
    fn stands(&mut self, after: &str) {
        for (thing, service) in [(EDGE_GATEWAY, "GetMicroserverVersion"), (THING, "GetMetadata")] {
            let answer = self.connection.call(thing, service);
            assert_eq!(answer.code, Code::SUCCESS, "{service} of {thing} after {after}: {answer:?}");
        }
        let value = self.connection.read(THING, "label");
        let text =
            value.content.as_table().and_then(|table| table.cell(0, "label")?.as_text().map(str::to_owned));
        assert_eq!(
            text.as_deref().map(|text| text.contains("simulated")),
            Some(true),
            "after {after}: {value:?}"
        );
        assert!(self.site.local().is_online(), "after {after}");
    }

    /// A local caller that reads a property by way of the platform.
    fn caller(&self) -> thread::JoinHandle<Answer> {
        let local = self.site.local();
        thread::spawn(move || local.get(&format!("Elsewhere/Properties/{SOMETHING}")))
    }
}

const THING: &str = "Pump";
const SOMETHING: &str = "something";
