//! A supervisor's record of one child.

use std::{sync::Arc, time::Instant};

use tokio::sync::{oneshot, watch};

use super::Ended;
use crate::{Exit, RestartState, clock, lifeline::Signs, spec::LifeHandle, spec::Offspring};

/// One child, in whatever state.
pub(super) struct Child {
    pub(super) spec: Arc<dyn Offspring>,
    pub(super) state: State,
    /// When the state was entered.
    pub(super) since_unix_ms: i64,
    pub(super) past: RestartState,
    /// How often it was started.
    pub(super) lives: u32,
    /// Boxed, because it is rare and there may be ten thousand of us.
    pub(super) last_exit: Option<Box<Exit>>,
}

/// Where a child stands.
pub(super) enum State {
    Up {
        life: LifeHandle,
        started: Instant,
    },
    /// Asked to stop; a task of its own sees to its end and reports it.
    Ending {
        signs: Arc<Signs>,
        why: Why,
        deadline: watch::Sender<Instant>,
        /// Who asked for its dismissal.
        waiting: Vec<oneshot::Sender<Ended>>,
    },
    /// Dead; will be started again.
    Down {
        until: Instant,
        quarantined: bool,
    },
    /// Stopped because one that it depends on is down; started again after that one.
    Held,
}

/// What becomes of a child that was asked to stop.
///
/// In order of weight: a child that is to be held may be dismissed, not the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// Held until the one it depends on is back.
    Recovery,
    /// Gone for good.
    Dismissed,
    /// Gone with the supervisor.
    Shutdown,
}

impl Child {
    pub(super) fn new(spec: Arc<dyn Offspring>) -> Self {
        let (since_unix_ms, past) = (clock::unix_millis(), RestartState::default());
        Self { spec, state: State::Held, since_unix_ms, past, lives: 0, last_exit: None }
    }

    /// Enters `state`; returns the one before.
    pub(super) fn enter(&mut self, state: State) -> State {
        self.since_unix_ms = clock::unix_millis();
        std::mem::replace(&mut self.state, state)
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.state, State::Ending { .. })
    }

    /// What the present life shows, if there is one.
    pub(super) fn signs(&self) -> Option<&Arc<Signs>> {
        match &self.state {
            State::Up { life, .. } => Some(&life.signs),
            State::Ending { signs, .. } => Some(signs),
            State::Down { .. } | State::Held => None,
        }
    }
}
