//! Keeps what the platform has bound equal to what things want bound; [`BindPlan`] decides, this actor sends.

mod held;
mod plan;
mod read_back;
mod refusal;

use std::{collections::HashMap, time::Duration};

use actix::prelude::*;
use edgebind_alwayson::{Bind, Characteristic, Code, Content, Method, Request, Response, Value};
use edgebind_kernel::{Lifeline, RetryNow, Stop, clock};
use edgebind_observability::instruments;
use tokio::sync::oneshot;
use tracing::{Span, info, warn};

pub use plan::{Answer, BatchId, BindEvent, BindPlan, Dispatch, Limits, Outcome};

use crate::{
    ThingName, Units,
    delivery::Nudge,
    link::{Call, CallBind, CallError},
    registrar::thing_id,
    roster::{BindState, Refusal},
    things::BindNews,
};
use held::Held;
use read_back::{About, Finding, Question, ReadBack, Said};
use refusal::is_held;

/// Actor that binds and unbinds.
pub struct Binder {
    plan: BindPlan,
    read_back: ReadBack,
    held: Held,
    units: Units,
    lifeline: Lifeline,
    waiting: HashMap<ThingName, Vec<oneshot::Sender<BindEvent>>>,
    timer: Option<SpawnHandle>,
    /// Connection that the plan speaks of; 0 for none.
    connection: u64,
    marker_was_refused: bool,
    /// A BIND was answered on this connection.
    answered: bool,
    /// Why the platform refuses a name: said once, until it changes.
    refusals: HashMap<ThingName, String>,
}

/// A thing wants to be bound; the news come as `BindNews`.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Desire(pub(crate) ThingName);

/// Waits for the next event of a name; `None` if there can be none soon.
#[derive(Message)]
#[rtype(result = "Option<BindEvent>")]
pub(crate) struct Await(pub(crate) ThingName);

/// A thing is gone for good; answered when it is unbound.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Release(pub(crate) ThingName);

/// The link is about to go off on purpose; answered with the UNBIND of all that is bound.
#[derive(Message)]
#[rtype(result = "Bind")]
pub(crate) struct Part;

/// The link has come up, or gone down.
#[derive(Message)]
#[rtype(result = "()")]
struct LinkChanged;

impl Binder {
    /// Mailbox of the binder: thousands of things may speak up at once.
    pub const MAILBOX: usize = 1 << 17;

    pub(crate) fn new(units: Units, lifeline: Lifeline) -> Self {
        let limits = Limits {
            join: Duration::from_millis(5),
            batch_bytes: units.max_message_bytes / 2,
            window: 4,
            rate_per_s: 50,
        };
        Self {
            plan: BindPlan::new(limits, clock::now()),
            read_back: ReadBack::new(units.read_back, clock::now()),
            held: Held::default(),
            units,
            lifeline,
            waiting: HashMap::new(),
            timer: None,
            connection: 0,
            marker_was_refused: false,
            answered: false,
            refusals: HashMap::new(),
        }
    }

    fn follow_link(&mut self, ctx: &mut Context<Self>) {
        let (online, connection) = {
            let status = self.units.link_status.borrow();
            (status.is_online(), status.connection)
        };
        let now_on = if online { connection } else { 0 };
        if now_on == self.connection {
            return;
        }
        if self.connection != 0 {
            self.plan.link_down();
            self.units.roster.link(false);
        }
        self.connection = now_on;
        self.answered = false;
        self.read_back.reset();
        self.held.reset();
        if online {
            self.units.roster.link(true);
            self.plan.link_up(clock::now());
            // A new connection is a new chance.
            self.retry_now(self.refusals.keys());
        }
        self.pump(ctx);
    }

