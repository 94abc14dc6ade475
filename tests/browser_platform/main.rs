//! The page of the development platform in a real browser, against real processes (scenario D).
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

mod browser;
mod looks;
mod scenario;
#[path = "../support/all.rs"]
mod support;
