//! What all connections of a relay share: faults, target, orders for the next one, counts.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::sync::watch;

use super::{
    Faults, Order, Which,
    connection::{Connection, ConnectionView},
    pump::Ended,
};

/// The present state of a relay.
#[derive(Debug)]
pub(super) struct Hub {
    faults: watch::Sender<Faults>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    target: SocketAddr,
    connections: BTreeMap<u64, Arc<Connection>>,
    /// Orders for the next connection.
    for_next: Vec<Order>,
    counts: RelayCounts,
}

/// What a relay has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelayCounts {
    /// Connections taken.
    pub taken: u64,
    /// Connections that a fault ended.
    pub cut: u64,
    /// Connections that were reset because the target did not answer.
    pub no_target: u64,
    /// Connections turned away because too many stood.
    pub turned_away: u64,
}

impl Hub {
    pub(super) fn new(target: SocketAddr) -> Self {
        let inner = Inner {
            target,
            connections: BTreeMap::new(),
            for_next: Vec::new(),
            counts: RelayCounts::default(),
        };
        Self { faults: watch::Sender::new(Faults::default()), inner: Mutex::new(inner) }
    }

    pub(super) fn faults(&self) -> Faults {
        *self.faults.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Faults> {
        self.faults.subscribe()
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        self.faults.send_replace(faults);
    }

    pub(super) fn target(&self) -> SocketAddr {
        self.inner().target
    }

    pub(super) fn retarget(&self, target: SocketAddr) {
        self.inner().target = target;
    }

    /// Gives an order; says how many connections got it.
    pub(super) fn order(&self, which: Which, order: Order) -> usize {
        let mut inner = self.inner();
        let meant: Vec<_> = match which {
            Which::All => inner.connections.values().cloned().collect(),
            Which::One(id) => inner.connections.get(&id).into_iter().cloned().collect(),
            Which::Next => {
                // Nothing more can be made of one connection than a few orders.
                if inner.for_next.len() < ORDERS_FOR_NEXT {
                    inner.for_next.push(order);
                }
                Vec::new()
            }
        };
        drop(inner);
        meant.iter().for_each(|connection| connection.order(order));
        meant.len()
    }

    pub(super) fn forget_next(&self) {
        self.inner().for_next.clear();
    }

    /// Enters a connection; `None` if there are too many.
    pub(super) fn enter(&self, peer: SocketAddr) -> Option<Arc<Connection>> {
        let mut inner = self.inner();
        if inner.connections.len() >= MOST_CONNECTIONS {
            inner.counts.turned_away += 1;
            return None;
        }
        inner.counts.taken += 1;
        let connection = Arc::new(Connection::new(inner.counts.taken, peer));
        std::mem::take(&mut inner.for_next).into_iter().for_each(|order| connection.order(order));
        inner.connections.insert(connection.id(), Arc::clone(&connection));
        Some(connection)
    }

    pub(super) fn leave(&self, id: u64, ended: Ended) {
        let mut inner = self.inner();
        inner.connections.remove(&id);
        match ended {
            Ended::BySides => {}
            Ended::ByFault => inner.counts.cut += 1,
            Ended::NoTarget => inner.counts.no_target += 1,
        }
    }

    pub(super) fn connections(&self) -> Vec<ConnectionView> {
        self.inner().connections.values().map(|connection| connection.view()).collect()
    }

    pub(super) fn counts(&self) -> RelayCounts {
        self.inner().counts
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most connections at a time; more are reset.
const MOST_CONNECTIONS: usize = 4096;
const ORDERS_FOR_NEXT: usize = 16;
