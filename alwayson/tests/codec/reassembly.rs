//! Chunks that come in any order, twice, too late, too many or wrong.

use std::time::Duration;

use bytes::Bytes;
use edgebind_alwayson::{
    Body, Characteristic, Chunk, ChunkEntity, Code, Content, DecodeReason, EntityType, Incoming, InfoTable,
    Limits, Message, Method, Reassembler, ReassemblyError, ReassemblyLimits, ReassemblyReason, Request,
    Response, Value, decode, encode, split,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::start;
use crate::strategies::message;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_come_out_once_in_whatever_order_their_chunks_come(
        messages in vec(message(), 1..5),
        order in vec(any::<Index>(), 0..40),
    ) {
        let mut chunks = Vec::new();
        let mut expected = Vec::new();
        for (request_id, message) in (1..).zip(messages) {
            let message = Message { request_id, ..message };
            let bytes = encode(&message).unwrap();
            let parts = split(&bytes, 320).unwrap();
            if parts.len() > 1 {
                chunks.extend(parts.iter().map(chunk));
                expected.push(bytes);
            }
        }
        // Swaps mix the order, and a chunk that stands in two places after them comes twice.
        for pair in order.chunks_exact(2) {
            if let [a, b] = pair && !chunks.is_empty() {
                let (a, b) = (a.index(chunks.len()), b.index(chunks.len()));
                chunks.swap(a, b);
                if a % 5 == 0 {
                    chunks.insert(b, chunks[a].clone());
                }
            }
        }
        let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
        let now = start();
        let mut complete = Vec::new();
        for chunk in chunks {
            if let Some(message) = reassembler.receive(now, chunk).unwrap() {
                complete.push(encode(&message).unwrap());
            }
        }
        expected.sort();
        complete.sort();
        // What is repeated whole after its completion comes out again: the session ignores such answers.
        complete.dedup();
        prop_assert_eq!(complete, expected);
    }

    #[test]
    fn no_sequence_of_chunks_exceeds_the_bounds(chunks in vec(any_chunk(), 0..200)) {
        let limits = ReassemblyLimits {
            message: Limits { max_message_bytes: 400, ..Limits::DEFAULT },
            max_sets: 3,
            max_bytes: 600,
            expiry: Duration::from_secs(50),
        };
        let mut reassembler = Reassembler::new(limits);
        let now = start();
        for (step, chunk) in (0..).zip(chunks) {
            let now = now + Duration::from_secs(step);
            let code = chunk.header.code;
            if let Err(error) = reassembler.receive(now, chunk) {
                prop_assert!(error.answer().is_none() || !code.is_response());
            }
            prop_assert!(reassembler.held_bytes() <= 600);
            prop_assert!(reassembler.next_expiry().is_none_or(|at| at > now));
        }
        reassembler.expire(now + Duration::from_secs(1000));
        prop_assert_eq!((reassembler.held_bytes(), reassembler.next_expiry()), (0, None));
    }
}

#[test]
fn a_set_that_does_not_complete_is_dropped_after_its_time() {
    let now = start();
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let chunks = request_chunks(1, 500);
    reassembler.receive(now, chunks[0].clone()).unwrap();
    let expiry = now + Duration::from_secs(50);
    assert_eq!(reassembler.next_expiry(), Some(expiry));
    reassembler.receive(now + Duration::from_secs(40), chunks[1].clone()).unwrap();
    assert_eq!(reassembler.next_expiry(), Some(expiry), "a later chunk gives no more time");
    assert_eq!(reassembler.expire(expiry - Duration::from_millis(1)), 0);
    // The rest comes too late: it starts a set of its own that never completes.
    for chunk in &chunks[2..] {
        assert_eq!(reassembler.receive(expiry, chunk.clone()), Ok(None));
    }
    assert_eq!(reassembler.expire(expiry), 1, "told even if a chunk brought it to light");
    assert_eq!(reassembler.expire(expiry + Duration::from_secs(50)), 1);
    assert_eq!((reassembler.held_bytes(), reassembler.next_expiry()), (0, None));
}

#[test]
fn a_message_announced_too_long_is_answered_once() {
    let limits = Limits { max_message_bytes: 604, ..Limits::DEFAULT };
    let mut reassembler = Reassembler::new(ReassemblyLimits { message: limits, ..ReassemblyLimits::DEFAULT });
    let (errors, held) = refused(&mut reassembler, &request_chunks(1, 450));
    assert_eq!(errors.len(), 5);
    assert!(errors.iter().all(|error| error.reason == ReassemblyReason::Length { length: 605, max: 604 }));
    assert_eq!(answers(&errors), [Code::ENTITY_TOO_LARGE]);
    assert_eq!(held, 0);
}

