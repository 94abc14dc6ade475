//! What the judge says.

use std::fmt;
use std::time::Duration;

use crate::arrivals::Arrival;
use crate::judge::DeadLetter;
use crate::ledger::{Attempt, Outcome};
use crate::update::Update;

/// The result of a run; its text is one line of figures, and a line for each violation behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Updates that were answered with 200 or 202.
    pub accepted: u64,
    /// How many of them with 202.
    pub stored: u64,
    /// Accepted updates that arrived.
    pub delivered: u64,
    /// Accepted updates that lie with the dead letters.
    pub dead: u64,
    /// Accepted updates that are nowhere.
    pub lost: u64,
    /// Arrivals beyond the first of each.
    pub duplicates: u64,
    /// Repetitions that came behind something newer of the same thing.
    pub rewound: u64,
    /// How often such a repetition left an older value in the place of the newest one, until the next new one.
    pub stale: u64,
    /// Updates that were refused.
    pub refused: u64,
    /// Updates without an answer.
    pub unanswered: u64,
    /// From the end of the faults until all things were bound.
    pub bound_in: Option<Duration>,
    /// Every broken promise.
    pub violations: Vec<Violation>,
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Accepted, and nowhere.
    Lost(Update, Outcome),
    /// Arrived, and never sent so.
    Invented(Box<Arrival>),
    /// Arrived behind something that was sent after it had been accepted.
    Overtaken {
        /// What came too late.
        late: Update,
        /// What was before it.
        before: Update,
    },
    /// Sent again on the same connection, behind something newer that was confirmed already.
    Repeated {
        /// What came again.
        again: Update,
        /// What was confirmed before.
        confirmed: Update,
    },
    /// Answered with 200 before it arrived.
    ConfirmedTooEarly(Update),
    /// A dead letter without a reason, or one that nobody sent.
    UnexplainedDeath(DeadLetter),
    /// Sent when everything was good again, and not answered.
    NoAnswer(Update),
    /// Bytes behind an answer.
    SecondAnswer {
        /// How many.
        bytes: u64,
    },
    /// Nothing of this thing was accepted and arrived when everything was good again.
    Silent(String),
    /// Not every thing was bound in time.
    NotBound {
        /// The stated time.
        limit: Duration,
    },
}

impl Verdict {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Violation {
    pub(crate) fn overtaken(late: &Attempt, before: &Attempt) -> Self {
        Self::Overtaken { late: late.update.clone(), before: before.update.clone() }
    }

    pub(crate) fn repeated(again: &Attempt, confirmed: &Attempt) -> Self {
        Self::Repeated { again: again.update.clone(), confirmed: confirmed.update.clone() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accepted {}, delivered {}, ", self.accepted, self.delivered)?;
        if self.dead > 0 {
            write!(f, "dead letters {}, ", self.dead)?;
        }
        write!(f, "lost {}, duplicates {}, ", self.lost, self.duplicates)?;
        match self.bound_in {
            Some(within) => write!(f, "all bound in {:.1} s", within.as_secs_f64())?,
            None => f.write_str("not all bound")?,
        }
        for violation in self.violations.iter().take(SHOWN) {
            write!(f, "\n  {violation}")?;
        }
        match self.violations.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(update, outcome) => write!(f, "lost: {update} ({outcome:?})"),
            Self::Invented(arrival) => write!(f, "arrived, but was never sent so: {arrival:?}"),
            Self::Overtaken { late, before } => write!(f, "out of order: {before} arrived before {late}"),
            Self::Repeated { again, confirmed } => {
                write!(f, "repeated out of order: {again} came again when {confirmed} was confirmed already")
            }
            Self::ConfirmedTooEarly(update) => write!(f, "confirmed before it arrived: {update}"),
            Self::UnexplainedDeath(letter) => write!(f, "a dead letter that nothing explains: {letter:?}"),
            Self::NoAnswer(update) => write!(f, "not answered after the faults: {update}"),
            Self::SecondAnswer { bytes } => write!(f, "{bytes} bytes behind answers"),
            Self::Silent(thing) => write!(f, "no fresh traffic of {thing} after the faults"),
            Self::NotBound { limit } => write!(f, "not every thing was bound within {} s", limit.as_secs()),
        }
    }
}

/// Violations that are shown.
const SHOWN: usize = 20;
