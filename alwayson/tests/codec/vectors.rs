//! Every entry of the golden vectors, byte by byte.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use edgebind_alwayson::{
    Chunk, Header, Incoming, Limits, Message, Reassembler, ReassemblyLimits, decode, decode_with_trailing,
    encode,
    notation::{describe, from_hex, from_json, to_json},
    split,
};
use serde_json::Value as Json;

use crate::{start, whole};

/// One entry of the vector file.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
    decoded: Json,
    canonical: Bytes,
    group: Option<String>,
    reassembled: Option<Json>,
}

/// All entries.
pub(crate) fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/vectors/alwayson.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let entries: Vec<Json> = serde_json::from_str(&text).unwrap();
    entries.iter().map(vector).collect()
}

#[test]
fn every_vector_decodes_to_its_notation() {
    let vectors = vectors();
    assert!(vectors.len() >= 174, "only {} vectors", vectors.len());
    for vector in vectors {
        let json: Json = serde_json::from_str(&to_json(&vector.bytes, &Limits::DEFAULT).unwrap()).unwrap();
        assert!(same(&json, &vector.decoded), "{}:\n{json}\n{}", vector.name, vector.decoded);
    }
}

#[test]
fn every_vector_encodes_to_its_canonical_bytes() {
    for vector in vectors() {
        let encoded = match decode(&vector.bytes, &Limits::DEFAULT).unwrap() {
            Incoming::Message(message) => encode(&message).unwrap(),
            Incoming::Chunk(chunk) => chunk.encode().unwrap(),
        };
        assert_eq!(encoded, vector.canonical, "{}", vector.name);
    }
}

#[test]
fn every_notation_encodes_to_the_bytes_of_its_vector() {
    for vector in vectors() {
        let surplus = vector.decoded.get("trailing").is_some();
        let expected = if surplus { &vector.bytes } else { &vector.canonical };
        assert_eq!(from_json(&vector.decoded.to_string()).unwrap(), expected, "{}", vector.name);
    }
}

#[test]
fn every_vector_has_a_description_that_keeps_secrets() {
    for vector in vectors() {
        let (incoming, trailing) = decode_with_trailing(&vector.bytes, &Limits::DEFAULT).unwrap();
        let text = describe(&incoming, &trailing);
        assert!(text.starts_with(vector.decoded["code"].as_str().unwrap()), "{}: {text}", vector.name);
        for claim in vector.decoded["claims"].as_array().into_iter().flatten() {
            assert!(!text.contains(claim["value"].as_str().unwrap()), "{}: {text}", vector.name);
        }
    }
}

#[test]
fn groups_reassemble_in_order_and_reversed() {
    for (name, group) in groups() {
        let expected = group.last().unwrap().reassembled.clone().unwrap();
        let chunks: Vec<Chunk> = group.iter().map(chunk).collect();
        for chunks in [chunks.clone(), chunks.into_iter().rev().collect()] {
            let message = joined(&chunks).unwrap_or_else(|| panic!("{name} is not complete"));
            assert!(same(&notation(&message), &expected), "{name}: {message:?}");
        }
    }
}

#[test]
fn groups_reassemble_interleaved() {
    let groups = groups();
    let mut chunks: Vec<(usize, String, Chunk)> = Vec::new();
    for (name, group) in &groups {
        chunks.extend(group.iter().map(chunk).enumerate().map(|(place, chunk)| (place, name.clone(), chunk)));
    }
    chunks.sort_by_key(|(place, ..)| *place);
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let now = start();
    let mut complete = 0;
    for (_, name, chunk) in chunks {
        if let Some(message) = reassembler.receive(now, chunk).unwrap() {
            let expected = groups[&name].last().unwrap().reassembled.as_ref().unwrap();
            assert!(same(&notation(&message), expected), "{name}: {message:?}");
            complete += 1;
        }
    }
    assert_eq!((complete, reassembler.held_bytes(), reassembler.next_expiry()), (groups.len(), 0, None));
}

#[test]
fn split_cuts_as_the_senders_of_the_vectors_did() {
    let mut equal = 0;
    for (name, group) in groups() {
        let chunks: Vec<Chunk> = group.iter().map(chunk).collect();
        let message = encode(&joined(&chunks).unwrap()).unwrap();
        let mut expected: Vec<Bytes> = group.iter().map(|vector| vector.bytes.clone()).collect();
        if chunks.last().is_some_and(|last| last.data.is_empty()) {
            // Section 14.4: the sender announces one chunk too many, which we never do.
            expected.pop();
            let count = u16::try_from(expected.len()).unwrap();
            let chunks = chunks.iter().take(expected.len()).cloned();
            expected = chunks.map(|chunk| Chunk { count, ..chunk }.encode().unwrap()).collect();
        }
        assert_eq!(split(&message, chunks[0].size).unwrap(), expected, "{name}");
        equal += 1;
    }
    assert_eq!(equal, 8, "groups in the vectors");
}

