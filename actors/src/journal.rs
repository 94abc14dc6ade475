//! The journal of registrations: what AddEdgeThing took in is known again after a restart (design: binding).
//!
//! [`Ledger`] decides what has to be written; this hands it to the store, and tells who waits. A journal that cannot be
//! written holds up no registration: a thing that is served now is worth more than one that is known after a restart, and
//! its agent, told anything but 200, would register for ever. What is owed is written when the store is well again.

mod entry;
mod ledger;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edgebind_config::InstallKey;
use edgebind_store::{JournalEntry, StoreError};
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use crate::{
    Registration, ThingName,
    spool::{Spool, SpoolState},
};
use entry::EntryError;
use ledger::{Ledger, Write};

/// Keeps registrations in the store; without a store it keeps nothing. A clone is the same journal.
#[derive(Clone, Default)]
pub struct Journal(Option<Arc<Parts>>);

struct Parts {
    spool: Spool,
    /// Seals credentials; without it a registration that has some is not kept.
    key: Option<Arc<InstallKey>>,
    /// Shared with the callbacks, which the store calls on its own thread.
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    ledger: Ledger,
    waiting: HashMap<ThingName, Vec<oneshot::Sender<()>>>,
    /// Openings of the file since it was read.
    states: Option<watch::Receiver<SpoolState>>,
    /// Why the last write failed; `None` when the last one succeeded.
    failure: Option<StoreError>,
    /// Registrations that cannot be kept, and why: said once each.
    unkept: HashMap<ThingName, String>,
}

/// How the journal is, for health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalHealth {
    /// Registrations and ends of registrations that are not on disk yet.
    pub owed: usize,
    /// Registrations whose credentials cannot be sealed: they end with the process.
    pub unkept: usize,
    /// Why the last write failed.
    pub failure: Option<String>,
}

/// A change on its way to the disk.
pub(crate) struct OnDisk(Option<oneshot::Receiver<()>>);

impl Journal {
    /// A journal in this store; `key` seals credentials.
    #[must_use]
    pub fn new(spool: Spool, key: Option<Arc<InstallKey>>) -> Self {
        let key = key.map(|key| Arc::new(key.for_registrations()));
        Self(Some(Arc::new(Parts { spool, key, book: Arc::default() })))
    }

    /// How it is; `None` without a store.
    #[must_use]
    pub fn health(&self) -> Option<JournalHealth> {
        let book = self.0.as_ref()?.book();
        Some(JournalHealth {
            owed: book.ledger.owed(),
            unkept: book.unkept.len(),
            failure: book.failure.as_ref().map(ToString::to_string),
        })
    }

    /// Keeps a registration.
    pub(crate) fn keep(&self, registration: &Arc<Registration>) -> OnDisk {
        self.change(&registration.name, |book| {
            book.unkept.remove(&registration.name);
            book.ledger.keep(registration);
        })
    }

    /// Takes a registration out.
    pub(crate) fn forget(&self, name: &ThingName) -> OnDisk {
        self.change(name, |book| {
            book.unkept.remove(name);
            book.ledger.forget(name);
        })
    }

    /// Reads what the last process left, as soon as the store is open, and only once; `None` if the store fails while it
    /// is read, which is to be tried again.
    pub(crate) async fn load(self) -> Option<Vec<Arc<Registration>>> {
        let Some(parts) = &self.0 else { return Some(Vec::new()) };
        let mut states = parts.spool.states();
        states.wait_for(|state| state.open).await.ok()?;
        let entries = parts.entries().await?;
        let registrations = entries.iter().filter_map(|entry| parts.read(entry)).collect();
        let restored = parts.book().ledger.load(registrations, highest(&entries));
        parts.book().states = Some(states);
        self.settle();
        Some(restored)
    }

    /// Writes again what a file lacks that the store has opened anew; ends with the store.
    pub(crate) async fn follow(self) {
        let Some(parts) = &self.0 else { return };
        // From where the reading has left off: no opening goes unnoticed.
        let states = parts.book().states.take();
        let mut states = states.unwrap_or_else(|| parts.spool.states());
        while states.changed().await.is_ok() {
            if !states.borrow_and_update().open {
                continue;
            }
            // Read in vain, it has failed again, and is opened once more.
            let Some(entries) = parts.entries().await else { continue };
            let names: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
            parts.book().ledger.reopened(|name| names.contains(name.as_str()), highest(&entries));
            self.settle();
        }
    }

