//! The codec over whole messages: golden vectors, round trips, cuts, limits, chunks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod limits;
mod notation;
mod reassembly;
mod repair;
mod round_trip;
mod splitting;
mod strategies;
mod vectors;

use std::time::Instant;

use edgebind_alwayson::{Incoming, Message};

/// Some moment to count from.
#[expect(clippy::disallowed_methods, reason = "a test needs a moment to count from, not the time")]
fn start() -> Instant {
    Instant::now()
}

/// The whole message in `incoming`.
#[track_caller]
fn whole(incoming: Incoming) -> Message {
    match incoming {
        Incoming::Message(message) => message,
        Incoming::Chunk(chunk) => panic!("a message was expected, not {chunk:?}"),
    }
}
