//! What an agent does next, decided without a clock or a socket.
//!
//! The order is the script resource's (EMS notes, 8.1 and 8.3): register, ask for the subscriptions, then
//! keep-alive checks and pushes side by side; a lost registration is renewed at once, and after a failure
//! again after a pause.

use std::time::{Duration, Instant};

/// How often things are due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Registers at all; without, the thing counts as registered from the start.
    pub(super) register: bool,
    /// Time between two HasEdgeThing.
    pub(super) keepalive: Duration,
    /// Pause after a failed registration or subscription.
    pub(super) retry: Duration,
    /// Time between two pushes.
    pub(super) push: Option<Duration>,
    /// Time between two events.
    pub(super) event: Option<Duration>,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send AddEdgeThing.
    Register,
    /// Send GetPropertySubscriptions.
    Subscribe,
    /// Push what was written, without a new step of the simulation.
    PushWritten,
    /// Take a step of the simulation and push what changed.
    Push,
    /// Fire the event.
    Fire,
    /// Send HasEdgeThing.
    CheckRegistration,
    /// Nothing before this instant; `None`: nothing until something happens.
    Wait(Option<Instant>),
}

/// Where an agent stands.
#[derive(Debug)]
pub(super) struct Course {
    rates: Rates,
    registered: bool,
    register_at: Instant,
    subscribe_at: Option<Instant>,
    /// The first answer to a subscription was seen, good or bad: pushes may begin.
    asked: bool,
    written: bool,
    push_at: Option<Instant>,
    event_at: Option<Instant>,
    check_at: Instant,
}

impl Course {
    /// At the start everything is due.
    pub(super) fn new(rates: Rates, now: Instant) -> Self {
        Self {
            rates,
            registered: !rates.register,
            register_at: now,
            // Who does not register is not asked for by name: it pushes everything until it is notified.
            subscribe_at: rates.register.then_some(now),
            asked: !rates.register,
            written: true,
            push_at: rates.push.map(|interval| now + interval),
            event_at: rates.event.map(|interval| now + interval),
            check_at: now + rates.keepalive,
        }
    }

    /// AddEdgeThing was answered with 200: everything is pushed anew.
    pub(super) fn on_registered(&mut self, now: Instant) {
        self.registered = true;
        self.written = true;
        self.check_at = now + self.rates.keepalive;
        self.push_at = self.rates.push.map(|interval| now + interval);
    }

    /// AddEdgeThing failed.
    pub(super) fn on_register_failed(&mut self, now: Instant) {
        self.registered = false;
        self.register_at = now + self.rates.retry;
    }

    /// HasEdgeThing said false, or the gateway cannot be reached: register at once.
    pub(super) fn on_registration_lost(&mut self, now: Instant) {
        if self.rates.register && self.registered {
            self.registered = false;
            self.register_at = now;
        }
    }

    /// HasEdgeThing was sent, whatever came of it.
    pub(super) fn on_checked(&mut self, now: Instant) {
        self.check_at = now + self.rates.keepalive;
    }

    /// The subscriptions are known: what is due changed with them.
    pub(super) fn on_subscribed(&mut self) {
        self.subscribe_at = None;
        self.asked = true;
        self.written = true;
    }

    /// GetPropertySubscriptions failed.
    pub(super) fn on_subscribe_failed(&mut self, now: Instant) {
        self.subscribe_at = Some(now + self.rates.retry);
        self.asked = true;
    }

    /// The platform said that the subscriptions changed.
    pub(super) fn on_notified(&mut self, now: Instant) {
        self.subscribe_at = Some(now);
    }

    /// A property was written.
    pub(super) fn on_written(&mut self) {
        self.written = true;
    }

    /// A push of either kind is done. Missed pushes are not made up for.
    pub(super) fn on_pushed(&mut self, step: Step, now: Instant) {
        self.written = false;
        if step == Step::Push {
            self.push_at = next(self.push_at, self.rates.push, now);
        }
    }

    /// The event was fired.
    pub(super) fn on_fired(&mut self, now: Instant) {
        self.event_at = next(self.event_at, self.rates.event, now);
    }

    /// What to do at `now`.
    pub(super) fn next(&self, now: Instant) -> Step {
        if !self.registered {
            return if self.register_at <= now { Step::Register } else { Step::Wait(Some(self.register_at)) };
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.subscribe_at) {
            return Step::Subscribe;
        }
        if self.asked && due(self.push_at) {
            return Step::Push;
        }
        if self.asked && self.written {
            return Step::PushWritten;
        }
        if due(self.event_at) {
            return Step::Fire;
        }
        if self.rates.register && self.check_at <= now {
            return Step::CheckRegistration;
        }
        let check_at = self.rates.register.then_some(self.check_at);
        Step::Wait([self.subscribe_at, self.push_at, self.event_at, check_at].into_iter().flatten().min())
    }
}

