//! When a child is started again: the settings. What follows from them is decided in [`state`].

use std::time::Duration;

mod state;

pub use self::state::{Decision, Lifetime, RestartState};

/// Which ends of a child lead to a new start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Every end, the normal one too.
    Permanent,
    /// Failures and panics; a normal end means that the work is done, and the child is forgotten.
    Transient,
    /// None; the child is forgotten however it ended.
    Temporary,
}

/// How many restarts are paid for: `max` in any `window`. Refusals by the world are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Restarts in one window; 0 means that the first failure spends it.
    pub max: u32,
    /// Length of the sliding window.
    pub window: Duration,
}

/// Delay before a restart: `base`, doubled with each failure in a row up to `cap`. The real delay lies between one half
/// of it and the whole, at random, so that a crowd that fell together does not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Delay after the first failure.
    pub base: Duration,
    /// Never more than this.
    pub cap: Duration,
}

/// What happens when the budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSpent {
    /// The supervisor stops its other children and fails itself: its parent decides.
    Escalate,
    /// The child is tried again every `retry` (up to a tenth more, at random), for ever, and is shown as quarantined.
    Quarantine {
        /// Time between two tries.
        retry: Duration,
    },
}

/// Where the healthy time of a life begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// At its start.
    FromStart,
    /// When the child calls [`Lifeline::healthy`](crate::Lifeline::healthy): for children that spend long in trying.
    Declared,
}

/// Settings of restarts for one kind of child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Which ends lead to a new start.
    pub restart: Restart,
    /// Restarts paid for; default 5 in 60 s.
    pub budget: Budget,
    /// Delay before a restart; default 100 ms doubled up to 30 s.
    pub backoff: Backoff,
    /// A life that was healthy for so long clears all that failed before it; default 60 s.
    pub healthy_after: Duration,
    /// Where healthy time begins; default at the start.
    pub health: Health,
    /// What happens when the budget is spent; default [`OnSpent::Escalate`].
    pub on_spent: OnSpent,
}

impl RestartPolicy {
    /// Starts the child again after every end.
    #[must_use]
    pub const fn permanent() -> Self {
        Self {
            restart: Restart::Permanent,
            budget: Budget { max: 5, window: Duration::from_secs(60) },
            backoff: Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(30) },
            healthy_after: Duration::from_secs(60),
            health: Health::FromStart,
            on_spent: OnSpent::Escalate,
        }
    }

    /// Starts the child again after a failure or panic.
    #[must_use]
    pub const fn transient() -> Self {
        Self { restart: Restart::Transient, ..Self::permanent() }
    }

    /// Never starts the child again.
    #[must_use]
    pub const fn temporary() -> Self {
        Self { restart: Restart::Temporary, ..Self::permanent() }
    }

    /// Pays for `max` restarts in any `window`.
    #[must_use]
    pub const fn budget(mut self, max: u32, window: Duration) -> Self {
        self.budget = Budget { max, window };
        self
    }

    /// Waits `base` before the first restart, doubled each time up to `cap`.
    #[must_use]
    pub const fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.backoff = Backoff { base, cap };
        self
    }

    /// Forgives all failures after a life that was healthy for `span`.
    #[must_use]
    pub const fn healthy_after(mut self, span: Duration) -> Self {
        self.healthy_after = span;
        self
    }

    /// Counts healthy time from the child's own word instead of from its start.
    #[must_use]
    pub const fn declared_health(mut self) -> Self {
        self.health = Health::Declared;
        self
    }

    /// Quarantines a child whose budget is spent and tries again every `retry`.
    #[must_use]
    pub const fn quarantine(mut self, retry: Duration) -> Self {
        self.on_spent = OnSpent::Quarantine { retry };
        self
    }
}
