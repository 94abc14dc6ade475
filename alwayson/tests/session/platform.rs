//! The platform's end: who comes in, and for how long.

use edgebind_alwayson::{
    Body, ClosedBy, Code, Event, Frame, InboundId, Response, SendError, SessionSettings, State,
};

use super::*;

fn platform() -> PlatformSession {
    PlatformSession::new(SessionSettings::platform(), at(0.0))
}

fn frames(platform: &mut PlatformSession) -> Vec<Frame> {
    std::iter::from_fn(|| platform.poll_frame()).collect()
}

fn auth_requested(platform: &mut PlatformSession) -> InboundId {
    match platform.poll_event() {
        Some(Event::AuthRequested { id, auth }) if auth.claim("appKey") == Some(KEY) => id,
        other => panic!("{other:?}"),
    }
}

fn assert_closed(platform: &mut PlatformSession, by: ClosedBy, code: u16) {
    let frames = frames(platform);
    assert!(matches!(&frames[..], [Frame::Close { code: sent, .. }] if *sent == code), "{frames:?}");
    let closed = platform.poll_event();
    assert!(
        matches!(&closed, Some(Event::Closed { by: who, code: Some(told), .. }) if *who == by && *told == code),
        "{closed:?}"
    );
    assert_eq!((platform.state(), platform.poll_timeout()), (State::Closed, None));
}

#[test]
fn the_session_id_is_assigned_in_the_header_of_the_auth_response() {
    let mut platform = platform();
    platform.receive(at(0.0), auth(1));
    let id = auth_requested(&mut platform);
    assert_eq!(platform.accept(at(0.0), id, 0), Err(SendError::SessionIdZero));
    platform.accept(at(0.0), id, 1001).unwrap();
    let message = only_message(frames(&mut platform));
    assert_eq!((message.request_id, message.session_id), (1, 1001));
    assert_eq!(message.body, Body::Response(Response::success()));
    assert_eq!(platform.state(), State::Authenticated);
    assert_eq!(platform.accept(at(0.0), id, 1002), Err(SendError::NotOpen));
}

#[test]
fn anything_before_auth_closes_with_1008() {
    for first in [
        asked(1),
        bytes(1, 0, 0, Body::Bind(bind())),
        response(1, Response::success()),
        bytes(1, 0, 0, Body::Other { code: Code::KEEP_ALIVE, bytes: Bytes::new() }),
        Bytes::from_static(b"nonsense"),
        Bytes::new(),
    ] {
        let mut platform = platform();
        platform.receive(at(0.0), first);
        assert_closed(&mut platform, ClosedBy::Policy, 1008);
    }
}

#[test]
fn no_auth_within_15_s_closes_with_1008() {
    let mut platform = platform();
    assert_eq!(platform.poll_timeout(), Some(at(15.0)));
    platform.receive_ping(at(14.0), Bytes::from_static(b"x"));
    frames(&mut platform);
    platform.handle_timeout(at(15.0));
    assert_closed(&mut platform, ClosedBy::Timeout, 1008);
}

#[test]
fn a_refused_edge_may_send_auth_again_but_nothing_else() {
    let mut platform = platform();
    platform.receive(at(0.0), auth(1));
    let id = auth_requested(&mut platform);
    platform.refuse(at(0.0), id, Code::UNAUTHORIZED, "unknown key").unwrap();
    let Body::Response(refusal) = only_message(frames(&mut platform)).body else { panic!() };
    assert_eq!((refusal.code, refusal.reason.as_deref()), (Code::UNAUTHORIZED, Some("unknown key")));
    assert_eq!(platform.state(), State::Refused);
    platform.handle_timeout(at(14.9));
    platform.receive(at(14.9), auth(2));
    let id = auth_requested(&mut platform);
    platform.refuse(at(14.9), id, Code::UNAUTHORIZED, "unknown key").unwrap();
    frames(&mut platform);
    platform.receive(at(15.0), asked(3));
    assert_closed(&mut platform, ClosedBy::Policy, 1008);
}

#[test]
fn what_comes_while_auth_is_undecided_is_refused_without_a_close() {
    let mut platform = platform();
    platform.receive(at(0.0), auth(1));
    let id = auth_requested(&mut platform);
    platform.receive(at(0.0), bytes(2, 0, 0, Body::Bind(bind())));
    let Body::Response(refusal) = only_message(frames(&mut platform)).body else { panic!() };
    assert_eq!(refusal.code, Code::UNAUTHORIZED);
    platform.accept(at(0.1), id, 1001).unwrap();
    assert_eq!(platform.state(), State::Authenticated);
}

