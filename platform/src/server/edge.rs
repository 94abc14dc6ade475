//! One edge connection as a supervised actor: the shell around its `PlatformSession`.
//!
//! The socket is read and written by two tasks of `socket`. Back pressure goes from the socket through both: while
//! frames wait for the writer, the reader's message is not answered, and nothing more is read.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, Response as Reaction,
    SpawnHandle, fut::wrap_future,
};
use bytes::Bytes;
use edgebind_alwayson::{
    Auth, Bind, Characteristic, ClosedBy, Code, Content, Event, Frame, InboundId, Method, PlatformSession,
    Request, RequestId, Response, SendError, State,
};
use edgebind_kernel::{Fairness, Lifeline, Stop, clock};
use tokio::{
    sync::{mpsc, oneshot},
    task::AbortHandle,
};
use tracing::{debug, info, warn};

use super::{
    Right,
    key::{Grant, KeyRefusal},
    shared::{Reply, Shared},
    wire::Way,
};
use crate::model::{Access, ConnectionId};

pub(super) mod faulty;
pub(super) mod socket;

/// The actor of one connection; its end unbinds everything that the connection held.
pub(super) struct Edge {
    held: Held,
    session: PlatformSession,
    /// What the key of the last AUTH opens.
    grant: Option<Grant>,
    writer: Writer,
    /// Readers that wait until the writer has room again.
    waiting: Vec<oneshot::Sender<()>>,
    calls: HashMap<RequestId, oneshot::Sender<Reply>>,
    /// Names that still have to be told of their subscriptions (protocol notes, section 9.5).
    to_notify: VecDeque<String>,
    notifying: HashSet<RequestId>,
    timer: Option<(Instant, SpawnHandle)>,
    fairness: Fairness,
    lifeline: Lifeline,
}

/// The connection in the model; its drop unbinds, so that a panic of the actor does it, too.
struct Held {
    id: ConnectionId,
    shared: Arc<Shared>,
}

impl Held {
    fn new(shared: Arc<Shared>) -> Self {
        Self { id: shared.connection_id(), shared }
    }

    fn pass(&self, way: Way, frame: &Frame) {
        self.shared.tap.pass(self.id, way, frame);
    }

    /// Unbinds everything now, while the last frames are still on their way.
    fn release(&self) {
        self.shared.with_model(|model| model.disconnect(self.id, clock::unix_millis()));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
        self.shared.connection_ended();
    }
}

/// Way to the task that writes the socket.
struct Writer {
    frames: mpsc::Sender<Frame>,
    task: AbortHandle,
    blocked: bool,
}

impl Writer {
    const fn new(frames: mpsc::Sender<Frame>, task: AbortHandle) -> Self {
        Self { frames, task, blocked: false }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It may hang in a socket that nobody reads.
        self.task.abort();
    }
}

/// Something that came from the socket; answered when the reader may go on.
pub(super) enum Arrived {
    Binary(Bytes),
    Text,
    Ping(Bytes),
    Pong(Bytes),
    Close {
        code: Option<u16>,
        text: String,
    },
    /// Bytes that are no WebSocket frames: the only bad input that ends the link.
    Broken {
        code: u16,
        text: String,
    },
    Ended,
}

impl Arrived {
    /// The frame for the wire view; `None` for what is no frame of the protocol.
    fn frame(&self) -> Option<Frame> {
        match self {
            Self::Binary(bytes) => Some(Frame::Binary(bytes.clone())),
            Self::Ping(payload) => Some(Frame::Ping(payload.clone())),
            Self::Pong(payload) => Some(Frame::Pong(payload.clone())),
            Self::Close { code, text } => {
                // 1005: a Close without a status (RFC 6455, section 7.4.1).
                Some(Frame::Close { code: code.unwrap_or(1005), text: text.clone() })
            }
            Self::Text | Self::Broken { .. } | Self::Ended => None,
        }
    }
}

impl Message for Arrived {
    type Result = ();
}

/// A request for the edge.
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) wait: Duration,
    pub(super) answer: oneshot::Sender<Reply>,
}

impl Message for Call {
    type Result = ();
}

