//! Named places where a test can let the process die at once, as a power cut would.
//!
//! `EDGEBIND_FAIL_AT=spool.before-commit` dies at the first passing, `spool.before-commit:3` at the third. Only in builds
//! with debug assertions: a field binary cannot be made to die by its environment.

#[cfg(debug_assertions)]
use std::sync::OnceLock;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU64, Ordering};

/// Dies here when the environment says so. Nothing is flushed and no destructor runs.
#[cfg(debug_assertions)]
pub fn fail_point(name: &str) {
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| std::env::var("EDGEBIND_FAIL_AT").ok().map(|text| parse(&text)));
    let Some((place, passing)) = wanted else { return };
    if place == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *passing {
        std::process::abort();
    }
}

/// Does nothing in this build.
#[cfg(not(debug_assertions))]
pub const fn fail_point(_name: &str) {}

#[cfg(debug_assertions)]
fn parse(text: &str) -> (String, u64) {
    let counted = text.rsplit_once(':').and_then(|(name, count)| Some((name, count.parse().ok()?)));
    let (name, passing) = counted.unwrap_or((text, 1));
    (name.to_owned(), passing)
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn a_place_may_carry_a_count() {
        assert_eq!(parse("spool.before-commit"), ("spool.before-commit".to_owned(), 1));
        assert_eq!(parse("spool.before-commit:3"), ("spool.before-commit".to_owned(), 3));
    }
}