#[test]
fn auth_again_gives_a_new_session_id() {
    let mut platform = authenticated_platform(SessionSettings::platform());
    platform.receive(at(1.0), auth(2));
    let id = auth_requested(&mut platform);
    assert_eq!(platform.respond(at(1.0), id, Response::success()), Err(SendError::NotOpen));
    platform.accept(at(1.0), id, 1002).unwrap();
    assert_eq!(only_message(frames(&mut platform)).session_id, 1002);
    assert_eq!(platform.session_id(), 1002);
}

#[test]
fn requests_and_binds_are_handed_on_once_authenticated() {
    let mut platform = authenticated_platform(SessionSettings::platform());
    platform.receive(at(1.0), asked(2));
    platform.receive(at(1.0), bytes(3, 0, 1001, Body::Bind(bind())));
    let Some(Event::Requested { id: request, .. }) = platform.poll_event() else { panic!() };
    let Some(Event::BindRequested { id: bound, bind: names }) = platform.poll_event() else { panic!() };
    assert_eq!(names, bind());
    assert_eq!(platform.accept(at(1.0), bound, 5), Err(SendError::NotOpen));
    platform.respond(at(1.0), bound, Response::success()).unwrap();
    platform.refuse(at(1.0), request, Code::NOT_FOUND, "no such thing").unwrap();
    assert_eq!(platform.state(), State::Authenticated);
    let messages: Vec<_> = frames(&mut platform).into_iter().map(|frame| only_message(vec![frame])).collect();
    assert_eq!(messages.iter().map(|message| message.request_id).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn an_ignored_request_is_never_answered_and_not_even_when_its_time_is_over() {
    let mut platform = platform();
    platform.receive(at(0.0), auth(1));
    let id = auth_requested(&mut platform);
    platform.accept(at(0.0), id, 1001).unwrap();
    platform.receive(at(0.0), asked(2));
    let Some(Event::Requested { id, .. }) = platform.poll_event() else { panic!("no request") };
    frames(&mut platform);
    platform.ignore(id).unwrap();
    assert_eq!(platform.inbound(), 0);
    assert_eq!(platform.respond(at(1.0), id, Response::success()), Err(SendError::NotOpen));
    assert_eq!(platform.ignore(id), Err(SendError::NotOpen));
    platform.handle_timeout(at(50.0));
    assert!(frames(&mut platform).is_empty());
}

#[test]
fn a_request_to_the_edge_waits_30_s() {
    let mut platform = authenticated_platform(SessionSettings::platform());
    let id = platform.request(at(0.0), read("p"), None).unwrap();
    assert_eq!(only_message(frames(&mut platform)).session_id, 1001);
    platform.receive_ping(at(25.0), Bytes::from_static(b"x"));
    platform.handle_timeout(at(29.9));
    assert_eq!((platform.poll_event(), platform.pending()), (None, 1));
    platform.handle_timeout(at(30.0));
    assert_eq!(platform.poll_event(), Some(Event::Expired { id }));
}

#[test]
fn a_request_to_an_edge_that_is_not_authenticated_is_refused() {
    let mut platform = platform();
    assert_eq!(platform.request(at(0.0), read("p"), None), Err(SendError::NotAuthenticated));
    platform.close(at(0.0), 1001, "Going to Sleep");
    assert_eq!(platform.request(at(0.0), read("p"), None), Err(SendError::Closed));
    assert_closed(&mut platform, ClosedBy::Local, 1001);
}

#[test]
fn any_inbound_frame_is_a_sign_of_life_and_none_for_60_s_closes() {
    let mut platform = authenticated_platform(SessionSettings::platform());
    assert_eq!(platform.poll_timeout(), Some(at(60.0)));
    platform.receive_ping(at(50.0), Bytes::from_static(b"1"));
    assert_eq!(frames(&mut platform), [Frame::Pong(Bytes::from_static(b"1"))]);
    platform.receive_pong(at(100.0), Bytes::new());
    platform.receive(at(150.0), response(77, Response::success()));
    assert_eq!(platform.poll_timeout(), Some(at(210.0)));
    platform.handle_timeout(at(209.9));
    assert_eq!(platform.state(), State::Authenticated);
    platform.handle_timeout(at(210.0));
    assert_closed(&mut platform, ClosedBy::Timeout, 1000);
}

#[test]
fn loss_of_the_connection_loses_what_is_in_flight() {
    let mut platform = authenticated_platform(SessionSettings::platform());
    let id = platform.request(at(0.0), read("p"), None).unwrap();
    platform.connection_lost(at(1.0), "end of stream");
    assert_eq!(platform.poll_event(), Some(Event::Lost { id }));
    assert!(matches!(platform.poll_event(), Some(Event::Closed { by: ClosedBy::Transport, .. })));
    assert_eq!(frames(&mut platform), []);
}
