//! Where the time comes from: the caller says, because this crate must not ask the system itself.

use std::time::Instant;

/// The two clocks a thread of the store needs; in a program `edgebind_kernel::clock::{now, unix_millis}`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Monotonic time, for delays.
    pub now: fn() -> Instant,
    /// Time of day in milliseconds since 1970 UTC, kept with each record.
    pub unix_ms: fn() -> i64,
}
