//! The one connection to the platform: connects, authenticates, keeps it alive, connects again for ever.
//!
//! The protocol is decided by [`EdgeSession`], waiting times by [`Reconnect`]; this actor carries frames and
//! answers. Names are bound by the binder, requests of the platform are served by the things.

mod call;
mod connect;
mod duty;
mod flights;
mod inbound;
mod new_key;
mod reconnect;
mod rest;
mod socket;
mod status;
mod trial;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use actix::prelude::*;
use edgebind_alwayson::{
    ClosedBy, Code, EdgeSession, Event, RequestId, Response, SendError, SessionSettings, Violation,
};
use edgebind_kernel::{Failure, Fairness, Lifeline, Stop, clock};
use edgebind_observability::{
    instruments,
    instruments::{Connect, Outcome, Peer},
    trace,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};
use tracing::{debug, info, warn};

pub use call::{Call, CallBind, CallError};
pub use connect::{ConnectError, Target};
pub use duty::DutyCycle;
pub use new_key::{KeyRefused, KeyTaken, OfferKey};
pub use reconnect::Reconnect;
pub(crate) use rest::Wake;
pub use status::{LinkStatus, Phase};
pub use trial::{Trial, TrialError};

use crate::{Units, reply::Respond, things::kind_of};
use connect::Socket;
use flights::{Flights, Waiter};
use socket::{Inbound, Outlet, Received, SocketLost};

/// Settings of the link.
#[derive(Clone, Debug)]
pub struct LinkSettings {
    /// Servers in the order in which they are tried; never empty.
    pub targets: Vec<Target>,
    /// Offered in AUTH.
    pub app_key: SecretString,
    /// Times and limits of the protocol.
    pub session: SessionSettings,
    /// Waits between attempts.
    pub reconnect: Reconnect,
    /// When the link goes off on purpose; it stands all the time without.
    pub duty: Option<DutyCycle>,
}

/// Actor that owns the connection to the platform.
pub struct Link {
    settings: LinkSettings,
    units: Units,
    lifeline: Lifeline,
    status: watch::Sender<LinkStatus>,
    fairness: Fairness,
    attempt: usize,
    next_request_id: u32,
    connection: Option<Connection>,
    /// The connection before this one, while its last frames are being written.
    leaving: Option<oneshot::Receiver<()>>,
    stopping: Option<oneshot::Sender<()>>,
    /// The connection ends because the duty cycle says so.
    resting: bool,
    /// The next attempt to connect, while the link sleeps.
    asleep: Option<SpawnHandle>,
    /// Another key that the platform has not answered.
    offer: Option<new_key::Offer>,
}

struct Connection {
    number: u64,
    session: EdgeSession,
    outlet: Outlet,
    pending: HashMap<RequestId, Waiter>,
    flights: Flights,
    since: Instant,
    last_received: Instant,
    timer: Option<(Instant, SpawnHandle)>,
    probe: Option<SpawnHandle>,
    closed: Option<String>,
    closed_by_us: bool,
    /// When it was authenticated first.
    online_since: Option<Instant>,
    last_sent: Instant,
    /// It takes nothing new: the duty cycle ends.
    draining: bool,
}

impl Link {
    /// Mailbox of the link: more callers wait in the HTTP server, each for its own answer.
    pub const MAILBOX: usize = 4096;

