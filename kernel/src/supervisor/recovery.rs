//! Rest-for-one: when a child falls, those started after it are stopped, and all are started again in order.

use std::time::Instant;

use super::{
    Place, Supervisor,
    child::{State, Why},
    shutdown::share,
};

/// A group on its way back.
pub(super) struct Recovery {
    /// The first child of the group, the one that fell.
    from: Place,
    /// When the group is started again.
    pub(super) due: Instant,
}

impl Supervisor {
    /// Begins the recovery of `place` and all after it, or widens the one under way.
    pub(super) fn recover(&mut self, place: Place, due: Instant) {
        let recovery = self.recovery.get_or_insert(Recovery { from: place, due });
        recovery.from = recovery.from.min(place);
        recovery.due = recovery.due.max(due);
    }

    /// Stops the followers one after the other, last first; when all are down and the time has come, starts the group.
    /// Returns when there is something to do without an event.
    pub(super) fn proceed_with_recovery(&mut self, now: Instant) -> Option<Instant> {
        let Recovery { from, due } = *self.recovery.as_ref()?;
        let stopping = |why: &Why| *why == Why::Recovery;
        let group = || self.children.range(from..);
        if group().any(|(_, child)| matches!(&child.state, State::Ending { why, .. } if stopping(why))) {
            return None;
        }
        let up = group().filter(|(_, child)| child.is_up()).count();
        if let Some((&last, _)) = group().rfind(|(_, child)| child.is_up()) {
            self.end_child(last, Why::Recovery, now + share(self.stop_deadline, up));
            return None;
        }
        if due > now {
            return Some(due);
        }
        if let Err(at) = self.agenda.rate.admit(now) {
            return Some(at);
        }
        self.recovery = None;
        let down = |state: &State| matches!(state, State::Down { .. } | State::Held);
        let places: Vec<Place> = self
            .children
            .range(from..)
            .filter(|(_, child)| down(&child.state))
            .map(|(&place, _)| place)
            .collect();
        for place in places {
            self.start_child(place);
        }
        None
    }
}
