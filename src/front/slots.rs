//! How many connections are served (`http_server.max_clients`; EMS notes, 4.3). A connection is admitted or not when it
//! begins; one that is not gets 503 for its first request and is closed.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::{HttpRequest, dev::Extensions};

/// The connections of all workers.
#[derive(Clone)]
pub(crate) struct Slots {
    open: Arc<AtomicUsize>,
    limit: usize,
}

/// The place of one connection, for as long as it lives.
struct Slot {
    open: Arc<AtomicUsize>,
    admitted: bool,
}

impl Slots {
    /// Admits `limit` connections at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Arc::default(), limit }
    }

    /// Gives a new connection its place; the connection's extensions keep it.
    pub(crate) fn take(&self, _: &dyn Any, connection: &mut Extensions) {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        connection.insert(Slot { open: Arc::clone(&self.open), admitted: before < self.limit });
    }

    /// Whether the connection of `request` is served.
    pub(crate) fn admitted(request: &HttpRequest) -> bool {
        request.conn_data::<Slot>().is_none_or(|slot| slot.admitted)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let slots = Slots::new(2);
        let admitted = |connection: &Extensions| connection.get::<Slot>().unwrap().admitted;
        let mut open: Vec<Extensions> = Vec::new();
        for wanted in [true, true, false, false] {
            let mut connection = Extensions::new();
            slots.take(&(), &mut connection);
            assert_eq!(admitted(&connection), wanted);
            open.push(connection);
        }
        open.clear();
        let mut connection = Extensions::new();
        slots.take(&(), &mut connection);
        assert!(admitted(&connection));
    }
}
