//! The clock: the only place that asks for the time. Decisions take `now` as an argument instead.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The monotonic time; tokio's, so that tests in paused time see the same clock as their timers.
#[must_use]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time of day, for people and for the wire; may jump. Never in virtual time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the home of the clock")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// The time of day in milliseconds since 1970 UTC; negative before.
#[must_use]
pub fn unix_millis() -> i64 {
    let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    match wall().duration_since(UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

/// The time of day at `instant`, which is not past, in milliseconds since 1970 UTC.
#[must_use]
pub fn unix_millis_at(instant: Instant) -> i64 {
    let wait = instant.saturating_duration_since(now()).as_millis();
    unix_millis().saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
}

/// Sleeps until `deadline`; returns at once when it has passed.
pub(crate) async fn until(deadline: Instant) {
    tokio::time::sleep_until(tokio::time::Instant::from_std(deadline)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_millis_lies_after_the_first_release() {
        assert!(unix_millis() > 1_700_000_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn now_follows_paused_time() {
        let before = now();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(now() - before, Duration::from_secs(3600));
    }
}
