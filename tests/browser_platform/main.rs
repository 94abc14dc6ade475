//! The page of the development platform in a real browser, against real processes (scenario D).
#![cfg(all(unix, feature = "dev"))]
#![expect(clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod browser;
mod looks;
mod scenario;
#[path = "../support/all.rs"]
mod support;
