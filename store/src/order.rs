//! The order of delivery, decided without I/O: what may be sent next, what waits behind what, what is given up.
//!
//! Rules (design, delivery): per entity at most one unanswered update; what waits meanwhile goes in order, consecutive pushes
//! together; entities do not wait for each other; a record is deleted only after success. Live updates of an entity with a
//! backlog are committed behind it. The caller sends, appends, deletes and reads payloads; this type only says which.

mod lane;
#[cfg(test)]
mod model_test;
mod pace;
#[cfg(test)]
mod rules_test;
mod terms;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::record::{Entry, Kind};

use self::lane::{Item, Lane};
use self::pace::{DeliveryRate, TokenBucket};
pub use self::terms::{Action, Admission, Flight, Id, Limits, Progress, Reason, Waiting};
pub use self::verdict::Answer;
use self::verdict::Verdict;

/// Per-entity order, windows, waiting states; see the text of this module.
#[derive(Debug)]
pub struct Order {
    limits: Limits,
    /// One moment on both clocks: ages come from the time of day in the file without asking for it again.
    anchor: (Instant, i64),
    lanes: HashMap<Arc<str>, Lane>,
    /// Lanes with stored records that may go, first come, first served.
    ready: VecDeque<Arc<str>>,
    /// Lanes with live updates that may go.
    ready_live: VecDeque<Arc<str>>,
    sleeping: BTreeSet<(Instant, Arc<str>)>,
    actions: VecDeque<Action>,
    flights: HashMap<Flight, Arc<str>>,
    /// Flights that were given up without an answer, which may still come.
    late: BTreeMap<Flight, Late>,
    late_tokens: HashMap<u64, Flight>,
    next_flight: u64,
    open: bool,
    /// Stored records may go, too.
    replaying: bool,
    halt: Halt,
    stored_flights: usize,
    bucket: TokenBucket,
    delivered: DeliveryRate,
    records: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Late {
    entity: Arc<str>,
    seqs: Vec<u64>,
    /// Live ones whose commit is not reported yet.
    tokens: HashSet<u64>,
    done: bool,
}

#[derive(Debug, Default)]
struct Halt {
    until: Option<Instant>,
    attempts: u32,
}

impl Order {
    /// How many unanswered messages are remembered for a late answer.
    const MAX_LATE: usize = 4096;

    /// Empty and closed; `unix_ms` is the time of day at `now`.
    #[must_use]
    pub fn new(limits: Limits, now: Instant, unix_ms: i64) -> Self {
        let bucket = TokenBucket::new(limits.rate_per_s, now);
        Self {
            limits,
            anchor: (now, unix_ms),
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            ready_live: VecDeque::new(),
            sleeping: BTreeSet::new(),
            actions: VecDeque::new(),
            flights: HashMap::new(),
            late: BTreeMap::new(),
            late_tokens: HashMap::new(),
            next_flight: 0,
            open: false,
            replaying: false,
            halt: Halt::default(),
            stored_flights: 0,
            bucket,
            delivered: DeliveryRate::default(),
            records: 0,
            bytes: 0,
        }
    }

