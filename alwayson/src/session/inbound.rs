//! Open requests of the peer.

use std::{collections::BTreeMap, time::Instant};

use super::InboundId;
use crate::{Code, Header};

/// Requests of the peer that wait for their answer.
///
/// All have the same time limit, so that the order of the ids is the order of the deadlines.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    next_id: u64,
    open: BTreeMap<u64, Open>,
}

/// What the answer must repeat, and what kind of request it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) request_id: u32,
    pub(super) endpoint_id: u32,
    pub(super) code: Code,
    pub(super) deadline: Instant,
}

impl Inbound {
    pub(super) fn open(&mut self, header: &Header, deadline: Instant) -> InboundId {
        let id = self.next_id;
        self.next_id += 1;
        let Header { request_id, endpoint_id, code, .. } = *header;
        self.open.insert(id, Open { request_id, endpoint_id, code, deadline });
        InboundId(id)
    }

    pub(super) fn find(&self, id: InboundId) -> Option<Open> {
        self.open.get(&id.0).copied()
    }

    /// Ends a request, which has been answered.
    pub(super) fn close(&mut self, id: InboundId) {
        self.open.remove(&id.0);
    }

    /// Ends one request whose time is over.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Open> {
        let oldest = self.open.first_entry()?;
        (oldest.get().deadline <= now).then(|| oldest.remove())
    }

    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.open.first_key_value().map(|(_, open)| open.deadline)
    }
}
