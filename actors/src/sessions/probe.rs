//! Decides when an endpoint is probed and when it counts as dead (design: end of a registration).

use std::time::{Duration, Instant};

/// Schedule of the probes of one endpoint; without an interval there are none.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    interval: Option<Duration>,
    due: Option<Instant>,
    /// What the last probe said.
    verdict: Option<Verdict>,
}

/// What a probe says of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Somebody accepts connections.
    Alive,
    /// Nobody did; asked again after [`Probe::SECOND_LOOK`].
    Suspect,
    /// Nobody did twice, or since then.
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
            self.verdict = None;
        }
    }

    /// Asks within `delay` whether anybody is there, if nobody has asked yet.
    pub(crate) fn hurry(&mut self, delay: Duration, now: Instant) {
        if self.verdict.is_none() && self.interval.is_some() {
            self.due = self.due.map(|due| due.min(now + delay));
        }
    }

    /// When the next probe is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The result of a probe; the verdict before it comes second.
    pub(crate) fn probed(&mut self, alive: bool, now: Instant) -> (Verdict, Option<Verdict>) {
        let before = self.verdict;
        let verdict = match (alive, before) {
            (true, _) => Verdict::Alive,
            (false, Some(Verdict::Suspect | Verdict::Dead)) => Verdict::Dead,
            (false, _) => Verdict::Suspect,
        };
        self.verdict = Some(verdict);
        self.due = match verdict {
            // Dead ones are asked on: a thing of the configuration stays, and its endpoint may come back.
            Verdict::Alive | Verdict::Dead => self.interval.map(|interval| now + interval),
            Verdict::Suspect => self.interval.map(|_| now + Self::SECOND_LOOK),
        };
        (verdict, before)
    }

    /// The verdict could not be delivered: asks once more.
    pub(crate) fn repeat(&mut self, now: Instant) {
        self.verdict = Some(Verdict::Suspect);
        self.due = self.interval.map(|_| now + Self::SECOND_LOOK);
    }

    /// An agent has registered: what failed before says nothing of it.
    pub(crate) fn renewed(&mut self, now: Instant) {
        if self.verdict != Some(Verdict::Alive) {
            self.verdict = None;
            self.due = self.interval.map(|interval| now + interval);
        }
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
        assert_eq!(probe.probed(false, first), (Verdict::Suspect, None));
        let second = probe.due().unwrap();
        assert_eq!(second, first + Duration::from_secs(1));
        assert_eq!(probe.probed(false, second), (Verdict::Dead, Some(Verdict::Suspect)));
    }

    #[test]
    fn one_failed_probe_is_forgiven() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        assert_eq!(probe.probed(false, start).0, Verdict::Suspect);
        assert_eq!(probe.probed(true, start).0, Verdict::Alive);
        assert_eq!(probe.probed(false, start).0, Verdict::Suspect);
    }

    #[test]
    fn a_dead_endpoint_is_asked_on_and_may_come_back() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        probe.probed(false, start);
        probe.probed(false, start);
        assert_eq!(probe.due(), Some(start + KEEPALIVE));
        assert_eq!(probe.probed(false, start), (Verdict::Dead, Some(Verdict::Dead)));
        assert_eq!(probe.probed(true, start), (Verdict::Alive, Some(Verdict::Dead)));
    }

    #[test]
    fn a_registration_at_a_dead_endpoint_gets_two_probes_of_its_own() {
        let start = instant();
        let mut probe = Probe::default();
        probe.set_interval(Some(KEEPALIVE), start);
        probe.probed(false, start);
        probe.probed(false, start);
        probe.renewed(start);
        assert_eq!(probe.probed(false, start).0, Verdict::Suspect);
    }

    #[test]
    fn a_first_probe_may_be_hurried_and_later_ones_not() {
        let start = instant();
        let mut probe = Probe::default();
        probe.hurry(Duration::ZERO, start);
        assert_eq!(probe.due(), None);
        probe.set_interval(Some(KEEPALIVE), start);
        probe.hurry(Duration::from_secs(1), start);
        assert_eq!(probe.due(), Some(start + Duration::from_secs(1)));
        probe.probed(true, start);
        probe.hurry(Duration::ZERO, start);
        assert_eq!(probe.due(), Some(start + KEEPALIVE));
    }

    #[test]
    fn without_registrations_nothing_is_probed() {
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