#[test]
fn a_cut_vector_is_truncated_unless_only_surplus_was_cut() {
    for vector in vectors() {
        let (original, trailing) = decode_with_trailing(&vector.bytes, &Limits::DEFAULT).unwrap();
        for length in 0..vector.bytes.len() {
            let cut = decode(&vector.bytes.slice(..length), &Limits::DEFAULT);
            let place = format!("{} cut to {length}: {cut:?}", vector.name);
            match &original {
                Incoming::Message(_) if length + trailing.len() < vector.bytes.len() => {
                    assert!(cut.unwrap_err().is_truncated(), "{place}");
                }
                Incoming::Message(message) => assert!(equal(&whole(cut.unwrap()), message), "{place}"),
                Incoming::Chunk(chunk) if length + chunk.data.len() < vector.bytes.len() => {
                    assert!(cut.unwrap_err().is_truncated(), "{place}");
                }
                Incoming::Chunk(chunk) => {
                    let lost = vector.bytes.len() - length;
                    let data = chunk.data.slice(..chunk.data.len() - lost);
                    assert_eq!(cut.unwrap(), Incoming::Chunk(Chunk { data, ..chunk.clone() }), "{place}");
                }
            }
        }
    }
}

#[test]
fn a_vector_with_a_flipped_bit_decodes_or_is_refused_within_its_length() {
    let mut refused = 0;
    for vector in vectors() {
        let step = 1 + vector.bytes.len() / 400;
        for index in (0..vector.bytes.len()).step_by(step) {
            for bit in 0..8 {
                let mut bytes = vector.bytes.to_vec();
                bytes[index] ^= 1 << bit;
                match decode(&bytes.into(), &Limits::DEFAULT) {
                    Ok(Incoming::Message(message)) => {
                        encode(&message).unwrap();
                    }
                    Ok(Incoming::Chunk(chunk)) => {
                        chunk.encode().unwrap();
                    }
                    Err(error) => {
                        assert!(error.offset <= vector.bytes.len(), "{}: {error}", vector.name);
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "only {refused} refused");
}

fn vector(entry: &Json) -> Vector {
    let text = |key: &str| entry.get(key).and_then(Json::as_str).map(str::to_owned);
    let bytes = from_hex(&text("hex").unwrap()).unwrap();
    Vector {
        name: text("name").unwrap(),
        canonical: text("canonical").map_or(bytes.clone(), |hex| from_hex(&hex).unwrap()),
        bytes,
        decoded: entry["decoded"].clone(),
        group: text("group"),
        reassembled: entry.get("reassembled").cloned(),
    }
}

fn groups() -> BTreeMap<String, Vec<Vector>> {
    let mut groups: BTreeMap<String, Vec<Vector>> = BTreeMap::new();
    for vector in vectors() {
        if let Some(group) = vector.group.clone() {
            groups.entry(group).or_default().push(vector);
        }
    }
    groups
}

fn chunk(vector: &Vector) -> Chunk {
    match decode(&vector.bytes, &Limits::DEFAULT).unwrap() {
        Incoming::Chunk(chunk) => chunk,
        Incoming::Message(message) => panic!("{} is no chunk but {message:?}", vector.name),
    }
}

fn joined(chunks: &[Chunk]) -> Option<Message> {
    let mut reassembler = Reassembler::new(ReassemblyLimits::DEFAULT);
    let mut complete = None;
    for chunk in chunks {
        assert!(complete.is_none(), "complete before the last chunk");
        complete = reassembler.receive(start(), chunk.clone()).unwrap();
    }
    complete
}

/// The notation of `message`, with the count of chunks that the vectors add.
fn notation(message: &Message) -> Json {
    let bytes = encode(message).unwrap();
    assert_eq!(Header::decode(&bytes).unwrap(), message.header());
    serde_json::from_str(&to_json(&bytes, &Limits::DEFAULT).unwrap()).unwrap()
}

/// Whether two notations say the same; numbers compare by value, members of the second may be `chunks`.
fn same(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            let keys = b.keys().filter(|key| *key != "chunks").count();
            a.len() == keys && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Equality that takes NaN for itself.
fn equal(a: &Message, b: &Message) -> bool {
    encode(a).unwrap() == encode(b).unwrap()
}
