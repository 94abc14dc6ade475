//! Carries out what the order decides: sends, appends, deletes, gives up, and answers.

use std::sync::Arc;

use bytes::Bytes;
use edgebind_alwayson::{Code, Response};
use edgebind_kernel::clock;
use edgebind_observability::instruments;
use edgebind_store::{Action, Answer, Flight, Id, Order, Reason, StoreError, Stored};
use tracing::{debug, warn};

use super::{
    Delivery, FlightTicket, Fly, Live, Receipt,
    join::{join, pushed_values},
    news::News,
    parcel::request_of,
    verdict,
};
use crate::link::CallError;

/// A message on its way, or being read from the store for it.
pub(super) struct Airborne {
    /// False for what comes from the store.
    live: bool,
    ids: Vec<Id>,
    /// Of what comes from the store; for live ones their senders count.
    values: u64,
}

impl Delivery {
    /// Does everything that the order wants done now. `said` is what the platform said to the message just answered.
    pub(super) fn carry_out(&mut self, said: Option<&Result<Response, CallError>>) {
        while let Some(action) = self.order.poll(clock::now()) {
            match action {
                Action::Send { flight, entity, ids } => self.send(flight, &entity, ids),
                Action::Commit { tokens, .. } => tokens.into_iter().for_each(|token| self.append(token)),
                Action::Reply { tokens, answer } => self.reply(&tokens, answer, said),
                Action::Delivered { seqs, .. } => self.delivered(seqs),
                Action::GiveUp { entity, seqs, reason } => self.give_up(&entity, seqs, reason),
            }
        }
    }

    /// Takes the platform's answer to a message, or the news that there is none.
    pub(super) fn landed(&mut self, flight: Flight, result: Result<Response, CallError>) {
        let airborne = self.airborne.remove(&flight);
        let live = airborne.as_ref().is_none_or(|airborne| airborne.live);
        let answer = verdict(&result, live);
        if answer == Answer::Done
            && let Some(Airborne { values, .. }) = airborne
        {
            instruments().values_pushed(values);
        }
        self.order.answered(flight, answer, clock::now());
        self.carry_out(Some(&result));
    }

    /// Puts updates on their way as one message; stored ones are read first.
    pub(super) fn send(&mut self, flight: Flight, entity: &Arc<str>, ids: Vec<Id>) {
        let live = matches!(ids.first(), Some(Id::Live(_)));
        if live {
            let messages: Vec<Bytes> =
                ids.iter().filter_map(|id| Some(self.message_of(id)?.clone())).collect();
            self.airborne.insert(flight, Airborne { live, ids, values: 0 });
            return self.fly(flight, &messages);
        }
        let seqs: Vec<u64> = ids.iter().filter_map(seq).collect();
        self.airborne.insert(flight, Airborne { live, ids, values: 0 });
        let (news, life, entity) = (self.news.clone(), self.life, Arc::clone(entity));
        let read = self.units.spool.with(|store| {
            store.read(seqs, move |result| {
                news.send(News::Read { life, flight, entity, result }).unwrap_or_default();
            });
        });
        if read.is_none() {
            self.unsent(flight);
        }
    }

    /// What the store has read for a message.
    pub(super) fn read_back(
        &mut self,
        flight: Flight,
        entity: &Arc<str>,
        found: Vec<Stored>,
        damaged: &[u64],
    ) {
        if !damaged.is_empty() {
            warn!(%entity, ?damaged, "Records of the spool are damaged; they went to the dead letters.");
            instruments().spool_dead_lettered(damaged.len());
        }
        let Some(airborne) = self.airborne.get_mut(&flight) else {
            return self.order.removed(entity, damaged);
        };
        let asked: Vec<u64> = airborne.ids.iter().filter_map(seq).collect();
        let missing = |seq: &u64| !found.iter().any(|stored| stored.entry.seq == *seq);
        let lost: Vec<u64> = asked.into_iter().filter(missing).collect();
        if !lost.is_empty() {
            // Damaged, or dropped by the operator.
            self.order.removed(entity, &lost);
            airborne.ids = found.iter().map(|stored| Id::Stored(stored.entry.seq)).collect();
        }
        if found.is_empty() {
            return self.unsent(flight);
        }
        let messages: Vec<Bytes> = found.into_iter().map(|stored| stored.payload).collect();
        self.fly(flight, &messages);
    }

