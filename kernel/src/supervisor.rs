//! The supervisor: starts children, learns of their ends, and does what their policies say.
//!
//! This file has its state, its messages and who answers them. The work is in `restarts` (start and start again),
//! `recovery` (rest-for-one), `shutdown` (orderly end) and `orphans` (its own sudden end).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, ResponseFuture};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::{
    ChildId, ChildSpec, Epoch, Exit, Fairness, Lifeline, RestartPolicy, RootWatch, Stop, StopReport, clock,
    lifeline::Parent, rate::Rate, stop::Halt,
};

mod builder;
mod child;
mod orphans;
mod recovery;
mod restarts;
mod shutdown;
mod survey;

pub use self::builder::SupervisorBuilder;
pub(crate) use self::shutdown::SUPERVISOR;
use self::{
    child::{Child, State, Why},
    orphans::Orphans,
    recovery::Recovery,
    restarts::Agenda,
    shutdown::Shutdown,
};

/// An actor that keeps other actors alive.
///
/// It stops when it is asked to ([`stop_tree`](crate::stop_tree), [`Stop`] from its parent) or when a child's budget is
/// spent under [`OnSpent::Escalate`](crate::OnSpent::Escalate); dropping its address does not end it.
pub struct Supervisor {
    id: ChildId,
    strategy: Strategy,
    stop_deadline: Duration,
    /// By order of their first start. Boxed, because a B-tree keeps room for nearly twice as many as it holds.
    children: BTreeMap<Place, Box<Child>>,
    places: HashMap<ChildId, Place>,
    next_place: Place,
    agenda: Agenda,
    recovery: Option<Recovery>,
    shutdown: Option<Shutdown>,
    /// None only while it is being dropped.
    lifeline: Option<Lifeline>,
    address: Arc<Addr<Self>>,
    /// Where its children go when it falls.
    fall: Option<oneshot::Sender<Orphans>>,
    fairness: Fairness,
    /// Limits the log.
    told: Rate,
    untold: u64,
    since_unix_ms: i64,
    /// Started with it.
    first: Vec<Arc<dyn crate::spec::Offspring>>,
}

/// What the end of one child means for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Nothing: children are independent.
    OneForOne,
    /// Those started after it depend on it: they are stopped, last first, and started again after it.
    RestForOne,
}

impl Supervisor {
    /// Settings of a supervisor called `name`.
    pub fn builder(name: impl Into<ChildId>) -> SupervisorBuilder {
        SupervisorBuilder::new(name.into())
    }

    /// Starts the root of a tree on the present arbiter; the watch resolves when it has ended.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System` (or a tokio `LocalSet`).
    #[must_use]
    pub fn start_root(builder: SupervisorBuilder) -> (Addr<Self>, RootWatch) {
        let (end, watch) = RootWatch::new();
        let (addr, mut life) =
            ChildSpec::supervisor(builder, RestartPolicy::temporary()).bear(Parent::Watch(end));
        // Somebody must hold the life, or it ends.
        drop(actix_rt::spawn(async move { life.cut.closed().await }));
        (Addr::clone(&addr), watch)
    }

    fn new(builder: SupervisorBuilder, ctx: &mut Context<Self>, lifeline: Lifeline) -> Self {
        let SupervisorBuilder { id, strategy, restarts_per_s, stop_deadline, children, .. } = builder;
        Self {
            id,
            strategy,
            stop_deadline,
            children: BTreeMap::new(),
            places: HashMap::new(),
            next_place: 0,
            agenda: Agenda::new(restarts_per_s),
            recovery: None,
            shutdown: None,
            lifeline: Some(lifeline),
            address: Arc::new(ctx.address()),
            fall: Some(Orphans::await_fall()),
            fairness: Fairness::default(),
            told: Rate::per_second(LOGGED_PER_S, LOGGED_PER_S),
            untold: 0,
            since_unix_ms: clock::unix_millis(),
            first: children,
        }
    }

    fn known(&self, id: &ChildId) -> Result<Place, UnknownChild> {
        self.places.get(id).copied().ok_or_else(|| UnknownChild(id.clone()))
    }

    /// The place of the child whose present life is `epoch`.
    fn living(&self, id: &ChildId, epoch: Epoch) -> Option<Place> {
        let place = self.places.get(id).copied()?;
        let signs = self.children.get(&place)?.signs()?;
        (signs.epoch == epoch).then_some(place)
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Context<Self>) {
        for spec in std::mem::take(&mut self.first) {
            self.admit(spec);
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let children = std::mem::take(&mut self.children);
        let life =
            |child: Box<Child>| if let State::Up { life, .. } = child.state { Some(life) } else { None };
        let lives: Vec<_> = children.into_values().rev().filter_map(life).collect();
        if lives.is_empty() {
            return;
        }
        let deadline = self.shutdown.as_ref().map(|shutdown| shutdown.deadline);
        let deadline = deadline.unwrap_or_else(|| clock::now() + self.stop_deadline);
        let orphans =
            Orphans { supervisor: self.id.clone(), lives, deadline, lifeline: self.lifeline.take() };
        if let Some(fall) = self.fall.take() {
            // Nobody is there to take them when the runtime goes down: they are dropped, as it is itself.
            let _ = fall.send(orphans);
        }
    }
}

/// Starts a child under a supervisor.
#[derive(Clone, Debug)]
pub struct Launch<A: Actor<Context = Context<A>>>(pub ChildSpec<A>);

impl<A: Actor<Context = Context<A>>> Message for Launch<A> {
    type Result = Result<(), LaunchError>;
}

/// Why a child was not started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// The name is taken, if only by a child that is being stopped: wait for the answer to [`Dismiss`].
    #[error("a child named {0} is there already")]
    Duplicate(ChildId),
    /// The supervisor takes no more children.
    #[error("{0} is being stopped")]
    Stopping(ChildId),
}

