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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Failure, clock};

    const SECOND: Duration = Duration::from_secs(1);

    fn defect() -> Exit {
        Exit::Failed(Failure::defect("out of range"))
    }

    fn refused() -> Exit {
        Exit::Failed(Failure::refused("name is held"))
    }

    /// A life of `span` that ends at `now`.
    fn life(now: Instant, span: Duration) -> Lifetime {
        Lifetime { started: now.checked_sub(span).unwrap(), healthy: None }
    }

    /// Decides after a short life.
    fn decide(state: &mut RestartState, policy: &RestartPolicy, exit: &Exit, now: Instant) -> Decision {
        state.decide(policy, exit, life(now, Duration::ZERO), now, 1.0)
    }

    #[test]
    fn each_kind_of_restart_has_its_own_ends() {
        let now = clock::now();
        let decided = |policy: RestartPolicy, exit: &Exit| {
            decide(&mut RestartState::default(), &policy, exit, now) != Decision::Forget
        };
        assert!(decided(RestartPolicy::permanent(), &Exit::Normal));
        assert!(decided(RestartPolicy::permanent(), &defect()));
        assert!(!decided(RestartPolicy::transient(), &Exit::Normal));
        assert!(decided(RestartPolicy::transient(), &refused()));
        assert!(!decided(RestartPolicy::temporary(), &defect()));
    }

    #[test]
    fn a_spent_budget_escalates_and_refills_after_the_window() {
        let policy = RestartPolicy::permanent().budget(2, 10 * SECOND).healthy_after(1000 * SECOND);
        let (mut state, start) = (RestartState::default(), clock::now());
        let mut at = |seconds: u32| decide(&mut state, &policy, &defect(), start + seconds * SECOND);
        assert!(matches!(at(0), Decision::RestartAfter(_)));
        assert!(matches!(at(1), Decision::RestartAfter(_)));
        assert_eq!(at(9), Decision::Escalate);
        assert!(matches!(at(10), Decision::RestartAfter(_)));
    }

    #[test]
    fn refusals_spend_no_budget_and_back_off_all_the_same() {
        let policy = RestartPolicy::permanent().budget(0, SECOND).backoff(SECOND, 5 * SECOND);
        let (mut state, now) = (RestartState::default(), clock::now());
        let delays: Vec<_> = (0..5).map(|_| decide(&mut state, &policy, &refused(), now)).collect();
        let seconds = [1, 2, 4, 5, 5].map(|n| Decision::RestartAfter(n * SECOND));
        assert_eq!(delays, seconds);
    }

    #[test]
    fn who_refuses_may_say_when_to_come_back() {
        let asked = Exit::Failed(Failure::refused("busy").retry_after(100 * SECOND));
        let policy = RestartPolicy::permanent();
        let (mut state, now) = (RestartState::default(), clock::now());
        let decision = state.decide(&policy, &asked, life(now, SECOND), now, 0.5);
        assert_eq!(decision, Decision::RestartAfter(105 * SECOND));
    }

    #[test]
    fn quarantine_lasts_until_a_healthy_life() {
        let policy =
            RestartPolicy::permanent().budget(1, SECOND).quarantine(300 * SECOND).healthy_after(60 * SECOND);
        let (mut state, mut now) = (RestartState::default(), clock::now() + 1000 * SECOND);
        assert!(matches!(decide(&mut state, &policy, &defect(), now), Decision::RestartAfter(_)));
        for _ in 0..100 {
            let decision = decide(&mut state, &policy, &defect(), now);
            assert_eq!(decision, Decision::Quarantine { retry_after: 330 * SECOND });
            assert!(state.is_quarantined());
            now += 330 * SECOND;
        }
        let after_a_minute = state.decide(&policy, &defect(), life(now, 60 * SECOND), now, 1.0);
        assert!(matches!(after_a_minute, Decision::RestartAfter(_)));
        assert!(!state.is_quarantined());
    }

    #[test]
    fn declared_health_counts_from_the_childs_word() {
        let policy = RestartPolicy::permanent().backoff(SECOND, 60 * SECOND).declared_health();
        let (mut state, now) = (RestartState::default(), clock::now() + 1000 * SECOND);
        let silent = life(now, 900 * SECOND);
        let mut delay = |lifetime| state.decide(&policy, &refused(), lifetime, now, 1.0);
        assert_eq!(delay(silent), Decision::RestartAfter(SECOND));
        assert_eq!(delay(silent), Decision::RestartAfter(2 * SECOND));
        let healthy = Lifetime { healthy: now.checked_sub(60 * SECOND), ..silent };
        assert_eq!(delay(healthy), Decision::RestartAfter(SECOND));
    }

    fn policies() -> impl Strategy<Value = RestartPolicy> {
        (0_u32..6, 1_u64..100, 1_u64..5_000, 1_u64..100_000, prop::option::of(1_u64..600)).prop_map(
            |(max, window_s, base_ms, cap_ms, quarantine_s)| {
                let policy = RestartPolicy::permanent()
                    .budget(max, Duration::from_secs(window_s))
                    .backoff(Duration::from_millis(base_ms), Duration::from_millis(cap_ms.max(base_ms)));
                quarantine_s.map_or(policy, |retry| policy.quarantine(Duration::from_secs(retry)))
            },
        )
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_half_the_base_and_the_cap(
            policy in policies(),
            ends in prop::collection::vec((0_u64..200_000, 0.0_f64..1.0), 1..100),
        ) {
            let (mut state, mut now) = (RestartState::default(), clock::now() + 1000 * SECOND);
            for (wait_ms, random) in ends {
                now += Duration::from_millis(wait_ms);
                let lifetime = life(now, Duration::from_millis(wait_ms));
                match state.decide(&policy, &refused(), lifetime, now, random) {
                    Decision::RestartAfter(delay) => {
                        prop_assert!(delay >= policy.backoff.base.mul_f64(0.49));
                        prop_assert!(delay <= policy.backoff.cap);
                    }
                    other => prop_assert!(false, "{other:?} after a refusal"),
                }
            }
        }

        #[test]
        fn delays_never_shrink_while_failures_go_on(policy in policies(), random in 0.0_f64..1.0) {
            let (mut state, now) = (RestartState::default(), clock::now());
            let mut before = Duration::ZERO;
            for _ in 0..70 {
                let Decision::RestartAfter(delay) =
                    state.decide(&policy, &refused(), life(now, Duration::ZERO), now, random)
                else {
                    return Err(TestCaseError::fail("a refusal must be retried"));
                };
                prop_assert!(delay >= before, "{delay:?} after {before:?}");
                before = delay;
            }
            prop_assert_eq!(before, policy.backoff.cap.mul_f64(0.5 + 0.5 * random));
        }

        #[test]
        fn no_window_sees_more_restarts_than_the_budget_pays_for(
            policy in policies(),
            waits_ms in prop::collection::vec(0_u64..20_000, 1..200),
        ) {
            // Only failures, none after a healthy life.
            let policy = policy.healthy_after(Duration::MAX);
            let (mut state, mut now) = (RestartState::default(), clock::now());
            let mut restarts = Vec::new();
            for wait_ms in waits_ms {
                now += Duration::from_millis(wait_ms);
                match decide(&mut state, &policy, &defect(), now) {
                    Decision::RestartAfter(_) => restarts.push(now),
                    Decision::Quarantine { retry_after } => {
                        let OnSpent::Quarantine { retry } = policy.on_spent else {
                            return Err(TestCaseError::fail("quarantine against the policy"));
                        };
                        prop_assert!(retry_after >= retry && retry_after <= retry.mul_f64(1.11));
                    }
                    Decision::Escalate => prop_assert_eq!(policy.on_spent, OnSpent::Escalate),
                    Decision::Forget => prop_assert!(false, "a permanent child is never forgotten"),
                }
            }
            for (n, &first) in restarts.iter().enumerate() {
                let within = restarts[n..].iter().take_while(|&&at| at - first < policy.budget.window).count();
                prop_assert!(within <= usize::try_from(policy.budget.max).unwrap());
            }
        }
    }
}
