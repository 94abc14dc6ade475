//! What is encoded decodes to itself, for every kind of message and value.

use bytes::{Bytes, BytesMut};
use edgebind_alwayson::{
    BaseType, Body, Code, Content, EncodeError, Field, Header, InfoTable, Limits, Message, Response, Value,
    decode, decode_with_trailing, encode, encode_into,
    notation::{from_json, to_json},
};
use proptest::prelude::*;

use crate::strategies::{message, value};
use crate::whole;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_decodes_to_itself(message in message()) {
        let bytes = encode(&message).unwrap();
        let (decoded, trailing) = decode_with_trailing(&bytes, &Limits::DEFAULT).unwrap();
        let decoded = whole(decoded);
        // The text of a message takes NaN for itself.
        prop_assert_eq!(format!("{decoded:?}"), format!("{message:?}"));
        prop_assert_eq!(encode(&decoded).unwrap(), bytes);
        prop_assert!(trailing.is_empty());
    }

    #[test]
    fn every_value_decodes_to_itself(value in value()) {
        let bytes = encode(&response(Content::Table(InfoTable::single("v", value.clone())))).unwrap();
        let decoded = whole(decode(&bytes, &Limits::DEFAULT).unwrap());
        let Body::Response(decoded) = decoded.body else { panic!("{decoded:?} is no response") };
        let cell = decoded.content.as_table().unwrap().cell(0, "v").unwrap().clone();
        prop_assert_eq!(format!("{cell:?}"), format!("{value:?}"));
    }

    #[test]
    fn every_message_survives_its_notation(message in message()) {
        let bytes = encode(&message).unwrap();
        prop_assert_eq!(from_json(&to_json(&bytes, &Limits::DEFAULT).unwrap()).unwrap(), bytes);
    }

    #[test]
    fn every_cut_of_a_message_is_truncated(message in message(), cut in any::<prop::sample::Index>()) {
        prop_assume!(!matches!(message.body, Body::Other { .. }));
        let bytes = encode(&message).unwrap();
        let error = decode(&bytes.slice(..cut.index(bytes.len())), &Limits::DEFAULT).unwrap_err();
        prop_assert!(error.is_truncated(), "{}", error);
        prop_assert_eq!(error.status(), Code::BAD_REQUEST);
    }

    #[test]
    fn surplus_bytes_are_told_and_change_nothing(message in message(), surplus in prop::collection::vec(any::<u8>(), 0..20)) {
        prop_assume!(!matches!(message.body, Body::Other { .. }));
        let mut bytes = BytesMut::new();
        encode_into(&message, &mut bytes).unwrap();
        bytes.extend_from_slice(&surplus);
        let (decoded, trailing) = decode_with_trailing(&bytes.freeze(), &Limits::DEFAULT).unwrap();
        prop_assert_eq!(encode(&whole(decoded)).unwrap(), encode(&message).unwrap());
        prop_assert_eq!(trailing, surplus);
    }
}

#[test]
fn a_boolean_of_any_number_but_zero_is_true() {
    let bytes = encode(&response(Content::Bare(Value::Boolean(true)))).unwrap();
    let mut other = bytes.to_vec();
    *other.last_mut().unwrap() = 7;
    assert_eq!(decode(&other.into(), &Limits::DEFAULT), decode(&bytes, &Limits::DEFAULT));
}

#[test]
fn any_multipart_marker_but_zero_means_a_chunk() {
    let mut bytes = encode(&response(Content::Nothing)).unwrap().to_vec();
    bytes[Header::LEN - 1] = 9;
    assert!(Header::decode(&bytes).unwrap().multipart);
}

#[test]
fn a_row_whose_count_lost_its_high_byte_is_read() {
    let fields = (0..300).map(|index| Field::new(format!("f{index}"), BaseType::Boolean)).collect();
    let table = InfoTable { fields, rows: vec![vec![Value::Boolean(true); 300]; 2] };
    let message = response(Content::Table(table));
    let mut bytes = encode(&message).unwrap().to_vec();
    let row = [0x01, 0x01, 0x2C, 0x02, 0x01];
    let places: Vec<usize> =
        bytes.windows(row.len()).enumerate().filter(|(_, window)| *window == row).map(|(at, _)| at).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        bytes[at + 1] = 0;
    }
    assert_eq!(whole(decode(&bytes.into(), &Limits::DEFAULT).unwrap()), message);
}

#[test]
fn what_cannot_be_sent_is_refused_and_leaves_the_buffer_alone() {
    let row_of = |cells| InfoTable {
        fields: vec![Field::new("a", BaseType::Number)],
        rows: vec![vec![Value::Number(1.0)], vec![Value::Number(1.0); cells]],
    };
    let wide = InfoTable {
        fields: vec![Field::new("", BaseType::Nothing); 65_536],
        rows: vec![vec![Value::Nothing; 65_536]],
    };
    let deep = (0..33).fold(Value::Nothing, |value, _| Value::variant(value));
    let cases = [
        (Content::Table(row_of(0)), EncodeError::Cells { row: 1, cells: 0, fields: 1 }),
        (Content::Table(row_of(2)), EncodeError::Cells { row: 1, cells: 2, fields: 1 }),
        (Content::Table(wide), EncodeError::Count { what: "cells of a row", count: 65_536, max: 65_535 }),
        (
            Content::Bare(Value::Text(BaseType::Timespan, String::new())),
            EncodeError::NotText(BaseType::Timespan),
        ),
        (Content::Bare(deep), EncodeError::Depth { max: 32 }),
    ];
    for (content, expected) in cases {
        let mut buffer = BytesMut::from(&b"before"[..]);
        assert_eq!(encode_into(&response(content), &mut buffer), Err(expected));
        assert_eq!(buffer, &b"before"[..]);
    }
}

#[test]
fn a_code_that_does_not_fit_its_body_is_refused() {
    for code in [Code::GET, Code::AUTH, Code::UNBIND, Code::SUCCESS] {
        let body = Body::Other { code, bytes: Bytes::new() };
        assert_eq!(encode(&Message { body, ..response(Content::Nothing) }), Err(EncodeError::Code(code)));
    }
    let body = Body::Response(Response { code: Code::GET, reason: None, content: Content::Nothing });
    assert_eq!(encode(&Message { body, ..response(Content::Nothing) }), Err(EncodeError::Code(Code::GET)));
}

fn response(content: Content) -> Message {
    let body = Body::Response(Response { code: Code::SUCCESS, reason: None, content });
    Message { request_id: 1, endpoint_id: 2, session_id: 3, body }
}
