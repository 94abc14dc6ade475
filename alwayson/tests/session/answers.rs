//! Requests of the peer: one answer each, and what is answered without the owner.

use edgebind_alwayson::{Body, Code, Event, Header, InboundId, Response, SendError, SessionSettings, split};

use super::*;

fn requested(edge: &mut EdgeSession) -> InboundId {
    match edge.poll_event() {
        Some(Event::Requested { id, .. }) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_repeats_request_id_and_endpoint_id_under_our_session_id() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive(at(0.0), bytes(0, 77, 5, Body::Request(read("Temperature"))));
    let Some(Event::Requested { id, request }) = edge.poll_event() else { panic!() };
    assert_eq!(request, read("Temperature"));
    edge.respond(at(0.1), id, Response::success()).unwrap();
    let message = only_message(frames(&mut edge));
    assert_eq!((message.request_id, message.endpoint_id, message.session_id), (0, 77, 1001));
}

#[test]
fn a_second_answer_is_an_error_and_not_sent() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    edge.respond(at(0.1), id, Response::success()).unwrap();
    assert_eq!(edge.respond(at(0.1), id, Response::success()), Err(SendError::NotOpen));
    assert_eq!(frames(&mut edge).len(), 1);
}

#[test]
fn two_requests_with_one_id_get_an_answer_each() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive(at(0.0), asked(3));
    edge.receive(at(0.0), asked(3));
    for _ in 0..2 {
        let id = requested(&mut edge);
        edge.respond(at(0.1), id, Response::success()).unwrap();
    }
    assert_eq!(frames(&mut edge).len(), 2);
}

#[test]
fn an_answer_that_is_too_long_is_replaced_by_entity_too_large() {
    let mut edge =
        authenticated_edge(SessionSettings { max_message_bytes: 1000, ..SessionSettings::default() });
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    let answer = Response::table(InfoTable::single("result", Value::string("x".repeat(1000))));
    assert!(matches!(edge.respond(at(0.1), id, answer), Err(SendError::TooLarge { limit: 1000, .. })));
    assert!(only_answer(&mut edge, Code::ENTITY_TOO_LARGE).contains("1000"));
    assert_eq!(edge.respond(at(0.1), id, Response::success()), Err(SendError::NotOpen));
}

#[test]
fn an_answer_that_cannot_be_encoded_is_replaced_by_an_error() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    let mut table = InfoTable::single("result", Value::Number(1.0));
    table.rows.push(vec![]);
    assert!(matches!(edge.respond(at(0.1), id, Response::table(table)), Err(SendError::Encode(_))));
    assert!(only_answer(&mut edge, Code::INTERNAL_SERVER_ERROR).contains("row 1"));
}

#[test]
fn a_congested_session_leaves_the_request_open() {
    let mut edge =
        authenticated_edge(SessionSettings { max_queued_bytes: 100, ..SessionSettings::default() });
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    edge.request(at(0.0), long(100), None).unwrap();
    assert!(matches!(edge.respond(at(0.1), id, Response::success()), Err(SendError::Congested { .. })));
    frames(&mut edge);
    edge.respond(at(0.2), id, Response::success()).unwrap();
    only_answer(&mut edge, Code::SUCCESS);
}

#[test]
fn a_long_answer_goes_in_chunks() {
    let mut edge = authenticated_edge(SessionSettings::default());
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    let answer = Response::table(InfoTable::single("result", Value::string("x".repeat(300_000))));
    edge.respond(at(0.1), id, answer).unwrap();
    assert_eq!(frames(&mut edge).len(), 37);
}

#[test]
fn a_long_request_is_joined_and_one_beyond_the_limit_answered_once() {
    let mut edge = authenticated_edge(SessionSettings::default());
    for chunk in split(&bytes(3, 77, 1001, Body::Request(long(50_000))), 8192).unwrap() {
        edge.receive(at(0.0), chunk);
    }
    assert!(matches!(edge.poll_event(), Some(Event::Requested { request, .. }) if request == long(50_000)));
    for chunk in split(&bytes(4, 77, 1001, Body::Request(long(1_100_000))), 8192).unwrap() {
        edge.receive(at(0.0), chunk);
    }
    only_answer(&mut edge, Code::ENTITY_TOO_LARGE);
}

#[test]
fn bind_unbind_and_auth_at_the_edge_are_answered_bad_request() {
    let mut edge = authenticated_edge(SessionSettings::default());
    for message in [
        bytes(3, 0, 1001, Body::Bind(bind())),
        bytes(4, 0, 1001, Body::Bind(Bind { unbind: true, ..bind() })),
        auth(5),
    ] {
        edge.receive(at(0.0), message);
        only_answer(&mut edge, Code::BAD_REQUEST);
        assert!(
            matches!(edge.poll_event(), Some(Event::Violation(violation)) if violation.answer == Some(Code::BAD_REQUEST))
        );
    }
}

#[test]
fn an_unknown_code_below_0x40_is_dropped_and_counted() {
    let mut edge = authenticated_edge(SessionSettings::default());
    for code in [Code(0x00), Code::KEEP_ALIVE, Code(0x3F)] {
        edge.receive(
            at(0.0),
            bytes(3, 0, 1001, Body::Other { code, bytes: Bytes::from_static(b"\x01\x02") }),
        );
    }
    assert_eq!((frames(&mut edge), edge.counts().violations), (vec![], 3));
    assert!(matches!(edge.poll_event(), Some(Event::Violation(violation)) if violation.answer.is_none()));
}

