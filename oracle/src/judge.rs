//! The judge: compares what was accepted with what arrived. Pure: neither clock nor files.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::arrivals::Arrival;
use crate::ledger::{Attempt, Outcome};
use crate::verdict::{Verdict, Violation};

#[cfg(test)]
mod tests;

/// A record that the gateway gave up, as its dead-letter list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The thing it belongs to.
    pub thing: String,
    /// The value.
    pub number: u64,
    /// Why, in the words of the list.
    pub reason: String,
}

/// Everything that is known when the faults are over and nothing moves any more.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What was sent, with its answers.
    pub attempts: &'a [Attempt],
    /// What arrived, in the order of the log.
    pub arrivals: &'a [Arrival],
    /// What was given up.
    pub dead: &'a [DeadLetter],
    /// Bytes that followed an answer.
    pub surplus: u64,
    /// Tick at which the network was good and every party ran again; what was sent later must be answered.
    pub healed: u64,
    /// From then on until every thing was bound; `None` if that never happened.
    pub bound_in: Option<Duration>,
    /// How long that may take.
    pub bind_limit: Duration,
}

impl Evidence<'_> {
    /// Holds everything against the promises.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let mut verdict = Verdict { bound_in: self.bound_in, ..Verdict::default() };
        if self.bound_in.is_none_or(|within| within > self.bind_limit) {
            verdict.violations.push(Violation::NotBound { limit: self.bind_limit });
        }
        if self.surplus > 0 {
            verdict.violations.push(Violation::SecondAnswer { bytes: self.surplus });
        }
        let first = self.deliveries(&mut verdict);
        self.fates(&first, &mut verdict);
        self.traffic_after_the_faults(&first, &mut verdict);
        verdict
    }

    /// Walks through the log: what was invented, came twice, or came in the wrong order. Answers when each attempt came first.
    fn deliveries(&self, verdict: &mut Verdict) -> Vec<Option<i64>> {
        let known: HashMap<(&str, u64), usize> = self.attempts.iter().enumerate().map(key).collect();
        let mut first = vec![None; self.attempts.len()];
        let mut lanes: HashMap<&str, Lane<'_>> = HashMap::new();
        let mut shown: HashMap<(&str, &str), Shown> = HashMap::new();
        let mut links: HashMap<(&str, &(String, u64)), Vec<&Attempt>> = HashMap::new();
        for arrival in self.arrivals {
            let found = arrival.number.and_then(|number| known.get(&(arrival.thing.as_str(), number)));
            let found = found.and_then(|index| Some((*index, self.attempts.get(*index)?)));
            let Some((index, attempt)) = found.filter(|(_, attempt)| is_the_same(arrival, attempt)) else {
                verdict.violations.push(Violation::Invented(Box::new(arrival.clone())));
                continue;
            };
            let Some(slot) = first.get_mut(index) else { continue };
            let is_first = slot.is_none();
            if is_first {
                *slot = Some(arrival.at_ms);
            } else {
                verdict.duplicates += 1;
            }
            if !attempt.update.kind.is_ordered() {
                continue;
            }
            let lane = lanes.entry(arrival.thing.as_str()).or_default();
            let property = shown.entry((arrival.thing.as_str(), arrival.name.as_str())).or_default();
            verdict.stale += u64::from(property.takes(attempt.update.number, !is_first));
            let link = links.entry((arrival.thing.as_str(), &arrival.connection)).or_default();
            if is_first {
                // These keep their order whatever happens to connections and processes.
                if let Some(before) = lane.take(attempt) {
                    verdict.violations.push(Violation::overtaken(attempt, before));
                }
            } else if lane.is_past(attempt) {
                // A repetition may lie behind what is newer: after the death of a process, or together with it. But on one
                // connection not behind something that was confirmed in the meantime: then it was confirmed itself.
                verdict.rewound += 1;
                let confirmed = link.iter().find(|other| {
                    follows(other, attempt) && other.answered.is_some_and(|(_, at_ms)| at_ms < arrival.at_ms)
                });
                if let Some(other) = confirmed {
                    verdict.violations.push(Violation::repeated(attempt, other));
                }
            }
            if attempt.outcome == Outcome::Confirmed {
                link.push(attempt);
            }
        }
        verdict.stale += shown.values().map(|property| u64::from(property.is_behind)).sum::<u64>();
        first
    }

    /// What became of each attempt.
    fn fates(&self, first: &[Option<i64>], verdict: &mut Verdict) {
        let attempted: HashSet<(&str, u64)> =
            self.attempts.iter().enumerate().map(|entry| key(entry).0).collect();
        let mut dead = HashSet::new();
        for letter in self.dead {
            let id = (letter.thing.as_str(), letter.number);
            if letter.reason.trim().is_empty() || !attempted.contains(&id) {
                verdict.violations.push(Violation::UnexplainedDeath(letter.clone()));
            }
            dead.insert(id);
        }
        for (attempt, arrived) in self.attempts.iter().zip(first) {
            match attempt.outcome {
                Outcome::Refused(_) => verdict.refused += 1,
                Outcome::Unanswered => verdict.unanswered += 1,
                Outcome::Confirmed | Outcome::Stored => verdict.accepted += 1,
            }
            verdict.stored += u64::from(attempt.outcome == Outcome::Stored);
            if !attempt.is_accepted() {
                continue;
            }
            match arrived {
                Some(at_ms) => {
                    verdict.delivered += 1;
                    let answered = attempt.answered.map(|(_, at_ms)| at_ms);
                    if attempt.outcome == Outcome::Confirmed && answered < Some(*at_ms) {
                        verdict.violations.push(Violation::ConfirmedTooEarly(attempt.update.clone()));
                    }
                }
                None if dead.contains(&(&*attempt.update.thing, attempt.update.number)) => verdict.dead += 1,
                None => {
                    verdict.lost += 1;
                    verdict.violations.push(Violation::Lost(attempt.update.clone(), attempt.outcome));
                }
            }
        }
    }

    /// When everything is good again each request is answered, and each thing delivers.
    fn traffic_after_the_faults(&self, first: &[Option<i64>], verdict: &mut Verdict) {
        let mut flows: HashMap<&str, bool> = HashMap::new();
        for (attempt, arrived) in self.attempts.iter().zip(first) {
            let is_late = attempt.sent > self.healed;
            if is_late && attempt.outcome == Outcome::Unanswered {
                verdict.violations.push(Violation::NoAnswer(attempt.update.clone()));
            }
            let flow = flows.entry(&attempt.update.thing).or_default();
            *flow |= is_late && attempt.is_accepted() && arrived.is_some();
        }
        let mut silent: Vec<_> =
            flows.into_iter().filter(|(_, flows)| !flows).map(|(thing, _)| thing).collect();
        silent.sort_unstable();
        verdict.violations.extend(silent.into_iter().map(|thing| Violation::Silent(thing.to_owned())));
    }
}