/// The remote bindings of a thing changed: its edge is told, so that it asks for them (section 9.5).
pub(super) struct Notify {
    /// Name as bound.
    pub(super) name: String,
}

impl Message for Notify {
    type Result = ();
}

impl Edge {
    /// Messages that may wait for the actor: calls of REST clients, mostly.
    pub(super) const MAILBOX: usize = 128;

    fn new(held: Held, session: PlatformSession, writer: Writer, lifeline: Lifeline) -> Self {
        Self {
            held,
            session,
            grant: None,
            writer,
            waiting: Vec::new(),
            calls: HashMap::new(),
            to_notify: VecDeque::new(),
            notifying: HashSet::new(),
            timer: None,
            fairness: Fairness::default(),
            lifeline,
        }
    }

    /// Carries out what the session wants: events first, since they make frames, then frames, then its timer.
    fn proceed(&mut self, ctx: &mut Context<Self>) {
        loop {
            while let Some(event) = self.session.poll_event() {
                self.act(event, ctx);
            }
            // Writing may find out that the connection is lost, which is an event.
            if !self.notify_next() && self.write(ctx) {
                break;
            }
        }
        self.set_timer(ctx);
    }

    fn act(&mut self, event: Event, ctx: &mut Context<Self>) {
        let now = clock::now();
        let id = self.held.id;
        match event {
            Event::AuthRequested { id, auth } => self.hear_auth(now, id, auth, ctx),
            Event::BindRequested { id, bind } => self.hear_bind(now, id, bind, ctx),
            Event::Requested { id, request } => self.hear_request(now, id, request, ctx),
            Event::Answered { id, response } => self.settle(id, Reply::Answered(response)),
            Event::Garbled { id, reason, .. } => self.settle(id, Reply::Garbled(reason)),
            Event::Expired { id } => self.settle(id, Reply::Expired),
            // The sender of the reply is dropped: the caller learns that the connection is lost.
            Event::Lost { id } => drop(self.calls.remove(&id)),
            Event::Violation(violation) => {
                self.held.shared.count_violation();
                debug!(connection = id.0, reason = %violation.reason, "Message broke the protocol.");
            }
            Event::Closed { by, code, text } => {
                info!(connection = id.0, ?by, code, text, "Edge disconnected.");
                self.held.release();
                self.end(by, ctx);
            }
            _ => {}
        }
    }

    fn authenticate(&mut self, now: Instant, id: InboundId, auth: &Auth) {
        let shared = &self.held.shared;
        let refusal = match auth.claim("appKey").map(|key| Self::grant(shared, key)) {
            Some(Ok(grant)) => {
                let session_id = shared.session_id();
                let accepted = self.session.accept(now, id, session_id);
                self.grant = Some(grant);
                info!(connection = self.held.id.0, session = session_id, "Edge authenticated.");
                self.lifeline.report("authenticated");
                return self.check(accepted);
            }
            Some(Err(refusal)) => refusal.to_string(),
            None => "AUTH carries no claim appKey".to_owned(),
        };
        warn!(connection = self.held.id.0, reason = refusal, "Edge refused.");
        let refused = self.session.refuse(now, id, Code::UNAUTHORIZED, refusal);
        self.check(refused);
    }

    /// What `key` opens, if it may connect an edge at all.
    fn grant(shared: &Shared, key: &str) -> Result<Grant, KeyRefusal> {
        let now_ms = clock::unix_millis();
        let grant = shared.grant(key, now_ms)?;
        grant.check(Right::Bind, now_ms).map(|()| grant)
    }

    /// Refuses what the key of the session does not open, now; false if it was refused.
    fn may(&mut self, right: Right, now: Instant, id: InboundId) -> bool {
        let checked = match self.grant {
            Some(grant) => grant.check(right, clock::unix_millis()),
            None => Err(KeyRefusal::Unknown),
        };
        let Err(refusal) = checked else { return true };
        debug!(connection = self.held.id.0, %refusal, "Request of an edge refused.");
        let refused = self.session.refuse(now, id, refusal.code(), refusal.to_string());
        self.check(refused);
        false
    }

