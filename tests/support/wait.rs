//! Waiting for a state: the only place in these tests that sleeps, and only between two looks.

use std::{fmt::Debug, thread, time::Duration};

use edgebind_kernel::clock;

/// How long a state may take to come about; far more than it does, so that a busy machine is no failure.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Looks again and again until there is something to see.
///
/// # Panics
///
/// After [`SOON`], with `what`.
pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now() + SOON;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(clock::now() < end, "{what}: not within {SOON:?}");
        thread::sleep(PAUSE);
    }
}

/// Looks again and again until `done` says so, and answers what was seen then.
///
/// # Panics
///
/// After [`SOON`], with `what` and what was seen last.
pub(crate) fn wait_for<S: Debug>(
    what: &str,
    mut look: impl FnMut() -> S,
    mut done: impl FnMut(&S) -> bool,
) -> S {
    let end = clock::now() + SOON;
    loop {
        let seen = look();
        if done(&seen) {
            return seen;
        }
        assert!(clock::now() < end, "{what}: not within {SOON:?}, last seen: {seen:?}");
        thread::sleep(PAUSE);
    }
}

const PAUSE: Duration = Duration::from_millis(20);