    /// Whether the disk was read.
    pub(crate) fn is_loaded(&self) -> bool {
        self.0.as_ref().is_none_or(|parts| parts.book().ledger.is_loaded())
    }

    /// Writes what is owed; to be called from time to time.
    pub(crate) fn settle(&self) {
        let Some(parts) = &self.0 else { return };
        let writes = parts.book().ledger.take();
        for write in writes {
            parts.write(write);
        }
    }

    fn change(&self, name: &ThingName, change: impl FnOnce(&mut Book)) -> OnDisk {
        let Some(parts) = &self.0 else { return OnDisk(None) };
        let (wait, write) = {
            let mut book = parts.book();
            change(&mut book);
            let wait = (!book.ledger.is_done(name)).then(|| book.wait(name));
            (wait, book.ledger.take_one(name))
        };
        if let Some(write) = write {
            parts.write(write);
        }
        OnDisk(wait)
    }
}

impl OnDisk {
    /// Ends when the change is on disk, at once if there was none; it may take for ever when the store fails.
    pub(crate) async fn wait(self) {
        if let Some(wait) = self.0 {
            // A dropped sender says as much as a word would.
            wait.await.unwrap_or_default();
        }
    }
}

impl Parts {
    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    fn write(&self, Write { name, revision, registration }: Write) {
        let book = Arc::clone(&self.book);
        let reported = name.clone();
        let done = move |result: Result<(), StoreError>| lock(&book).written(&reported, revision, result);
        let body = registration.map(|registration| entry::written(&registration, self.key.as_deref()));
        let body = body.and_then(|body| {
            // Nothing better stands there: an older entry would bring back what it no longer is.
            body.map_err(|error| self.book().unkept(&name, &error)).ok()
        });
        let asked = self.spool.with_journal(|store| match body {
            Some(body) => {
                let entry = JournalEntry { name: name.to_string(), revision, body: body.into() };
                store.put_journal(entry, done)
            }
            None => store.remove_journal(name.to_string(), done),
        });
        if let Err(error) = asked.unwrap_or(Err(StoreError::Stopped)) {
            self.book().written(&name, revision, Err(error));
        }
    }

    /// What stands on the disk; `None` when it cannot be read now.
    async fn entries(&self) -> Option<Vec<JournalEntry>> {
        let (told, answer) = oneshot::channel();
        self.spool.with_journal(|store| {
            // Whoever asked may be gone.
            store.load_journal(move |entries| told.send(entries).unwrap_or_default());
        })?;
        answer.await.ok()?.ok()
    }

    fn read(&self, entry: &JournalEntry) -> Option<Arc<Registration>> {
        match entry::read(&entry.name, &entry.body, self.key.as_deref()) {
            Ok((registration, None)) => Some(Arc::new(registration)),
            Ok((registration, Some(error))) => {
                warn!(
                    thing = %registration.name, %error,
                    "A registration was restored without its credentials, until its agent registers again."
                );
                Some(Arc::new(registration))
            }
            Err(error) => {
                warn!(name = %entry.name, %error, "An entry of the journal cannot be read and is passed over.");
                None
            }
        }
    }
}

impl Book {
    fn wait(&mut self, name: &ThingName) -> oneshot::Receiver<()> {
        let (told, wait) = oneshot::channel();
        let waiting = self.waiting.entry(name.clone()).or_default();
        waiting.retain(|waiting| !waiting.is_closed());
        waiting.push(told);
        wait
    }

    fn written(&mut self, name: &ThingName, revision: u64, result: Result<(), StoreError>) {
        self.ledger.written(name, revision, result.is_ok());
        if self.ledger.is_done(name) {
            // Dropping a sender ends the wait as well as a word would.
            self.waiting.remove(name);
        }
        match (result.err(), &self.failure) {
            (None, None) => {}
            (None, Some(_)) => {
                self.failure = None;
                info!("Registrations are written to the journal again.");
            }
            (Some(error), known) => {
                if known.as_ref().map(StoreError::label) != Some(error.label()) {
                    error!(
                        %error,
                        "Registrations are not written to the journal: they are served, and lost with this process."
                    );
                }
                self.failure = Some(error);
            }
        }
    }

    fn unkept(&mut self, name: &ThingName, error: &EntryError) {
        let why = error.to_string();
        if self.unkept.get(name) != Some(&why) {
            warn!(thing = %name, error = %why, "The registration is not kept over a restart.");
            self.unkept.insert(name.clone(), why);
        }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn highest(entries: &[JournalEntry]) -> u64 {
    entries.iter().map(|entry| entry.revision).max().unwrap_or_default()
}