    fn bind(&mut self, now: Instant, id: InboundId, bind: Bind) {
        // What is bound may always be let go.
        if !bind.unbind && !self.may(Right::Bind, now, id) {
            return;
        }
        let (connection, time) = (self.held.id, clock::unix_millis());
        let result = self.held.shared.with_model(|model| {
            if bind.unbind {
                model.unbind(connection, &bind, time);
                Ok(())
            } else {
                model.bind(connection, &bind, time)
            }
        });
        let answered = match result {
            Ok(()) => {
                debug!(
                    connection = connection.0,
                    unbind = bind.unbind,
                    names = bind.names.len(),
                    "Edge bound."
                );
                self.to_notify.retain(|name| !bind.names.contains(name));
                let answered = self.session.respond(now, id, Response::success());
                if !bind.unbind {
                    self.to_notify.extend(bind.names);
                }
                answered
            }
            Err(error) => {
                warn!(connection = connection.0, %error, "Bind refused.");
                self.session.respond(now, id, Response::error(error.code(), error.to_string()))
            }
        };
        self.check(answered);
    }

    fn execute(&mut self, now: Instant, id: InboundId, request: &Request, ctx: &mut Context<Self>) {
        if !self.may(Right::to_execute(request), now, id) {
            return;
        }
        match self.held.shared.answer(self.held.id, request) {
            Access::Here(response) => {
                let answered = self.session.respond(now, id, response);
                self.check(answered);
            }
            remote @ Access::Remote(_) => {
                let shared = Arc::clone(&self.held.shared);
                let answer = wrap_future::<_, Self>(async move { shared.resolve(remote).await });
                ctx.spawn(answer.map(move |response, edge, ctx| {
                    let answered = edge.session.respond(clock::now(), id, response);
                    edge.check(answered);
                    edge.proceed(ctx);
                }));
            }
        }
    }

    /// Tells the next names of their subscriptions, a few at a time; false if there is nothing to tell now.
    fn notify_next(&mut self) -> bool {
        let mut told = false;
        while self.notifying.len() < NOTIFYING {
            let Some(name) = self.to_notify.pop_front() else { break };
            let request = Request::thing(
                Method::Post,
                name,
                Characteristic::Services,
                "NotifyPropertyUpdate",
                Content::Nothing,
            );
            match self.session.request(clock::now(), request, None) {
                Ok(id) => told |= self.notifying.insert(id),
                // It is told again after the next BIND.
                Err(error) => debug!(connection = self.held.id.0, %error, "Notification dropped."),
            }
        }
        told
    }

    fn settle(&mut self, id: RequestId, reply: Reply) {
        if self.notifying.remove(&id) {
            return;
        }
        if let Some(answer) = self.calls.remove(&id) {
            // Who asked may be gone; that is no harm.
            let _ = answer.send(reply);
        }
    }

    /// Looks at an answer that was refused: the session has told the edge what there was to tell.
    fn check(&self, answered: Result<(), SendError>) {
        if let Err(error) = answered {
            warn!(connection = self.held.id.0, %error, "Answer not sent as it was.");
        }
    }

    /// Hands frames to the writer as long as it has room; false if the connection turned out to be lost.
    fn write(&mut self, ctx: &mut Context<Self>) -> bool {
        while !self.writer.blocked {
            match self.writer.frames.clone().try_reserve_owned() {
                Ok(permit) => match self.session.poll_frame() {
                    Some(frame) => {
                        self.held.pass(Way::Out, &frame);
                        drop(permit.send(frame));
                    }
                    None => break,
                },
                Err(mpsc::error::TrySendError::Full(frames)) => {
                    self.writer.blocked = true;
                    ctx.spawn(wrap_future::<_, Self>(frames.reserve_owned()).map(|permit, edge, ctx| {
                        edge.writer.blocked = false;
                        if let (Ok(permit), Some(frame)) = (permit, edge.session.poll_frame()) {
                            edge.held.pass(Way::Out, &frame);
                            permit.send(frame);
                        }
                        edge.proceed(ctx);
                    }));
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    // The event of the end comes with the next round.
                    let lost = self.session.state() != State::Closed;
                    self.session.connection_lost(clock::now(), "the socket cannot be written");
                    if lost {
                        return false;
                    }
                    break;
                }
            }
        }
        if !self.writer.blocked {
            for reader in self.waiting.drain(..) {
                let _ = reader.send(());
            }
        }
        true
    }

