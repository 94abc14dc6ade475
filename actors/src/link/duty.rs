//! Decides when a link with a duty cycle goes off: after its time, in a moment of silence (EMS notes, 10.8).

use std::time::{Duration, Instant};

/// Part of the time in which the link stands (`ws_connection.duty_cycle`).
#[derive(Clone, Copy, Debug)]
pub struct DutyCycle {
    /// `connect_period`: on and off together.
    pub period: Duration,
    /// `duty_cycle`, 1 to 99: the share of the period in which the link stands, from AUTH on.
    pub percent: u8,
    /// `message_idle_time`: silence that is waited for.
    pub idle: Duration,
    /// How long past its time a link without silence may stand before it takes nothing new.
    pub grace: Duration,
}

/// What the link shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Stand, and ask again after this time.
    Stay(Duration),
    /// Take nothing new, and ask again after this time.
    Drain(Duration),
    /// Go off now.
    Part,
}

impl DutyCycle {
    /// Time off.
    #[must_use]
    pub fn off(&self) -> Duration {
        self.period.saturating_sub(self.on())
    }

    /// What a link shall do at `now` that has been on since `since`, had its last message at `last`, and has `pending`
    /// unanswered requests.
    pub(super) fn advise(&self, since: Instant, last: Instant, pending: usize, now: Instant) -> Advice {
        let end = since + self.on();
        if now < end {
            return Advice::Stay(end - now);
        }
        let silent = now.saturating_duration_since(last);
        if pending == 0 && silent >= self.idle {
            return Advice::Part;
        }
        if now < end + self.grace {
            return Advice::Stay(self.idle.saturating_sub(silent).max(LOOK));
        }
        // Requests end by their deadline, so this ends too.
        if pending == 0 { Advice::Part } else { Advice::Drain(LOOK) }
    }

    fn on(&self) -> Duration {
        self.period.mul_f64(f64::from(self.percent.min(100)) / 100.0)
    }
}

/// Between two looks for silence.
const LOOK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::instant;

    const CYCLE: DutyCycle = DutyCycle {
        period: Duration::from_secs(6),
        percent: 50,
        idle: Duration::from_millis(50),
        grace: Duration::from_secs(1),
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_link_stands_for_its_share_and_goes_in_silence() {
        let since = instant();
        assert_eq!(CYCLE.off(), ms(3000));
        assert_eq!(CYCLE.advise(since, since, 0, since), Advice::Stay(ms(3000)));
        assert_eq!(CYCLE.advise(since, since, 0, since + ms(2900)), Advice::Stay(ms(100)));
        assert_eq!(CYCLE.advise(since, since, 0, since + ms(3000)), Advice::Part);
    }

    #[test]
    fn messages_and_open_requests_put_it_off_for_a_while() {
        let since = instant();
        let now = since + ms(3100);
        assert_eq!(CYCLE.advise(since, now - ms(10), 0, now), Advice::Stay(ms(40)));
        assert_eq!(CYCLE.advise(since, since, 1, now), Advice::Stay(LOOK));
    }

    #[test]
    fn a_link_that_is_never_silent_goes_when_its_requests_are_answered() {
        let since = instant();
        let now = since + ms(4000);
        assert_eq!(CYCLE.advise(since, now, 3, now), Advice::Drain(LOOK));
        assert_eq!(CYCLE.advise(since, now, 0, now), Advice::Part);
    }
}
