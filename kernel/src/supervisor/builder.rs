//! Settings and first children of a supervisor.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use actix::{Actor, Context, Handler};

use super::{Strategy, Supervisor};
use crate::{ChildId, ChildSpec, Lifeline, Stop, spec::Offspring};

/// Settings of a [`Supervisor`] and the children each of its lives starts with; see [`Supervisor::builder`].
#[derive(Clone)]
pub struct SupervisorBuilder {
    pub(super) id: ChildId,
    pub(super) strategy: Strategy,
    pub(super) restarts_per_s: u32,
    pub(super) stop_deadline: Duration,
    pub(super) children: Vec<Arc<dyn Offspring>>,
    names: HashSet<ChildId>,
}

impl SupervisorBuilder {
    pub(super) fn new(id: ChildId) -> Self {
        Self {
            id,
            strategy: Strategy::OneForOne,
            restarts_per_s: RESTARTS_PER_S,
            stop_deadline: STOP_DEADLINE,
            children: Vec::new(),
            names: HashSet::new(),
        }
    }

    /// What the end of one child means for the others; default [`Strategy::OneForOne`].
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Restarts a second over all children, at least 1; default 1000. A failure of many must not become a storm.
    ///
    /// A tenth of it may come at once. First starts are not limited.
    #[must_use]
    pub fn restart_rate(mut self, per_s: u32) -> Self {
        self.restarts_per_s = per_s;
        self
    }

    /// Time children get for a stop that the supervisor itself decides on (rest-for-one, escalation, its own death);
    /// default 5 s.
    #[must_use]
    pub fn stop_deadline(mut self, span: Duration) -> Self {
        self.stop_deadline = span;
        self
    }

    /// Adds a child that is there from the start of each life of the supervisor, after those added before.
    ///
    /// # Panics
    ///
    /// If a child of this name was added before.
    #[must_use]
    pub fn child<A>(mut self, spec: ChildSpec<A>) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<Stop>,
    {
        let new = self.names.insert(spec.id().clone());
        assert!(new, "two children of {} are named {}", self.id, spec.id());
        self.children.push(Arc::new(spec));
        self
    }

    pub(crate) fn id(&self) -> &ChildId {
        &self.id
    }

    pub(crate) fn build(&self, ctx: &mut Context<Supervisor>, lifeline: Lifeline) -> Supervisor {
        Supervisor::new(self.clone(), ctx, lifeline)
    }
}

impl fmt::Debug for SupervisorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, strategy, .. } = self;
        f.debug_struct("SupervisorBuilder")
            .field("id", id)
            .field("strategy", strategy)
            .finish_non_exhaustive()
    }
}

const RESTARTS_PER_S: u32 = 1000;
const STOP_DEADLINE: Duration = Duration::from_secs(5);