    /// Sends what is due and passes on what has happened.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        let gateway = self.units.registry.gateway();
        while let Some(dispatch) = self.plan.poll(gateway.as_ref(), clock::now()) {
            self.send(dispatch, ctx);
        }
        while let Some(outcome) = self.plan.poll_outcome() {
            self.tell(outcome);
        }
        while let Some(question) = self.read_back.poll(clock::now()) {
            self.ask(question, ctx);
        }
        if let Some(name) = self.held.poll(clock::now()) {
            self.retry_now([&name]);
        }
        if self.plan.marker_refused() && !self.marker_was_refused {
            self.marker_was_refused = true;
            let name = gateway.map(|gateway| gateway.name).unwrap_or_default();
            warn!(gateway = %name, "The platform refuses the gateway marker; things are bound without it.");
        }
        self.end_first_round();
        instruments().things_bound(self.plan.bound());
        self.lifeline.report(format!("{} bound", self.plan.bound()));
        if let Some(handle) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        let wakes = [self.plan.next_wake(clock::now()), self.read_back.next_wake(), self.held.next_wake()];
        if let Some(wake) = wakes.into_iter().flatten().min() {
            let delay = wake.saturating_duration_since(clock::now());
            self.timer = Some(ctx.run_later(delay, |binder, ctx| {
                binder.timer = None;
                binder.pump(ctx);
            }));
        }
    }

    /// Says once a connection that nothing is left to be bound at first: what is stored may go (design: delivery).
    fn end_first_round(&self) {
        let begun = self.answered || self.units.registry.is_empty();
        if self.connection != 0 && begun && self.plan.is_settled() {
            self.units
                .first_round
                .send_if_modified(|round| std::mem::replace(round, self.connection) != self.connection);
        }
    }

    fn send(&self, Dispatch { id, bind }: Dispatch, ctx: &mut Context<Self>) {
        let Some(link) = self.units.link() else { return };
        let (unbind, names) = (bind.unbind, u64::try_from(bind.names.len()).unwrap_or(u64::MAX));
        ctx.spawn(link.send(CallBind(bind)).into_actor(self).map(move |result, binder, ctx| {
            let answer = match result.unwrap_or(Err(CallError::LinkLost)) {
                Ok(Response { code, .. }) if code.is_success() => Answer::Accepted,
                Ok(Response { code, reason, .. }) => {
                    Answer::Refused { code, reason: reason.unwrap_or_default() }
                }
                Err(CallError::NotConnected | CallError::LinkLost) => return,
                Err(_) => Answer::Unanswered,
            };
            if !unbind {
                instruments().bind(answer.code().0, names);
            }
            binder.plan.answered(id, &answer, clock::now());
            binder.answered = true;
            binder.pump(ctx);
        }));
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "at most one event for each BIND that the thing itself asked for"
    )]
    fn tell(&mut self, Outcome { name, event }: Outcome) {
        for waiting in self.waiting.remove(&name).unwrap_or_default() {
            // Whoever waited may have given up.
            waiting.send(event.clone()).unwrap_or_default();
        }
        match &event {
            BindEvent::Bound => {
                self.refusals.remove(&name);
                self.units.roster.bind(&name, BindState::Bound);
                self.nudge(&name);
                self.read_back.bound(&name, clock::now());
                let freed = self.held.bound(&name);
                self.retry_now(&freed);
                info!(thing = %name, "Bound.");
            }
            BindEvent::Refused { code, reason } => self.refused(&name, &code.to_string(), *code, reason),
            BindEvent::Unconfirmed => {
                let reason = "the BIND was confirmed, but isConnected is false";
                self.refused(&name, "isConnected", Code::SUCCESS, reason);
            }
            BindEvent::Unbound => {
                self.refusals.remove(&name);
                self.held.forget(&name);
                info!(thing = %name, "Unbound.");
            }
            BindEvent::Suspended => {}
        }
        if let Some(thing) = self.units.things.resolve(name.as_str()) {
            thing.do_send(BindNews(event));
        }
    }

    /// What waits for this thing after a refusal is tried now. The delivery does without if it is overloaded.
    fn nudge(&self, name: &ThingName) {
        if let Some(delivery) = self.units.delivery() {
            delivery.try_send(Nudge(format!("Things/{name}"))).unwrap_or_default();
        }
    }

    /// Notes a refusal; says it once, until it changes.
    fn refused(&mut self, name: &ThingName, code_text: &str, code: Code, reason: &str) {
        let held = is_held(code, reason);
        if held {
            self.held.refused(name, clock::now());
        } else {
            self.held.forget(name);
        }
        let state = if held { BindState::WaitingForOldSession } else { BindState::Refused };
        let refusal = Refusal {
            code: code_text.to_owned(),
            reason: reason.to_owned(),
            at_unix_ms: clock::unix_millis(),
        };
        self.units.roster.refused(name, state, refusal);
        let why = format!("{code_text} {reason}");
        if self.refusals.get(name) == Some(&why) {
            return;
        }
        if held {
            warn!(
                thing = %name, code = code_text, reason,
                "The platform holds the thing for another connection; waiting for the old session to end."
            );
        } else {
            warn!(thing = %name, code = code_text, reason, "Bind refused; it is tried again for ever.");
        }
        self.refusals.insert(name.clone(), why);
    }

    /// Asks the platform about a thing that it has bound.
    fn ask(&self, question: Question, ctx: &mut Context<Self>) {
        let Some(link) = self.units.link() else { return };
        let (property, connection) = (question.about.property(), self.connection);
        let thing = question.thing.as_str();
        let request =
            Request::thing(Method::Get, thing, Characteristic::Properties, property, Content::Nothing);
        let call = link.send(Call { request, timeout: None, span: Span::none() });
        ctx.spawn(call.into_actor(self).map(move |result, binder, ctx| {
            if binder.connection == connection {
                let said = said(question.about, result.unwrap_or(Err(CallError::LinkLost)));
                binder.found(&question, said);
                binder.pump(ctx);
            }
        }));
    }

    fn found(&mut self, question: &Question, said: Said) {
        let name = &question.thing;
        match self.read_back.answered(question, said) {
            Some(Finding::Connected(connected)) => {
                if !connected {
                    warn!(thing = %name, "The platform has bound the thing twice, but says it is not connected.");
                }
                self.units.roster.confirmed(name, connected);
            }
            Some(Finding::Doubtful) => self.plan.unconfirmed(name),
            Some(Finding::Name(real_name)) => {
                info!(thing = %name, %real_name, "The platform told the name behind the identifier.");
                self.units.registry.learn(&real_name, name);
                self.units.roster.learned(name, &real_name);
            }
            Some(Finding::NotOffered) => {
                let property = question.about.property();
                info!(property, "The platform does not tell the property; it is not asked again.");
            }
            None => {}
        }
    }

    /// These do not wait for the end of their backoff.
    #[expect(
        clippy::disallowed_methods,
        reason = "one message for each refused name on a new connection or at the end of an old session, and one a \
                  second while names are held"
    )]
    fn retry_now<'n>(&self, names: impl IntoIterator<Item = &'n ThingName>) {
        let Some(supervisor) = self.units.thing_supervisor() else { return };
        for name in names {
            supervisor.do_send(RetryNow { id: thing_id(name).into() });
        }
    }

    fn wait(&mut self, name: ThingName) -> oneshot::Receiver<BindEvent> {
        let (event, happened) = oneshot::channel();
        let waiting = self.waiting.entry(name).or_default();
        waiting.retain(|waiting| !waiting.is_closed());
        if waiting.len() < MAX_WAITING {
            waiting.push(event);
        }
        happened
    }
}

