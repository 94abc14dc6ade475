//! Ending children in good order: one of them, or all with the supervisor.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{ActorContext, Context};
use tokio::sync::{oneshot, watch};

use super::{
    Parted, Place, Strategy, Supervisor,
    child::{State, Why},
};
use crate::{Ended, Failure, StopReport, clock, spec::LifeHandle};

/// A supervisor on its way out.
pub(super) struct Shutdown {
    pub(super) deadline: Instant,
    /// Set if it goes because a budget was spent.
    failure: Option<Failure>,
    report: StopReport,
    waiting: Vec<oneshot::Sender<StopReport>>,
}

impl Supervisor {
    /// Asks one child to stop, and sees to it that it ends by `deadline`.
    pub(super) fn end_child(&mut self, place: Place, why: Why, deadline: Instant) {
        let Some(child) = self.children.get_mut(&place) else { return };
        if let State::Ending { why: present, deadline: set, .. } = &mut child.state {
            *present = (*present).max(why);
            set.send_if_modified(|set| deadline < *set && std::mem::replace(set, deadline) != deadline);
            return;
        }
        let (set, changed) = watch::channel(deadline);
        let State::Up { life, .. } = child.enter(State::Held) else { return };
        let (signs, waiting) = (Arc::clone(&life.signs), Vec::new());
        let (id, epoch, parent) = (signs.child.clone(), signs.epoch, Arc::clone(&self.address));
        child.state = State::Ending { signs, why, deadline: set, waiting };
        let parting = part(life, changed);
        drop(actix_rt::spawn(async move {
            let (ended, report) = parting.await;
            Parted { child: id, epoch, ended, report }.send_to(&parent);
        }));
    }

    /// A child that was asked to stop is gone.
    pub(super) fn parted(&mut self, place: Place, ended: Ended, report: StopReport) {
        let Some(child) = self.children.get_mut(&place) else { return };
        let State::Ending { why, waiting, .. } = child.enter(State::Held) else { return };
        if let Some(shutdown) = &mut self.shutdown {
            let id = child.spec.id().to_string();
            shutdown.report.absorb(report);
            match ended {
                // A supervisor has counted itself.
                Ended::Orderly if child.spec.kind() == SUPERVISOR => {}
                Ended::Orderly => shutdown.report.orderly += 1,
                Ended::Cut => shutdown.report.cut.push(id),
                Ended::Stuck => shutdown.report.stuck.push(id),
            }
        }
        for asker in waiting {
            // Who asked may have gone.
            let _ = asker.send(ended);
        }
        if why != Why::Recovery || self.shutdown.is_some() {
            self.forget(place);
        }
    }

    /// Begins to stop all children, and then itself; a second call can only make it faster.
    pub(super) fn begin_shutdown(&mut self, deadline: Instant, failure: Option<Failure>, now: Instant) {
        let fresh =
            || Shutdown { deadline, failure: None, report: StopReport::default(), waiting: Vec::new() };
        let shutdown = self.shutdown.get_or_insert_with(fresh);
        shutdown.deadline = shutdown.deadline.min(deadline);
        shutdown.failure = shutdown.failure.take().or(failure);
        let deadline = before(shutdown.deadline, now);
        self.agenda.clear();
        self.recovery = None;
        let places: Vec<Place> = self.children.keys().rev().copied().collect();
        for place in places {
            match self.children.get(&place).map(|child| &child.state) {
                Some(State::Down { .. } | State::Held) => self.forget(place),
                // One after the other.
                Some(State::Up { .. }) if self.strategy == Strategy::RestForOne => {}
                _ => self.end_child(place, Why::Shutdown, deadline),
            }
        }
    }

    /// The answer to whoever asked for the stop.
    pub(super) fn when_shut_down(&mut self) -> oneshot::Receiver<StopReport> {
        let (done, answer) = oneshot::channel();
        match &mut self.shutdown {
            Some(shutdown) => shutdown.waiting.push(done),
            None => drop(done),
        }
        answer
    }

    /// Stops the next child if they go one after the other; finishes when none is left.
    pub(super) fn proceed_with_shutdown(&mut self, now: Instant, ctx: &mut Context<Self>) {
        let Some(shutdown) = &self.shutdown else { return };
        if self.children.is_empty() {
            self.finish(ctx);
            return;
        }
        if self.strategy == Strategy::OneForOne || self.children.values().any(|child| child.is_ending()) {
            return;
        }
        let left = before(shutdown.deadline, now).saturating_duration_since(now);
        if let Some(&last) = self.children.keys().next_back() {
            self.end_child(last, Why::Shutdown, now + share(left, self.children.len()));
        }
    }

    fn finish(&mut self, ctx: &mut Context<Self>) {
        let Some(Shutdown { failure, mut report, waiting, .. }) = self.shutdown.take() else { return };
        report.orderly += 1;
        for path in report.cut.iter_mut().chain(&mut report.stuck) {
            *path = format!("{}/{path}", self.id);
        }
        for asker in waiting {
            // Who asked may have gone.
            let _ = asker.send(report.clone());
        }
        if let (Some(failure), Some(lifeline)) = (failure, &mut self.lifeline) {
            lifeline.fail(failure);
        }
        ctx.stop();
    }
}

/// Asks a life to stop, at once, and then waits for its end; cuts it at the deadline, which may be brought forward.
pub(super) fn part(
    life: LifeHandle,
    mut deadline: watch::Receiver<Instant>,
) -> impl Future<Output = (Ended, StopReport)> {
    let mut answer = life.ask_to_stop(*deadline.borrow());
    async move {
        let LifeHandle { signs, mut cut, branch, .. } = life;
        let report = loop {
            let at = *deadline.borrow_and_update();
            tokio::select! {
                biased;
                report = &mut answer => break Some(report),
                // It has ended, which is all that matters, but the report of a branch may still be on its way.
                () = cut.closed() => {
                    let wait = if branch.is_some() { CUT_GRACE } else { Duration::ZERO };
                    break Some(tokio::time::timeout(wait, answer).await.unwrap_or_default());
                }
                () = clock::until(at) => break None,
                Ok(()) = deadline.changed() => {}
            }
        };
        drop(cut);
        let over = tokio::select! {
            biased;
            () = signs.over.notified() => true,
            () = tokio::time::sleep(CUT_GRACE) => false,
        };
        match report {
            _ if !over => (Ended::Stuck, StopReport::default()),
            Some(report) => (Ended::Orderly, report),
            None => (Ended::Cut, StopReport::default()),
        }
    }
}

/// How much of `left` one of `n` children gets that are stopped one after the other: one half, the last one all. So the
/// first may be slow, and one that never answers still leaves time for the others.
pub(super) fn share(left: Duration, n: usize) -> Duration {
    if n > 1 { left / 2 } else { left }
}

/// Deadline for the children of one who must itself be done by `deadline`.
fn before(deadline: Instant, now: Instant) -> Instant {
    let left = deadline.saturating_duration_since(now);
    now + left.saturating_sub((left / 4).min(2 * CUT_GRACE))
}

/// How long a child that was cut may take to be gone; longer means that its thread is blocked.
const CUT_GRACE: Duration = Duration::from_millis(50);
/// Kind of a nested supervisor.
pub(crate) const SUPERVISOR: &str = "supervisor";
