//! The line between a child and its supervisor: the child reports on it, and its end tells how the child ended.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use actix::Addr;
use tokio::sync::{Notify, oneshot};

use crate::{ChildId, Epoch, Exit, Failure, Supervisor, clock, panics, supervisor::ChildDown};

/// Field of every supervised actor: its drop tells the supervisor that this life is over, and how.
///
/// It must stay in the actor. An actor that gives it away is taken for dead, and ended.
pub struct Lifeline {
    signs: Arc<Signs>,
    parent: Option<Parent>,
    /// Boxed, because it is rare and there may be ten thousand of us.
    exit: Option<Box<Exit>>,
}

/// Who learns of the end.
pub(crate) enum Parent {
    /// One address for all children, because each clone of one costs two allocations.
    Supervisor(Arc<Addr<Supervisor>>),
    Watch(oneshot::Sender<Exit>),
}

impl Lifeline {
    /// A lifeline without a supervisor, for tests of one actor alone; the watch resolves with its end.
    #[must_use]
    pub fn unattached(child: impl Into<ChildId>) -> (Self, RootWatch) {
        let (end, watch) = oneshot::channel();
        let mut lifeline = Self::new(Signs::new(child.into()), Parent::Watch(end));
        lifeline.born();
        (lifeline, RootWatch(watch))
    }

    pub(crate) fn new(signs: Arc<Signs>, parent: Parent) -> Self {
        let exit = Exit::Failed(Failure::defect("not started: its arbiter has stopped"));
        Self { signs, parent: Some(parent), exit: Some(Box::new(exit)) }
    }

    /// From here on its end is a normal one, unless something else is said.
    pub(crate) fn born(&mut self) {
        self.exit = None;
    }

    /// Names the failure this life ends with; the actor calls `ctx.stop()` next. The last word counts.
    pub fn fail(&mut self, failure: Failure) {
        self.exit = Some(Box::new(Exit::Failed(failure)));
    }

    /// Says what the tree shows beside this child, such as `bound` or `waiting for the old session`.
    pub fn report(&self, state: impl Into<Cow<'static, str>>) {
        self.signs.vital().report = state.into();
    }

    /// Says that the child has reached its good state, now: see [`Health::Declared`](crate::Health::Declared).
    pub fn healthy(&self) {
        self.signs.vital().healthy.get_or_insert_with(clock::now);
    }

    /// Takes back [`healthy`](Self::healthy).
    pub fn unhealthy(&self) {
        self.signs.vital().healthy = None;
    }

    /// The child's name.
    #[must_use]
    pub fn child(&self) -> &ChildId {
        &self.signs.child
    }

    /// Which life this is.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.signs.epoch
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let fell = self.signs.vital().panic.take();
        let exit = match fell {
            None if std::thread::panicking() => panics::last(None),
            fell => fell.or(self.exit.take()).map_or(Exit::Normal, |exit| *exit),
        };
        match self.parent.take() {
            Some(Parent::Supervisor(parent)) => {
                ChildDown { child: self.signs.child.clone(), epoch: self.signs.epoch, exit }.send_to(&parent);
            }
            // The watch may be gone: then nobody wants to know.
            Some(Parent::Watch(end)) => drop(end.send(exit)),
            None => {}
        }
    }
}

impl fmt::Debug for Lifeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signs, exit, .. } = self;
        f.debug_struct("Lifeline")
            .field("child", &signs.child)
            .field("epoch", &signs.epoch)
            .field("exit", exit)
            .finish_non_exhaustive()
    }
}

/// Resolves when the root of a tree (or an unattached lifeline) has ended, with the reason: [`Exit::Failed`] when a
/// spent budget escalated up to it, [`Exit::Normal`] after [`stop_tree`](crate::stop_tree).
#[derive(Debug)]
pub struct RootWatch(oneshot::Receiver<Exit>);

impl RootWatch {
    pub(crate) fn new() -> (oneshot::Sender<Exit>, Self) {
        let (end, watch) = oneshot::channel();
        (end, Self(watch))
    }
}

impl Future for RootWatch {
    type Output = Exit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit> {
        let lost = || Exit::Failed(Failure::defect("the runtime ended before the tree did"));
        Pin::new(&mut self.0).poll(cx).map(|exit| exit.unwrap_or_else(|_| lost()))
    }
}

/// What one life shows to its supervisor while it lasts.
pub(crate) struct Signs {
    pub(crate) child: ChildId,
    pub(crate) epoch: Epoch,
    vital: Mutex<Vital>,
    /// Notified once when nothing of this life is left.
    pub(crate) over: Notify,
}

#[derive(Default)]
pub(crate) struct Vital {
    pub(crate) report: Cow<'static, str>,
    pub(crate) healthy: Option<Instant>,
    pub(crate) panic: Option<Box<Exit>>,
}

impl Signs {
    pub(crate) fn new(child: ChildId) -> Arc<Self> {
        Arc::new(Self { child, epoch: Epoch::next(), vital: Mutex::default(), over: Notify::new() })
    }

    pub(crate) fn vital(&self) -> MutexGuard<'_, Vital> {
        self.vital.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
