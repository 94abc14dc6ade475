//! Decides which of the things that another connection holds asks on behalf of all, so that they are bound as soon as the
//! old session is released and not at the end of thousands of backoffs.
//!
//! After a loss that the platform has not noticed, it holds everything for our own former session, and lets everything go
//! at one moment. So one name asks each second, in turn, because some may be held by somebody else; once one is bound,
//! all others ask at once.

use std::{
    collections::BTreeSet,
    ops::Bound,
    time::{Duration, Instant},
};

use crate::ThingName;

/// Names that the platform holds for another connection.
#[derive(Debug, Default)]
pub(super) struct Held {
    names: BTreeSet<ThingName>,
    /// Who asked last.
    asked: Option<ThingName>,
    due: Option<Instant>,
}

impl Held {
    /// Pause between two names that ask.
    pub(super) const EVERY: Duration = Duration::from_secs(1);

    /// A name was refused because another connection has it.
    pub(super) fn refused(&mut self, name: &ThingName, now: Instant) {
        self.names.insert(name.clone());
        self.due.get_or_insert(now + Self::EVERY);
    }

    /// A name was bound; answers those that should ask now, because the old session may be gone.
    pub(super) fn bound(&mut self, name: &ThingName) -> BTreeSet<ThingName> {
        if !self.names.remove(name) {
            return BTreeSet::new();
        }
        self.due = None;
        std::mem::take(&mut self.names)
    }

    /// A name is not wanted any more, or refused for another reason.
    pub(super) fn forget(&mut self, name: &ThingName) {
        self.names.remove(name);
        if self.names.is_empty() {
            self.due = None;
        }
    }

    /// There is another connection, or none: all is open again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The name that asks now, if it is time.
    pub(super) fn poll(&mut self, now: Instant) -> Option<ThingName> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        let behind = |asked: &ThingName| {
            let rest = (Bound::Excluded(asked.clone()), Bound::Unbounded);
            self.names.range::<ThingName, _>(rest).next().cloned()
        };
        let next = self.asked.as_ref().and_then(behind).or_else(|| self.names.first().cloned());
        self.due = next.is_some().then_some(now + Self::EVERY);
        self.asked.clone_from(&next);
        next
    }

    /// When [`Held::poll`] should be asked.
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::instant;

    fn name(text: &str) -> ThingName {
        ThingName::parse(text).expect("a name")
    }

    #[test]
    fn one_name_a_second_asks_in_turn() {
        let start = instant();
        let mut held = Held::default();
        assert_eq!((held.poll(start), held.next_wake()), (None, None));
        for text in ["b", "a", "c"] {
            held.refused(&name(text), start);
        }
        assert_eq!(held.poll(start), None);
        let mut asked = Vec::new();
        for second in 1..=4 {
            let now = start + Held::EVERY * second;
            asked.push(held.poll(now).expect("a name").to_string());
            assert_eq!(held.poll(now), None, "one is enough");
        }
        assert_eq!(asked, ["a", "b", "c", "a"]);
    }

    #[test]
    fn once_one_is_bound_all_others_ask_and_only_once() {
        let start = instant();
        let mut held = Held::default();
        for text in ["a", "b", "c"] {
            held.refused(&name(text), start);
        }
        assert!(held.bound(&name("other")).is_empty(), "it was not held");
        let asking = held.bound(&name("b"));
        assert_eq!(asking.iter().map(ThingName::as_str).collect::<Vec<_>>(), ["a", "c"]);
        assert!(held.bound(&name("a")).is_empty());
        assert_eq!(held.next_wake(), None);
        // One that somebody else has goes on alone.
        held.refused(&name("c"), start);
        assert_eq!(held.next_wake(), Some(start + Held::EVERY));
    }

    #[test]
    fn nobody_asks_for_a_name_that_is_not_wanted() {
        let start = instant();
        let mut held = Held::default();
        held.refused(&name("a"), start);
        held.forget(&name("a"));
        assert_eq!((held.next_wake(), held.poll(start + Held::EVERY)), (None, None));
        held.refused(&name("a"), start);
        held.reset();
        assert_eq!(held.next_wake(), None);
    }
}