/// What has arrived of one thing: the latest to be sent, and the last row of each request.
#[derive(Default)]
struct Lane<'a> {
    latest: Option<&'a Attempt>,
    rows: HashMap<u64, &'a Attempt>,
}

impl<'a> Lane<'a> {
    /// Whether something has arrived that was sent when `attempt` had been answered already.
    fn is_past(&self, attempt: &Attempt) -> bool {
        self.latest.is_some_and(|latest| follows(latest, attempt))
    }

    /// Takes what arrives for the first time; answers what should not have arrived before it.
    fn take(&mut self, attempt: &'a Attempt) -> Option<&'a Attempt> {
        let later = self.latest.filter(|latest| follows(latest, attempt));
        let row = self.rows.insert(attempt.request, attempt);
        if self.latest.is_none_or(|latest| latest.sent < attempt.sent) {
            self.latest = Some(attempt);
        }
        later.or_else(|| row.filter(|row| row.update.number > attempt.update.number))
    }
}

/// What the platform shows of one property or event.
#[derive(Default)]
struct Shown {
    newest: u64,
    /// A repetition has put an older value in the place of the newest.
    is_behind: bool,
}

impl Shown {
    /// Takes a value; true if an older one was shown up to now, and the newest did not come again.
    fn takes(&mut self, number: u64, is_repetition: bool) -> bool {
        if number < self.newest {
            self.is_behind |= is_repetition;
            return false;
        }
        let was_behind = self.is_behind && number > self.newest;
        *self = Self { newest: number, is_behind: false };
        was_behind
    }
}

/// Whether `later` was sent when `earlier` had been accepted. Who got no answer, or a refusal, may rely on no order.
fn follows(later: &Attempt, earlier: &Attempt) -> bool {
    earlier.is_accepted() && earlier.answered.is_some_and(|(answered, _)| answered < later.sent)
}

fn key((index, attempt): (usize, &Attempt)) -> ((&str, u64), usize) {
    ((&*attempt.update.thing, attempt.update.number), index)
}

fn is_the_same(arrival: &Arrival, attempt: &Attempt) -> bool {
    let update = &attempt.update;
    arrival.kind == update.kind && arrival.name == update.name && arrival.time_ms == update.time_ms
}
