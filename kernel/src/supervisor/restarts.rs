//! Starting children, and starting them again: when the policy says so, no faster than the supervisor may.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use actix::{AsyncContext, Context, SpawnHandle};
use tracing::{debug, error, info, warn};

use super::{
    Place, Strategy, Supervisor,
    child::{Child, State},
};
use crate::{
    Decision, Exit, Failure, Lifetime, Turn, clock, lifeline::Parent, observer, rate::Rate, spec::Offspring,
};

/// Which children are to be started again, and when.
pub(super) struct Agenda {
    /// Those whose delay still runs.
    pub(super) due: BTreeSet<(Instant, Place)>,
    /// Those whose delay is over and who wait for the rate, first come, first served.
    pub(super) ready: VecDeque<Place>,
    pub(super) rate: Rate,
    /// The one timer of the supervisor; one per child would make each poll of the context slow.
    alarm: Option<(Instant, SpawnHandle)>,
}

impl Agenda {
    pub(super) fn new(restarts_per_s: u32) -> Self {
        let rate = Rate::per_second(restarts_per_s, restarts_per_s / 10);
        Self { due: BTreeSet::new(), ready: VecDeque::new(), rate, alarm: None }
    }

    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.ready.clear();
    }
}

impl Supervisor {
    /// Takes a new child in and starts it, or holds it while the others recover.
    pub(super) fn admit(&mut self, spec: Arc<dyn Offspring>) {
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(spec.id().clone(), place);
        self.children.insert(place, Box::new(Child::new(spec)));
        if self.recovery.is_none() {
            self.start_child(place);
        }
    }

    pub(super) fn start_child(&mut self, place: Place) {
        let Some(child) = self.children.get_mut(&place) else { return };
        let life = child.spec.start(Parent::Supervisor(Arc::clone(&self.address)));
        if child.lives > 0 {
            observer::restarted(child.spec.kind());
        }
        child.spec.tell(Turn::Up { restarts: child.lives });
        child.lives = child.lives.saturating_add(1);
        child.enter(State::Up { life, started: clock::now() });
    }

    /// A child has ended that nobody asked to.
    pub(super) fn fell(&mut self, place: Place, exit: Exit, now: Instant) {
        if self.shutdown.is_some() {
            // It has only gone before it was asked to.
            self.forget(place);
            return;
        }
        let Some(child) = self.children.get_mut(&place) else { return };
        let State::Up { life, started } = &child.state else { return };
        let lifetime = Lifetime { started: *started, healthy: life.signs.vital().healthy };
        let policy = child.spec.policy();
        let decision = child.past.decide(policy, &exit, lifetime, now, fastrand::f64());
        self.tell(place, &exit, decision, now);
        match decision {
            Decision::Forget => self.forget(place),
            Decision::RestartAfter(delay) => self.put_down(place, exit, now + delay, false),
            Decision::Quarantine { retry_after } => self.put_down(place, exit, now + retry_after, true),
            Decision::Escalate => self.escalate(place, &exit, now),
        }
    }

    /// Removes a child for good.
    pub(super) fn forget(&mut self, place: Place) {
        let Some(child) = self.children.remove(&place) else { return };
        self.places.remove(child.spec.id());
        if let State::Down { until, .. } = child.state {
            self.agenda.due.remove(&(until, place));
        }
    }

    /// Ends a backoff or quarantine now.
    pub(super) fn retry_now(&mut self, place: Place, now: Instant) {
        let Some(child) = self.children.get_mut(&place) else { return };
        let State::Down { until, .. } = &mut child.state else { return };
        let was = std::mem::replace(until, now);
        if self.agenda.due.remove(&(was, place)) {
            self.agenda.due.insert((now, place));
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.due = now;
        }
    }

    /// Does what is due, and sets the alarm for what is not. Runs at the end of every event.
    pub(super) fn proceed(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        if self.shutdown.is_some() {
            self.proceed_with_shutdown(now, ctx);
            return;
        }
        let next = match self.strategy {
            Strategy::OneForOne => self.restart_due(now),
            Strategy::RestForOne => self.proceed_with_recovery(now),
        };
        if let Some(at) = next {
            self.wake_at(at, now, ctx);
        }
    }

