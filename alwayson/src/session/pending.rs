//! Requests of ours in flight.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Instant,
};

/// Request ids with their deadlines, and the ids whose deadline has passed lately.
#[derive(Debug)]
pub(super) struct Pending {
    next_id: u32,
    deadlines: HashMap<u32, Instant>,
    order: BTreeSet<(Instant, u32)>,
    expired: VecDeque<u32>,
}

impl Pending {
    /// `next_id` continues the count of the process (section 3.4).
    pub(super) fn new(next_id: u32) -> Self {
        Self { next_id, deadlines: HashMap::new(), order: BTreeSet::new(), expired: VecDeque::new() }
    }

    /// The next id that no request in flight has; 0 is not used (section 3.4).
    pub(super) fn allocate(&mut self) -> u32 {
        loop {
            let id = self.next_id;
            self.next_id = self.next_id.wrapping_add(1);
            if id != 0 && !self.deadlines.contains_key(&id) {
                return id;
            }
        }
    }

    pub(super) fn insert(&mut self, id: u32, deadline: Instant) {
        if let Some(before) = self.deadlines.insert(id, deadline) {
            self.order.remove(&(before, id));
        }
        self.order.insert((deadline, id));
    }

    /// Ends a request; false if it is not in flight.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        let Some(deadline) = self.deadlines.remove(&id) else { return false };
        self.order.remove(&(deadline, id));
        true
    }

    /// Ends one request whose deadline has passed and remembers it.
    pub(super) fn expire(&mut self, now: Instant) -> Option<u32> {
        let &(_, id) = self.order.first().filter(|(deadline, _)| *deadline <= now)?;
        self.remove(id);
        if self.expired.len() >= REMEMBERED {
            self.expired.pop_front();
        }
        self.expired.push_back(id);
        Some(id)
    }

    /// Whether this request has expired; asked once, the id is forgotten.
    pub(super) fn forget_expired(&mut self, id: u32) -> bool {
        let place = self.expired.iter().rposition(|&expired| expired == id);
        place.and_then(|place| self.expired.remove(place)).is_some()
    }

    /// Ends all requests, the oldest id first.
    pub(super) fn drain(&mut self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.deadlines.drain().map(|(id, _)| id).collect();
        ids.sort_unstable();
        self.order.clear();
        self.expired.clear();
        ids
    }

    pub(super) fn len(&self) -> usize {
        self.deadlines.len()
    }

    pub(super) const fn next_id(&self) -> u32 {
        self.next_id
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.order.first().map(|(deadline, _)| *deadline)
    }
}

/// Expired requests whose late answer is still recognised.
const REMEMBERED: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn epoch() -> Instant {
        static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "any instant will do, and there is no other source of one"
        )]
        *EPOCH.get_or_init(Instant::now)
    }

    #[test]
    fn ids_count_on_over_the_end_and_skip_zero_and_those_in_flight() {
        let mut pending = Pending::new(u32::MAX);
        let last = pending.allocate();
        pending.insert(1, epoch());
        assert_eq!((last, pending.allocate()), (u32::MAX, 2));
    }

    #[test]
    fn requests_expire_in_the_order_of_their_deadlines() {
        let mut pending = Pending::new(1);
        pending.insert(1, epoch() + Duration::from_secs(2));
        pending.insert(2, epoch() + Duration::from_secs(1));
        assert_eq!(pending.next_deadline(), Some(epoch() + Duration::from_secs(1)));
        assert_eq!(pending.expire(epoch()), None);
        let later = epoch() + Duration::from_secs(2);
        assert_eq!(
            (pending.expire(later), pending.expire(later), pending.expire(later)),
            (Some(2), Some(1), None)
        );
    }

    #[test]
    fn only_a_bounded_number_of_expired_requests_is_remembered() {
        let mut pending = Pending::new(1);
        for id in 1..=2000 {
            pending.insert(id, epoch());
        }
        while pending.expire(epoch()).is_some() {}
        assert_eq!(pending.expired.len(), REMEMBERED);
        assert!(!pending.forget_expired(1));
        assert!(pending.forget_expired(2000));
        assert!(!pending.forget_expired(2000));
    }
}
