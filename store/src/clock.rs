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

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
    pub(crate) fn system() -> Clock {
        let unix_ms = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
            i64::try_from(since.as_millis()).expect("before the year 292277026")
        };
        Clock { now: Instant::now, unix_ms }
    }
}
