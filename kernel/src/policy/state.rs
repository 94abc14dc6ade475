//! What a supervisor does after a child's end: pure, from the policy, the child's past, the time and a random number.

use std::time::{Duration, Instant};

use super::{Backoff, Health, OnSpent, Restart, RestartPolicy};
use crate::Exit;

/// What follows from one end of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after the delay.
    RestartAfter(Duration),
    /// The budget is spent: show it as quarantined, try again after the delay.
    Quarantine {
        /// Delay before the next try.
        retry_after: Duration,
    },
    /// The budget is spent: the supervisor fails.
    Escalate,
    /// It is not started again.
    Forget,
}

/// The life that has just ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When it was started.
    pub started: Instant,
    /// When the child called itself healthy, if it did.
    pub healthy: Option<Instant>,
}

/// Past of one child, as far as restarts depend on it.
#[derive(Clone, Debug, Default)]
pub struct RestartState {
    /// Failures in a row, refusals included: the exponent of the backoff.
    failures: u32,
    /// Restarts paid for within the window.
    paid: Vec<Instant>,
    quarantined: bool,
}

impl RestartState {
    /// Decides about the child that ended with `exit` at `now` after `life`; `random` lies in 0..1.
    pub fn decide(
        &mut self,
        policy: &RestartPolicy,
        exit: &Exit,
        life: Lifetime,
        now: Instant,
        random: f64,
    ) -> Decision {
        let forgotten = match policy.restart {
            Restart::Permanent => false,
            Restart::Transient => !exit.is_failure(),
            Restart::Temporary => true,
        };
        if forgotten {
            return Decision::Forget;
        }
        if was_healthy(policy, life, now) {
            *self = Self::default();
        }
        if exit.spends_budget() && !self.pay(policy, now) {
            return match policy.on_spent {
                OnSpent::Escalate => Decision::Escalate,
                OnSpent::Quarantine { retry } => {
                    self.quarantined = true;
                    Decision::Quarantine { retry_after: later(retry, random) }
                }
            };
        }
        let delay = match exit {
            Exit::Failed(failure) => failure.retry_after,
            Exit::Normal | Exit::Panicked { .. } => None,
        };
        let backoff = policy.backoff.delay(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        Decision::RestartAfter(delay.map_or(backoff, |asked| later(asked, random)))
    }

    /// Whether the budget was spent and no life since has been healthy for long enough.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// Pays for one restart; false once the budget is spent, and in quarantine, where nothing is left to spend.
    fn pay(&mut self, policy: &RestartPolicy, now: Instant) -> bool {
        let max = usize::try_from(policy.budget.max).unwrap_or(usize::MAX);
        self.paid.retain(|&at| now.saturating_duration_since(at) < policy.budget.window);
        let paid = !self.quarantined && self.paid.len() < max;
        self.paid.extend(paid.then_some(now));
        paid
    }
}

impl Backoff {
    /// Delay after `failures` failures before this one; `random` lies in 0..1.
    fn delay(&self, failures: u32, random: f64) -> Duration {
        let doubled = 1_u32.checked_shl(failures).and_then(|factor| self.base.checked_mul(factor));
        let whole = doubled.map_or(self.cap, |delay| delay.min(self.cap));
        whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }
}

fn was_healthy(policy: &RestartPolicy, life: Lifetime, now: Instant) -> bool {
    let since = match policy.health {
        Health::FromStart => Some(life.started),
        Health::Declared => life.healthy,
    };
    since.is_some_and(|since| now.saturating_duration_since(since) >= policy.healthy_after)
}

/// `delay`, or up to a tenth more: who asked for a time gets at least that, and crowds spread.
fn later(delay: Duration, random: f64) -> Duration {
    delay.saturating_add(delay.div_f64(10.0).mul_f64(random.clamp(0.0, 1.0)))
}