    /// Takes over what the file holds, in ascending order of `seq`, before anything else is asked.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for entry in entries {
            self.push_stored(entry);
        }
    }

    /// Authenticated: live updates pass. What is stored waits for [`Order::resume`], and live ones of its entity behind it.
    pub fn connect(&mut self) {
        self.open = true;
    }

    /// Authenticated, and the first round of BINDs is answered: what is stored may go.
    pub fn resume(&mut self) {
        self.open = true;
        self.replaying = true;
        self.halt = Halt::default();
    }

    /// Nothing more of what is stored is sent; what is on its way may still be answered.
    pub fn pause(&mut self) {
        self.replaying = false;
    }

    /// The connection is gone: what is unanswered waits again, live updates go to disk.
    pub fn suspend(&mut self) {
        self.open = false;
        self.replaying = false;
        self.flights.clear();
        self.stored_flights = 0;
        // The answers of a lost connection never come; updates on their way to disk will be sent again.
        self.late.clear();
        self.late_tokens.clear();
        self.ready_live.clear();
        let entities: Vec<_> = self.lanes.keys().cloned().collect();
        for entity in entities {
            let Some(lane) = self.lanes.get_mut(&entity) else { continue };
            lane.end_flight();
            self.commit_live(&entity);
            self.settle(&entity);
        }
    }

    /// Decides on a live update (not a call or a read: those never wait for a backlog).
    ///
    /// `token` is the caller's number for it, never used twice.
    pub fn admit(&mut self, entity: &Arc<str>, token: u64, kind: Kind, size_bytes: u32) -> Admission {
        let lane = self.lanes.entry(Arc::clone(entity)).or_insert_with(|| Lane::new(self.limits.max_merged));
        if !self.open || lane.has_backlog() {
            lane.pending += 1;
            // Never overtakes those that are to be committed but not picked up yet.
            let before = self.actions.iter_mut().rev().find_map(|action| match action {
                Action::Commit { entity: of, tokens } if of == entity => Some(tokens),
                _ => None,
            });
            let Some(tokens) = before else { return Admission::Commit };
            tokens.push(token);
            return Admission::Wait;
        }
        let item = Item { id: Id::Live(token), kind, size_bytes, stored_ms: 0 };
        if lane.flight.is_none() && lane.items.is_empty() {
            lane.items.push_back(item);
            return Admission::Relay(self.launch(entity).0);
        }
        // Those in the air do not wait; what waits is bounded.
        if lane.items.len().saturating_sub(lane.flying) >= self.limits.max_live_waiting {
            return Admission::Refuse;
        }
        lane.items.push_back(item);
        Admission::Wait
    }

    /// An append that bypasses [`Order::admit`] is on its way (a call while offline, an import): live ones go behind it.
    pub fn appending(&mut self, entity: &Arc<str>) {
        let lane = self.lanes.entry(Arc::clone(entity)).or_insert_with(|| Lane::new(self.limits.max_merged));
        lane.pending += 1;
    }

    /// The spool has it; `token` if it was a live update. To be reported in the order of the appends.
    pub fn committed(&mut self, entry: Entry, token: Option<u64>) {
        let entity = Arc::clone(&entry.entity);
        let seq = entry.seq;
        if let Some(lane) = self.lanes.get_mut(&entity) {
            lane.pending = lane.pending.saturating_sub(1);
        }
        self.push_stored(entry);
        let Some(flight) = token.and_then(|token| self.late_tokens.remove(&token)) else { return };
        let Some(late) = self.late.get_mut(&flight) else { return };
        if let Some(token) = token {
            late.tokens.remove(&token);
        }
        if late.done {
            if late.tokens.is_empty() {
                self.late.remove(&flight);
            }
            self.deliver_late(&entity, vec![seq]);
        } else {
            late.seqs.push(seq);
        }
    }

    /// The spool refused it; its sender has been told so.
    pub fn append_failed(&mut self, entity: &Arc<str>) {
        if let Some(lane) = self.lanes.get_mut(entity) {
            lane.pending = lane.pending.saturating_sub(1);
        }
        self.settle(entity);
    }

    /// Only these of what belongs to the flight were sent; the others wait for the next.
    ///
    /// For what cannot be merged, and for messages that would become too large.
    pub fn sent(&mut self, flight: Flight, ids: &[Id]) {
        if let Some(lane) = self.flights.get(&flight).and_then(|entity| self.lanes.get_mut(entity)) {
            lane.keep_flying(ids);
        }
    }

    /// What the platform said to a message, or that it said nothing in time. A late answer is reported the same way.
    pub fn answered(&mut self, flight: Flight, answer: Answer, now: Instant) {
        let Some(entity) = self.flights.remove(&flight) else {
            self.answered_late(flight, answer);
            return;
        };
        let Some(lane) = self.lanes.get_mut(&entity) else { return };
        let live = lane.flight_is_live;
        if !live {
            self.stored_flights = self.stored_flights.saturating_sub(1);
        }
        if lane.flying == 0 {
            // Late answers or an operator took everything out of it.
            lane.end_flight();
        } else if live {
            self.answered_live(&entity, flight, answer);
        } else {
            self.answered_stored(&entity, flight, answer, now);
        }
        self.settle(&entity);
    }

    /// These are no longer in the spool (damaged, or dropped by the operator).
    pub fn removed(&mut self, entity: &Arc<str>, seqs: &[u64]) {
        self.take_out(entity, seqs);
        self.settle(entity);
    }

    /// Something changed for this entity (bound, created): its next attempt is now.
    pub fn nudge(&mut self, entity: &Arc<str>) {
        if let Some(lane) = self.lanes.get_mut(entity)
            && let Some(until) = lane.retry.until.take()
        {
            self.sleeping.remove(&(until, Arc::clone(entity)));
        }
        self.settle(entity);
    }

    /// Gives up what is older than the limit and not on its way; to be called every minute or so.
    pub fn expire(&mut self, now: Instant) {
        let oldest_ms = self.unix_ms(now).saturating_sub(millis(self.limits.max_age));
        let entities: Vec<_> = self.lanes.keys().cloned().collect();
        for entity in entities {
            let Some(lane) = self.lanes.get_mut(&entity) else { continue };
            if lane.flight.is_some() {
                continue;
            }
            let seqs = lane.stored_before(oldest_ms);
            self.give_up(&entity, seqs, Reason::Expired);
            self.settle(&entity);
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if !self.open {
            return None;
        }
        while let Some(entity) = self.ready_live.pop_front() {
            let Some(lane) = self.lanes.get_mut(&entity) else { continue };
            lane.queued = false;
            if lane.flight.is_none() && lane.front_is_live() {
                return Some(self.send(&entity));
            }
        }
        self.wake(now);
        if !self.replaying || self.halt.until.is_some_and(|until| now < until) {
            return None;
        }
        // After a halt one message asks whether the platform takes us again.
        let window = if self.halt.until.is_some() { 1 } else { self.limits.window };
        while self.stored_flights < window && !self.ready.is_empty() && self.bucket.take(now) {
            let Some(entity) = self.ready.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&entity) else { continue };
            lane.queued = false;
            if lane.flight.is_none() && lane.retry.until.is_none() && lane.front_is_stored() {
                return Some(self.send(&entity));
            }
        }
        None
    }

    /// When [`Order::poll`] should be asked again if nothing else happens; only answers can help when `None`.
    #[must_use]
    pub fn next_poll(&self, now: Instant) -> Option<Instant> {
        if !self.actions.is_empty() || (self.open && !self.ready_live.is_empty()) {
            return Some(now);
        }
        if !self.replaying {
            return None;
        }
        let halted = self.halt.until.filter(|until| now < *until);
        let window = if self.halt.until.is_some() { 1 } else { self.limits.window };
        let ready = (!self.ready.is_empty() && self.stored_flights < window)
            .then(|| halted.unwrap_or_else(|| self.bucket.ready_at(now)));
        let woken = self.sleeping.first().map(|(until, _)| halted.map_or(*until, |halt| halt.max(*until)));
        ready.into_iter().chain(woken).min()
    }

    /// Whether updates of this entity must go through the spool.
    #[must_use]
    pub fn has_backlog(&self, entity: &str) -> bool {
        self.lanes.get(entity).is_some_and(Lane::has_backlog)
    }

    /// Numbers for people; walks over all entities with a backlog.
    #[must_use]
    pub fn progress(&self, now: Instant) -> Progress {
        let rate_per_s = self.delivered.per_s(now);
        let first_ms = self.lanes.values().filter_map(Lane::first_stored_ms).min();
        let oldest = first_ms.map(|first| {
            let age_ms = self.unix_ms(now).saturating_sub(first);
            Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
        });
        // A precise count does not matter here; two to the 52 records do not fit on a disk.
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let remaining = (rate_per_s > 0.0 && self.records > 0)
            .then(|| Duration::try_from_secs_f64(self.records as f64 / rate_per_s).ok())
            .flatten();
        Progress {
            records: self.records,
            bytes: self.bytes,
            entities: self.lanes.values().filter(|lane| lane.front_is_stored()).count(),
            waiting_entities: self.sleeping.len(),
            in_flight: self.stored_flights,
            oldest,
            rate_per_s,
            remaining,
            halted_until: self.halt.until,
        }
    }

    /// The entities that wait for a retry, soonest first.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting> {
        self.sleeping.iter().filter_map(|(until, entity)| {
            let lane = self.lanes.get(entity)?;
            Some(Waiting {
                entity: Arc::clone(entity),
                records: lane.items.len(),
                code: lane.retry.code,
                attempts: lane.retry.attempts,
                until: *until,
            })
        })
    }

    fn answered_live(&mut self, entity: &Arc<str>, flight: Flight, answer: Answer) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        match answer {
            Answer::Done => {
                let items = lane.take_flight();
                lane.grow(self.limits.max_merged);
                self.reply(&items, answer);
            }
            Answer::Refused(code) if Verdict::of(code) == Verdict::Never && lane.flying > 1 => lane.split(),
            Answer::Refused(_) => {
                let items = lane.take_flight();
                self.reply(&items, answer);
            }
            Answer::Unanswered => {
                let tokens = lane.flying_tokens();
                lane.end_flight();
                self.remember_late(flight, entity, Vec::new(), tokens);
                self.commit_live(entity);
            }
        }
    }

    fn answered_stored(&mut self, entity: &Arc<str>, flight: Flight, answer: Answer, now: Instant) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        let several = lane.flying > 1;
        match (answer, Verdict::of_answer(answer)) {
            (Answer::Done, _) => {
                let items = lane.take_flight();
                lane.retry = lane::Retry::default();
                lane.grow(self.limits.max_merged);
                self.halt = Halt::default();
                self.delivered.count(items.len(), now);
                let seqs = self.forget(&items);
                self.actions.push_back(Action::Delivered { entity: Arc::clone(entity), seqs });
            }
            // One bad record must not take its neighbours along.
            (Answer::Refused(_), Verdict::Never) if several => {
                lane.split();
                self.halt = Halt::default();
            }
            (Answer::Refused(code), Verdict::Never) => {
                let seqs = lane.flying_seqs();
                lane.end_flight();
                lane.retry = lane::Retry::default();
                self.halt = Halt::default();
                self.give_up(entity, seqs, Reason::Refused(code));
            }
            (Answer::Refused(_), Verdict::Halt) => {
                lane.end_flight();
                let delay = backoff(self.limits.halt_first, self.limits.retry_cap, self.halt.attempts);
                self.halt = Halt { until: Some(now + delay), attempts: self.halt.attempts.saturating_add(1) };
            }
            (Answer::Refused(code), Verdict::Wait) => {
                lane.end_flight();
                self.halt = Halt::default();
                self.wait(entity, code, now);
            }
            (answer, _) => {
                let seqs = lane.flying_seqs();
                lane.end_flight();
                let code = if let Answer::Refused(code) = answer { Some(code) } else { None };
                let delay = backoff(self.limits.retry_first, self.limits.retry_cap, lane.retry.attempts);
                lane.retry.refused_since = None;
                self.sleep(entity, code, now + delay);
                if answer == Answer::Unanswered {
                    self.remember_late(flight, entity, seqs, HashSet::new());
                }
            }
        }
    }

    /// 83, 84, 8C: the entity may appear or be allowed yet. Gives up what has waited for all of `wait_total`.
    fn wait(&mut self, entity: &Arc<str>, code: u8, now: Instant) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        let since = *lane.retry.refused_since.get_or_insert(now);
        let delay = backoff(self.limits.wait_first, self.limits.wait_cap, lane.retry.attempts);
        // The last attempt comes exactly when the time is over.
        let end = since + self.limits.wait_total;
        let next = if now < end { (now + delay).min(end) } else { now + delay };
        self.sleep(entity, Some(code), next);
        if now < end {
            return;
        }
        let oldest_ms = self.unix_ms(now).saturating_sub(millis(self.limits.wait_total));
        let Some(lane) = self.lanes.get(entity) else { return };
        let seqs = lane.stored_before(oldest_ms.saturating_add(1));
        self.give_up(entity, seqs, Reason::EntityRefused(code));
    }

    fn answered_late(&mut self, flight: Flight, answer: Answer) {
        if answer != Answer::Done {
            // A late refusal changes nothing: the copy will get its own.
            return;
        }
        let Some(late) = self.late.get_mut(&flight) else { return };
        let entity = Arc::clone(&late.entity);
        let seqs = std::mem::take(&mut late.seqs);
        late.done = true;
        if late.tokens.is_empty() {
            self.late.remove(&flight);
        }
        self.deliver_late(&entity, seqs);
    }

    fn deliver_late(&mut self, entity: &Arc<str>, seqs: Vec<u64>) {
        let taken = self.take_out(entity, &seqs);
        if !taken.is_empty() {
            self.actions.push_back(Action::Delivered { entity: Arc::clone(entity), seqs: taken });
        }
        self.settle(entity);
    }

    fn remember_late(&mut self, flight: Flight, entity: &Arc<str>, seqs: Vec<u64>, tokens: HashSet<u64>) {
        self.late_tokens.extend(tokens.iter().map(|token| (*token, flight)));
        self.late.insert(flight, Late { entity: Arc::clone(entity), seqs, tokens, done: false });
        if self.late.len() > Self::MAX_LATE
            && let Some((_, forgotten)) = self.late.pop_first()
        {
            for token in forgotten.tokens {
                self.late_tokens.remove(&token);
            }
        }
    }

    /// Live updates that wait in memory go to disk, in order.
    fn commit_live(&mut self, entity: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        let tokens = lane.take_live();
        if tokens.is_empty() {
            return;
        }
        lane.pending = lane.pending.saturating_add(tokens.len());
        self.actions.push_back(Action::Commit { entity: Arc::clone(entity), tokens });
    }

    fn give_up(&mut self, entity: &Arc<str>, seqs: Vec<u64>, reason: Reason) {
        let seqs = self.take_out(entity, &seqs);
        if !seqs.is_empty() {
            self.actions.push_back(Action::GiveUp { entity: Arc::clone(entity), seqs, reason });
        }
    }

    /// Takes stored records out of their lane; says which were there.
    fn take_out(&mut self, entity: &Arc<str>, seqs: &[u64]) -> Vec<u64> {
        let Some(lane) = self.lanes.get_mut(entity) else { return Vec::new() };
        let items: Vec<_> = seqs.iter().filter_map(|seq| lane.remove(*seq)).collect();
        self.forget(&items)
    }

    fn forget(&mut self, items: &[Item]) -> Vec<u64> {
        let mut seqs = Vec::with_capacity(items.len());
        for item in items {
            if let Id::Stored(seq) = item.id {
                self.records = self.records.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(u64::from(item.size_bytes));
                seqs.push(seq);
            }
        }
        seqs
    }

    fn reply(&mut self, items: &[Item], answer: Answer) {
        let live = |item: &Item| if let Id::Live(token) = item.id { Some(token) } else { None };
        self.actions.push_back(Action::Reply { tokens: items.iter().filter_map(live).collect(), answer });
    }

    fn push_stored(&mut self, entry: Entry) {
        let Entry { seq, entity, kind, size_bytes, stored_ms } = entry;
        self.records += 1;
        self.bytes += u64::from(size_bytes);
        let lane = self.lanes.entry(Arc::clone(&entity)).or_insert_with(|| Lane::new(self.limits.max_merged));
        lane.items.push_back(Item { id: Id::Stored(seq), kind, size_bytes, stored_ms });
        self.settle(&entity);
    }

    fn sleep(&mut self, entity: &Arc<str>, code: Option<u8>, until: Instant) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        lane.retry.attempts = lane.retry.attempts.saturating_add(1);
        lane.retry.code = code;
        lane.retry.until = Some(until);
        self.sleeping.insert((until, Arc::clone(entity)));
    }

    fn wake(&mut self, now: Instant) {
        while let Some((until, entity)) = self.sleeping.first().cloned() {
            if until > now {
                return;
            }
            self.sleeping.pop_first();
            if let Some(lane) = self.lanes.get_mut(&entity) {
                lane.retry.until = None;
            }
            self.settle(&entity);
        }
    }

    /// Puts a lane where it belongs after a change: in a queue, or out of the map when nothing is left.
    fn settle(&mut self, entity: &Arc<str>) {
        let Some(lane) = self.lanes.get_mut(entity) else { return };
        if lane.is_idle() {
            if let Some(until) = lane.retry.until {
                self.sleeping.remove(&(until, Arc::clone(entity)));
            }
            self.lanes.remove(entity);
            return;
        }
        if lane.queued || lane.flight.is_some() || lane.retry.until.is_some() {
            return;
        }
        if lane.front_is_live() {
            lane.queued = true;
            self.ready_live.push_back(Arc::clone(entity));
        } else if lane.front_is_stored() {
            lane.queued = true;
            self.ready.push_back(Arc::clone(entity));
        }
    }

    fn send(&mut self, entity: &Arc<str>) -> Action {
        let (flight, ids) = self.launch(entity);
        Action::Send { flight, entity: Arc::clone(entity), ids }
    }

    fn launch(&mut self, entity: &Arc<str>) -> (Flight, Vec<Id>) {
        let flight = Flight(self.next_flight);
        self.next_flight += 1;
        self.flights.insert(flight, Arc::clone(entity));
        let Some(lane) = self.lanes.get_mut(entity) else { return (flight, Vec::new()) };
        let ids = lane.start(flight, self.limits.max_message_bytes);
        if !lane.flight_is_live {
            self.stored_flights += 1;
        }
        (flight, ids)
    }

    fn unix_ms(&self, now: Instant) -> i64 {
        self.anchor.1.saturating_add(millis(now.saturating_duration_since(self.anchor.0)))
    }
}

fn backoff(first: Duration, cap: Duration, attempts: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempts)).min(cap)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
