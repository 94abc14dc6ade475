//! What everybody holds of the store: it stays the same while the thread behind it comes and goes.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use edgebind_store::{Event, Health};
use tokio::sync::{mpsc, watch};

/// The store of the gateway, wherever its thread is in its life; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Spool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    store: RwLock<Option<edgebind_store::Spool>>,
    state: watch::Sender<SpoolState>,
    followers: Mutex<Vec<mpsc::UnboundedSender<SpoolEvent>>>,
}

/// Whether the file is open, and how often it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolState {
    /// Threads started so far: what was told of an earlier one is void.
    pub generation: u64,
    /// Whether the present thread has its file open. A file that cannot be written for a while stays open.
    pub open: bool,
}

/// What a thread of the store has told.
#[derive(Clone, Debug)]
pub struct SpoolEvent {
    /// Which thread.
    pub generation: u64,
    /// What.
    pub event: Event,
}

impl Spool {
    /// Does something with the store; `None` while there is none: it is off, or being started again.
    ///
    /// `work` must be short; the calls of the store are, they only queue.
    pub fn with<T>(&self, work: impl FnOnce(&edgebind_store::Spool) -> T) -> Option<T> {
        self.0.store.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(work)
    }

    /// How the store is; `None` while there is none.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        self.with(edgebind_store::Spool::health)
    }

    /// Tells whenever a file is opened: from then on records and the journal can be read.
    #[must_use]
    pub fn states(&self) -> watch::Receiver<SpoolState> {
        self.0.state.subscribe()
    }

    /// Everything the store tells from now on. What it told before is told again after a reopening only.
    pub(crate) fn follow(&self) -> mpsc::UnboundedReceiver<SpoolEvent> {
        // Bounded by what happens to a file: it opens, fails and heals.
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut followers = self.0.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.retain(|follower| !follower.is_closed());
        followers.push(sender);
        receiver
    }

    pub(super) fn generation(&self) -> u64 {
        self.0.state.borrow().generation
    }

    /// Counts a new thread; what the result tells, it tells of that one.
    ///
    /// It goes to the observer and does not keep alive the thread that it would be dropped on.
    pub(super) fn begin(&self) -> Teller {
        self.0.state.send_modify(|state| {
            *state = SpoolState { generation: state.generation + 1, open: false };
        });
        Teller { shared: Arc::downgrade(&self.0), generation: self.generation() }
    }

    pub(super) fn put(&self, store: edgebind_store::Spool) {
        *self.0.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store);
    }

    /// Takes the store away and closes it on a thread that may wait; what was queued is committed.
    pub(super) fn close(&self) -> impl Future<Output = ()> + use<> {
        let store = self.0.store.write().unwrap_or_else(PoisonError::into_inner).take();
        async move {
            if let Some(store) = store {
                actix_rt::task::spawn_blocking(move || drop(store)).await.unwrap_or_default();
            }
        }
    }
}

/// Passes on what one thread of the store tells.
pub(super) struct Teller {
    shared: Weak<Shared>,
    pub(super) generation: u64,
}

impl Teller {
    pub(super) fn tell(&self, event: Event) {
        let Some(shared) = self.shared.upgrade() else { return };
        let opened = matches!(event, Event::Opened(_));
        let event = SpoolEvent { generation: self.generation, event };
        for follower in shared.followers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // One that has gone does not want to know.
            follower.send(event.clone()).unwrap_or_default();
        }
        if opened {
            shared.state.send_if_modified(|state| {
                let present = state.generation == self.generation;
                state.open |= present;
                present
            });
        }
    }
}
