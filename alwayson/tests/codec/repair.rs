//! Requests cut in two without a marker.

use std::time::Duration;

use bytes::Bytes;
use edgebind_alwayson::{
    Body, Characteristic, Code, Content, DecodeReason, Header, Incoming, Limits, Message, Method,
    RepairOutcome, Repaired, Request, Response, SplitRepair, encode,
};
use proptest::prelude::*;

use crate::start;
use crate::strategies::request;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_cut_anywhere_in_its_body_is_joined(
        request in request(),
        cut in any::<prop::sample::Index>(),
        wait_ms in 0..1000_u64,
    ) {
        let bytes = encode(&of(1, Body::Request(request))).unwrap();
        let (first, second) = halves(&bytes, 1 + cut.index(bytes.len() - Header::LEN));
        let mut repair = SplitRepair::default();
        let now = start();
        let held = repair.receive(now, &first, &Limits::DEFAULT);
        prop_assert_eq!(held.released, None);
        let mut outcome = held.outcome;
        if outcome == RepairOutcome::Held {
            let later = now + Duration::from_millis(wait_ms);
            outcome = repair.receive(later, &second, &Limits::DEFAULT).outcome;
        } else {
            // The cut was behind the last byte: what follows is the empty second half.
            prop_assert_eq!(second.len(), Header::LEN);
            let dropped = repair.receive(now, &second, &Limits::DEFAULT).outcome;
            prop_assert_eq!(dropped, RepairOutcome::Dropped);
        }
        let RepairOutcome::Decoded(Incoming::Message(message)) = outcome else { panic!("{outcome:?}") };
        prop_assert_eq!(encode(&message).unwrap(), bytes);
        prop_assert_eq!(repair.deadline(), None);
    }
}

#[test]
fn a_held_request_is_given_up_after_a_second() {
    let now = start();
    let mut repair = held(now);
    let deadline = now + Duration::from_secs(1);
    assert_eq!(repair.deadline(), Some(deadline));
    assert_eq!(repair.expire(deadline - Duration::from_millis(1)), None);
    assert_eq!(repair.expire(deadline).unwrap().request_id, 1);
    assert_eq!((repair.expire(deadline), repair.deadline()), (None, None));
}

#[test]
fn a_second_half_that_is_late_finds_nothing_to_join() {
    let now = start();
    let mut repair = held(now);
    let (_, second) = halves(&read(1), 12);
    let late = repair.receive(now + Duration::from_secs(1), &second, &Limits::DEFAULT);
    assert_eq!(late.released.unwrap().request_id, 1);
}

#[test]
fn another_message_releases_the_held_request_and_is_taken() {
    for other in [read(2), answer(1), halves(&answer(9), 1).0] {
        let mut repair = held(start());
        let Repaired { released, outcome } = repair.receive(start(), &other, &Limits::DEFAULT);
        let header = released.unwrap();
        assert_eq!((header.code, header.request_id), (Code::GET, 1));
        match outcome {
            RepairOutcome::Decoded(Incoming::Message(message)) => {
                assert_eq!(encode(&message).unwrap(), other)
            }
            RepairOutcome::Refused(error) => assert!(error.is_truncated() && other[1] == 0x40, "{error}"),
            outcome => panic!("{outcome:?}"),
        }
        assert_eq!(repair.deadline(), None);
    }
}

#[test]
fn a_cut_request_behind_a_cut_request_takes_its_place() {
    let mut repair = held(start());
    let (first, second) = halves(&read(2), 5);
    let Repaired { released, outcome } = repair.receive(start(), &first, &Limits::DEFAULT);
    assert_eq!((released.unwrap().request_id, outcome), (1, RepairOutcome::Held));
    let joined = repair.receive(start(), &second, &Limits::DEFAULT).outcome;
    assert!(matches!(joined, RepairOutcome::Decoded(_)), "{joined:?}");
}

#[test]
fn a_third_part_is_not_waited_for() {
    let mut repair = held(start());
    let (_, rest) = halves(&read(1), 12);
    let (second, _) = halves(&rest, 1);
    let Repaired { released, outcome } = repair.receive(start(), &second, &Limits::DEFAULT);
    assert!(matches!(outcome, RepairOutcome::Refused(error) if error.is_truncated()));
    assert_eq!((released, repair.deadline()), (None, None));
}

#[test]
fn only_requests_that_are_too_short_are_held() {
    let mut unknown_type = read(1).to_vec();
    *unknown_type.last_mut().unwrap() = 0x13;
    let cases = [
        ("cut response", halves(&answer(1), 1).0),
        ("header alone", read(1).slice(..Header::LEN)),
        ("cut header", read(1).slice(..Header::LEN - 1)),
        ("unknown base type", Bytes::from(unknown_type)),
        ("cut chunk", Bytes::from_static(b"\x01\x01\0\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01")),
    ];
    for (what, bytes) in cases {
        let mut repair = SplitRepair::default();
        let outcome = repair.receive(start(), &bytes, &Limits::DEFAULT).outcome;
        assert!(matches!(outcome, RepairOutcome::Refused(_)), "{what}: {outcome:?}");
        assert_eq!(repair.deadline(), None, "{what}");
    }
}

#[test]
fn a_header_alone_is_dropped_only_behind_the_request_it_repeats() {
    let mut repair = SplitRepair::default();
    let alone = read(1).slice(..Header::LEN);
    repair.receive(start(), &read(1), &Limits::DEFAULT);
    repair.receive(start(), &read(2), &Limits::DEFAULT);
    let outcome = repair.receive(start(), &alone, &Limits::DEFAULT).outcome;
    assert!(matches!(outcome, RepairOutcome::Refused(_)), "{outcome:?}");
    repair.receive(start(), &read(1), &Limits::DEFAULT);
    let outcome = repair.receive(start(), &alone, &Limits::DEFAULT).outcome;
    assert_eq!(outcome, RepairOutcome::Dropped);
}

#[test]
fn halves_that_are_too_long_together_are_refused() {
    let limits = Limits { max_message_bytes: 40, ..Limits::DEFAULT };
    let (first, second) = halves(&read(1), 12);
    assert!(first.len() <= 40 && second.len() <= 40 && read(1).len() > 40);
    let mut repair = SplitRepair::default();
    assert_eq!(repair.receive(start(), &first, &limits).outcome, RepairOutcome::Held);
    let outcome = repair.receive(start(), &second, &limits).outcome;
    let RepairOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(error.reason, DecodeReason::MessageLength { .. }), "{error}");
}

/// A repair that holds the first half of request 1.
fn held(now: std::time::Instant) -> SplitRepair {
    let mut repair = SplitRepair::default();
    let (first, _) = halves(&read(1), 12);
    assert_eq!(repair.receive(now, &first, &Limits::DEFAULT).outcome, RepairOutcome::Held);
    repair
}

/// The message cut behind `at` bytes of its body, as the reference client does.
fn halves(message: &Bytes, at: usize) -> (Bytes, Bytes) {
    let (first, rest) = message.split_at(Header::LEN + at);
    (Bytes::copy_from_slice(first), [&message[..Header::LEN], rest].concat().into())
}

fn read(request_id: u32) -> Bytes {
    let property = Characteristic::Properties;
    let request = Request::thing(Method::Get, "SteamSensor", property, "Temperature", Content::Nothing);
    encode(&of(request_id, Body::Request(request))).unwrap()
}

fn answer(request_id: u32) -> Bytes {
    encode(&of(request_id, Body::Response(Response::success()))).unwrap()
}

fn of(request_id: u32, body: Body) -> Message {
    Message { request_id, endpoint_id: 0, session_id: 1001, body }
}
