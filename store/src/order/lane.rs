//! One entity's queue: what waits, how much of its front is on its way, and when it may be tried again.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use crate::record::Kind;

use super::{Flight, Id};

/// What is known of a waiting update without its payload.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) size_bytes: u32,
    /// Zero for a live one: those have no age yet.
    pub(super) stored_ms: i64,
}

/// Updates of one entity: either all live or all stored, save live ones behind an emptied flight.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) items: VecDeque<Item>,
    pub(super) flight: Option<Flight>,
    pub(super) flight_is_live: bool,
    /// That many of the front belong to the flight.
    pub(super) flying: usize,
    /// Appends whose commit is not reported yet.
    pub(super) pending: usize,
    /// Stands in one of the ready queues.
    pub(super) queued: bool,
    pub(super) retry: Retry,
    /// How many may be merged; halved when a merged message is refused, so that the bad one stands alone in the end.
    merge: usize,
}

#[derive(Debug, Default)]
pub(super) struct Retry {
    pub(super) attempts: u32,
    pub(super) until: Option<Instant>,
    pub(super) refused_since: Option<Instant>,
    pub(super) code: Option<u8>,
}

impl Lane {
    pub(super) fn new(merge: usize) -> Self {
        Self {
            items: VecDeque::new(),
            flight: None,
            flight_is_live: false,
            flying: 0,
            pending: 0,
            queued: false,
            retry: Retry::default(),
            merge: merge.max(1),
        }
    }

    /// Starts a flight with as much of the front as goes into one message.
    pub(super) fn start(&mut self, flight: Flight, max_bytes: u64) -> Vec<Id> {
        let mut bytes = 0_u64;
        let together = |(index, item): &(usize, &Item)| {
            let pushes =
                item.kind == Kind::Push && self.items.front().is_some_and(|first| first.kind == Kind::Push);
            bytes = bytes.saturating_add(u64::from(item.size_bytes));
            *index == 0 || (pushes && bytes <= max_bytes && *index < self.merge)
        };
        let ids: Vec<_> =
            self.items.iter().enumerate().take_while(together).map(|(_, item)| item.id).collect();
        self.flying = ids.len();
        self.flight = Some(flight);
        self.flight_is_live = self.front_is_live();
        ids
    }

    /// Leaves in the flight what stands at its front and is among `ids`.
    pub(super) fn keep_flying(&mut self, ids: &[Id]) {
        self.flying = self.items.iter().take(self.flying).take_while(|item| ids.contains(&item.id)).count();
    }

    /// Ends the flight; what belonged to it waits again.
    pub(super) fn end_flight(&mut self) {
        self.flight = None;
        self.flight_is_live = false;
        self.flying = 0;
    }

    /// Ends the flight and takes out what belonged to it.
    pub(super) fn take_flight(&mut self) -> Vec<Item> {
        let flying = self.flying.min(self.items.len());
        self.end_flight();
        self.items.drain(..flying).collect()
    }

    /// Ends the flight; the next takes half as many.
    pub(super) fn split(&mut self) {
        self.merge = (self.flying / 2).max(1);
        self.end_flight();
    }

    /// After a success more may be merged again.
    pub(super) fn grow(&mut self, max: usize) {
        self.merge = self.merge.saturating_mul(2).min(max.max(1));
    }

    /// Takes a stored record out, in flight or not.
    pub(super) fn remove(&mut self, seq: u64) -> Option<Item> {
        let at = self.items.iter().position(|item| item.id == Id::Stored(seq))?;
        if at < self.flying {
            self.flying -= 1;
        }
        self.items.remove(at)
    }

    /// Takes out all live updates.
    pub(super) fn take_live(&mut self) -> Vec<u64> {
        let tokens = self.items.iter().filter_map(token).collect();
        self.items.retain(|item| token(item).is_none());
        tokens
    }

    pub(super) fn flying_tokens(&self) -> HashSet<u64> {
        self.items.iter().take(self.flying).filter_map(token).collect()
    }

    pub(super) fn flying_seqs(&self) -> Vec<u64> {
        self.items.iter().take(self.flying).filter_map(seq).collect()
    }

    /// The front of the queue that was stored before this time.
    pub(super) fn stored_before(&self, unix_ms: i64) -> Vec<u64> {
        self.items.iter().take_while(|item| item.stored_ms < unix_ms).filter_map(seq).collect()
    }

    pub(super) fn first_stored_ms(&self) -> Option<i64> {
        self.items.front().filter(|item| seq(item).is_some()).map(|item| item.stored_ms)
    }

    pub(super) fn front_is_live(&self) -> bool {
        self.items.front().is_some_and(|item| token(item).is_some())
    }

    pub(super) fn front_is_stored(&self) -> bool {
        self.items.front().is_some_and(|item| seq(item).is_some())
    }

    /// Whether something stands on disk, or is on its way there.
    pub(super) fn has_backlog(&self) -> bool {
        self.pending > 0 || self.front_is_stored()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.items.is_empty() && self.flight.is_none() && self.pending == 0
    }
}

const fn token(item: &Item) -> Option<u64> {
    if let Id::Live(token) = item.id { Some(token) } else { None }
}

const fn seq(item: &Item) -> Option<u64> {
    if let Id::Stored(seq) = item.id { Some(seq) } else { None }
}
