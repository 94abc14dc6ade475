//! One update: a value that exists once in the whole run.

use std::fmt;
use std::sync::Arc;

/// Which kind of request carries it (guarantees, table of deliveries).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Row of UpdateSubscribedPropertyValues.
    Push,
    /// PUT of a property.
    Write,
    /// POST of an event.
    Event,
    /// POST of another service; it keeps no order with the others.
    Call,
}

/// One numbered value of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The thing it belongs to.
    pub thing: Arc<str>,
    /// What carries it.
    pub kind: Kind,
    /// Property or event.
    pub name: String,
    /// The value itself: grows with every update of the thing, whatever its kind.
    pub number: u64,
    /// Time that a pushed value carries, milliseconds since 1970; unique for the thing. `None` for other kinds.
    pub time_ms: Option<i64>,
}

impl Kind {
    /// The word for it, as it stands in the arrival log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Write => "write",
            Self::Event => "event",
            Self::Call => "call",
        }
    }

    /// Whether it takes part in the order of its entity.
    #[must_use]
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Call)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Push, Self::Write, Self::Event, Self::Call].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}, number {}", self.kind.name(), self.name, self.thing, self.number)
    }
}