    /// Nothing was sent: the same as no answer.
    pub(super) fn unsent(&mut self, flight: Flight) {
        self.airborne.remove(&flight);
        self.order.answered(flight, Answer::Unanswered, clock::now());
    }

    /// Keeps an update on disk.
    pub(super) fn append(&mut self, token: u64) {
        let Some(live) = self.live.get(&token) else { return };
        let entity = Arc::clone(&live.parcel.entity);
        let record = live.parcel.clone().into_record();
        let news = self.news.clone();
        let queued = self.units.spool.with(|store| {
            store.append(record, move |result| {
                news.send(News::Appended { token, result }).unwrap_or_default();
            })
        });
        match queued.unwrap_or(Err(StoreError::Stopped)) {
            Ok(()) => drop(self.appending.insert(token, entity)),
            Err(error) => self.not_appended(token, &entity, &error),
        }
    }

    /// What became of an append.
    pub(super) fn appended(&mut self, token: u64, result: Result<edgebind_store::Entry, StoreError>) {
        let Some(entity) = self.appending.remove(&token) else { return };
        let entry = match result {
            Ok(entry) => entry,
            Err(error) => return self.not_appended(token, &entity, &error),
        };
        instruments().spool_appended();
        self.full.taken();
        let seq = entry.seq;
        let live = self.live.remove(&token);
        let ordered = live.as_ref().is_some_and(|live| live.ordered);
        self.order.committed(entry, ordered.then_some(token));
        let Some(Live { ticket, arrived, waits, .. }) = live else { return };
        if waits && self.connection != 0 {
            let until = arrived + self.message_timeout;
            self.patience.insert((until, seq));
            self.behind.insert(seq, (until, ticket));
        } else {
            ticket.kept();
        }
    }

    fn not_appended(&mut self, token: u64, entity: &Arc<str>, error: &StoreError) {
        self.order.append_failed(entity);
        let Some(Live { ticket, .. }) = self.live.remove(&token) else { return };
        if self.full.refused(error) {
            warn!(%error, "The spool is full: updates that cannot be delivered are refused until there is room.");
        }
        let refusal = match self.units.spool.absence() {
            Some(_) if ticket.sent => CallError::TimedOut,
            Some(_) => CallError::NotConnected,
            None => CallError::Unkept(error.to_string()),
        };
        ticket.settle(Err(refusal));
    }

    fn fly(&mut self, flight: Flight, messages: &[Bytes]) {
        let session = &self.units.session;
        let (message, count) = join(messages, |message| session.check_size(message).is_ok());
        let Some(airborne) = self.airborne.get_mut(&flight) else { return };
        if count < airborne.ids.len() {
            airborne.ids.truncate(count);
            self.order.sent(flight, &airborne.ids);
        }
        let mut timeout = self.message_timeout;
        if airborne.live {
            let mut oldest = None;
            for id in &airborne.ids {
                if let Id::Live(token) = id
                    && let Some(live) = self.live.get_mut(token)
                {
                    live.ticket.sent = true;
                    oldest = oldest.into_iter().chain([live.arrived]).min();
                }
            }
            // Who waited for the one before does not wait all that time again.
            let waited = oldest.map(|oldest| clock::now().saturating_duration_since(oldest));
            let left = timeout.saturating_sub(waited.unwrap_or_default());
            timeout = left.max(timeout / 8);
        } else {
            airborne.values = request_of(&message).map_or(0, |request| pushed_values(&request));
        }
        let fly = Fly { ticket: FlightTicket { life: self.life, flight }, message, timeout };
        let handed = self.units.link().is_some_and(|link| link.try_send(fly).is_ok());
        if !handed {
            self.unsent(flight);
        }
    }

