//! How messages are cut into chunks.

use bytes::Bytes;
use edgebind_alwayson::{
    Body, Characteristic, Chunk, Code, Content, DEFAULT_CHUNK_BYTES, Incoming, InfoTable, Limits, Message,
    Method, Reassembler, ReassemblyLimits, Request, Response, SplitError, Value, decode, encode, split,
};
use proptest::prelude::*;

use crate::start;
use crate::strategies::message;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_messages_keep_the_size_and_join_again(message in message(), size in 320..600_u16) {
        let bytes = encode(&message).unwrap();
        let parts = split(&bytes, size).unwrap();
        let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
        let mut complete = None;
        for part in &parts {
            prop_assert!(part.len() <= usize::from(size));
            match decode(part, &Limits::DEFAULT).unwrap() {
                Incoming::Message(message) => complete = Some(message),
                Incoming::Chunk(chunk) => {
                    prop_assert!(!chunk.data.is_empty());
                    complete = reassembler.receive(start(), chunk).unwrap();
                }
            }
        }
        prop_assert_eq!(encode(&complete.unwrap()).unwrap(), bytes);
    }
}

#[test]
fn a_message_goes_whole_up_to_the_chunk_size_less_six() {
    let largest = response(8171);
    assert_eq!(split(&largest, DEFAULT_CHUNK_BYTES).unwrap(), vec![largest.clone()]);
    let parts = split(&response(8172), DEFAULT_CHUNK_BYTES).unwrap();
    assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [8192, 22]);
}

#[test]
fn a_request_goes_whole_where_the_reference_client_cuts_without_a_marker() {
    for body in 8161..=8171 {
        let request = request(body, "Thing1");
        assert_eq!(split(&request, DEFAULT_CHUNK_BYTES).unwrap().len(), 1, "{body}");
    }
    assert_eq!(split(&request(8172, "Thing1"), DEFAULT_CHUNK_BYTES).unwrap().len(), 2);
}

#[test]
fn no_chunk_is_empty_when_the_body_fills_all_of_them() {
    let parts = split(&response(107 * 4), 128).unwrap();
    assert_eq!(parts.iter().map(Bytes::len).collect::<Vec<_>>(), [128; 4]);
}

#[test]
fn a_chunk_size_without_room_is_refused() {
    let error = split(&request(500, "Thing1"), 37).unwrap_err();
    assert_eq!(error, SplitError::ChunkBytes { chunk_bytes: 37, need: 38 });
    let parts = split(&request(500, "Thing1"), 38).unwrap();
    assert!(parts.iter().all(|part| part.len() <= 38));
    assert_eq!(split(&response(100), 21).unwrap_err(), SplitError::ChunkBytes { chunk_bytes: 21, need: 22 });
    assert_eq!(split(&response(100), 0).unwrap_err(), SplitError::ChunkBytes { chunk_bytes: 0, need: 22 });
}

#[test]
fn more_chunks_than_can_be_counted_are_refused() {
    let count = |body| match split(&response(body), 22) {
        Ok(parts) => Ok(parts.len()),
        Err(error) => Err(error),
    };
    assert_eq!(count(65_535), Ok(65_535));
    assert_eq!(count(65_536), Err(SplitError::Count { length: 15 + 65_536, count: 65_536 }));
}

#[test]
fn what_is_no_whole_message_is_refused() {
    assert!(matches!(split(&Bytes::from_static(b"\x01\x02"), 128), Err(SplitError::Message(_))));
    let chunk = split(&response(500), 128).unwrap().remove(0);
    assert_eq!(split(&chunk, 64), Err(SplitError::Chunk));
    let cut = request(500, "Thing1").slice(..17);
    assert!(matches!(split(&cut, 18), Err(SplitError::Message(_))));
}

#[test]
fn a_chunk_says_the_chunk_size_of_its_sender() {
    let parts = split(&request(1000, "Thing1"), 300).unwrap();
    for (index, part) in parts.iter().enumerate() {
        let Incoming::Chunk(chunk) = decode(part, &Limits::DEFAULT).unwrap() else { panic!("{part:?}") };
        let Chunk { number, count, size, entity, .. } = chunk;
        assert_eq!((usize::from(number), usize::from(count), size), (index + 1, parts.len(), 300));
        assert_eq!(entity.unwrap().name, "Thing1");
    }
}

/// An encoded response whose body has `body` bytes.
fn response(body: usize) -> Bytes {
    filled(body, |text| {
        let content = Content::Table(InfoTable::single("r", Value::string(text)));
        Body::Response(Response { code: Code::SUCCESS, reason: None, content })
    })
}

/// An encoded request to `thing` whose body has `body` bytes.
fn request(body: usize, thing: &str) -> Bytes {
    filled(body, |text| {
        let params = Content::Table(InfoTable::single("p", Value::string(text)));
        Body::Request(Request::thing(Method::Put, thing, Characteristic::Properties, "p", params))
    })
}

fn filled(body: usize, build: impl Fn(String) -> Body) -> Bytes {
    let encoded = |length: usize| {
        let message =
            Message { request_id: 1, endpoint_id: 0, session_id: 9, body: build("x".repeat(length)) };
        encode(&message).unwrap()
    };
    // One more byte of text is one more byte of body, but for the change of the length prefix.
    let short = encoded(0).len() - 15;
    let length = if body < short + 128 { body - short } else { body - short - 3 };
    let bytes = encoded(length);
    assert_eq!(bytes.len(), 15 + body);
    bytes
}
