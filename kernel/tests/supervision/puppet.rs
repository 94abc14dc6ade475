//! An actor that does what a test says, and a stage that notes what happened when.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, ResponseActFuture, System,
    fut::wrap_future,
};
use edgebind_kernel::{
    ChildSpec, Directory, Epoch, Failure, Inspect, Lifeline, RestartPolicy, Stop, Supervisor, TreeNode, clock,
};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` in an actix system whose clock only moves when all sleep.
pub(crate) fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(runtime).block_on(test)
}

/// Runs `test` in an actix system with the real clock.
pub(crate) fn in_real_time<T>(test: impl Future<Output = T>) -> T {
    System::new().block_on(test)
}

/// Waits until `done`, for ten seconds at most.
pub(crate) async fn wait_for(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = clock::now() + 10 * SECOND;
    while !done().await {
        assert!(clock::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(MS).await;
    }
}

pub(crate) async fn inspect(root: &Addr<Supervisor>) -> TreeNode {
    root.send(Inspect).await.unwrap()
}

/// What a life does when it starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Live,
    Refuse,
    Fail,
    End,
    PanicBuilding,
    PanicStarting,
    /// Panics a second time when its remains are dropped.
    PanicTwice,
    /// Lives, and panics when it has stopped.
    PanicLeaving,
    /// Reads no message for a while.
    Deaf(Duration),
    /// Lives, but drops its lifeline.
    LetGo,
    /// Lives for a while, then fails.
    FailAfter(Duration),
}

/// How a life takes the request to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Leave {
    AtOnce,
    After(Duration),
    Never,
}

/// Where puppets play: what happened, and who is there.
#[derive(Clone)]
pub(crate) struct Stage {
    start: Instant,
    events: Arc<Mutex<Vec<(Duration, String)>>>,
    left: Arc<Mutex<Vec<String>>>,
    pub(crate) directory: Directory<String, Puppet>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            start: clock::now(),
            events: Arc::default(),
            left: Arc::default(),
            directory: Directory::new(),
        }
    }

    /// A puppet that does `act` of the number of its life (from 1).
    pub(crate) fn puppet(
        &self,
        id: &str,
        policy: RestartPolicy,
        act: impl Fn(u32) -> Act + Send + Sync + 'static,
    ) -> ChildSpec<Puppet> {
        self.slow_puppet(id, policy, Leave::AtOnce, act)
    }

    pub(crate) fn slow_puppet(
        &self,
        id: &str,
        policy: RestartPolicy,
        leave: Leave,
        act: impl Fn(u32) -> Act + Send + Sync + 'static,
    ) -> ChildSpec<Puppet> {
        let (stage, lives, id) = (self.clone(), AtomicU32::new(0), id.to_owned());
        let (name, directory) = (id.clone(), self.directory.clone());
        let build = move |lifeline: Lifeline| {
            let act = act(lives.fetch_add(1, Ordering::Relaxed) + 1);
            stage.note(format!("start {name}"));
            assert!(!matches!(act, Act::PanicBuilding), "no clay");
            Puppet { lifeline: Some(lifeline), id: name.clone(), stage: stage.clone(), act, leave }
        };
        ChildSpec::new(id.clone(), "puppet", policy, build).listed(directory, id)
    }

    pub(crate) fn note(&self, event: String) {
        self.events.lock().unwrap().push((clock::now() - self.start, event));
    }

    /// What happened, in order.
    pub(crate) fn events(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    /// Whose `stopped` ran, in order.
    pub(crate) fn left(&self) -> Vec<String> {
        self.left.lock().unwrap().clone()
    }

    pub(crate) fn forget_events(&self) {
        self.events.lock().unwrap().clear();
    }

    /// When `event` happened, each time.
    pub(crate) fn times(&self, event: &str) -> Vec<Duration> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|(_, seen)| seen == event).map(|&(at, _)| at).collect()
    }

    /// When anything that begins with `word` happened, in order.
    pub(crate) fn times_of(&self, word: &str) -> Vec<Duration> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|(_, seen)| seen.starts_with(word)).map(|&(at, _)| at).collect()
    }

    /// The time between one `event` and the next.
    pub(crate) fn gaps(&self, event: &str) -> Vec<Duration> {
        self.times(event).windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    pub(crate) fn addr(&self, id: &str) -> Arc<Addr<Puppet>> {
        self.directory.resolve(id).unwrap()
    }

    /// The present life, answered by the puppet itself.
    pub(crate) async fn epoch(&self, id: &str) -> Epoch {
        self.addr(id).send(Who).await.unwrap()
    }
}

pub(crate) struct Puppet {
    lifeline: Option<Lifeline>,
    id: String,
    stage: Stage,
    act: Act,
    leave: Leave,
}

impl Puppet {
    fn fail(&mut self, failure: Failure, ctx: &mut Context<Self>) {
        self.lifeline.as_mut().unwrap().fail(failure);
        ctx.stop();
    }
}

impl Actor for Puppet {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        match self.act {
            Act::Live | Act::PanicLeaving => self.lifeline.as_ref().unwrap().report("on stage"),
            Act::Refuse => self.fail(Failure::refused("name is held"), ctx),
            Act::Fail => self.fail(Failure::defect("lost its strings"), ctx),
            Act::End => ctx.stop(),
            Act::PanicStarting | Act::PanicTwice => panic!("stage fright"),
            Act::PanicBuilding => unreachable!("was never built"),
            Act::Deaf(span) => ctx.wait(wrap_future(tokio::time::sleep(span))),
            Act::LetGo => drop(self.lifeline.take()),
            Act::FailAfter(span) => {
                ctx.run_later(span, |this, ctx| this.fail(Failure::defect("lost its strings"), ctx));
            }
        }
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.stage.left.lock().unwrap().push(self.id.clone());
        assert!(!matches!(self.act, Act::PanicLeaving), "fell over the strings");
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let listed = self.stage.directory.resolve(&self.id).is_some();
        self.stage.note(format!("end {}{}", self.id, if listed { ", still listed" } else { "" }));
        assert!(!matches!(self.act, Act::PanicTwice), "fell over the strings");
    }
}

impl Handler<Stop> for Puppet {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Stop, _: &mut Context<Self>) -> Self::Result {
        self.stage.note(format!("stop {}", self.id));
        let leave = self.leave;
        Box::pin(wrap_future(async move {
            match leave {
                Leave::AtOnce => {}
                Leave::After(span) => tokio::time::sleep(span).await,
                Leave::Never => std::future::pending().await,
            }
        }))
    }
}

/// Asks a puppet which life it leads.
pub(crate) struct Who;

impl Message for Who {
    type Result = Epoch;
}

impl actix::dev::MessageResponse<Puppet, Who> for Life {
    fn handle(self, _: &mut Context<Puppet>, answer: Option<actix::dev::OneshotSender<Epoch>>) {
        if let Some(answer) = answer {
            let _ = answer.send(self.0);
        }
    }
}

pub(crate) struct Life(Epoch);

impl Handler<Who> for Puppet {
    type Result = Life;

    fn handle(&mut self, _: Who, _: &mut Context<Self>) -> Life {
        Life(self.lifeline.as_ref().unwrap().epoch())
    }
}

/// Makes a puppet panic in a handler.
pub(crate) struct Panic;

impl Message for Panic {
    type Result = ();
}

impl Handler<Panic> for Puppet {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Context<Self>) {
        panic!("index {} out of range", 7);
    }
}

/// The same without a word on the terminal.
pub(crate) struct PanicSilently;

impl Message for PanicSilently {
    type Result = ();
}

impl Handler<PanicSilently> for Puppet {
    type Result = ();

    fn handle(&mut self, _: PanicSilently, _: &mut Context<Self>) {
        std::panic::resume_unwind(Box::new("one of many"));
    }
}

/// Keeps a puppet's thread busy.
pub(crate) struct Block(pub(crate) std::sync::mpsc::Receiver<()>);

impl Message for Block {
    type Result = ();
}

impl Handler<Block> for Puppet {
    type Result = ();

    fn handle(&mut self, Block(until): Block, _: &mut Context<Self>) {
        let _ = until.recv_timeout(10 * SECOND);
    }
}
