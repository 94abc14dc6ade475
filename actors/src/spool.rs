//! The unit that keeps the durable store open: starts its thread, notices its end, starts it again.
//!
//! Everybody else reaches the store through [`Spool`], which outlives its thread. Nothing here waits for the disk.

mod handle;

use actix::prelude::*;
use edgebind_kernel::{Failure, Lifeline, RestartPolicy, Stop};
use edgebind_store::{Event, Options};
use tokio::sync::oneshot;
use tracing::{error, info};

pub use handle::{Absence, Spool, SpoolEvent, SpoolState};

/// Whether and where updates are kept.
#[derive(Clone, Debug)]
pub enum SpoolSettings {
    /// In this directory, within these bounds.
    On(Options),
    /// Only registrations are kept in this directory: `offline_msg_store.enabled` is false.
    RegistrationsOnly(Options),
    /// Nothing is kept.
    Off,
    /// There is no directory to keep them in; why, for people.
    Nowhere(String),
}

/// Actor that owns the life of the store's thread; `spool` in the tree.
pub struct SpoolUnit {
    settings: SpoolSettings,
    spool: Spool,
    lifeline: Lifeline,
}

/// Opens the file anew, so that what it holds is told again: whoever knew it has died.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Reopen;

impl SpoolUnit {
    pub(crate) const fn new(settings: SpoolSettings, spool: Spool, lifeline: Lifeline) -> Self {
        Self { settings, spool, lifeline }
    }

    /// A spent budget leaves the gateway running without: updates that cannot be delivered are answered 503.
    pub(crate) fn policy() -> RestartPolicy {
        RestartPolicy::permanent().quarantine(QUARANTINE)
    }

    /// Closes what is open, then opens. Both happen elsewhere: closing waits for the last commit.
    fn open(&self, ctx: &mut Context<Self>) {
        let options = match self.settings.clone() {
            SpoolSettings::On(options) | SpoolSettings::RegistrationsOnly(options) => options,
            SpoolSettings::Off | SpoolSettings::Nowhere(_) => return self.lifeline.report("off"),
        };
        self.lifeline.report("opening");
        let closed = self.spool.close();
        ctx.wait(closed.into_actor(self).map(move |(), unit, ctx| unit.start(options, ctx)));
    }

    fn start(&mut self, options: Options, ctx: &mut Context<Self>) {
        // Dropped with the observer, which lives as long as the thread: also when that panics.
        let (alive, ended) = oneshot::channel::<()>();
        let (teller, unit) = (self.spool.begin(), ctx.address().downgrade());
        let generation = teller.generation;
        let observer = move |event: Event| {
            let _ = &alive;
            if let Some(unit) = unit.upgrade() {
                tell(&unit, Shown::of(&event));
            }
            teller.tell(event);
        };
        match edgebind_store::Spool::start(options, observer) {
            Ok(store) => self.spool.put(store),
            Err(error) => {
                self.lifeline.fail(Failure::defect(error.to_string()));
                return ctx.stop();
            }
        }
        ctx.spawn(ended.into_actor(self).map(move |_, unit, ctx| {
            // An older thread was closed on purpose.
            if unit.spool.generation() == generation {
                unit.lifeline.fail(Failure::defect("the thread of the store has ended"));
                ctx.stop();
            }
        }));
    }
}

impl Drop for SpoolUnit {
    /// However it ends: without this unit nobody watches over the store, and nothing more may be promised.
    fn drop(&mut self) {
        drop(self.spool.close());
    }
}

impl Actor for SpoolUnit {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.open(ctx);
    }
}

impl Handler<Reopen> for SpoolUnit {
    type Result = ();

    fn handle(&mut self, _: Reopen, ctx: &mut Self::Context) {
        self.open(ctx);
    }
}

impl Handler<Shown> for SpoolUnit {
    type Result = ();

    fn handle(&mut self, Shown(state): Shown, _: &mut Self::Context) {
        self.lifeline.report(state);
    }
}

impl Handler<Stop> for SpoolUnit {
    type Result = ResponseFuture<()>;

    /// Commits what is queued and closes the file: a gateway that starts next in this process opens it again.
    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.spool.close())
    }
}

/// What the tree shows beside the unit.
#[derive(Message)]
#[rtype(result = "()")]
struct Shown(String);

impl Shown {
    fn of(event: &Event) -> Self {
        match event {
            Event::Opened(opened) => {
                let waiting = opened.entries.len();
                info!(waiting, registrations = opened.journal.len(), "The spool is open.");
                if let Some(file) = &opened.set_aside {
                    error!(file = %file.display(), "The spool was damaged; it was set aside, and a new one is started.");
                }
                Self("open".to_owned())
            }
            Event::Failed(error) => Self(format!("failed: {error}")),
            Event::Healed => Self("open".to_owned()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "one message for each change of the store's state")]
fn tell(unit: &Addr<SpoolUnit>, shown: Shown) {
    unit.do_send(shown);
}

/// How often a store that keeps dying is tried again.
const QUARANTINE: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use edgebind_kernel::{Supervisor, clock, stop_tree};
    use edgebind_store::{Clock, Kind, Record};

    use super::*;

    const CLOCK: Clock = Clock { now: clock::now, unix_ms: clock::unix_millis };

    fn record() -> Record {
        Record { entity: "Things/T".into(), kind: Kind::Push, payload: b"x"[..].into() }
    }

    async fn opened(spool: &Spool, generation: u64) {
        let mut states = spool.states();
        let open = states.wait_for(|state| state.open && state.generation >= generation);
        tokio::time::timeout(Duration::from_secs(30), open).await.unwrap().unwrap();
    }

    #[test]
    fn it_opens_opens_again_when_asked_and_closes_at_the_end() {
        actix_rt::System::new().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let settings = SpoolSettings::On(Options::new(folder.path(), CLOCK));
            let spool = Spool::default();
            let units = edgebind_kernel::Directory::<(), SpoolUnit>::default();
            let shared = spool.clone();
            let child =
                edgebind_kernel::ChildSpec::new("spool", "spool", SpoolUnit::policy(), move |lifeline| {
                    SpoolUnit::new(settings.clone(), shared.clone(), lifeline)
                });
            let (root, _watch) =
                Supervisor::start_root(Supervisor::builder("r").child(child.listed(units.clone(), ())));
            opened(&spool, 1).await;
            let (told, tell) = oneshot::channel();
            let append = spool.with(|store| store.append(record(), |result| told.send(result).unwrap()));
            append.unwrap().unwrap();
            tell.await.unwrap().unwrap();

            let (tell, mut events) = tokio::sync::mpsc::unbounded_channel();
            assert!(spool.follow(move |event| tell.send(event).is_ok()));
            let SpoolEvent { generation: 1, event: Event::Opened(held) } = events.recv().await.unwrap()
            else {
                panic!("what was told before is told now");
            };
            assert!(held.entries.is_empty());
            units.resolve(&()).unwrap().send(Reopen).await.unwrap();
            let event = tokio::time::timeout(Duration::from_secs(30), events.recv()).await.unwrap().unwrap();
            let SpoolEvent { generation: 2, event: Event::Opened(held) } = event else { panic!("{event:?}") };
            assert_eq!(held.entries.len(), 1);
            opened(&spool, 2).await;

            assert!(stop_tree(&root, Duration::from_secs(30)).await.is_clean());
            assert!(spool.with(|_| ()).is_none());
            // The lock is free again.
            drop(edgebind_store::Spool::open(Options::new(folder.path(), CLOCK)).unwrap());
        });
    }
}