    /// A link that begins to connect when it is started and publishes its state by `status`.
    #[must_use]
    pub fn new(
        settings: LinkSettings,
        units: Units,
        status: watch::Sender<LinkStatus>,
        lifeline: Lifeline,
    ) -> Self {
        Self {
            settings,
            units,
            lifeline,
            status,
            fairness: Fairness::default(),
            attempt: 0,
            next_request_id: 1,
            connection: None,
            leaving: None,
            stopping: None,
            resting: false,
            asleep: None,
            offer: None,
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        self.asleep = None;
        let count = self.settings.targets.len().max(1);
        let Some(target) = self.settings.targets.get(self.attempt % count).cloned() else {
            self.lifeline.fail(Failure::defect("no platform server is configured"));
            ctx.stop();
            return;
        };
        self.attempt = self.attempt.wrapping_add(1);
        self.publish(Phase::Connecting, |status| status.server = target.server());
        let leaving = self.leaving.take();
        let attempt = async move {
            // The platform sees the end of the old connection before the next one; a dead socket holds up nothing.
            if let Some(gone) = leaving {
                timeout(LEAVE, gone).await.unwrap_or(Ok(())).unwrap_or_default();
            }
            target.connect().await
        };
        ctx.spawn(attempt.into_actor(self).map(|result, link, ctx| match result {
            Ok(socket) => link.connected(socket, ctx),
            Err(error) => {
                instruments().connect(if error.is_timeout() { Connect::Timeout } else { Connect::Failed });
                let tried_all = link.attempt % link.settings.targets.len().max(1) == 0;
                let delay = link.settings.reconnect.after_refusal(tried_all, fastrand::f64());
                link.retry(error.to_string(), delay, ctx);
            }
        }));
    }

    fn connected(&mut self, socket: Socket, ctx: &mut Context<Self>) {
        instruments().connect(Connect::Connected);
        let now = clock::now();
        let number = self.status.borrow().connection + 1;
        let session = EdgeSession::new(
            self.settings.session.clone(),
            self.settings.app_key.expose_secret().to_owned(),
            self.next_request_id,
            now,
        );
        let outlet = Outlet::open(
            socket,
            number,
            ctx.address(),
            self.settings.session.max_message_bytes,
            self.settings.session.message_timeout,
        );
        self.connection = Some(Connection {
            number,
            session,
            outlet,
            pending: HashMap::new(),
            flights: Flights::default(),
            since: now,
            last_received: now,
            timer: None,
            probe: None,
            closed: None,
            closed_by_us: false,
            online_since: None,
            last_sent: now,
            draining: false,
        });
        self.publish(Phase::Authenticating, |status| status.connection = number);
        self.pump(ctx);
    }

    /// Gives up what is left of the connection and plans the next attempt.
    fn lost(&mut self, reason: String, ctx: &mut Context<Self>) {
        let Some(connection) = self.connection.take() else { return };
        for handle in [connection.timer.map(|(_, handle)| handle), connection.probe].into_iter().flatten() {
            ctx.cancel_future(handle);
        }
        self.next_request_id = connection.session.next_request_id();
        // The next connection uses the key that was offered.
        self.offer = None;
        for waiting in connection.pending.into_values() {
            // The delivery follows the state of the link by itself.
            if let Waiter::Caller(waiting) = waiting {
                // Whoever asked may have given up; then nobody waits for this.
                waiting.send(Err(CallError::LinkLost)).unwrap_or_default();
            }
        }
        self.leaving = Some(connection.outlet.end());
        if let Some(done) = self.stopping.take() {
            self.publish(Phase::Stopped, |_| {});
            done.send(()).unwrap_or_default();
            ctx.stop();
            return;
        }
        if std::mem::take(&mut self.resting) {
            return self.sleep(ctx);
        }
        instruments().connect(Connect::Lost);
        let lived = clock::now().duration_since(connection.since);
        let delay = self.settings.reconnect.after_loss(lived, fastrand::f64());
        let delay = if connection.closed_by_us { delay.max(FAREWELL) } else { delay };
        self.retry(reason, delay, ctx);
    }

    fn retry(&mut self, reason: String, delay: Duration, ctx: &mut Context<Self>) {
        let repeated = self.status.borrow().last_error.as_deref() == Some(reason.as_str());
        if repeated {
            debug!(%reason, ?delay, "No connection to the platform.");
        } else {
            warn!(%reason, ?delay, "No connection to the platform.");
        }
        self.publish(Phase::Waiting { delay }, |status| status.last_error = Some(reason));
        ctx.run_later(delay, Self::connect);
    }

    /// Carries out what the session wants done.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        loop {
            let Some(connection) = &mut self.connection else { return };
            while let Some(frame) = connection.session.poll_frame() {
                connection.outlet.send(frame);
            }
            let Some(event) = connection.session.poll_event() else { break };
            self.handle_event(event, ctx);
        }
        self.tell_delivery();
        let Some(connection) = &mut self.connection else { return };
        if connection.closed.is_some() && (self.stopping.is_some() || self.resting) {
            // The Close frame is still on its way; the end of the socket is reported after it.
            return;
        }
        if let Some(reason) = connection.closed.take() {
            return self.lost(reason, ctx);
        }
        let due = connection.session.poll_timeout();
        if let Some(due) = due.filter(|due| connection.timer.is_none_or(|(armed, _)| *due < armed)) {
            if let Some((_, handle)) = connection.timer.take() {
                ctx.cancel_future(handle);
            }
            let delay = due.saturating_duration_since(clock::now());
            let handle = ctx.run_later(delay, |link, ctx| {
                if let Some(connection) = &mut link.connection {
                    connection.timer = None;
                    connection.session.handle_timeout(clock::now());
                }
                link.pump(ctx);
            });
            if let Some(connection) = &mut self.connection {
                connection.timer = Some((due, handle));
            }
        }
    }

    fn handle_event(&mut self, event: Event, ctx: &mut Context<Self>) {
        match event {
            Event::Authenticated { session_id } => {
                info!(session_id, server = %self.status.borrow().server, "Authenticated by the platform.");
                self.attempt = 0;
                instruments().auth(Outcome::Success);
                self.settle_offer(None);
                self.publish(Phase::Online, |status| status.last_error = None);
                self.begin_duty(ctx);
            }
            Event::AuthRefused { code, reason } => self.refused(code, reason.unwrap_or_default(), ctx),
            Event::Answered { id, response } => self.resolve(id, Ok(response)),
            Event::Expired { id } => self.resolve(id, Err(CallError::TimedOut)),
            Event::Garbled { id, code, reason } => self.resolve_garbled(id, code, reason),
            Event::Late { id, response } => self.resolve_late(id, response),
            Event::Lost { id } => self.resolve(id, Err(CallError::LinkLost)),
            Event::Requested { id, request } => self.dispatch(id, request, ctx),
            Event::Violation(violation) => {
                instruments().violation(Peer::Platform);
                let Violation { code, request_id, reason, .. } = violation;
                warn!(?code, ?request_id, %reason, "A message of the platform was dropped.");
            }
            Event::Closed { by, code, text } => {
                if let Some(connection) = &mut self.connection {
                    connection.closed_by_us = !matches!(by, ClosedBy::Peer | ClosedBy::Transport);
                    connection.closed = Some(format!("closed with {}: {text}", code.unwrap_or_default()));
                }
            }
            // An answer to a request that nobody waits for any more, and what only the platform's end sees.
            _ => {}
        }
    }

    fn refused(&mut self, code: Code, reason: String, ctx: &mut Context<Self>) {
        instruments().auth(Outcome::of_code(code.0));
        if self.settle_offer(Some((code, reason.as_str()))) {
            return;
        }
        let text = format!("the platform refused the application key ({code}) {reason}");
        if self.status.borrow().last_error.as_deref() != Some(text.as_str()) {
            warn!(%code, %reason, "The platform refused the application key.");
        }
        self.publish(Phase::Refused, |status| status.last_error = Some(text));
        let delay = self.settings.reconnect.after_failure(fastrand::f64());
        let number = self.connection.as_ref().map(|connection| connection.number);
        ctx.run_later(delay, move |link, ctx| {
            if let Some(connection) = &mut link.connection
                && Some(connection.number) == number
            {
                connection.session.authenticate_again(clock::now(), None);
                link.pump(ctx);
            }
        });
    }

    fn resolve(&mut self, id: RequestId, result: Result<Response, CallError>) {
        let Some(connection) = &mut self.connection else { return };
        match connection.pending.remove(&id) {
            // Whoever asked may have given up; then nobody waits for this.
            Some(Waiter::Caller(waiting)) => waiting.send(result).unwrap_or_default(),
            Some(Waiter::Flight(ticket)) => connection.flights.landed(id, ticket, result),
            None => {}
        }
    }

    /// Sends by `send`, and answers with the platform's response.
    fn call(
        &mut self,
        ctx: &mut Context<Self>,
        send: impl FnOnce(&mut EdgeSession, Instant) -> Result<RequestId, SendError>,
    ) -> ResponseFuture<Result<Response, CallError>> {
        let refuse = |error| -> ResponseFuture<_> { Box::pin(std::future::ready(Err(error))) };
        let Some(connection) = &mut self.connection else { return refuse(CallError::NotConnected) };
        if connection.outlet.waiting_bytes() > MAX_WAITING_BYTES {
            return refuse(CallError::Busy(connection.pending.len()));
        }
        match send(&mut connection.session, clock::now()) {
            Ok(id) => {
                let (answer, answered) = oneshot::channel();
                connection.pending.insert(id, Waiter::Caller(answer));
                connection.last_sent = clock::now();
                self.watch_silence(ctx);
                self.pump(ctx);
                Box::pin(async move { answered.await.unwrap_or(Err(CallError::LinkLost)) })
            }
            Err(error) => refuse(unsent(error, connection.pending.len())),
        }
    }

    /// Sends a ping if an answer is overdue and nothing has come in since: a half-open connection is noticed
    /// long before the next regular ping (design: loss of the link).
    fn watch_silence(&mut self, ctx: &mut Context<Self>) {
        let Some(connection) = &mut self.connection else { return };
        if connection.probe.is_some() {
            return;
        }
        let asked = clock::now();
        connection.probe = Some(ctx.run_later(OVERDUE, move |link, ctx| {
            let Some(connection) = &mut link.connection else { return };
            connection.probe = None;
            if connection.pending.is_empty() {
                return;
            }
            if connection.last_received < asked {
                connection.session.probe(clock::now());
            }
            link.watch_silence(ctx);
            link.pump(ctx);
        }));
    }

    fn publish(&self, phase: Phase, change: impl FnOnce(&mut LinkStatus)) {
        self.lifeline.report(phase.name());
        instruments().link_up(phase == Phase::Online);
        self.status.send_modify(|status| {
            status.phase = phase;
            status.since = clock::wall();
            change(status);
        });
    }
}

