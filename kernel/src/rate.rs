//! A limit of events per second, without a clock.

use std::time::{Duration, Instant};

/// Lets through at most `per_s` events a second, `burst` of them (at least one) at once after a quiet time.
///
/// The generic cell rate algorithm: one point in time instead of a bucket that is refilled.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    gap: Duration,
    burst: Duration,
    /// When the events let through so far would have been due at an even pace.
    due: Option<Instant>,
}

impl Rate {
    /// A limit of `per_s` events a second; 0 is taken as 1, in the burst too.
    pub(crate) fn per_second(per_s: u32, burst: u32) -> Self {
        let gap = Duration::from_secs(1) / per_s.max(1);
        Self { gap, burst: gap * burst.saturating_sub(1), due: None }
    }

    /// Counts one event at `now`.
    ///
    /// # Errors
    ///
    /// The time of the next event that will be let through; this one is not counted.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Instant> {
        let due = self.due.map_or(now, |due| due.max(now));
        let earliest = due.checked_sub(self.burst).unwrap_or(now);
        if earliest > now {
            return Err(earliest);
        }
        self.due = Some(due + self.gap);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_even_pace_passes_and_a_faster_one_is_told_when() {
        let start = crate::clock::now();
        let mut rate = Rate::per_second(10, 1);
        assert_eq!(rate.admit(start), Ok(()));
        assert_eq!(rate.admit(start), Err(start + Duration::from_millis(100)));
        assert_eq!(rate.admit(start + Duration::from_millis(100)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_rate_and_burst(
            per_s in 1_u32..500,
            burst in 0_u32..50,
            steps in prop::collection::vec(0_u64..50, 1..600),
        ) {
            let mut at = crate::clock::now();
            let mut rate = Rate::per_second(per_s, burst);
            let mut passed = Vec::new();
            for step in steps {
                at += Duration::from_millis(step);
                if rate.admit(at).is_ok() {
                    passed.push(at);
                }
            }
            let most = usize::try_from(per_s + burst + 1).unwrap();
            for (n, first) in passed.iter().enumerate() {
                let within = passed[n..].iter().take_while(|&&at| at - *first < Duration::from_secs(1)).count();
                prop_assert!(within <= most, "{within} in one second at {per_s}");
            }
        }
    }
}
