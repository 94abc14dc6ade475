//! What a supervisor needs to know to start a child again and again.

use std::{fmt, future::Future, hash::Hash, pin::Pin, sync::Arc, time::Instant};

use actix::{Actor, Addr, Context, Handler, dev::channel};
use actix_rt::ArbiterHandle;
use tokio::sync::oneshot;

use crate::{
    ChildId, Directory, Epoch, Exit, Lifeline, RestartPolicy, Stop, StopReport, Supervisor,
    SupervisorBuilder,
    life::{Birth, Life},
    lifeline::{Parent, Signs},
    stop::Halt,
    supervisor::SUPERVISOR,
};

/// A child: its name, how it is built, and when it is started again.
///
/// The closure runs once for each life, in the child's own task, so it may start timers on the context and may even
/// panic. It must not block.
pub struct ChildSpec<A: Actor<Context = Context<A>>> {
    id: ChildId,
    kind: &'static str,
    policy: RestartPolicy,
    build: Build<A>,
    mailbox: usize,
    arbiter: Option<ArbiterHandle>,
    list: Option<List<A>>,
    follow: Option<Follow>,
    branch: fn(&Arc<Addr<A>>) -> Option<Branch>,
}

impl<A: Actor<Context = Context<A>> + Handler<Stop>> ChildSpec<A> {
    /// A child of `kind` (for people: `thing`, `link`) that is built by `build`.
    pub fn new<F>(id: impl Into<ChildId>, kind: &'static str, policy: RestartPolicy, build: F) -> Self
    where
        F: Fn(Lifeline) -> A + Send + Sync + 'static,
    {
        Self::with(id, kind, policy, move |_, lifeline| build(lifeline))
    }

    /// The same for an actor that needs its context while it is built.
    pub fn with<F>(id: impl Into<ChildId>, kind: &'static str, policy: RestartPolicy, build: F) -> Self
    where
        F: Fn(&mut Context<A>, Lifeline) -> A + Send + Sync + 'static,
    {
        let (id, build) = (id.into(), Arc::new(build));
        Self {
            id,
            kind,
            policy,
            build,
            mailbox: MAILBOX,
            arbiter: None,
            list: None,
            follow: None,
            branch: |_| None,
        }
    }

    /// Lets `capacity` messages wait in the mailbox; default 16, at least 1.
    #[must_use]
    pub fn mailbox(mut self, capacity: usize) -> Self {
        // 0 would mean "no bound" to actix.
        self.mailbox = capacity.max(1);
        self
    }

    /// Runs the child on this arbiter instead of its supervisor's.
    #[must_use]
    pub fn on_arbiter(mut self, arbiter: ArbiterHandle) -> Self {
        self.arbiter = Some(arbiter);
        self
    }

    /// Enters each life into `directory` before it starts, and removes it at its end.
    #[must_use]
    pub fn listed<K>(mut self, directory: Directory<K, A>, key: K) -> Self
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        self.list = Some(Arc::new(move |epoch, addr| {
            directory.enter(key.clone(), epoch, Arc::clone(addr));
            let (directory, key) = (directory.clone(), key.clone());
            Listing(Some(Box::new(move || directory.leave(&key, epoch))))
        }));
        self
    }

    /// Tells `follower` whenever the child comes up or goes down, on the supervisor's thread; it must not block.
    ///
    /// For whoever shows many children: asking the supervisor for its whole subtree each time would be dear.
    #[must_use]
    pub fn followed(mut self, follower: impl Fn(Turn<'_>) + Send + Sync + 'static) -> Self {
        self.follow = Some(Arc::new(follower));
        self
    }

    /// The child's name.
    #[must_use]
    pub fn id(&self) -> &ChildId {
        &self.id
    }
}

impl ChildSpec<Supervisor> {
    /// A supervisor as a child, named as its builder says. Each life starts with the children the builder lists; what was
    /// launched into a former life is not remembered.
    #[must_use]
    pub fn supervisor(builder: SupervisorBuilder, policy: RestartPolicy) -> Self {
        let id = builder.id().clone();
        let spec = Self::with(id, SUPERVISOR, policy, move |ctx, lifeline| builder.build(ctx, lifeline));
        Self { branch: |addr| Some(Arc::clone(addr)), mailbox: SUPERVISOR_MAILBOX, ..spec }
    }
}

impl<A: Actor<Context = Context<A>>> Clone for ChildSpec<A> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            build: Arc::clone(&self.build),
            arbiter: self.arbiter.clone(),
            list: self.list.clone(),
            follow: self.follow.clone(),
            ..*self
        }
    }
}

