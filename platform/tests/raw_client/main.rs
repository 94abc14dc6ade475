//! A client that shares nothing with the protocol crate: raw bytes of the vectors, expectations written by hand.
//!
//! A mistake that the codec makes in both directions hides from every test that uses it; it cannot hide from this one.
//! The WebSocket client, the HTTP client and the patterns of bytes are a few lines each, over blocking sockets.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod defects;
mod multipart;
mod pattern;
mod session;
mod socket;
mod stage;
mod walk;