    fn message_of(&self, id: &Id) -> Option<&Bytes> {
        match id {
            Id::Live(token) => self.live.get(token).map(|live| &live.parcel.message),
            Id::Stored(_) => None,
        }
    }

    fn reply(&mut self, tokens: &[u64], answer: Answer, said: Option<&Result<Response, CallError>>) {
        let result = match said {
            Some(Ok(response)) => Ok(Receipt::Answered(response.clone())),
            Some(Err(error)) => Err(error.clone()),
            None => Ok(Receipt::Answered(response_of(answer))),
        };
        for token in tokens {
            if let Some(live) = self.live.remove(token) {
                live.ticket.settle(result.clone());
            }
        }
    }

    fn delivered(&mut self, seqs: Vec<u64>) {
        instruments().spool_delivered(seqs.len());
        self.tell_behind(&seqs, &Response::success());
        self.gone.extend(&seqs);
        let (news, deleted) = (self.news.clone(), seqs.clone());
        let asked = self.units.spool.with(|store| {
            store.delete(seqs, move |_| news.send(News::Gone { seqs: deleted }).unwrap_or_default());
        });
        if asked.is_none() {
            debug!("The store is being started again: what was delivered may be delivered once more.");
        }
    }

    fn give_up(&mut self, entity: &Arc<str>, seqs: Vec<u64>, reason: Reason) {
        warn!(%entity, records = seqs.len(), %reason, "Given up: the records went to the dead letters.");
        instruments().spool_dead_lettered(seqs.len());
        let code = match reason {
            Reason::Refused(code) | Reason::EntityRefused(code) => Code(code),
            _ => Code::PRECONDITION_FAILED,
        };
        self.tell_behind(&seqs, &Response::error(code, reason.to_string()));
        self.gone.extend(&seqs);
        let (news, dead) = (self.news.clone(), seqs.clone());
        // Without a store it comes up again when there is one.
        let _ = self.units.spool.with(|store| {
            store.give_up(seqs, reason.to_string(), move |_| {
                news.send(News::Gone { seqs: dead }).unwrap_or_default();
            });
        });
    }

    fn tell_behind(&mut self, seqs: &[u64], response: &Response) {
        for seq in seqs {
            if let Some((until, ticket)) = self.behind.remove(seq) {
                self.patience.remove(&(until, *seq));
                ticket.settle(Ok(Receipt::Answered(response.clone())));
            }
        }
    }

    /// A file was opened: begins anew with what it holds, and with what is in memory behind it.
    pub(super) fn rebuild(&mut self, entries: Vec<edgebind_store::Entry>) {
        let now = clock::now();
        self.order.suspend();
        let mut rest = Vec::new();
        while let Some(action) = self.order.poll(now) {
            if let Action::Commit { tokens, .. } = action {
                rest.extend(tokens);
            }
        }
        self.airborne.clear();
        self.release_all();
        self.life = super::next_life();
        self.order = Order::new(self.limits.clone(), now, clock::unix_millis());
        self.order.restore(entries.into_iter().filter(|entry| !self.gone.contains(&entry.seq)));
        for entity in self.appending.values() {
            self.order.appending(entity);
        }
        if self.connection != 0 {
            self.order.connect();
        }
        if self.replaying {
            self.order.resume();
        }
        for token in rest {
            if let Some(live) = self.live.get(&token) {
                self.order.appending(&live.parcel.entity);
                self.append(token);
            }
        }
    }
}

const fn seq(id: &Id) -> Option<u64> {
    if let Id::Stored(seq) = id { Some(*seq) } else { None }
}

fn response_of(answer: Answer) -> Response {
    match answer {
        Answer::Refused(code) => Response { code: Code(code), ..Response::success() },
        Answer::Done | Answer::Unanswered => Response::success(),
    }
}
