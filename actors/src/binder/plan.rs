//! Decides which names go into which BIND: desired against actual, without clock and socket (design: binding).
//!
//! Retries are not decided here: a refused name is forgotten, and its thing asks again when its supervisor lets it.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::{Duration, Instant},
};

use edgebind_alwayson::{Bind, Code, Gateway};

use super::refusal::is_held;
use crate::ThingName;

/// Reconciles the names that things want bound with what the platform has confirmed on this connection.
pub struct BindPlan {
    limits: Limits,
    online: bool,
    names: HashMap<ThingName, Entry>,
    bound: usize,
    /// Refused once: such a name never again shares a BIND, so that it cannot drag others down.
    suspects: HashSet<ThingName>,
    queue: VecDeque<ThingName>,
    parts: VecDeque<Part>,
    unbinds: VecDeque<ThingName>,
    in_flight: HashMap<BatchId, Batch>,
    next_batch: u64,
    joining: Option<Joining>,
    pace: Pace,
    marker: Marker,
    /// Whether a whole batch was tried without the marker.
    marker_doubted: bool,
    old_session: OldSession,
    outcomes: VecDeque<Outcome>,
}

/// Bounds of one plan.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a batch waits for a further name; 5 ms. However many come, it is sent after 20 times this.
    pub join: Duration,
    /// Largest BIND in bytes of names.
    pub batch_bytes: usize,
    /// BINDs and UNBINDs that wait for their answer at a time; 4.
    pub window: usize,
    /// BINDs and UNBINDs a second; 50.
    pub rate_per_s: u32,
}

/// A BIND or UNBIND to send; its answer comes back by [`BindPlan::answered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Names the batch.
    pub id: BatchId,
    /// Message to send.
    pub bind: Bind,
}

/// Number of a batch within one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BatchId(u64);

/// What became of a [`Dispatch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The platform confirmed all names.
    Accepted,
    /// The platform refused the message as a whole.
    Refused {
        /// Status of the answer.
        code: Code,
        /// Reason of the answer, may be empty.
        reason: String,
    },
    /// No answer in time; the names are unbound as far as we know.
    Unanswered,
}

/// News for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which thing.
    pub name: ThingName,
    /// What happened.
    pub event: BindEvent,
}

/// What happened to the binding of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindEvent {
    /// The platform confirmed the BIND.
    Bound,
    /// The platform refused the name, by itself and not for the sake of another.
    Refused {
        /// Status of the answer.
        code: Code,
        /// Reason of the answer, may be empty.
        reason: String,
    },
    /// The platform confirmed the BIND, but does not see the thing as connected.
    Unconfirmed,
    /// The connection is gone, and with it the binding.
    Suspended,
    /// The platform confirmed the UNBIND.
    Unbound,
}

/// When the names of the open batch came.
#[derive(Clone, Copy)]
struct Joining {
    first: Instant,
    latest: Instant,
}

impl Joining {
    /// A start announces thousands of things one by one, which takes longer than one wait on a small machine: each name
    /// prolongs the wait, up to a bound.
    fn over_at(self, join: Duration) -> Instant {
        (self.latest + join).min(self.first + join * JOIN_AT_MOST)
    }
}

struct Entry {
    desired: bool,
    actual: Actual,
    queued: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Actual {
    Unbound,
    Binding,
    Bound,
    Unbinding,
}

struct Batch {
    unbind: bool,
    names: Vec<ThingName>,
    marked: bool,
    trial: bool,
}

/// Names that go into a BIND of their own.
struct Part {
    names: Vec<ThingName>,
    /// Sent without the gateway marker to learn whether that is what was refused.
    trial: bool,
}

/// Tells names that others hold from an old session of our own, which the platform has not noticed the end of: that holds
/// everything, and to find that out name by name would take longer than it lasts.
#[derive(Debug)]
struct OldSession {
    /// BINDs refused as held since the last one that was accepted.
    refused: u32,
    /// As many of them are split; more of them are an old session.
    most: u32,
    /// Whether batches were given up for it since then.
    gave_up: bool,
}

/// What is known of the gateway marker on this connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Untried,
    Good,
    /// Refused while the same name passed without it: held elsewhere (scenario C).
    Bad,
}

/// Bound of the joining of one batch, in waits.
const JOIN_AT_MOST: u32 = 20;

