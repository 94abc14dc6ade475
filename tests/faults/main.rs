//! The promises under faults, over real processes: what was accepted arrives, in order, and every thing is bound again.
//!
//! `EDGEBIND_SEED` repeats a run (a failing one prints its seed), `EDGEBIND_FAULT_SECONDS` and `EDGEBIND_FAULT_AGENTS` make it longer and
//! larger: `EDGEBIND_FAULT_SECONDS=600 EDGEBIND_FAULT_AGENTS=200 cargo test --test faults random`.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "../support/all.rs"]
mod support;

mod answers;
mod end;
mod places;
mod plant;
mod random;

/// Places at which the gateway can be made to die: in the store before and after a commit, behind a message that was sent,
/// and when what was confirmed is to be deleted.
const PLACES: [&str; 4] =
    ["link.after-send", "spool.before-commit", "spool.after-commit", "spool.before-delete"];