impl<A: Actor<Context = Context<A>>> fmt::Debug for ChildSpec<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What becomes of a child, for whoever follows it ([`ChildSpec::followed`]).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Turn<'a> {
    /// A life begins.
    Up {
        /// Lives before this one.
        restarts: u32,
    },
    /// A life has ended, another will come.
    Down {
        /// How it ended.
        exit: &'a Exit,
        /// When the next one comes, in milliseconds since 1970 UTC.
        retry_unix_ms: i64,
        /// Whether the budget of restarts is spent.
        quarantined: bool,
    },
}

/// A [`ChildSpec`] of any actor.
pub(crate) trait Offspring: Send + Sync {
    fn id(&self) -> &ChildId;
    fn kind(&self) -> &'static str;
    fn policy(&self) -> &RestartPolicy;
    /// Tells whoever follows the child.
    fn tell(&self, turn: Turn<'_>);
    /// Starts one life; whatever goes wrong is told by its lifeline.
    fn start(&self, parent: Parent) -> LifeHandle;
}

impl<A: Actor<Context = Context<A>> + Handler<Stop>> Offspring for ChildSpec<A> {
    fn id(&self) -> &ChildId {
        &self.id
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn policy(&self) -> &RestartPolicy {
        &self.policy
    }

    fn tell(&self, turn: Turn<'_>) {
        if let Some(follow) = &self.follow {
            follow(turn);
        }
    }

    fn start(&self, parent: Parent) -> LifeHandle {
        self.bear(parent).1
    }
}

impl<A: Actor<Context = Context<A>> + Handler<Stop>> ChildSpec<A> {
    /// Starts one life.
    pub(crate) fn bear(&self, parent: Parent) -> (Arc<Addr<A>>, LifeHandle) {
        let (sender, mailbox) = channel::channel(self.mailbox);
        let addr = Arc::new(Addr::new(sender));
        let signs = Signs::new(self.id.clone());
        let listing = self.list.as_ref().map(|list| list(signs.epoch, &addr));
        let (cut, cut_rx) = oneshot::channel();
        let birth = Birth {
            listing,
            mailbox,
            build: Arc::clone(&self.build),
            lifeline: Lifeline::new(Arc::clone(&signs), parent),
            cut: cut_rx,
            signs: Arc::clone(&signs),
        };
        match &self.arbiter {
            None => drop(actix_rt::spawn(Life::new(birth))),
            // A stopped arbiter drops the birth; its lifeline tells.
            Some(arbiter) => drop(arbiter.spawn_fn(move || drop(actix_rt::spawn(Life::new(birth))))),
        }
        let branch = (self.branch)(&addr);
        (Arc::clone(&addr), LifeHandle { signs, cut, line: addr, branch })
    }
}

/// The supervisor's hold on one life. Dropping it ends that life at once.
pub(crate) struct LifeHandle {
    pub(crate) signs: Arc<Signs>,
    pub(crate) cut: oneshot::Sender<()>,
    line: Arc<dyn Line>,
    /// Set if the child is a supervisor.
    pub(crate) branch: Option<Branch>,
}

impl LifeHandle {
    /// Sends the request to stop, now; the future resolves when it is answered or the child has ended.
    pub(crate) fn ask_to_stop(&self, deadline: Instant) -> Pin<Box<dyn Future<Output = StopReport>>> {
        self.line.stop(self.branch.as_deref(), deadline)
    }
}

/// An address of any supervised actor.
trait Line: Send + Sync {
    fn stop(
        &self,
        branch: Option<&Addr<Supervisor>>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = StopReport>>>;
}

impl<A: Actor<Context = Context<A>> + Handler<Stop>> Line for Addr<A> {
    fn stop(
        &self,
        branch: Option<&Addr<Supervisor>>,
        deadline: Instant,
    ) -> Pin<Box<dyn Future<Output = StopReport>>> {
        // `send` gets in even where the mailbox is full.
        if let Some(branch) = branch {
            let answer = branch.send(Halt { deadline });
            return Box::pin(async { answer.await.unwrap_or_default() });
        }
        let answer = self.send(Stop { deadline });
        Box::pin(async {
            // An error says that it has ended already: just as well.
            let _ = answer.await;
            StopReport::default()
        })
    }
}

/// Takes the entry of one life out of its directory when dropped.
pub(crate) struct Listing(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Listing {
    fn drop(&mut self) {
        if let Some(leave) = self.0.take() {
            leave();
        }
    }
}

pub(crate) type Build<A> = Arc<dyn Fn(&mut Context<A>, Lifeline) -> A + Send + Sync>;
type Follow = Arc<dyn Fn(Turn<'_>) + Send + Sync>;
/// The address of a child that is a supervisor.
pub(crate) type Branch = Arc<Addr<Supervisor>>;
type List<A> = Arc<dyn Fn(Epoch, &Arc<Addr<A>>) -> Listing + Send + Sync>;

/// As actix's own default.
const MAILBOX: usize = 16;
/// A supervisor is asked by people and by those who launch children, in bursts.
const SUPERVISOR_MAILBOX: usize = 1024;