#[test]
fn a_message_that_grows_beyond_what_it_announced_is_answered_once() {
    let limits = Limits { max_message_bytes: 300, ..Limits::DEFAULT };
    let mut reassembler = Reassembler::new(ReassemblyLimits { message: limits, ..ReassemblyLimits::DEFAULT });
    let mut chunks = request_chunks(1, 450);
    for chunk in &mut chunks {
        chunk.size = 10;
    }
    let (errors, held) = refused(&mut reassembler, &chunks);
    assert_eq!(answers(&errors), [Code::ENTITY_TOO_LARGE]);
    assert!(matches!(errors[0].reason, ReassemblyReason::Length { max: 300, .. }), "{errors:?}");
    assert_eq!((errors.len(), held), (1, 0));
    assert_eq!(reassembler.expire(start() + Duration::from_secs(100)), 0, "it did not just vanish");
}

#[test]
fn all_incomplete_messages_share_one_bound() {
    let mut reassembler = Reassembler::new(ReassemblyLimits { max_bytes: 1000, ..ReassemblyLimits::DEFAULT });
    let now = start();
    let mut errors = Vec::new();
    for request_id in 1..=20 {
        for chunk in request_chunks(request_id, 450).into_iter().skip(1).rev() {
            errors.extend(reassembler.receive(now, chunk).err());
            assert!(reassembler.held_bytes() <= 1000);
        }
    }
    assert!(errors.iter().all(|error| error.reason == ReassemblyReason::Bytes { max: 1000 }));
    assert_eq!(answers(&errors).len(), errors.len());
    let ids: std::collections::BTreeSet<u32> = errors.iter().map(|error| error.header.request_id).collect();
    assert_eq!(ids.len(), errors.len(), "each message is answered once");
    assert!(errors.len() >= 16, "{}", errors.len());
}

#[test]
fn empty_chunks_count_as_well() {
    let limits = ReassemblyLimits { max_bytes: 1000, ..ReassemblyLimits::DEFAULT };
    let mut reassembler = Reassembler::new(limits);
    let mut first = None;
    for number in (2..=1000).rev() {
        let chunk = Chunk { number, count: 1000, data: Bytes::new(), ..request_chunks(1, 450).remove(0) };
        first = first.or(reassembler.receive(start(), chunk).err());
    }
    assert_eq!(first.unwrap().reason, ReassemblyReason::Bytes { max: 1000 });
}

#[test]
fn more_messages_than_may_be_incomplete_are_answered_once_each() {
    let mut reassembler = Reassembler::new(ReassemblyLimits { max_sets: 2, ..ReassemblyLimits::DEFAULT });
    let now = start();
    for request_id in [1, 2] {
        reassembler.receive(now, request_chunks(request_id, 450).remove(0)).unwrap();
    }
    let (errors, _) = refused(&mut reassembler, &request_chunks(3, 450));
    assert!(errors.iter().all(|error| error.reason == ReassemblyReason::Sets { max: 2 }));
    assert_eq!((errors.len(), answers(&errors)), (5, vec![Code::SERVICE_UNAVAILABLE]));
    let mut rest = request_chunks(2, 450);
    let last = rest.pop().unwrap();
    for chunk in rest.drain(1..) {
        assert_eq!(reassembler.receive(now, chunk), Ok(None));
    }
    assert!(reassembler.receive(now, last).unwrap().is_some(), "the others still complete");
}

#[test]
fn a_chunk_of_another_message_under_the_same_ids_is_left_out() {
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let chunks = request_chunks(1, 450);
    reassembler.receive(start(), chunks[0].clone()).unwrap();
    let entity = ChunkEntity { entity_type: EntityType::THINGS, name: "Other".to_owned() };
    for foreign in [
        Chunk { count: 6, ..chunks[1].clone() },
        Chunk { size: 99, ..chunks[1].clone() },
        Chunk { entity: Some(entity), ..chunks[1].clone() },
    ] {
        let error = reassembler.receive(start(), foreign).unwrap_err();
        assert_eq!((&error.reason, error.answer()), (&ReassemblyReason::Foreign, None));
    }
    let mut complete = None;
    for chunk in &chunks[1..] {
        complete = reassembler.receive(start(), chunk.clone()).unwrap();
    }
    assert!(complete.is_some());
}

#[test]
fn messages_of_the_same_id_are_told_apart_by_code_and_endpoint() {
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let put = request_chunks(1, 450);
    let mut other_endpoint = request_chunks(1, 450);
    for chunk in &mut other_endpoint {
        chunk.header.endpoint_id = 77;
    }
    let response = response_chunks(1, 450);
    let mut complete = Vec::new();
    for index in 0..put.len() {
        for chunks in [&put, &other_endpoint, &response] {
            let chunk = chunks[index].clone();
            complete.extend(reassembler.receive(start(), chunk).unwrap());
        }
    }
    let found: Vec<_> = complete.iter().map(|message| (message.body.code(), message.endpoint_id)).collect();
    assert_eq!(found, [(Code::PUT, 0), (Code::PUT, 77), (Code::SUCCESS, 0)]);
}

