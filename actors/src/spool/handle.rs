//! What everybody holds of the store: it stays the same while the thread behind it comes and goes.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::thread;

use edgebind_store::{Event, Health};
use tokio::sync::watch;
use tracing::warn;

use super::SpoolSettings;

/// The store of the gateway, wherever its thread is in its life; cheap to clone.
#[derive(Clone, Default)]
pub struct Spool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    absence: Option<Absence>,
    store: RwLock<Option<edgebind_store::Spool>>,
    state: watch::Sender<SpoolState>,
    /// Stores that are being closed.
    closing: watch::Sender<u32>,
    follower: Mutex<Follower>,
}

/// Why there is no store and will be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// `offline_msg_store.enabled` is false.
    Off,
    /// There is no directory to keep it in; why, for people.
    Nowhere(String),
}

/// Whoever delivers what the store holds. Before there is one, what the store tells is kept.
#[derive(Default)]
struct Follower {
    tell: Option<Box<dyn Fn(SpoolEvent) -> bool + Send>>,
    untold: Vec<SpoolEvent>,
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
    pub(crate) fn of(settings: &SpoolSettings) -> Self {
        let absence = match settings {
            SpoolSettings::On(_) => None,
            SpoolSettings::Off | SpoolSettings::RegistrationsOnly(_) => Some(Absence::Off),
            SpoolSettings::Nowhere(why) => Some(Absence::Nowhere(why.clone())),
        };
        Self(Arc::new(Shared { absence, ..Shared::default() }))
    }

    /// Why updates have no store; `None` if there is one or will be.
    #[must_use]
    pub fn absence(&self) -> Option<&Absence> {
        self.0.absence.as_ref()
    }

    /// Does something with the store; `None` while there is none: it is off, or being started again.
    ///
    /// `work` must be short; the calls of the store are, they only queue.
    pub fn with<T>(&self, work: impl FnOnce(&edgebind_store::Spool) -> T) -> Option<T> {
        if self.0.absence.is_some() { None } else { self.with_journal(work) }
    }

    /// As [`Spool::with`], for the journal of registrations, which is kept also where updates are not.
    pub(crate) fn with_journal<T>(&self, work: impl FnOnce(&edgebind_store::Spool) -> T) -> Option<T> {
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

    /// Calls `tell` with everything the store tells from now on, on its thread, until somebody else follows. What it told
    /// while nobody followed is told at once; false if somebody else was told it, and only a reopening will tell it again.
    pub(crate) fn follow(&self, tell: impl Fn(SpoolEvent) -> bool + Send + 'static) -> bool {
        let mut follower = self.0.follower.lock().unwrap_or_else(PoisonError::into_inner);
        for event in follower.untold.drain(..) {
            tell(event);
        }
        follower.tell.replace(Box::new(tell)).is_none()
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

    /// Takes the store away; it is closed on a thread that may wait, after what was queued is committed. The future ends
    /// with the closing, and with any before it: the file can be opened again then.
    pub(super) fn close(&self) -> impl Future<Output = ()> + use<> {
        let store = self.0.store.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(store) = store {
            self.0.closing.send_modify(|closing| *closing += 1);
            let shared = Arc::clone(&self.0);
            let closed = move || {
                drop(store);
                shared.closing.send_modify(|closing| *closing -= 1);
            };
            if let Err(error) = thread::Builder::new().name("edgebind-close".to_owned()).spawn(closed) {
                // Its closure is dropped here, and the store with it: slow, and right.
                warn!(%error, "No thread to close the spool with.");
                self.0.closing.send_modify(|closing| *closing -= 1);
            }
        }
        let mut closing = self.0.closing.subscribe();
        async move {
            closing.wait_for(|closing| *closing == 0).await.map(drop).unwrap_or_default();
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
        // Who delivers is to know of no store where updates have none.
        if shared.absence.is_none() {
            shared.follower.lock().unwrap_or_else(PoisonError::into_inner).take(event);
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

impl Follower {
    fn take(&mut self, event: SpoolEvent) {
        match &self.tell {
            // One that has gone does not want to know; the next asks for a reopening.
            Some(tell) => drop(tell(event)),
            None => {
                if matches!(event.event, Event::Opened(_)) {
                    self.untold.clear();
                }
                self.untold.push(event);
                self.untold.truncate(MOST_UNTOLD);
            }
        }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("absence", &self.0.absence).finish_non_exhaustive()
    }
}

/// A file opens, fails, heals and fails: nobody stays away for longer.
const MOST_UNTOLD: usize = 64;