impl Actor for Link {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let delay = self.settings.reconnect.first(fastrand::f64());
        // A link that takes the place of a failed one must not go on saying that it is online.
        self.publish(Phase::Waiting { delay }, |_| {});
        ctx.run_later(delay, Self::connect);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.publish(Phase::Stopped, |_| {});
    }
}

impl Handler<Call> for Link {
    type Result = ResponseFuture<Result<Response, CallError>>;

    fn handle(&mut self, message: Call, ctx: &mut Self::Context) -> Self::Result {
        self.fairness.tick(ctx);
        let Call { request, timeout, span: above } = message;
        let span =
            trace::span_platform_send(&above, kind_of(&request).as_str(), &request.entity, &request.name);
        if self.is_draining() {
            return Box::pin(std::future::ready(Err(CallError::NotConnected)));
        }
        let answer = self.call(ctx, |session, now| session.request(now, request, timeout));
        if span.is_none() {
            return answer;
        }
        Box::pin(async move {
            let result = answer.await;
            trace::record_code(
                &span,
                result.as_ref().map_or_else(CallError::code, |response| response.code).0,
            );
            result
        })
    }
}

impl Handler<CallBind> for Link {
    type Result = ResponseFuture<Result<Response, CallError>>;

    fn handle(&mut self, message: CallBind, ctx: &mut Self::Context) -> Self::Result {
        self.fairness.tick(ctx);
        if self.is_draining() {
            return Box::pin(std::future::ready(Err(CallError::NotConnected)));
        }
        self.call(ctx, |session, now| session.bind(now, message.0))
    }
}