#[test]
fn a_number_out_of_range_is_dropped_without_an_answer() {
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    for (number, count) in [(0, 5), (6, 5), (0, 0), (1, 0)] {
        let chunk = Chunk { number, count, ..request_chunks(1, 450).remove(0) };
        let error = reassembler.receive(start(), chunk).unwrap_err();
        assert_eq!((&error.reason, error.answer()), (&ReassemblyReason::Number { number, count }, None));
    }
    assert_eq!(reassembler.next_expiry(), None);
}

#[test]
fn a_joined_body_that_is_no_message_is_answered_by_its_error() {
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let mut chunks = request_chunks(1, 450);
    let last = chunks.last_mut().unwrap();
    last.data = last.data.slice(..last.data.len() - 1);
    let (errors, held) = refused(&mut reassembler, &chunks);
    let [error] = &errors[..] else { panic!("{errors:?}") };
    let ReassemblyReason::Decode(reason) = &error.reason else { panic!("{error}") };
    assert_eq!(reason.reason, DecodeReason::Truncated { need: 1, have: 0 });
    assert_eq!(reason.offset, 15 + 449, "counted as if the message had come whole");
    assert_eq!((error.answer(), held), (Some(Code::BAD_REQUEST), 0));
}

#[test]
fn a_refused_response_has_no_answer() {
    let limits = Limits { max_message_bytes: 100, ..Limits::DEFAULT };
    let mut reassembler = Reassembler::new(ReassemblyLimits { message: limits, ..ReassemblyLimits::DEFAULT });
    let (errors, _) = refused(&mut reassembler, &response_chunks(1, 450));
    assert_eq!((errors.len(), answers(&errors)), (5, vec![]));
}

fn any_chunk() -> impl Strategy<Value = Chunk> {
    let data = vec(any::<u8>(), 0..150).prop_map(Bytes::from);
    let code = prop_oneof![Just(Code::PUT), Just(Code::SUCCESS), Just(Code::BIND)];
    (code, 1..6_u32, 0..9_u16, prop_oneof![Just(3_u16), Just(8)], 0..80_u16, data).prop_map(
        |(code, request_id, number, count, size, data)| {
            let entity = ChunkEntity { entity_type: EntityType::THINGS, name: "T".to_owned() };
            let mut header = response_chunks(request_id, 450).remove(0).header;
            header.code = code;
            let entity = (code == Code::PUT).then_some(entity);
            Chunk { header, number, count, size: size / 20 * 20, entity, data }
        },
    )
}

/// Feeds the chunks; returns the errors and the bytes held afterwards. Nothing may complete.
fn refused(reassembler: &mut Reassembler, chunks: &[Chunk]) -> (Vec<ReassemblyError>, usize) {
    let now = start();
    let mut errors = Vec::new();
    for chunk in chunks {
        match reassembler.receive(now, chunk.clone()) {
            Ok(complete) => assert_eq!(complete, None),
            Err(error) => errors.push(error),
        }
    }
    (errors, reassembler.held_bytes())
}

fn answers(errors: &[ReassemblyError]) -> Vec<Code> {
    errors.iter().filter_map(ReassemblyError::answer).collect()
}

/// Five chunks of a write whose body has `body` bytes.
fn request_chunks(request_id: u32, body: usize) -> Vec<Chunk> {
    let text = Value::string("x".repeat(body - 25));
    let params = Content::Table(InfoTable::single("p", text));
    let request = Request::thing(Method::Put, "T", Characteristic::Properties, "p", params);
    let chunks = chunks(request_id, Body::Request(request), 121);
    assert_eq!(chunks.iter().map(|chunk| chunk.data.len()).sum::<usize>(), body - "\x0A\x01T".len());
    chunks
}

/// Five chunks of a response whose body has `body` bytes.
fn response_chunks(request_id: u32, body: usize) -> Vec<Chunk> {
    let content = Content::Table(InfoTable::single("p", Value::string("x".repeat(body - 19))));
    let response = Response { code: Code::SUCCESS, reason: None, content };
    chunks(request_id, Body::Response(response), 121)
}

fn chunks(request_id: u32, body: Body, size: u16) -> Vec<Chunk> {
    let message = Message { request_id, endpoint_id: 0, session_id: 1001, body };
    split(&encode(&message).unwrap(), size).unwrap().iter().map(chunk).collect()
}

fn chunk(part: &Bytes) -> Chunk {
    match decode(part, &Limits::DEFAULT).unwrap() {
        Incoming::Chunk(chunk) => chunk,
        Incoming::Message(message) => panic!("a chunk was expected, not {message:?}"),
    }
}
