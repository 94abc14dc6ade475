//! The ledger: everything that agents sent, with what they were answered, in the order in which it happened.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgebind_kernel::clock;

use crate::update::{Kind, Update};

/// What became of a request, as its sender saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200: the platform has it.
    Confirmed,
    /// 202: it is on disk.
    Stored,
    /// Any other status.
    Refused(u16),
    /// No answer: the connection ended, nobody answered in time, or the sender was killed. It may arrive or not.
    Unanswered,
}

/// One update that was sent; ticks count what happened in the whole run, so they tell what came before what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What was sent.
    pub update: Update,
    /// The rows of one push have the same.
    pub request: u64,
    /// Tick before it was sent.
    pub sent: u64,
    /// Tick after its answer, and the time of day in milliseconds since 1970; `None` without an answer.
    pub answered: Option<(u64, i64)>,
    /// What became of it.
    pub outcome: Outcome,
}

/// An update to be numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What will carry it.
    pub kind: Kind,
    /// Property or event.
    pub name: String,
}

/// Shared by all agents of a run.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    tick: u64,
    requests: u64,
    attempts: Vec<Attempt>,
    /// Last number and last time of each thing.
    last: HashMap<Arc<str>, (u64, i64)>,
    /// Bytes that followed an answer.
    surplus: u64,
}

/// A request that is under way; dropped unanswered it counts as [`Outcome::Unanswered`].
#[derive(Debug)]
pub struct Ticket {
    ledger: Arc<Ledger>,
    first: usize,
    updates: Vec<Update>,
    outcome: Option<Outcome>,
}

impl Attempt {
    /// Whether its sender may rely on it.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.outcome, Outcome::Confirmed | Outcome::Stored)
    }
}

impl Ledger {
    /// Enters a request before its first byte is sent.
    #[must_use]
    pub fn begin(self: &Arc<Self>, thing: &Arc<str>, drafts: Vec<Draft>) -> Ticket {
        let now_ms = clock::unix_millis();
        let mut book = self.book();
        book.tick += 1;
        book.requests += 1;
        let (sent, request, first) = (book.tick, book.requests, book.attempts.len());
        let (mut number, mut time) = book.last.get(thing).copied().unwrap_or_default();
        let mut updates = Vec::with_capacity(drafts.len());
        for Draft { kind, name } in drafts {
            number += 1;
            time = now_ms.max(time + 1);
            let time_ms = (kind == Kind::Push).then_some(time);
            let update = Update { thing: Arc::clone(thing), kind, name, number, time_ms };
            updates.push(update.clone());
            book.attempts.push(Attempt {
                update,
                request,
                sent,
                answered: None,
                outcome: Outcome::Unanswered,
            });
        }
        book.last.insert(Arc::clone(thing), (number, time));
        Ticket { ledger: Arc::clone(self), first, updates, outcome: None }
    }

    /// The present tick, to tell what was sent before and after something else.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.book().tick
    }

    /// Everything that was sent so far.
    #[must_use]
    pub fn attempts(&self) -> Vec<Attempt> {
        self.book().attempts.clone()
    }

    /// How many updates were accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.book().attempts.iter().filter(|attempt| attempt.is_accepted()).count()
    }

    /// Bytes that followed an answer on its connection: a second answer, which nobody asked for.
    #[must_use]
    pub fn surplus(&self) -> u64 {
        self.book().surplus
    }

    pub(crate) fn note_surplus(&self, bytes: usize) {
        self.book().surplus += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // An agent that panicked leaves whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The numbered updates, to be sent in this order.
    #[must_use]
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// Enters the answer.
    pub fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let Some(outcome) = mem::take(&mut self.outcome) else { return };
        let now_ms = clock::unix_millis();
        let mut book = self.ledger.book();
        book.tick += 1;
        let tick = book.tick;
        for attempt in book.attempts.iter_mut().skip(self.first).take(self.updates.len()) {
            attempt.outcome = outcome;
            if outcome != Outcome::Unanswered {
                attempt.answered = Some((tick, now_ms));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(name: &str) -> Draft {
        Draft { kind: Kind::Push, name: name.to_owned() }
    }

    #[test]
    fn numbers_and_times_of_a_thing_grow_and_are_unique() {
        let ledger = Arc::new(Ledger::default());
        let (a, b): (Arc<str>, Arc<str>) = ("A".into(), "B".into());
        let first = ledger.begin(&a, vec![push("x"), push("y")]);
        let other = ledger.begin(&b, vec![push("x")]);
        let second = ledger.begin(&a, vec![push("x")]);
        let numbers =
            |ticket: &Ticket| ticket.updates().iter().map(|update| update.number).collect::<Vec<_>>();
        assert_eq!((numbers(&first), numbers(&other), numbers(&second)), (vec![1, 2], vec![1], vec![3]));
        let times: Vec<_> =
            first.updates().iter().chain(second.updates()).map(|update| update.time_ms).collect();
        assert!(times.is_sorted() && times.iter().all(Option::is_some));
        assert!(times.windows(2).all(|pair| pair[0] != pair[1]), "{times:?}");
    }

    #[test]
    fn an_answer_is_entered_behind_what_was_sent_meanwhile() {
        let ledger = Arc::new(Ledger::default());
        let thing: Arc<str> = "A".into();
        let first = ledger.begin(&thing, vec![push("x")]);
        let second = ledger.begin(&thing, vec![push("x")]);
        first.finish(Outcome::Stored);
        drop(second);
        let attempts = ledger.attempts();
        assert_eq!(attempts[0].outcome, Outcome::Stored);
        assert!(attempts[0].answered.is_some_and(|(tick, _)| tick > attempts[1].sent), "{attempts:?}");
        assert_eq!((attempts[1].outcome, attempts[1].answered), (Outcome::Unanswered, None));
        assert_eq!(ledger.accepted(), 1);
    }
}
