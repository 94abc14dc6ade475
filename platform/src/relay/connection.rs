//! What is known and ordered of one connection; the task that carries its bytes looks here.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{Cut, Way, flow::Flow};

/// One connection through the relay, shared by its task and those who give orders.
#[derive(Debug)]
pub(super) struct Connection {
    id: u64,
    peer: SocketAddr,
    course: Mutex<Course>,
    changed: Notify,
}

/// Both directions of a connection, and the order to end it.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) up: Flow,
    pub(super) down: Flow,
    pub(super) cut: Option<Cut>,
}

/// Something that is done to connections that stand, or to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Order {
    /// Ends it.
    Cut {
        /// How.
        #[serde(default)]
        how: Cut,
    },
    /// Ends it when so many more bytes have passed: in the middle of a frame, mostly.
    CutAfter {
        /// Whose bytes are counted; both directions are counted each by itself.
        #[serde(default)]
        way: Way,
        /// How many still pass.
        bytes: u64,
        /// How it ends.
        #[serde(default)]
        how: Cut,
    },
    /// Lets nothing pass any more, silently, while both sockets stay open.
    HalfOpen {
        /// Which direction.
        #[serde(default)]
        way: Way,
    },
    /// Ends a half-open state: everything that waited goes on, as TCP does.
    Thaw,
}

/// A connection as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionView {
    /// Number of the connection, counted from 1.
    pub id: u64,
    /// Who connected.
    pub peer: SocketAddr,
    /// Bytes written to the target.
    pub bytes_up: u64,
    /// Bytes written to the side that connected.
    pub bytes_down: u64,
    /// Which direction is half-open by an order of its own.
    pub half_open: Option<Way>,
}

impl Connection {
    pub(super) fn new(id: u64, peer: SocketAddr) -> Self {
        Self { id, peer, course: Mutex::default(), changed: Notify::new() }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn order(&self, order: Order) {
        self.course().order(order);
        self.changed.notify_one();
    }

    /// Waits for an order; one that came before is not missed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until the end is ordered.
    pub(super) async fn cut(&self) -> Cut {
        loop {
            if let Some(cut) = self.course().cut {
                return cut;
            }
            self.changed().await;
        }
    }

    pub(super) fn view(&self) -> ConnectionView {
        let course = self.course();
        let half_open = match (course.up.frozen, course.down.frozen) {
            (true, true) => Some(Way::Both),
            (true, false) => Some(Way::Up),
            (false, true) => Some(Way::Down),
            (false, false) => None,
        };
        let (bytes_up, bytes_down) = (course.up.passed(), course.down.passed());
        ConnectionView { id: self.id, peer: self.peer, bytes_up, bytes_down, half_open }
    }
}

impl Course {
    fn order(&mut self, order: Order) {
        match order {
            Order::Cut { how } => self.cut = Some(how),
            Order::CutAfter { way, bytes, how } => {
                self.each(way, |flow| flow.cut_after(bytes, how));
            }
            Order::HalfOpen { way } => self.each(way, |flow| flow.frozen = true),
            Order::Thaw => self.each(Way::Both, |flow| flow.frozen = false),
        }
    }

    fn each(&mut self, way: Way, mut work: impl FnMut(&mut Flow)) {
        if way.includes(Way::Up) {
            work(&mut self.up);
        }
        if way.includes(Way::Down) {
            work(&mut self.down);
        }
    }
}