impl Handler<Respond> for Link {
    type Result = ();

    fn handle(&mut self, message: Respond, ctx: &mut Self::Context) {
        self.fairness.tick(ctx);
        let Some(connection) = &mut self.connection else { return };
        if connection.number != message.connection {
            return;
        }
        if let Err(error) = connection.session.respond(clock::now(), message.id, message.response) {
            debug!(%error, "An answer to the platform was not sent.");
        }
        self.pump(ctx);
    }
}

impl Handler<Received> for Link {
    type Result = ();

    fn handle(&mut self, message: Received, ctx: &mut Self::Context) {
        let Some(connection) = &mut self.connection else { return };
        if connection.number != message.connection {
            return;
        }
        let now = clock::now();
        connection.last_received = now;
        for frame in message.frames {
            match frame {
                Inbound::Binary(bytes) => connection.session.receive(now, bytes),
                Inbound::Ping(payload) => connection.session.receive_ping(now, payload),
                Inbound::Pong(payload) => connection.session.receive_pong(now, payload),
                Inbound::Close { code, text } => connection.session.receive_close(now, code, text),
                Inbound::Text => {
                    instruments().violation(Peer::Platform);
                    debug!("A text frame of the platform was dropped.");
                }
            }
        }
        self.pump(ctx);
    }
}

impl Handler<SocketLost> for Link {
    type Result = ();

    fn handle(&mut self, message: SocketLost, ctx: &mut Self::Context) {
        if self.connection.as_ref().is_some_and(|connection| connection.number == message.connection) {
            self.lost(message.reason, ctx);
        }
    }
}

impl Handler<Stop> for Link {
    type Result = ResponseFuture<()>;

    /// Closes the connection in order; what was bound on it the binder has unbound before.
    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        let Some(connection) = &mut self.connection else {
            ctx.stop();
            return Box::pin(std::future::ready(()));
        };
        let (done, stopped) = oneshot::channel();
        self.stopping = Some(done);
        connection.session.close(clock::now(), 1000, "Normal Close edgebind stops");
        self.pump(ctx);
        Box::pin(async move { stopped.await.unwrap_or_default() })
    }
}

/// Why a message was not sent, in the words of those who asked.
fn unsent(error: SendError, pending: usize) -> CallError {
    match error {
        SendError::TooManyPending { .. } | SendError::Congested { .. } => CallError::Busy(pending),
        SendError::TooLarge { bytes, limit } => CallError::TooLarge { bytes, limit },
        SendError::NotAuthenticated | SendError::Closed => CallError::NotConnected,
        error => CallError::Encode(error.to_string()),
    }
}

/// Time for the platform to see that we closed: it may refuse to bind what it believes bound on the old connection.
const FAREWELL: Duration = Duration::from_millis(200);
/// How long the last frames of a connection may take before the next one is opened.
const LEAVE: Duration = Duration::from_secs(1);
/// Bytes that may wait for the socket before further requests are refused.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How long an answer may be outstanding before a ping asks whether anybody is there.
const OVERDUE: Duration = Duration::from_secs(2);
