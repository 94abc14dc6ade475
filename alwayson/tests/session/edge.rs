//! AUTH, pings and Close at the edge.

use bytes::Bytes;
use edgebind_alwayson::{Body, ClosedBy, Code, Event, Frame, Response, SendError, SessionSettings, State};

use super::*;

fn ping_of(frames: &[Frame]) -> Option<&Bytes> {
    frames.iter().find_map(|frame| match frame {
        Frame::Ping(payload) => Some(payload),
        _ => None,
    })
}

#[test]
fn auth_is_the_first_message_and_carries_the_key_without_a_session() {
    let mut edge = edge();
    let message = only_message(frames(&mut edge));
    assert_eq!((message.request_id, message.session_id), (1, 0xFFFF_FFFF));
    let Body::Auth(auth) = message.body else { panic!("{message:?}") };
    assert_eq!(auth.claim("appKey"), Some(KEY));
    assert_eq!(edge.state(), State::Authenticating);
}

#[test]
fn nothing_is_sent_before_auth_is_answered() {
    let mut edge = edge();
    assert_eq!(edge.request(at(0.0), read("p"), None), Err(SendError::NotAuthenticated));
    assert_eq!(edge.bind(at(0.0), bind()), Err(SendError::NotAuthenticated));
}

#[test]
fn the_session_id_of_the_auth_response_stands_in_every_later_message() {
    let mut edge = edge();
    frames(&mut edge);
    edge.receive(at(0.1), bytes(1, 0, 0xABCD, Body::Response(Response::success())));
    assert_eq!(edge.poll_event(), Some(Event::Authenticated { session_id: 0xABCD }));
    assert_eq!(edge.state(), State::Authenticated);
    frames(&mut edge);
    edge.bind(at(0.1), bind()).unwrap();
    assert_eq!(only_message(frames(&mut edge)).session_id, 0xABCD);
    edge.receive(at(0.2), asked(5));
    let Some(Event::Requested { id, .. }) = edge.poll_event() else { panic!() };
    edge.respond(at(0.2), id, Response::success()).unwrap();
    assert_eq!(only_message(frames(&mut edge)).session_id, 0xABCD);
}

#[test]
fn any_success_code_authenticates_and_session_id_zero_keeps_ours() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.authenticate_again(at(1.0), None);
    let request_id = only_message(frames(&mut edge)).request_id;
    let created = Response { code: Code(0x41), ..Response::success() };
    edge.receive(at(1.0), bytes(request_id, 0, 0, Body::Response(created)));
    assert_eq!(edge.poll_event(), Some(Event::Authenticated { session_id: 1001 }));
    assert_eq!(edge.session_id(), 1001);
}

#[test]
fn a_refusal_is_told_and_auth_goes_again_on_the_same_connection() {
    let mut edge = edge();
    frames(&mut edge);
    edge.receive(at(0.1), response(1, Response::error(Code::UNAUTHORIZED, "unknown key")));
    let refused = Event::AuthRefused { code: Code::UNAUTHORIZED, reason: Some("unknown key".to_owned()) };
    assert_eq!(edge.poll_event(), Some(refused));
    assert_eq!(edge.state(), State::Refused);
    assert_eq!(edge.poll_timeout(), None);
    edge.authenticate_again(at(5.0), Some("other key".to_owned()));
    let message = only_message(frames(&mut edge));
    let Body::Auth(auth) = &message.body else { panic!("{message:?}") };
    assert_eq!(
        (message.request_id, message.session_id, auth.claim("appKey")),
        (2, 0xFFFF_FFFF, Some("other key"))
    );
    edge.receive(at(5.1), bytes(2, 0, 7, Body::Response(Response::success())));
    assert_eq!(edge.state(), State::Authenticated);
}