impl BindPlan {
    /// An empty plan without a connection.
    #[must_use]
    pub fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            online: false,
            names: HashMap::new(),
            bound: 0,
            suspects: HashSet::new(),
            queue: VecDeque::new(),
            parts: VecDeque::new(),
            unbinds: VecDeque::new(),
            in_flight: HashMap::new(),
            next_batch: 0,
            joining: None,
            pace: Pace::new(limits.rate_per_s, now),
            marker: Marker::Untried,
            marker_doubted: false,
            old_session: OldSession::default(),
            outcomes: VecDeque::new(),
        }
    }

    /// A thing wants to be bound; nothing happens if it is.
    pub fn desire(&mut self, name: ThingName, now: Instant) {
        let entry = self.names.entry(name.clone()).or_insert(Entry::NEW);
        entry.desired = true;
        if entry.actual == Actual::Bound {
            self.outcomes.push_back(Outcome { name, event: BindEvent::Bound });
        } else {
            self.reconcile(&name, now);
        }
    }

    /// A thing is gone for good.
    pub fn release(&mut self, name: &ThingName, now: Instant) {
        self.suspects.remove(name);
        if let Some(entry) = self.names.get_mut(name) {
            entry.desired = false;
            self.reconcile(name, now);
        }
    }

    /// The platform confirmed the BIND of a name, but does not see the thing as connected.
    pub fn unconfirmed(&mut self, name: &ThingName) {
        if self.is_bound(name) {
            self.bound -= 1;
            self.names.remove(name);
            self.outcomes.push_back(Outcome { name: name.clone(), event: BindEvent::Unconfirmed });
        }
    }

    /// The connection is authenticated: everything desired is bound at once.
    pub fn link_up(&mut self, now: Instant) {
        self.online = true;
        self.marker = Marker::Untried;
        self.marker_doubted = false;
        self.old_session = OldSession::default();
        self.pace = Pace::new(self.limits.rate_per_s, now);
        let names: Vec<ThingName> = self.names.keys().cloned().collect();
        for name in names {
            self.reconcile(&name, now);
        }
    }

    /// The connection is gone, and every binding with it (protocol notes, section 7.5).
    pub fn link_down(&mut self) {
        self.online = false;
        self.bound = 0;
        self.queue.clear();
        self.parts.clear();
        self.unbinds.clear();
        self.in_flight.clear();
        self.joining = None;
        let outcomes = &mut self.outcomes;
        self.names.retain(|name, entry| {
            let event = if entry.desired { BindEvent::Suspended } else { BindEvent::Unbound };
            if entry.actual != Actual::Unbound {
                outcomes.push_back(Outcome { name: name.clone(), event });
            }
            entry.actual = Actual::Unbound;
            entry.queued = false;
            entry.desired
        });
    }

    /// The answer to a [`Dispatch`]; one of a former connection is ignored.
    pub fn answered(&mut self, id: BatchId, answer: &Answer, now: Instant) {
        let Some(batch) = self.in_flight.remove(&id) else { return };
        if batch.unbind {
            return self.unbind_answered(batch.names, now);
        }
        match answer {
            Answer::Accepted => {
                self.old_session.accepted();
                if batch.marked {
                    self.marker = Marker::Good;
                } else if batch.trial && self.marker == Marker::Untried {
                    self.marker = Marker::Bad;
                }
                for name in batch.names {
                    self.suspects.remove(&name);
                    self.settle(name, Actual::Bound, BindEvent::Bound, now);
                }
            }
            // A marker that is held elsewhere refuses everything; to split down to single names would take long.
            Answer::Refused { .. }
                if batch.marked
                    && self.marker == Marker::Untried
                    && !std::mem::replace(&mut self.marker_doubted, true) =>
            {
                self.requeue(batch.names, true);
            }
            Answer::Refused { code, reason }
                if is_held(*code, reason) && self.old_session.refused() && batch.names.len() > 1 =>
            {
                // No name of them stands out: they may share a batch again.
                for name in batch.names {
                    self.refuse(name, *code, reason);
                }
            }
            Answer::Refused { .. } if batch.names.len() > 1 => self.split(batch.names),
            // Also when another name has shown meanwhile that it is the marker that is refused.
            Answer::Refused { .. } if batch.marked && self.marker != Marker::Good => {
                self.requeue(batch.names, true);
            }
            Answer::Refused { code, reason } => {
                for name in batch.names {
                    self.suspects.insert(name.clone());
                    self.refuse(name, *code, reason);
                }
            }
            Answer::Unanswered => {
                for name in batch.names {
                    self.refuse(name, Code::GATEWAY_TIMEOUT, "the platform did not answer the BIND");
                }
            }
        }
    }

    /// The next message to send, if one is due.
    pub fn poll(&mut self, gateway: Option<&Gateway>, now: Instant) -> Option<Dispatch> {
        if !self.online || self.in_flight.len() >= self.limits.window || !self.pace.ready(now) {
            return None;
        }
        let (unbind, Part { names, trial }) = self.next_part(now)?;
        let gateway = gateway.filter(|_| !trial && self.marker != Marker::Bad).cloned();
        let marked = gateway.is_some();
        let bind = Bind { unbind, gateway, names: names.iter().map(ToString::to_string).collect() };
        self.pace.spend(now);
        self.next_batch += 1;
        let id = BatchId(self.next_batch);
        self.in_flight.insert(id, Batch { unbind, names, marked, trial });
        Some(Dispatch { id, bind })
    }

    /// The next piece of news.
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// When [`BindPlan::poll`] should be asked again, if nothing else happens before.
    #[must_use]
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        let waiting = !self.queue.is_empty() || !self.parts.is_empty() || !self.unbinds.is_empty();
        if !self.online || !waiting || self.in_flight.len() >= self.limits.window {
            return None;
        }
        let joined = match self.joining {
            Some(joining) if self.parts.is_empty() && self.unbinds.is_empty() => {
                joining.over_at(self.limits.join)
            }
            _ => now,
        };
        Some(joined.max(self.pace.ready_at()))
    }

    /// Whether every BIND and UNBIND that is wanted is answered.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let waiting = self.queue.len() + self.parts.len() + self.unbinds.len() + self.in_flight.len();
        self.online && waiting == 0
    }

    /// Whether the platform has confirmed the name on this connection.
    #[must_use]
    pub fn is_bound(&self, name: &ThingName) -> bool {
        self.names.get(name).is_some_and(|entry| entry.actual == Actual::Bound)
    }

    /// The UNBIND of everything that is bound, for an orderly end.
    #[must_use]
    pub fn unbind_all(&self, gateway: Option<Gateway>) -> Bind {
        let bound = self.names.iter().filter(|(_, entry)| entry.actual == Actual::Bound);
        let names = bound.map(|(name, _)| name.to_string()).collect();
        Bind { unbind: true, gateway: gateway.filter(|_| self.marker != Marker::Bad), names }
    }

    /// How many names the platform has confirmed on this connection.
    #[must_use]
    pub const fn bound(&self) -> usize {
        self.bound
    }

    /// Whether the marker was found to be refused on this connection.
    #[must_use]
    pub fn marker_refused(&self) -> bool {
        self.marker == Marker::Bad
    }

    fn reconcile(&mut self, name: &ThingName, now: Instant) {
        let Some(entry) = self.names.get_mut(name) else { return };
        match (entry.desired, entry.actual) {
            (true, Actual::Unbound) if self.online && !entry.queued => {
                entry.queued = true;
                if self.suspects.contains(name) {
                    self.parts.push_back(Part { names: vec![name.clone()], trial: false });
                } else {
                    self.queue.push_back(name.clone());
                    self.joining.get_or_insert(Joining { first: now, latest: now }).latest = now;
                }
            }
            (false, Actual::Unbound) => {
                self.names.remove(name);
            }
            (false, Actual::Bound) => {
                entry.actual = Actual::Unbinding;
                self.bound -= 1;
                self.unbinds.push_back(name.clone());
            }
            _ => {}
        }
    }

    /// Names of the next message: UNBINDs first, then parts of a refused batch, then a fresh batch.
    fn next_part(&mut self, now: Instant) -> Option<(bool, Part)> {
        if !self.unbinds.is_empty() {
            let names = take(&mut self.unbinds, self.limits.batch_bytes, |_| true);
            return Some((true, Part { names, trial: false }));
        }
        while let Some(Part { names, trial }) = self.parts.pop_front() {
            let names: Vec<ThingName> = names.into_iter().filter(|name| self.begin(name)).collect();
            if !names.is_empty() {
                return Some((false, Part { names, trial }));
            }
        }
        if self.joining.is_none_or(|joining| now < joining.over_at(self.limits.join)) {
            return None;
        }
        let mut queue = std::mem::take(&mut self.queue);
        let names = take(&mut queue, self.limits.batch_bytes, |name| self.begin(name));
        self.queue = queue;
        if self.queue.is_empty() {
            self.joining = None;
        }
        (!names.is_empty()).then_some((false, Part { names, trial: false }))
    }

    /// Marks a queued name as being bound; false if it is no longer wanted.
    fn begin(&mut self, name: &ThingName) -> bool {
        match self.names.get_mut(name) {
            Some(entry) if entry.queued && entry.desired && entry.actual == Actual::Unbound => {
                entry.queued = false;
                entry.actual = Actual::Binding;
                true
            }
            _ => false,
        }
    }

    fn settle(&mut self, name: ThingName, actual: Actual, event: BindEvent, now: Instant) {
        let Some(entry) = self.names.get_mut(&name) else { return };
        entry.actual = actual;
        self.bound += usize::from(actual == Actual::Bound);
        self.outcomes.push_back(Outcome { name: name.clone(), event });
        self.reconcile(&name, now);
    }

    fn unbind_answered(&mut self, names: Vec<ThingName>, now: Instant) {
        // Also a refused UNBIND ends the binding as far as we care: nobody here answers for the name any more.
        for name in names {
            self.settle(name, Actual::Unbound, BindEvent::Unbound, now);
        }
    }

    fn refuse(&mut self, name: ThingName, code: Code, reason: &str) {
        self.names.remove(&name);
        self.outcomes
            .push_back(Outcome { name, event: BindEvent::Refused { code, reason: reason.to_owned() } });
    }

    fn split(&mut self, names: Vec<ThingName>) {
        let (left, right) = names.split_at(names.len() / 2);
        for half in [left, right] {
            self.requeue(half.to_vec(), false);
        }
    }

    fn requeue(&mut self, mut names: Vec<ThingName>, trial: bool) {
        let known = &mut self.names;
        names.retain(|name| match known.get_mut(name) {
            Some(entry) if entry.desired => {
                entry.actual = Actual::Unbound;
                entry.queued = true;
                true
            }
            // Released while its BIND was under way, which the platform refused: nothing to undo.
            _ => {
                known.remove(name);
                false
            }
        });
        if !names.is_empty() {
            self.parts.push_back(Part { names, trial });
        }
    }
}

