//! What the fuzz targets share: real messages to start from, and ways to spoil them.
//!
//! The targets stand in `tests/`, one per decoder. `cargo test` runs a few thousand random inputs
//! through each; `scripts/fuzz.sh` runs them for minutes. Random bytes alone hardly ever get past
//! a header, so most inputs are golden vectors that a [`Script`] changes in a few places.

use std::path::Path;
use std::time::Instant;

use edgebind_alwayson::notation::from_hex;
use serde_json::Value as Json;

/// Random bytes read as a list of decisions; zeros once they are used up.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    /// Reads `bytes` from the front.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next number from 0 to 255.
    pub fn byte(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((&first, rest)) => {
                self.rest = rest;
                first
            }
            None => 0,
        }
    }

    /// A number below `end`, 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let number = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
        // A short script still reaches the end of a long message.
        if end > usize::from(u16::MAX) {
            number * (end / 65_536)
        } else {
            number.checked_rem(end).unwrap_or(0)
        }
    }

    /// One of `choices`, `None` if there are none.
    pub fn choice<'b, T>(&mut self, choices: &'b [T]) -> Option<&'b T> {
        choices.get(self.below(choices.len()))
    }

    /// Whether nothing is left to decide by.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.rest.is_empty()
    }

    /// One of `seeds` after up to 7 changes.
    pub fn spoiled(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.choice(seeds).cloned().unwrap_or_default();
        for _ in 0..self.byte() % 8 {
            self.spoil(&mut bytes, seeds);
        }
        bytes
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let kind = self.byte() % 6;
        let at = self.below(bytes.len());
        match kind {
            0 => bytes.truncate(at),
            1 => {
                let end = bytes.len().min(at + self.below(20));
                bytes.drain(at..end);
            }
            2 => {
                let donor = self.choice(seeds).map(Vec::as_slice).unwrap_or_default();
                let (_, part) = donor.split_at(self.below(donor.len()));
                let (part, _) = part.split_at(self.below(40).min(part.len()));
                bytes.splice(at..at, part.iter().copied());
            }
            3 => {
                // Lengths, counts, markers and base types where they hurt.
                let interesting = [0x00, 0x01, 0x04, 0x05, 0x12, 0x13, 0x7F, 0x80, 0xFE, 0xFF];
                let value = self.choice(&interesting).copied();
                bytes.get_mut(at).zip(value).into_iter().for_each(|(byte, value)| *byte = value);
            }
            _ => {
                let value = self.byte();
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= value);
            }
        }
    }
}

/// The bytes of all golden vectors.
///
/// # Panics
///
/// If the file of the vectors is missing or has another shape.
#[must_use]
pub fn vectors() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/vectors/alwayson.json");
    let text = std::fs::read_to_string(&path).expect("the golden vectors can be read");
    let entries: Vec<Json> = serde_json::from_str(&text).expect("the golden vectors are a JSON list");
    let hex = |entry: &Json| entry.get("hex").and_then(Json::as_str).and_then(|hex| from_hex(hex).ok());
    entries.iter().map(|entry| hex(entry).expect("each vector has hex").to_vec()).collect()
}

/// Some moment to count from.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a target needs a moment to count from, not the time")]
pub fn start() -> Instant {
    Instant::now()
}
