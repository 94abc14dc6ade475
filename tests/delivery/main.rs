//! The delivery contract, row by row, over real processes and sockets: what 200 and 202 promise, and that it is kept.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "../support/fake_platform.rs"]
#[allow(dead_code, reason = "the other users of the fake need what this one does not")]
mod fake_platform;
mod house;
#[path = "../support/all.rs"]
mod support;

mod backlog;
mod binds;
mod crashes;
mod merging;
mod offline;
mod refusals;
mod relayed;
mod room;
mod unanswered;