    fn set_timer(&mut self, ctx: &mut Context<Self>) {
        let Some(due) = self.session.poll_timeout() else { return };
        // One that fires too early asks again: cheaper than a new one for every frame.
        if self.timer.is_some_and(|(at, _)| at <= due) {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let timer = ctx.run_later(due.saturating_duration_since(clock::now()), |edge, ctx| {
            edge.timer = None;
            edge.session.handle_timeout(clock::now());
            edge.proceed(ctx);
        });
        self.timer = Some((due, timer));
    }

    /// Ends the actor: at once when the connection is gone, else when the last frame is out, or a moment later.
    fn end(&mut self, by: ClosedBy, ctx: &mut Context<Self>) {
        if by == ClosedBy::Transport {
            return ctx.stop();
        }
        let frames = self.writer.frames.clone();
        let written = async move { tokio::time::timeout(LAST_WORDS, frames.closed()).await };
        ctx.spawn(wrap_future::<_, Self>(written).map(|_, _, ctx| ctx.stop()));
    }
}

impl Actor for Edge {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.proceed(ctx);
    }
}

impl Handler<Arrived> for Edge {
    type Result = Reaction<()>;

    fn handle(&mut self, arrived: Arrived, ctx: &mut Context<Self>) -> Reaction<()> {
        self.fairness.tick(ctx);
        let now = clock::now();
        if let Some(frame) = arrived.frame() {
            self.held.pass(Way::In, &frame);
        }
        match arrived {
            Arrived::Binary(bytes) => self.session.receive(now, bytes),
            Arrived::Text => {
                self.held.shared.count_violation();
                debug!(connection = self.held.id.0, "Text message ignored.");
            }
            Arrived::Ping(payload) => self.hear_ping(now, payload),
            Arrived::Pong(payload) => self.session.receive_pong(now, payload),
            Arrived::Close { code, text } => self.session.receive_close(now, code, text),
            Arrived::Broken { code, text } => {
                self.held.shared.count_violation();
                self.session.close(now, code, &text);
            }
            Arrived::Ended => self.session.connection_lost(now, "the connection ended without Close"),
        }
        self.proceed(ctx);
        if !self.writer.blocked {
            return Reaction::reply(());
        }
        let (room, go_on) = oneshot::channel();
        self.waiting.push(room);
        Reaction::fut(async { drop(go_on.await) })
    }
}

impl Handler<Call> for Edge {
    type Result = ();

    fn handle(&mut self, Call { request, wait, answer }: Call, ctx: &mut Context<Self>) {
        self.fairness.tick(ctx);
        match self.session.request(clock::now(), request, Some(wait)) {
            Ok(id) => drop(self.calls.insert(id, answer)),
            Err(error) if error.is_transient() => drop(answer.send(Reply::Busy)),
            // Dropping the answer says that the connection is lost.
            Err(SendError::Closed) => {}
            Err(error) => drop(answer.send(Reply::Unsendable(error.to_string()))),
        }
        self.proceed(ctx);
    }
}

impl Handler<Notify> for Edge {
    type Result = ();

    fn handle(&mut self, Notify { name }: Notify, ctx: &mut Context<Self>) {
        self.fairness.tick(ctx);
        if !self.to_notify.contains(&name) {
            self.to_notify.push_back(name);
        }
        self.proceed(ctx);
    }
}

impl Handler<Stop> for Edge {
    type Result = Reaction<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) -> Reaction<()> {
        self.session.close(clock::now(), GOING_AWAY, "Going to Sleep the platform stops");
        self.proceed(ctx);
        let frames = self.writer.frames.clone();
        Reaction::fut(async move { drop(tokio::time::timeout(LAST_WORDS, frames.closed()).await) })
    }
}

/// Notifications that may be unanswered at a time: an edge handles requests one after the other (section 9.6).
const NOTIFYING: usize = 16;
/// Time that the last frames get to reach the socket.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Status of an endpoint that goes away (section 2.7).
const GOING_AWAY: u16 = 1001;
