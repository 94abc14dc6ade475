//! Bytes written by hand, and the vectors.

use std::collections::BTreeMap;

/// Four-byte numbers that are known by name: session and request ids.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<String, u32>);

impl Known {
    pub(crate) fn number(&self, name: &str) -> u32 {
        *self.0.get(name).unwrap_or_else(|| panic!("{name} is not known yet"))
    }

    /// The bytes of a pattern whose names are all known.
    pub(crate) fn bytes(&self, pattern: &str) -> Vec<u8> {
        let parts = parts(pattern).into_iter().flat_map(|part| match part {
            Part::Bytes(bytes) => bytes,
            Part::Number(name) => self.number(&name).to_be_bytes().to_vec(),
            Part::Any | Part::Rest => panic!("{pattern} does not say which bytes"),
        });
        parts.collect()
    }

    /// Compares; takes numbers that are not known yet from `actual`.
    pub(crate) fn assert(&mut self, pattern: &str, actual: &[u8]) {
        let fail = |why: &str, at: usize| -> ! {
            panic!("{why} at byte {at}\n expected {pattern}\n actual   {}", hex(actual))
        };
        let mut at = 0;
        for part in parts(pattern) {
            let rest = &actual[at..];
            match part {
                Part::Rest => return,
                Part::Any if rest.is_empty() => fail("ends too early", at),
                Part::Any => at += 1,
                Part::Bytes(bytes) => {
                    if !rest.starts_with(&bytes) {
                        fail(&format!("not {}", hex(&bytes)), at);
                    }
                    at += bytes.len();
                }
                Part::Number(name) => {
                    let Some(number) = rest.first_chunk::<4>() else { fail("ends too early", at) };
                    let number = u32::from_be_bytes(*number);
                    if *self.0.entry(name.clone()).or_insert(number) != number {
                        fail(&format!("not the {name} of before"), at);
                    }
                    at += 4;
                }
            }
        }
        if at != actual.len() {
            fail("goes on", at);
        }
    }
}

/// A vector of `tests/data/vectors/alwayson.json`, as it stands there.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let text = include_str!("../../../tests/data/vectors/alwayson.json");
    let vectors: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let found = vectors.iter().find(|vector| vector["name"] == name);
    unhex(found.unwrap_or_else(|| panic!("no vector {name}"))["hex"].as_str().unwrap())
}

enum Part {
    Bytes(Vec<u8>),
    Number(String),
    Any,
    Rest,
}

/// Reads a pattern: hex, `'text'`, `{number}`, `??` for any byte, `..` for any rest; blanks between.
fn parts(pattern: &str) -> Vec<Part> {
    let part = |word: &str| match word {
        "??" => Part::Any,
        ".." => Part::Rest,
        word if word.starts_with('{') => Part::Number(word[1..word.len() - 1].to_owned()),
        word if word.starts_with('\'') => Part::Bytes(word.as_bytes()[1..word.len() - 1].to_vec()),
        word => Part::Bytes(unhex(word)),
    };
    pattern.split_whitespace().map(part).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
#[should_panic(expected = "not 41 at byte 1")]
fn a_pattern_notices_a_wrong_byte() {
    Known::default().assert("01 'A' {id} 00", b"\x01B\0\0\0\x07\0");
}

#[test]
#[should_panic(expected = "not the id of before at byte 6")]
fn a_pattern_notices_a_number_that_changes() {
    Known::default().assert("01 'A' {id} {id}", b"\x01A\0\0\0\x07\0\0\0\x08");
}

#[test]
#[should_panic(expected = "goes on at byte 1")]
fn a_pattern_notices_what_comes_behind_it() {
    Known::default().assert("01", b"\x01\x02");
}
