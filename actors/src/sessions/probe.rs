//! Decides when an endpoint is probed and when it counts as dead (design: end of a registration).

use std::time::{Duration, Instant};

/// Schedule of the probes of one endpoint; without an interval there are none.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    interval: Option<Duration>,
    due: Option<Instant>,
    suspect: bool,
}

/// What a probe says of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Somebody accepts connections.
    Alive,
    /// Nobody did; asked again after [`Probe::SECOND_LOOK`].
    Suspect,
    /// Nobody did twice.
    Dead,
}

impl Probe {
    /// Pause between the first failed probe and the one that decides.
    pub(crate) const SECOND_LOOK: Duration = Duration::from_secs(1);

    /// The shortest `keepalive` of the registrations, `None` if none is to be probed.
    pub(crate) fn set_interval(&mut self, interval: Option<Duration>, now: Instant) {
        self.interval = interval;
        self.due = match (interval, self.due) {
            (None, _) => None,
            (Some(interval), None) => Some(now + interval),
            // A renewed registration does not put off the probe of its neighbours.
            (Some(interval), Some(due)) => Some(due.min(now + interval)),
        };
        if interval.is_none() {
            self.suspect = false;
        }
    }

    /// When the next probe is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The result of a probe.
    pub(crate) fn probed(&mut self, alive: bool, now: Instant) -> Verdict {
        let verdict = match (alive, self.suspect) {
            (true, _) => Verdict::Alive,
            (false, false) => Verdict::Suspect,
            (false, true) => Verdict::Dead,
        };
        self.suspect = verdict == Verdict::Suspect;
        self.due = match verdict {
            Verdict::Alive => self.interval.map(|interval| now + interval),
            Verdict::Suspect => self.interval.map(|_| now + Self::SECOND_LOOK),
            Verdict::Dead => None,
        };
        verdict
    }

    /// The verdict could not be delivered: asks once more.
    pub(crate) fn repeat(&mut self, now: Instant) {
        self.suspect = true;
        self.due = self.interval.map(|_| now + Self::SECOND_LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::instant;

    const KEEPALIVE: Duration = Duration::from_secs(6);

    #[test]
    fn an_endpoint_is_dead_after_two_failed_probes_a_second_apart() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        let first = probe.due().unwrap();
        assert_eq!(first, start + KEEPALIVE);
        assert_eq!(probe.probed(false, first), Verdict::Suspect);
        let second = probe.due().unwrap();
        assert_eq!(second, first + Duration::from_secs(1));
        assert_eq!(probe.probed(false, second), Verdict::Dead);
        assert_eq!(probe.due(), None);
    }

    #[test]
    fn one_failed_probe_is_forgiven() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        assert_eq!(probe.probed(false, start), Verdict::Suspect);
        assert_eq!(probe.probed(true, start), Verdict::Alive);
        assert_eq!(probe.probed(false, start), Verdict::Suspect);
    }

    #[test]
    fn without_dynamic_registrations_nothing_is_probed() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        probe.set_interval(None, start);
        assert_eq!(probe.due(), None);
    }

    #[test]
    fn a_renewal_does_not_put_off_the_probe() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        probe.set_interval(Some(KEEPALIVE), start + Duration::from_secs(5));
        assert_eq!(probe.due(), Some(start + KEEPALIVE));
    }
}