impl Actor for Binder {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Before the things say so one by one, which takes a while when there are thousands: they go into one BIND.
        for thing in self.units.registry.all() {
            let standing = self.units.roster.standing(thing.name.as_str());
            if standing.is_none_or(|standing| standing.bind != BindState::EndpointDead) {
                self.plan.desire(thing.name.clone(), clock::now());
            }
        }
        let mut status = self.units.link_status.clone();
        let binder = ctx.address();
        ctx.spawn(
            async move {
                while status.changed().await.is_ok() {
                    if binder.send(LinkChanged).await.is_err() {
                        return;
                    }
                }
            }
            .into_actor(self),
        );
        self.follow_link(ctx);
    }
}

impl Handler<LinkChanged> for Binder {
    type Result = ();

    fn handle(&mut self, _: LinkChanged, ctx: &mut Self::Context) {
        self.follow_link(ctx);
    }
}

impl Handler<Desire> for Binder {
    type Result = ();

    fn handle(&mut self, Desire(name): Desire, ctx: &mut Self::Context) {
        if !self.plan.is_bound(&name) {
            self.units.roster.desired(&name, self.connection != 0);
        }
        self.plan.desire(name, clock::now());
        self.pump(ctx);
    }
}

impl Handler<Await> for Binder {
    type Result = ResponseFuture<Option<BindEvent>>;

