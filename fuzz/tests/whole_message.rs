//! Any bytes as one WebSocket message.

use bytes::Bytes;
use edgebind_alwayson::{
    Header, Incoming, Limits, decode, decode_with_trailing, encode,
    notation::{describe, from_json, to_json},
};
use edgebind_fuzz::{Script, vectors};

/// What decodes, encodes to a canonical form that decodes to itself and survives its notation.
#[test]
fn whole_message() {
    let seeds = vectors();
    let inputs = bolero::produce::<Vec<u8>>().with().len(0..100_usize);
    bolero::check!().with_generator(inputs).with_iterations(15_000).for_each(|input| {
        let mut script = Script::new(input);
        let bytes: Bytes = if script.byte().is_multiple_of(8) {
            Bytes::copy_from_slice(input)
        } else {
            script.spoiled(&seeds).into()
        };
        let (incoming, trailing) = match decode_with_trailing(&bytes, &Limits::DEFAULT) {
            Ok(decoded) => decoded,
            Err(error) => {
                assert!(error.offset <= bytes.len(), "{error} in {} bytes", bytes.len());
                assert!(error.status().0 >= 0x80);
                return;
            }
        };
        assert!(!describe(&incoming, &trailing).is_empty());
        let canonical = match &incoming {
            Incoming::Message(message) => encode(message).expect("what was decoded can be sent"),
            Incoming::Chunk(chunk) => chunk.encode().expect("what was decoded can be sent"),
        };
        assert!(canonical.len() + trailing.len() <= bytes.len(), "canonical is shortest");
        assert_eq!(Header::decode(&canonical), Header::decode(&bytes));
        let again = decode(&canonical, &Limits::DEFAULT).expect("what was encoded decodes");
        // The text of a message takes NaN for itself.
        assert_eq!(format!("{again:?}"), format!("{incoming:?}"));
        let json = to_json(&canonical, &Limits::DEFAULT).expect("what was encoded decodes");
        assert_eq!(from_json(&json).expect("notation of a message"), canonical);
    });
}