#[test]
fn a_message_of_another_version_or_without_a_whole_header_is_dropped() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let mut other = asked(3).to_vec();
    other[0] = 2;
    edge.receive(at(0.0), other.into());
    edge.receive(at(0.0), Bytes::from_static(b"\x01\x01"));
    edge.receive(at(0.0), Bytes::new());
    assert_eq!((frames(&mut edge), edge.counts().violations), (vec![], 3));
}

#[test]
fn a_bad_request_is_answered_with_offset_and_cause() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let good = bytes(3, 77, 1001, Body::Request(long(0)));
    let mut marker = good.to_vec();
    let fields = marker.iter().rposition(|&byte| byte == 5).unwrap();
    marker[fields + 1] = 9;
    edge.receive(at(0.0), marker.into());
    let reason = only_answer(&mut edge, Code::BAD_REQUEST);
    assert!(reason.contains(&format!("byte {}", fields + 1)) && reason.contains("marker 9"), "{reason}");
}

#[test]
fn an_unknown_base_type_is_answered_unsupported_content_format() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let mut unknown = bytes(3, 77, 1001, Body::Request(long(0))).to_vec();
    // .. cell count 0001, base type, length of the text, end of rows
    let place = unknown.len() - 3;
    unknown[place] = 99;
    edge.receive(at(0.0), unknown.into());
    only_answer(&mut edge, Code::UNSUPPORTED_CONTENT_FORMAT);
    assert!(matches!(edge.poll_event(), Some(Event::Violation(_))));
    edge.receive(at(0.0), asked(4));
    requested(&mut edge);
}

#[test]
fn a_request_cut_in_two_without_marker_is_joined() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let whole = bytes(3, 77, 1001, Body::Request(long(100)));
    let (first, rest) = whole.split_at(whole.len() - 5);
    let second = [&whole[..Header::LEN], rest].concat();
    edge.receive(at(0.0), Bytes::copy_from_slice(first));
    assert_eq!(edge.poll_event(), None);
    edge.receive(at(0.1), second.into());
    requested(&mut edge);
    // A bare header behind a whole request is the empty second half of it.
    edge.receive(at(0.2), asked(4));
    edge.receive(at(0.2), asked(4).slice(..Header::LEN));
    requested(&mut edge);
    assert_eq!((edge.poll_event(), frames(&mut edge)), (None, vec![]));
}

#[test]
fn a_cut_request_whose_rest_stays_out_is_answered_bad_request() {
    let mut edge = authenticated_edge(SessionSettings::default());
    let whole = bytes(3, 77, 1001, Body::Request(long(100)));
    edge.receive(at(0.0), whole.slice(..whole.len() - 5));
    let due = edge.poll_timeout().unwrap();
    assert!(due <= at(5.0));
    edge.handle_timeout(due);
    only_answer(&mut edge, Code::BAD_REQUEST);
    // The same when another message comes first.
    edge.receive(at(10.0), whole.slice(..whole.len() - 5));
    edge.receive(at(10.0), asked(4));
    only_answer(&mut edge, Code::BAD_REQUEST);
}

#[test]
fn too_many_open_requests_are_answered_service_unavailable_at_once() {
    let mut edge = authenticated_edge(SessionSettings { max_inbound: 2, ..SessionSettings::default() });
    for request_id in 1..=3 {
        edge.receive(at(0.0), asked(request_id));
    }
    let first = requested(&mut edge);
    requested(&mut edge);
    assert_eq!((edge.poll_event(), edge.inbound()), (None, 2));
    only_answer(&mut edge, Code::SERVICE_UNAVAILABLE);
    edge.respond(at(0.1), first, Response::success()).unwrap();
    edge.receive(at(0.2), asked(4));
    requested(&mut edge);
}

#[test]
fn a_request_that_is_never_answered_gets_gateway_timeout_in_the_end() {
    let mut edge = authenticated_edge(SessionSettings {
        ping_rate: Duration::from_secs(600),
        ..SessionSettings::default()
    });
    edge.receive(at(0.0), asked(3));
    let id = requested(&mut edge);
    edge.handle_timeout(at(59.9));
    assert_eq!(frames(&mut edge), []);
    assert_eq!(edge.poll_timeout(), Some(at(60.0)));
    edge.handle_timeout(at(60.0));
    only_answer(&mut edge, Code::GATEWAY_TIMEOUT);
    assert_eq!(edge.respond(at(60.0), id, Response::success()), Err(SendError::NotOpen));
}

#[test]
fn a_flood_of_violations_is_counted_but_not_kept() {
    let mut edge =
        authenticated_edge(SessionSettings { max_queued_bytes: 1000, ..SessionSettings::default() });
    for _ in 0..5000 {
        edge.receive(at(0.0), auth(3));
    }
    assert!(events(&mut edge).len() < 2000);
    assert!(edge.queued_bytes() < 2000);
    assert_eq!(edge.counts().violations, 5000);
    assert!(edge.counts().dropped_answers > 4900);
}
