//! The session, end against end and end against bytes (protocol notes, section 7).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod answers;
mod edge;
mod one_answer;
mod platform;
mod random;
mod requests;

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use bytes::Bytes;
use edgebind_alwayson::{
    Bind, Body, Characteristic, Code, Content, EdgeSession, Event, Frame, Incoming, InfoTable, Limits,
    Message, Method, PlatformSession, Request, RequestId, Response, SessionSettings, Value, decode, encode,
};

/// A point in time, `seconds` after the start of the test.
fn at(seconds: f64) -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other source of one")]
    let start = *START.get_or_init(Instant::now);
    start + Duration::from_secs_f64(seconds)
}

const KEY: &str = "00000000-1111-2222-3333-444444444444";

fn edge() -> EdgeSession {
    EdgeSession::new(SessionSettings::default(), KEY.to_owned(), 1, at(0.0))
}

/// An edge whose AUTH was accepted with session 1001, its first ping answered, nothing left to write or to tell.
fn authenticated_edge(settings: SessionSettings) -> EdgeSession {
    let mut edge = EdgeSession::new(settings, KEY.to_owned(), 1, at(0.0));
    edge.receive(at(0.0), bytes(1, 0, 1001, Body::Response(Response::success())));
    edge.receive_pong(at(0.0), Bytes::from_static(b"1"));
    frames(&mut edge);
    events(&mut edge);
    edge
}

/// A platform that has accepted AUTH with session 1001, nothing left to write or to tell.
fn authenticated_platform(settings: SessionSettings) -> PlatformSession {
    let mut platform = PlatformSession::new(settings, at(0.0));
    platform.receive(at(0.0), auth(1));
    let Some(Event::AuthRequested { id, .. }) = platform.poll_event() else { panic!("no AUTH") };
    platform.accept(at(0.0), id, 1001).unwrap();
    while platform.poll_frame().is_some() {}
    platform
}

fn auth(request_id: u32) -> Bytes {
    bytes(request_id, 0, 0xFFFF_FFFF, Body::Auth(edgebind_alwayson::Auth::app_key(KEY)))
}

/// One whole message.
fn bytes(request_id: u32, endpoint_id: u32, session_id: u32, body: Body) -> Bytes {
    encode(&Message { request_id, endpoint_id, session_id, body }).unwrap()
}

fn response(request_id: u32, response: Response) -> Bytes {
    bytes(request_id, 0, 1001, Body::Response(response))
}

/// What a peer asks.
fn asked(request_id: u32) -> Bytes {
    bytes(request_id, 77, 1001, Body::Request(read("Temperature")))
}

fn read(name: &str) -> Request {
    Request::thing(Method::Get, "SteamSensor", Characteristic::Properties, name, Content::Nothing)
}

/// A request whose message is longer than `length` bytes.
fn long(length: usize) -> Request {
    let params = Content::Table(InfoTable::single("p", Value::string("x".repeat(length))));
    Request::thing(Method::Post, "SteamSensor", Characteristic::Services, "Long", params)
}

fn bind() -> Bind {
    Bind { unbind: false, gateway: None, names: vec!["SteamSensor".to_owned()] }
}

fn frames(edge: &mut EdgeSession) -> Vec<Frame> {
    std::iter::from_fn(|| edge.poll_frame()).collect()
}

fn events(edge: &mut EdgeSession) -> Vec<Event> {
    std::iter::from_fn(|| edge.poll_event()).collect()
}

/// The one whole message among the frames.
fn only_message(frames: Vec<Frame>) -> Message {
    let [Frame::Binary(bytes)] = frames.as_slice() else { panic!("{frames:?}") };
    message(bytes)
}

fn message(bytes: &Bytes) -> Message {
    match decode(bytes, &Limits::DEFAULT) {
        Ok(Incoming::Message(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// The only frame left is an answer with this code; returns its reason.
fn only_answer(edge: &mut EdgeSession, code: Code) -> String {
    match only_message(frames(edge)).body {
        Body::Response(response) if response.code == code => response.reason.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

fn sent(edge: &mut EdgeSession, now: Instant) -> RequestId {
    edge.request(now, read("Temperature"), None).unwrap()
}
