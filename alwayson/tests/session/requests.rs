//! Requests of ours: matching, deadlines, limits, chunks.

use edgebind_alwayson::{Body, Code, Event, Frame, Header, Response, SendError, SessionSettings, split};

use super::*;

#[test]
fn a_response_is_matched_by_its_request_id_alone() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let first = sent(&mut edge, at(0.0));
    let second = edge.bind(at(0.0), bind()).unwrap();
    let not_found = Response::error(Code::NOT_FOUND, "no such thing");
    edge.receive(at(0.1), bytes(second.number(), 5, 999, Body::Response(not_found.clone())));
    edge.receive(at(0.1), response(first.number(), Response::success()));
    assert_eq!(
        events(&mut edge),
        [
            Event::Answered { id: second, response: not_found },
            Event::Answered { id: first, response: Response::success() },
        ]
    );
    assert_eq!(edge.pending(), 0);
}

#[test]
fn every_code_from_0x40_on_is_a_response() {
    let mut edge = authenticated_edge(SessionSettings::default());
    for code in [0x41, 0x5F, 0x7F, 0x84, 0xF0] {
        let id = sent(&mut edge, at(0.0));
        let answer = Response { code: Code(code), ..Response::success() };
        edge.receive(at(0.1), response(id.number(), answer.clone()));
        assert_eq!(events(&mut edge), [Event::Answered { id, response: answer }]);
    }
}

#[test]
fn a_response_that_matches_nothing_is_counted_and_ignored() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(0.0));
    edge.receive(at(0.1), response(id.number(), Response::success()));
    edge.receive(at(0.1), response(id.number(), Response::success()));
    edge.receive(at(0.1), response(4000, Response::success()));
    assert_eq!(events(&mut edge).len(), 1);
    assert_eq!((edge.counts().unmatched, edge.counts().violations), (2, 0));
}

#[test]
fn a_request_expires_after_its_own_timeout_or_the_message_timeout() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let slow = sent(&mut edge, at(0.0));
    let quick = edge.request(at(0.0), read("p"), Some(Duration::from_secs(2))).unwrap();
    assert_eq!(edge.poll_timeout(), Some(at(2.0)));
    edge.handle_timeout(at(2.0));
    assert_eq!(events(&mut edge), [Event::Expired { id: quick }]);
    edge.handle_timeout(at(10.0));
    assert_eq!(events(&mut edge), [Event::Expired { id: slow }]);
    assert_eq!(edge.pending(), 0);
}

#[test]
fn the_late_answer_of_an_expired_request_is_told_once() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(0.0));
    edge.handle_timeout(at(10.0));
    events(&mut edge);
    edge.receive(at(11.0), response(id.number(), Response::success()));
    edge.receive(at(11.0), response(id.number(), Response::success()));
    assert_eq!(events(&mut edge), [Event::Late { id, response: Response::success() }]);
    assert_eq!(edge.counts().unmatched, 1);
}

#[test]
fn only_max_pending_requests_may_be_in_flight() {
    let mut edge = authenticated_edge(SessionSettings { max_pending: 2, ..SessionSettings::default() });
    let first = sent(&mut edge, at(0.0));
    sent(&mut edge, at(0.0));
    assert_eq!(edge.request(at(0.0), read("p"), None), Err(SendError::TooManyPending { limit: 2 }));
    assert_eq!(edge.bind(at(0.0), bind()), Err(SendError::TooManyPending { limit: 2 }));
    edge.receive(at(0.1), response(first.number(), Response::success()));
    sent(&mut edge, at(0.1));
}

#[test]
fn a_request_above_the_message_limit_is_refused_and_leaves_no_trace() {
    let mut edge =
        authenticated_edge(SessionSettings { max_message_bytes: 1000, ..SessionSettings::default() });
    let refused = edge.request(at(0.0), long(1000), None).unwrap_err();
    assert!(matches!(refused, SendError::TooLarge { bytes: 1001.., limit: 1000 }), "{refused}");
    assert_eq!((edge.pending(), frames(&mut edge).len()), (0, 0));
}

#[test]
fn a_request_whose_chunks_a_receiver_would_take_for_too_long_is_refused() {
    let mut edge =
        authenticated_edge(SessionSettings { max_message_bytes: 20_000, ..SessionSettings::default() });
    // Three chunks count as 24576 bytes, whatever is in them (section 6.3).
    let refused = edge.request(at(0.0), long(17_000), None).unwrap_err();
    assert_eq!(refused, SendError::TooLarge { bytes: 24_576, limit: 20_000 });
    edge.request(at(0.0), long(16_000), None).unwrap();
    assert_eq!(frames(&mut edge).len(), 2);
}

#[test]
fn a_body_of_the_length_told_can_be_sent() {
    for max_message_bytes in [100, 8_000, 8_192, 20_000, 1 << 20] {
        let mut edge =
            authenticated_edge(SessionSettings { max_message_bytes, ..SessionSettings::default() });
        // No gateway, one name with a length prefix of 4 bytes at most.
        let room = edge.max_body_bytes("") - 1 - 2 - 4;
        let names = vec!["x".repeat(room)];
        edge.bind(at(0.0), Bind { names, ..bind() }).unwrap();
        let names = vec!["x".repeat(room + 8192)];
        assert!(matches!(edge.bind(at(0.0), Bind { names, ..bind() }), Err(SendError::TooLarge { .. })));
    }
    let mut edge =
        authenticated_edge(SessionSettings { max_message_bytes: 20_000, ..SessionSettings::default() });
    let entity = "SteamSensor";
    let other_parts = bytes(1, 0, 0, Body::Request(long(200))).len() - Header::LEN - 200;
    edge.request(at(0.0), long(edge.max_body_bytes(entity) - other_parts), None).unwrap();
}

