//! Decides when the link tries again: for ever, with jitter, without giving up (protocol notes, section 11.2).

use std::time::Duration;

/// Waiting times between attempts to connect.
#[derive(Clone, Copy, Debug)]
pub struct Reconnect {
    /// `ws_connection.connect_retry_interval`.
    pub interval: Duration,
    /// `ws_connection.max_connect_delay`: random delay before each first attempt, against storms.
    pub max_delay: Duration,
}

impl Reconnect {
    /// Wait after an attempt that failed; `random` is from 0 to 1.
    ///
    /// The jitter only shortens, so that the interval stays what the configuration promises.
    #[must_use]
    pub fn after_failure(&self, random: f64) -> Duration {
        self.interval.mul_f64(1.0 - 0.2 * random.clamp(0.0, 1.0))
    }

    /// Wait after an attempt at one of several servers failed: the next one is tried at once, until all were.
    ///
    /// A little jitter keeps a thousand gateways from arriving at the next server together.
    #[must_use]
    pub fn after_refusal(&self, tried_all: bool, random: f64) -> Duration {
        if tried_all {
            self.after_failure(random)
        } else {
            NEXT_SERVER.min(self.interval).mul_f64(random.clamp(0.0, 1.0))
        }
    }

    /// Wait after the loss of a connection that had stood for `lived`.
    ///
    /// A connection that had proven itself is replaced at once; one that was lost soon after its beginning is
    /// treated as a failed attempt, so that a platform that accepts and closes is not hammered.
    #[must_use]
    pub fn after_loss(&self, lived: Duration, random: f64) -> Duration {
        if lived < self.interval { self.after_failure(random) } else { self.first(random) }
    }

    /// Wait before the first attempt.
    #[must_use]
    pub fn first(&self, random: f64) -> Duration {
        self.max_delay.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Longest wait before the next of several servers.
const NEXT_SERVER: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    const RECONNECT: Reconnect =
        Reconnect { interval: Duration::from_secs(5), max_delay: Duration::from_secs(2) };

    #[test]
    fn a_failed_attempt_waits_about_the_interval() {
        assert_eq!(RECONNECT.after_failure(0.0), Duration::from_secs(5));
        assert_eq!(RECONNECT.after_failure(1.0), Duration::from_secs(4));
    }

    #[test]
    fn the_next_server_is_tried_soon_and_the_interval_waits_for_a_whole_round() {
        assert_eq!(RECONNECT.after_refusal(false, 0.0), Duration::ZERO);
        assert_eq!(RECONNECT.after_refusal(false, 1.0), Duration::from_millis(500));
        assert_eq!(RECONNECT.after_refusal(true, 0.0), Duration::from_secs(5));
    }

    #[test]
    fn a_proven_connection_is_replaced_within_the_random_delay() {
        assert_eq!(RECONNECT.after_loss(Duration::from_secs(60), 0.0), Duration::ZERO);
        assert_eq!(RECONNECT.after_loss(Duration::from_secs(60), 1.0), Duration::from_secs(2));
    }

    #[test]
    fn a_connection_lost_at_once_counts_as_failed() {
        assert_eq!(RECONNECT.after_loss(Duration::from_millis(100), 0.0), Duration::from_secs(5));
    }
}