#[test]
fn no_answer_to_auth_within_the_message_timeout_counts_as_refusal() {
    let mut edge = edge();
    assert_eq!(edge.poll_timeout(), Some(at(10.0)));
    edge.handle_timeout(at(10.0));
    assert!(matches!(edge.poll_event(), Some(Event::AuthRefused { code: Code::GATEWAY_TIMEOUT, .. })));
    assert_eq!(edge.state(), State::Refused);
    // The answer comes after all.
    edge.receive(at(11.0), bytes(1, 0, 9, Body::Response(Response::success())));
    assert_eq!(edge.state(), State::Authenticated);
}

#[test]
fn a_platform_that_answers_neither_auth_nor_ping_is_left() {
    let mut edge = edge();
    frames(&mut edge);
    edge.handle_timeout(at(10.0));
    assert!(ping_of(&frames(&mut edge)).is_some());
    assert_eq!(edge.poll_timeout(), Some(at(20.0)));
    edge.handle_timeout(at(20.0));
    assert_eq!(edge.state(), State::Closed);
}

#[test]
fn a_platform_that_answers_pings_may_take_its_time_over_auth() {
    let mut edge = edge();
    edge.handle_timeout(at(10.0));
    edge.receive_pong(at(11.0), Bytes::from_static(b"1"));
    edge.handle_timeout(at(20.0));
    assert_eq!(edge.state(), State::Refused);
}

#[test]
fn an_answer_to_auth_that_cannot_be_read_is_a_refusal() {
    let mut edge = edge();
    let whole = bytes(1, 0, 9, Body::Response(Response::error(Code::UNAUTHORIZED, "reason")));
    edge.receive(at(0.1), whole.slice(..whole.len() - 4));
    let events = events(&mut edge);
    assert!(
        matches!(&events[..], [Event::Violation(_), Event::AuthRefused { code: Code::UNAUTHORIZED, .. }]),
        "{events:?}"
    );
}

#[test]
fn request_ids_count_on_over_auth_bind_and_requests_into_the_next_session() {
    let mut edge = authenticated_edge(SessionSettings::default());
    assert_eq!(edge.bind(at(0.0), bind()).unwrap().number(), 2);
    assert_eq!(sent(&mut edge, at(0.0)).number(), 3);
    assert_eq!(edge.next_request_id(), 4);
    let mut next =
        EdgeSession::new(SessionSettings::default(), KEY.to_owned(), edge.next_request_id(), at(1.0));
    assert_eq!(only_message(frames(&mut next)).request_id, 4);
}

#[test]
fn the_first_ping_goes_right_after_auth_and_then_at_the_ping_rate_with_a_payload() {
    let mut edge = edge();
    assert_eq!(ping_of(&frames(&mut edge)), None);
    edge.receive(at(1.0), bytes(1, 0, 9, Body::Response(Response::success())));
    assert!(!ping_of(&frames(&mut edge)).unwrap().is_empty());
    edge.receive_pong(at(1.0), Bytes::from_static(b"anything"));
    assert_eq!(edge.poll_timeout(), Some(at(56.0)));
    edge.handle_timeout(at(55.9));
    assert_eq!(frames(&mut edge), []);
    edge.handle_timeout(at(56.0));
    assert!(!ping_of(&frames(&mut edge)).unwrap().is_empty());
}

#[test]
fn a_missing_pong_ends_the_session_with_close_1000() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(50.0));
    edge.handle_timeout(at(55.0));
    // An empty pong does not count.
    edge.receive_pong(at(56.0), Bytes::new());
    frames(&mut edge);
    edge.handle_timeout(at(64.9));
    events(&mut edge);
    let _ = id;
    let waiting = sent(&mut edge, at(64.9));
    edge.handle_timeout(at(65.0));
    let text = "Normal Close Pong timeout".to_owned();
    assert_eq!(frames(&mut edge), [Frame::Close { code: 1000, text: text.clone() }]);
    let closed = Event::Closed { by: ClosedBy::Timeout, code: Some(1000), text };
    assert_eq!(events(&mut edge), [Event::Lost { id: waiting }, closed]);
    assert_eq!((edge.state(), edge.poll_timeout()), (State::Closed, None));
}