    fn handle(&mut self, Await(name): Await, _: &mut Self::Context) -> Self::Result {
        if self.plan.is_bound(&name) {
            return Box::pin(std::future::ready(Some(BindEvent::Bound)));
        }
        if self.connection == 0 {
            return Box::pin(std::future::ready(None));
        }
        let happened = self.wait(name);
        Box::pin(async move { happened.await.ok() })
    }
}

impl Handler<Release> for Binder {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Release(name): Release, ctx: &mut Self::Context) -> Self::Result {
        let bound = self.plan.is_bound(&name);
        let happened = self.wait(name.clone());
        self.refusals.remove(&name);
        self.held.forget(&name);
        self.plan.release(&name, clock::now());
        self.pump(ctx);
        if !bound {
            return Box::pin(std::future::ready(()));
        }
        Box::pin(async move {
            happened.await.map(drop).unwrap_or_default();
        })
    }
}

impl Handler<Part> for Binder {
    type Result = MessageResult<Part>;

    /// Nothing changes here: what was bound is bound no more when the link is down.
    fn handle(&mut self, _: Part, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.plan.unbind_all(self.units.registry.gateway()))
    }
}

impl Handler<Stop> for Binder {
    type Result = ResponseFuture<()>;

    /// Unbinds everything, then ends (protocol notes, section 7.5).
    fn handle(&mut self, Stop { deadline }: Stop, _: &mut Self::Context) -> Self::Result {
        let bind = self.plan.unbind_all(self.units.registry.gateway());
        let link = self.units.link().filter(|_| !bind.names.is_empty() && self.connection != 0);
        Box::pin(async move {
            if let Some(link) = link {
                // Unanswered, the platform unbinds by itself when the connection closes.
                tokio::time::timeout_at(deadline.into(), link.send(CallBind(bind)))
                    .await
                    .map(drop)
                    .unwrap_or_default();
            }
        })
    }
}

impl Answer {
    fn code(&self) -> edgebind_alwayson::Code {
        use edgebind_alwayson::Code;
        match self {
            Self::Accepted => Code::SUCCESS,
            Self::Refused { code, .. } => *code,
            Self::Unanswered => Code::GATEWAY_TIMEOUT,
        }
    }
}

/// What the platform's answer says about a thing.
fn said(about: About, result: Result<Response, CallError>) -> Said {
    let response = match result {
        Ok(response) if response.code.is_success() => response,
        Ok(_) | Err(CallError::TimedOut | CallError::Garbled(_)) => return Said::NotOffered,
        Err(_) => return Said::Nothing,
    };
    let cell = response.content.as_table().and_then(|table| table.rows.first()?.first());
    match (about, cell) {
        (About::Connected, Some(Value::Boolean(connected))) => Said::Connected(*connected),
        (About::Name, Some(Value::Text(_, name))) if !name.is_empty() => Said::Name(name.clone()),
        _ => Said::NotOffered,
    }
}

/// Who may wait for one name at a time; further ones are told at once that there is no news.
const MAX_WAITING: usize = 64;