impl OldSession {
    /// Counts a BIND that was refused as held; true if an old session is the likely reason.
    fn refused(&mut self) -> bool {
        self.refused = self.refused.saturating_add(1);
        self.gave_up |= self.refused > self.most;
        self.refused > self.most
    }

    /// A BIND was accepted: if batches were given up, it was not for an old session alone, and more of them are split.
    fn accepted(&mut self) {
        if std::mem::take(&mut self.gave_up) {
            self.most = self.most.saturating_mul(4);
        }
        self.refused = 0;
    }
}

impl Default for OldSession {
    fn default() -> Self {
        Self { refused: 0, most: 8, gave_up: false }
    }
}

impl Entry {
    const NEW: Self = Self { desired: true, actual: Actual::Unbound, queued: false };
}

/// Takes names off the front of `queue` that together fit into `bytes`, at least one.
fn take(
    queue: &mut VecDeque<ThingName>,
    bytes: usize,
    mut wanted: impl FnMut(&ThingName) -> bool,
) -> Vec<ThingName> {
    let mut names: Vec<ThingName> = Vec::new();
    let mut size = 0;
    while let Some(name) = queue.front() {
        // A length prefix of four bytes at most (protocol notes, section 4.1).
        let needed = name.as_str().len() + 4;
        if !names.is_empty() && (size + needed > bytes || names.len() >= usize::from(u16::MAX)) {
            break;
        }
        let Some(name) = queue.pop_front() else { break };
        if wanted(&name) {
            size += needed;
            names.push(name);
        }
    }
    names
}

/// A token bucket of a tenth of a second.
struct Pace {
    interval: Duration,
    burst: Duration,
    /// Time up to which the allowance is used; the past is allowance.
    used: Instant,
}

impl Pace {
    fn new(rate_per_s: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / rate_per_s.max(1);
        Self { interval, burst: interval * (rate_per_s / 10), used: now }
    }

    fn ready(&self, now: Instant) -> bool {
        now >= self.ready_at()
    }

    fn ready_at(&self) -> Instant {
        self.used.checked_sub(self.burst).unwrap_or(self.used)
    }

    fn spend(&mut self, now: Instant) {
        self.used = self.used.max(now) + self.interval;
    }
}

#[cfg(test)]
mod schedule_test;
#[cfg(test)]
mod tests;