#[test]
fn pings_of_the_peer_are_answered_with_their_payload() {
    let mut edge = edge();
    frames(&mut edge);
    edge.receive_ping(at(0.1), Bytes::from_static(b"12:00:00"));
    assert_eq!(frames(&mut edge), [Frame::Pong(Bytes::from_static(b"12:00:00"))]);
}

#[test]
fn a_probe_pings_at_once_but_not_while_a_pong_is_awaited() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.probe(at(3.0));
    assert!(ping_of(&frames(&mut edge)).is_some());
    edge.probe(at(4.0));
    assert_eq!(frames(&mut edge), []);
    assert_eq!(edge.poll_timeout(), Some(at(13.0)));
    edge.receive_pong(at(5.0), Bytes::from_static(b"x"));
    assert_eq!(edge.poll_timeout(), Some(at(58.0)));
}

#[test]
fn a_ping_rate_shorter_than_the_pong_timeout_keeps_one_ping_on_its_way() {
    let settings = SessionSettings { ping_rate: Duration::from_secs(2), ..SessionSettings::default() };
    let mut edge = authenticated_edge(settings);
    for second in [2.0, 4.0, 6.0] {
        edge.handle_timeout(at(second));
    }
    assert_eq!(frames(&mut edge).len(), 1);
    edge.handle_timeout(at(12.0));
    assert_eq!(edge.state(), State::Closed);
}

#[test]
fn a_close_of_the_peer_is_not_echoed_and_loses_what_is_in_flight() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let first = sent(&mut edge, at(0.0));
    let second = sent(&mut edge, at(0.0));
    edge.receive(at(0.0), asked(9));
    let Some(Event::Requested { id, .. }) = edge.poll_event() else { panic!() };
    edge.receive_close(at(1.0), Some(1001), "Going to Sleep".to_owned());
    assert_eq!(frames(&mut edge), []);
    let closed = Event::Closed { by: ClosedBy::Peer, code: Some(1001), text: "Going to Sleep".to_owned() };
    assert_eq!(events(&mut edge), [Event::Lost { id: first }, Event::Lost { id: second }, closed]);
    assert_eq!(edge.respond(at(1.0), id, Response::success()), Err(SendError::Closed));
    assert_eq!(edge.request(at(1.0), read("p"), None), Err(SendError::Closed));
    edge.receive(at(1.0), asked(10));
    edge.receive_ping(at(1.0), Bytes::from_static(b"x"));
    edge.handle_timeout(at(100.0));
    edge.close(at(100.0), 1000, "again");
    edge.authenticate_again(at(100.0), None);
    assert_eq!((frames(&mut edge), events(&mut edge)), (vec![], vec![]));
}

#[test]
fn a_close_without_status_is_answered_with_1000() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive_close(at(1.0), None, String::new());
    assert_eq!(frames(&mut edge), [Frame::Close { code: 1000, text: String::new() }]);
}

#[test]
fn our_close_goes_behind_what_waits() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(0.0));
    edge.close(at(0.0), 1000, "Normal Close Duty cycle off time");
    let frames = frames(&mut edge);
    assert!(matches!(&frames[..], [Frame::Binary(_), Frame::Close { code: 1000, .. }]), "{frames:?}");
    let events = events(&mut edge);
    assert!(
        matches!(&events[..], [Event::Lost { id: lost }, Event::Closed { by: ClosedBy::Local, .. }] if *lost == id)
    );
}

#[test]
fn a_broken_connection_loses_what_is_in_flight_and_writes_nothing() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(0.0));
    edge.connection_lost(at(1.0), "connection reset");
    assert_eq!(frames(&mut edge), []);
    let closed = Event::Closed { by: ClosedBy::Transport, code: None, text: "connection reset".to_owned() };
    assert_eq!(events(&mut edge), [Event::Lost { id }, closed]);
}

#[test]
fn the_key_is_not_shown_by_debug() {
    assert!(!format!("{:?}", edge()).contains("4444"));
}