#[test]
fn requests_are_refused_while_too_much_waits_to_be_written() {
    let mut edge =
        authenticated_edge(SessionSettings { max_queued_bytes: 100, ..SessionSettings::default() });
    edge.request(at(0.0), long(100), None).unwrap();
    let refused = edge.request(at(0.0), read("p"), None).unwrap_err();
    assert!(
        matches!(refused, SendError::Congested { limit: 100, .. }) && refused.is_transient(),
        "{refused}"
    );
    frames(&mut edge);
    edge.request(at(0.0), read("p"), None).unwrap();
}

#[test]
fn a_long_request_goes_in_chunks_and_a_long_response_is_joined() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = edge.request(at(0.0), long(20_000), None).unwrap();
    let parts = frames(&mut edge);
    assert_eq!(parts.len(), 3);
    for part in &parts {
        let Frame::Binary(part) = part else { panic!("{part:?}") };
        let header = Header::decode(part).unwrap();
        assert!(header.multipart && header.request_id == id.number() && part.len() <= 8192);
    }
    let answer = Response::table(InfoTable::single("result", Value::string("y".repeat(30_000))));
    let mut chunks = split(&response(id.number(), answer.clone()), 8192).unwrap();
    chunks.reverse();
    for chunk in chunks {
        edge.receive(at(0.1), chunk);
    }
    assert_eq!(events(&mut edge), [Event::Answered { id, response: answer }]);
}

#[test]
fn a_response_that_cannot_be_read_ends_its_request_at_once() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let id = sent(&mut edge, at(0.0));
    frames(&mut edge);
    let mut broken =
        response(id.number(), Response::table(InfoTable::single("p", Value::Number(1.0)))).to_vec();
    broken.truncate(broken.len() - 4);
    edge.receive(at(0.1), broken.into());
    let events = events(&mut edge);
    let [Event::Violation(violation), Event::Garbled { id: garbled, code: Code::SUCCESS, reason }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*garbled, violation.request_id, violation.answer), (id, Some(id.number()), None));
    assert!(reason.starts_with("byte ") && violation.reason == *reason, "{reason}");
    assert_eq!(frames(&mut edge), []);
}

#[test]
fn a_response_in_chunks_that_is_too_long_ends_its_request_at_once() {
    let mut edge =
        authenticated_edge(SessionSettings { max_message_bytes: 20_000, ..SessionSettings::default() });
    let id = sent(&mut edge, at(0.0));
    frames(&mut edge);
    let answer = Response::table(InfoTable::single("result", Value::string("y".repeat(30_000))));
    for chunk in split(&response(id.number(), answer), 8192).unwrap() {
        edge.receive(at(0.1), chunk);
    }
    let garbled =
        events(&mut edge).into_iter().filter(|event| matches!(event, Event::Garbled { .. })).count();
    assert_eq!((garbled, edge.pending(), frames(&mut edge).len()), (1, 0, 0));
}

#[test]
fn chunks_that_do_not_complete_are_dropped_and_counted() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let request = bytes(9, 0, 1001, Body::Request(long(20_000)));
    edge.receive(at(0.0), split(&request, 8192).unwrap().remove(0));
    for second in [10.0, 20.0, 30.0, 40.0, 50.0] {
        edge.receive_pong(at(second), Bytes::from_static(b"x"));
        edge.handle_timeout(at(second));
    }
    assert_eq!(edge.counts().incomplete, 1);
}

#[test]
fn a_request_that_was_encoded_elsewhere_goes_under_the_ids_of_this_session() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let kept = bytes(0, 7, 0, Body::Request(long(20_000)));
    let id = edge.forward(at(0.0), &kept, Some(Duration::from_secs(1))).unwrap();
    let sent = frames(&mut edge);
    let asked = edge.request(at(0.0), long(20_000), None).unwrap();
    let same = frames(&mut edge);
    assert_eq!(sent.len(), same.len());
    for (sent, same) in sent.iter().zip(&same) {
        let [Frame::Binary(sent), Frame::Binary(same)] = [sent, same] else { panic!("{sent:?} {same:?}") };
        assert_eq!(sent[Header::LEN..], same[Header::LEN..]);
        let header = Header::decode(sent).unwrap();
        assert_eq!((header.request_id, header.endpoint_id, header.session_id), (id.number(), 0, 1001));
    }
    edge.handle_timeout(at(1.0));
    assert_eq!(events(&mut edge), [Event::Expired { id }]);
    edge.receive(at(1.1), response(asked.number(), Response::success()));
    assert_eq!(edge.pending(), 0);
}

#[test]
fn what_is_no_request_or_too_long_is_not_forwarded() {
    let settings = SessionSettings { max_message_bytes: 20_000, ..SessionSettings::default() };
    let mut edge = authenticated_edge(settings.clone());
    for body in [Body::Bind(bind()), Body::Response(Response::success())] {
        let refused = edge.forward(at(0.0), &bytes(1, 0, 0, body), None).unwrap_err();
        assert!(matches!(refused, SendError::Encode(_)), "{refused}");
    }
    assert!(matches!(edge.forward(at(0.0), &Bytes::from_static(b"x"), None), Err(SendError::Encode(_))));
    let too_long = bytes(1, 0, 0, Body::Request(long(17_000)));
    let refused = SendError::TooLarge { bytes: 24_576, limit: 20_000 };
    assert_eq!(settings.check_size(&too_long), Err(refused.clone()));
    assert_eq!(edge.forward(at(0.0), &too_long, None), Err(refused));
    assert_eq!(settings.check_size(&bytes(1, 0, 0, Body::Request(long(16_000)))), Ok(()));
    assert_eq!((edge.pending(), frames(&mut edge).len()), (0, 0));
}