impl<A: Actor<Context = Context<A>> + Handler<Stop>> Handler<Launch<A>> for Supervisor {
    type Result = Result<(), LaunchError>;

    fn handle(&mut self, Launch(spec): Launch<A>, ctx: &mut Context<Self>) -> Self::Result {
        self.fairness.tick(ctx);
        if self.shutdown.is_some() {
            return Err(LaunchError::Stopping(self.id.clone()));
        }
        if self.places.contains_key(spec.id()) {
            return Err(LaunchError::Duplicate(spec.id().clone()));
        }
        self.admit(Arc::new(spec));
        Ok(())
    }
}

/// Stops a child for good, in good order; answered when it is gone.
#[derive(Clone, Debug)]
pub struct Dismiss {
    /// Which child.
    pub id: ChildId,
    /// When it is cut.
    pub deadline: Instant,
}

impl Message for Dismiss {
    type Result = Result<Ended, UnknownChild>;
}

/// How a child that was asked to stop has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, or it was down anyway.
    Orderly,
    /// Cut at the deadline.
    Cut,
    /// Not gone yet: its thread is blocked. It will end with the message it is busy with.
    Stuck,
}

/// No child has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no child is named {0}")]
pub struct UnknownChild(pub ChildId);

impl Handler<Dismiss> for Supervisor {
    type Result = ResponseFuture<Result<Ended, UnknownChild>>;

    fn handle(&mut self, Dismiss { id, deadline }: Dismiss, ctx: &mut Context<Self>) -> Self::Result {
        self.fairness.tick(ctx);
        let place = match self.known(&id) {
            Ok(place) => place,
            Err(unknown) => return Box::pin(async { Err(unknown) }),
        };
        self.end_child(place, Why::Dismissed, deadline);
        let (gone, answer) = oneshot::channel();
        match self.children.get_mut(&place).map(|child| &mut child.state) {
            Some(State::Ending { waiting, .. }) => waiting.push(gone),
            // It was down.
            _ => {
                self.forget(place);
                let _ = gone.send(Ended::Orderly);
            }
        }
        self.proceed(ctx);
        // The supervisor itself fell meanwhile: then the child is cut, too.
        Box::pin(async { Ok(answer.await.unwrap_or(Ended::Cut)) })
    }
}

/// Ends the backoff or quarantine of a child now; no effect on one that is up.
#[derive(Clone, Debug)]
pub struct RetryNow {
    /// Which child.
    pub id: ChildId,
}

impl Message for RetryNow {
    type Result = Result<(), UnknownChild>;
}

impl Handler<RetryNow> for Supervisor {
    type Result = Result<(), UnknownChild>;

    fn handle(&mut self, RetryNow { id }: RetryNow, ctx: &mut Context<Self>) -> Self::Result {
        let place = self.known(&id)?;
        self.retry_now(place, clock::now());
        self.proceed(ctx);
        Ok(())
    }
}

impl Handler<Halt> for Supervisor {
    type Result = ResponseFuture<StopReport>;

    fn handle(&mut self, Halt { deadline }: Halt, ctx: &mut Context<Self>) -> Self::Result {
        self.begin_shutdown(deadline, None, clock::now());
        let answer = self.when_shut_down();
        self.proceed(ctx);
        Box::pin(async { answer.await.unwrap_or_default() })
    }
}

impl Handler<Stop> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Stop { deadline }: Stop, ctx: &mut Context<Self>) -> Self::Result {
        let stopped = Handler::<Halt>::handle(self, Halt { deadline }, ctx);
        Box::pin(async { drop(stopped.await) })
    }
}

/// The end of one life, told by its lifeline.
#[derive(Debug)]
pub(crate) struct ChildDown {
    pub(crate) child: ChildId,
    pub(crate) epoch: Epoch,
    pub(crate) exit: Exit,
}

impl ChildDown {
    #[expect(
        clippy::disallowed_methods,
        reason = "one per life: limited by construction, and must not get lost"
    )]
    pub(crate) fn send_to(self, parent: &Addr<Supervisor>) {
        parent.do_send(self);
    }
}

impl Message for ChildDown {
    type Result = ();
}

impl Handler<ChildDown> for Supervisor {
    type Result = ();

    fn handle(&mut self, ChildDown { child, epoch, exit }: ChildDown, ctx: &mut Context<Self>) {
        self.fairness.tick(ctx);
        let Some(place) = self.living(&child, epoch) else { return };
        match self.children.get_mut(&place) {
            Some(child) if child.is_ending() => child.last_exit = Some(Box::new(exit)),
            _ => self.fell(place, exit, clock::now()),
        }
        self.proceed(ctx);
    }
}

/// The end of one life that was asked to stop.
#[derive(Debug)]
struct Parted {
    child: ChildId,
    epoch: Epoch,
    ended: Ended,
    report: StopReport,
}

impl Parted {
    #[expect(
        clippy::disallowed_methods,
        reason = "one per life: limited by construction, and must not get lost"
    )]
    fn send_to(self, parent: &Addr<Supervisor>) {
        parent.do_send(self);
    }
}

impl Message for Parted {
    type Result = ();
}

impl Handler<Parted> for Supervisor {
    type Result = ();

    fn handle(&mut self, Parted { child, epoch, ended, report }: Parted, ctx: &mut Context<Self>) {
        self.fairness.tick(ctx);
        if let Some(place) = self.living(&child, epoch) {
            self.parted(place, ended, report);
            self.proceed(ctx);
        }
    }
}

/// Place of a child in the order of first starts.
type Place = u64;

/// Ends of children logged in a second; the others are counted.
const LOGGED_PER_S: u32 = 10;
