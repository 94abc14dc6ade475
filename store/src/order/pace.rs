//! How fast: a token bucket for what is sent, and the measured rate of what was confirmed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Allows a number of messages a second, with a burst of a tenth of a second.
#[derive(Debug)]
pub(super) struct TokenBucket {
    /// Between two messages.
    gap: Duration,
    /// The theoretical time of the next message; a burst lets it run behind `now`.
    next: Instant,
    burst: Duration,
}

impl TokenBucket {
    pub(super) fn new(rate_per_s: u32, now: Instant) -> Self {
        let gap = Duration::from_secs(1) / rate_per_s.max(1);
        Self { gap, next: now, burst: Duration::from_millis(100) }
    }

    /// Takes one if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        let oldest = now.checked_sub(self.burst).unwrap_or(now);
        self.next = self.next.max(oldest) + self.gap;
        true
    }

    /// When the next one can be taken.
    pub(super) fn ready_at(&self, now: Instant) -> Instant {
        self.next.max(now)
    }
}

/// Counts confirmed records in buckets of a second.
#[derive(Debug, Default)]
pub(super) struct DeliveryRate {
    recent: VecDeque<(Instant, u64)>,
}

impl DeliveryRate {
    const SPAN: Duration = Duration::from_secs(10);

    pub(super) fn count(&mut self, records: usize, now: Instant) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        match self.recent.back_mut() {
            Some((start, count)) if now.saturating_duration_since(*start) < Duration::from_secs(1) => {
                *count = count.saturating_add(records);
            }
            _ => self.recent.push_back((now, records)),
        }
        while self.recent.front().is_some_and(|(start, _)| now.saturating_duration_since(*start) > Self::SPAN)
        {
            self.recent.pop_front();
        }
    }

    pub(super) fn per_s(&self, now: Instant) -> f64 {
        let fresh =
            self.recent.iter().filter(|(start, _)| now.saturating_duration_since(*start) <= Self::SPAN);
        let (mut sum, mut first) = (0_u64, now);
        for (start, count) in fresh {
            sum = sum.saturating_add(*count);
            first = first.min(*start);
        }
        // A rate over less than a second says nothing.
        let span = now.saturating_duration_since(first).max(Duration::from_secs(1));
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let sum = sum as f64;
        sum / span.as_secs_f64()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_gives_its_rate_and_no_more() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(100, start);
        let taken = |bucket: &mut TokenBucket, from: u64, to: u64| {
            (from..to).filter(|ms| bucket.take(start + Duration::from_millis(*ms))).count()
        };
        assert_eq!(taken(&mut bucket, 0, 1000), 100);
        // After a pause a burst of a tenth of a second goes at once.
        let later = start + Duration::from_secs(60);
        let burst = (0..100).filter(|_| bucket.take(later)).count();
        assert!((10..=11).contains(&burst), "{burst}");
        assert!(bucket.ready_at(later) > later);
    }

    #[test]
    fn the_rate_forgets_what_is_long_ago() {
        let start = Instant::now();
        let mut rate = DeliveryRate::default();
        assert!(rate.per_s(start).abs() < f64::EPSILON);
        for second in 0..5 {
            rate.count(40, start + Duration::from_secs(second));
        }
        let measured = rate.per_s(start + Duration::from_secs(5));
        assert!((measured - 40.0).abs() < 1.0, "{measured}");
        assert!(rate.per_s(start + Duration::from_secs(60)).abs() < f64::EPSILON);
    }
}