/// The next point in time of a beat, in step with the last one unless that lies behind already.
fn next(last: Option<Instant>, interval: Option<Duration>, now: Instant) -> Option<Instant> {
    let interval = interval?;
    let in_step = last? + interval;
    Some(if in_step > now { in_step } else { now + interval })
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgebind_kernel::clock;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn rates() -> Rates {
        Rates { register: true, keepalive: ms(6000), retry: ms(5000), push: Some(ms(1000)), event: None }
    }

    fn subscribed(now: Instant) -> Course {
        let mut course = Course::new(rates(), now);
        course.on_registered(now);
        course.on_subscribed();
        course.on_pushed(Step::PushWritten, now);
        course
    }

    #[test]
    fn a_thing_registers_subscribes_and_pushes_everything_once() {
        let now = clock::now();
        let mut course = Course::new(rates(), now);
        assert_eq!(course.next(now), Step::Register);
        course.on_registered(now);
        assert_eq!(course.next(now), Step::Subscribe);
        course.on_subscribed();
        assert_eq!(course.next(now), Step::PushWritten);
        course.on_pushed(Step::PushWritten, now);
        assert_eq!(course.next(now), Step::Wait(Some(now + ms(1000))));
        assert_eq!(course.next(now + ms(1000)), Step::Push);
    }

    #[test]
    fn a_failed_registration_waits_and_a_lost_one_does_not() {
        let now = clock::now();
        let mut course = Course::new(rates(), now);
        course.on_register_failed(now);
        assert_eq!(course.next(now + ms(4999)), Step::Wait(Some(now + ms(5000))));
        assert_eq!(course.next(now + ms(5000)), Step::Register);
        let mut course = subscribed(now);
        course.on_registration_lost(now);
        assert_eq!(course.next(now), Step::Register);
        course.on_register_failed(now);
        course.on_registration_lost(now);
        assert_eq!(course.next(now), Step::Wait(Some(now + ms(5000))), "losing it twice is losing it once");
    }

    #[test]
    fn a_new_registration_pushes_everything_but_does_not_ask_again() {
        let now = clock::now();
        let mut course = subscribed(now);
        course.on_registration_lost(now);
        course.on_registered(now);
        assert_eq!(course.next(now), Step::PushWritten);
    }

    #[test]
    fn a_failed_subscription_is_asked_again_and_holds_up_no_push() {
        let now = clock::now();
        let mut course = Course::new(rates(), now);
        course.on_registered(now);
        course.on_subscribe_failed(now);
        assert_eq!(course.next(now), Step::PushWritten);
        course.on_pushed(Step::PushWritten, now);
        assert_eq!(course.next(now + ms(5000)), Step::Subscribe);
    }

    #[test]
    fn the_registration_is_checked_at_the_keepalive_rate() {
        let now = clock::now();
        let mut course = Course::new(Rates { push: None, ..rates() }, now);
        course.on_registered(now);
        course.on_subscribed();
        course.on_pushed(Step::PushWritten, now);
        assert_eq!(course.next(now), Step::Wait(Some(now + ms(6000))));
        assert_eq!(course.next(now + ms(6000)), Step::CheckRegistration);
        course.on_checked(now + ms(6000));
        assert_eq!(course.next(now + ms(6000)), Step::Wait(Some(now + ms(12_000))));
    }

    #[test]
    fn missed_pushes_are_not_made_up_for() {
        let now = clock::now();
        let mut course = subscribed(now);
        course.on_pushed(Step::Push, now + ms(1200));
        assert_eq!(
            course.next(now + ms(1200)),
            Step::Wait(Some(now + ms(2000))),
            "in step after a short delay"
        );
        course.on_pushed(Step::Push, now + ms(7500));
        assert_eq!(course.next(now + ms(8000)), Step::CheckRegistration);
        course.on_checked(now + ms(8000));
        assert_eq!(
            course.next(now + ms(8000)),
            Step::Wait(Some(now + ms(8500))),
            "one pause after a long one"
        );
    }

    #[test]
    fn without_registration_it_only_pushes_until_it_is_notified() {
        let now = clock::now();
        let mut course = Course::new(Rates { register: false, ..rates() }, now);
        assert_eq!(course.next(now), Step::PushWritten);
        course.on_pushed(Step::PushWritten, now);
        course.on_registration_lost(now);
        assert_eq!(course.next(now), Step::Wait(Some(now + ms(1000))));
        course.on_notified(now);
        assert_eq!(course.next(now), Step::Subscribe);
    }
}
