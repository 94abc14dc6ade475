//! Lengths, counts and depths that a sender only claims.

use bytes::{BufMut, Bytes, BytesMut};
use edgebind_alwayson::{
    BaseType, Code, DecodeError, DecodeReason, Header, Incoming, Limits, Value, decode, decode_body,
};

#[test]
fn a_value_takes_at_most_32_bytes() {
    assert!(
        size_of::<Value>() <= 32,
        "a cell of one byte must not cost more than 32, it costs {}",
        size_of::<Value>()
    );
}

#[test]
fn a_message_beyond_the_limit_is_too_large_before_it_is_read() {
    let limits = Limits { max_message_bytes: 100, ..Limits::DEFAULT };
    let error = decode(&Bytes::from(vec![0xFF; 101]), &limits).unwrap_err();
    assert_eq!(error.reason, DecodeReason::MessageLength { length: 101, max: 100 });
    assert_eq!(error.status(), Code::ENTITY_TOO_LARGE);
    let header = Header::decode(&message(Code::SUCCESS, &[])).unwrap();
    let error = decode_body(&header, &Bytes::from(vec![0xFF; 86]), &limits).unwrap_err();
    assert_eq!(error.reason, DecodeReason::MessageLength { length: 101, max: 100 });
}

#[test]
fn a_length_beyond_the_message_is_truncated() {
    for (what, body) in [
        ("reason of 2^31-1 bytes", &b"\x01\xFF\xFF\xFF\xFFab"[..]),
        ("blob of 2^32-1 bytes", b"\x00\x15\xFF\xFF\xFF\xFFab"),
        ("field with 65535 aspects", b"\x00\x05\x01\x01a\x00\x01\xFF\xFF\x00"),
    ] {
        let error = refused(Code::SUCCESS, body);
        assert!(error.is_truncated(), "{what}: {error}");
    }
    let error = refused(Code::BIND, b"\x00\xFF\xFF\x01a");
    assert_eq!((error.offset, error.reason), (20, DecodeReason::Truncated { need: 1, have: 0 }));
}

#[test]
fn an_error_names_the_byte_and_the_status() {
    let cases = [
        (
            &b"\x00\x05\x01\x01p\x00\x16\x00\x00\x00\x01\x00\x01\x13"[..],
            28,
            DecodeReason::UnknownBaseType(19),
            0x8F,
        ),
        (b"\x00\x05\x01\x01p\x00\x30\x00\x00\x00", 21, DecodeReason::UnknownBaseType(48), 0x8F),
        (b"\x00\x04", 16, DecodeReason::UnsupportedBaseType(BaseType::Timespan), 0x8F),
        (b"\x00\x12\x80", 17, DecodeReason::UnknownBaseType(-128), 0x8F),
        (b"\x02", 15, DecodeReason::Marker(2), 0x80),
        (b"\x00\x05\x02", 17, DecodeReason::Marker(2), 0x80),
        (b"\x01\x03a\xFFb", 18, DecodeReason::Utf8 { length: 3 }, 0x80),
        (
            b"\x00\x05\x01\x00\x00\x01\x00\x00\x00\x01\x00\x02",
            25,
            DecodeReason::Cells { cells: 2, fields: 1 },
            0x80,
        ),
        (b"\x00\x05\x00\x01\x00\x01", 19, DecodeReason::Cells { cells: 1, fields: 0 }, 0x80),
    ];
    for (body, offset, reason, status) in cases {
        let error = refused(Code::SUCCESS, body);
        assert_eq!(error, DecodeError { offset, reason });
        assert_eq!(error.status(), Code(status), "{error}");
    }
    assert_eq!(refused(Code::SUCCESS, b"\x00\x12\x13").to_string(), "byte 17: base type 19 is unknown");
}

#[test]
fn another_version_is_refused() {
    let mut bytes = message(Code::SUCCESS, b"\x00\xFF").to_vec();
    bytes[0] = 2;
    let error = decode(&bytes.into(), &Limits::DEFAULT).unwrap_err();
    assert_eq!(error, DecodeError { offset: 0, reason: DecodeReason::Version(2) });
}

#[test]
fn the_header_of_a_message_that_is_refused_is_known() {
    let bytes = message(Code::POST, &[0xFF; 3]);
    assert!(decode(&bytes, &Limits::DEFAULT).is_err());
    let header = Header::decode(&bytes).unwrap();
    assert_eq!((header.code, header.request_id), (Code::POST, 7));
}

#[test]
fn nesting_ends_at_the_limit_and_never_at_the_stack() {
    for max_depth in [0, 1, 5, u8::MAX] {
        let limits = Limits { max_depth, ..Limits::DEFAULT };
        for opening in [&b"\x12"[..], b"\x05\x01\x00\x00\x05\x00\x00\x00\x01\x00\x01"] {
            let mut body = vec![0];
            for _ in 0..max_depth {
                body.extend_from_slice(opening);
            }
            let fits =
                message(Code::SUCCESS, &[&body[..], b"\xFF", &vec![0; usize::from(max_depth)]].concat());
            assert!(matches!(decode(&fits, &limits), Ok(Incoming::Message(_))), "{max_depth}");
            for _ in 0..10_000 {
                body.extend_from_slice(opening);
            }
            let error = decode(&message(Code::SUCCESS, &body), &limits).unwrap_err();
            assert_eq!(error.reason, DecodeReason::Depth { max: max_depth });
        }
    }
}

fn refused(code: Code, body: &[u8]) -> DecodeError {
    decode(&message(code, body), &Limits::DEFAULT).unwrap_err()
}

fn message(code: Code, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(Header::VERSION);
    bytes.put_u8(code.0);
    bytes.put_u32(7);
    bytes.put_u32(0);
    bytes.put_u32(1001);
    bytes.put_u8(0);
    bytes.put_slice(body);
    bytes.freeze()
}