    /// Starts who is due; returns when the next one may be.
    fn restart_due(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(at, place)) = self.agenda.due.first()
            && at <= now
        {
            self.agenda.due.pop_first();
            self.agenda.ready.push_back(place);
        }
        while let Some(&place) = self.agenda.ready.front() {
            // Gone in the meantime, by dismissal: costs nothing of the rate.
            let waits =
                self.children.get(&place).is_some_and(|child| matches!(child.state, State::Down { .. }));
            if waits && let Err(at) = self.agenda.rate.admit(now) {
                return Some(at);
            }
            self.agenda.ready.pop_front();
            if waits {
                self.start_child(place);
            }
        }
        self.agenda.due.first().map(|&(at, _)| at)
    }

    fn wake_at(&mut self, at: Instant, now: Instant, ctx: &mut Context<Self>) {
        if let Some((set, handle)) = self.agenda.alarm {
            if set <= at {
                return;
            }
            ctx.cancel_future(handle);
        }
        let handle = ctx.run_later(at.saturating_duration_since(now), |this, ctx| {
            this.agenda.alarm = None;
            this.proceed(ctx);
        });
        self.agenda.alarm = Some((at, handle));
    }

    fn put_down(&mut self, place: Place, exit: Exit, until: Instant, quarantined: bool) {
        let Some(child) = self.children.get_mut(&place) else { return };
        child.spec.tell(Turn::Down { exit: &exit, retry_unix_ms: clock::unix_millis_at(until), quarantined });
        child.last_exit = Some(Box::new(exit));
        child.enter(State::Down { until, quarantined });
        match self.strategy {
            Strategy::OneForOne => drop(self.agenda.due.insert((until, place))),
            Strategy::RestForOne => self.recover(place, until),
        }
    }

    fn escalate(&mut self, place: Place, exit: &Exit, now: Instant) {
        let Some(id) = self.children.get(&place).map(|child| child.spec.id().clone()) else { return };
        self.forget(place);
        error!(supervisor = %self.id, child = %id, %exit, "Restart budget spent, the supervisor gives up.");
        let failure = Failure::defect(format!("restart budget of {id} is spent, it last {exit}"));
        self.begin_shutdown(now + self.stop_deadline, Some(failure), now);
    }

    /// Puts the end of a child into the log, a few a second at most.
    fn tell(&mut self, place: Place, exit: &Exit, decision: Decision, now: Instant) {
        if let (Decision::RestartAfter(delay), false) = (decision, exit.spends_budget()) {
            // The world refuses, for ever perhaps: who was refused says so once, not each attempt here.
            let Some(child) = self.children.get(&place) else { return };
            let (id, kind, delay_ms) = (child.spec.id(), child.spec.kind(), delay.as_millis());
            debug!(child = %id, kind, %exit, delay_ms, "Child was refused, will be started again.");
            return;
        }
        if self.told.admit(now).is_err() {
            self.untold += 1;
            return;
        }
        let Some(child) = self.children.get(&place) else { return };
        let (id, kind, untold) = (child.spec.id(), child.spec.kind(), std::mem::take(&mut self.untold));
        match decision {
            Decision::Forget if !exit.is_failure() => info!(child = %id, kind, "Child ended."),
            Decision::Forget => warn!(child = %id, kind, %exit, untold, "Child ended, not started again."),
            Decision::RestartAfter(delay) => {
                let delay_ms = delay.as_millis();
                warn!(child = %id, kind, %exit, delay_ms, untold, "Child ended, will be started again.");
            }
            Decision::Quarantine { retry_after } => {
                let retry_s = retry_after.as_secs();
                error!(child = %id, kind, %exit, retry_s, untold, "Restart budget spent, child in quarantine.");
            }
            // Said by `escalate`.
            Decision::Escalate => {}
        }
    }
}
