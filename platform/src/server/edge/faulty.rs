//! Misbehaviour of one connection: the rules of `faults` come before the usual.

use std::time::{Duration, Instant};

use actix::{ActorContext, AsyncContext, Context, Handler, Message};
use bytes::Bytes;
use edgebind_alwayson::{Auth, Bind, InboundId, Request, State};
use edgebind_kernel::clock;
use tracing::debug;

use super::Edge;
use crate::{
    faults::{Conduct, Faults, Pong, Verdict},
    model::Access,
};

/// Closes the connection with a status of the caller's choice.
pub(in crate::server) struct HangUp {
    pub(in crate::server) code: u16,
    pub(in crate::server) text: String,
}

impl Message for HangUp {
    type Result = ();
}

impl Edge {
    pub(super) fn hear_auth(&mut self, now: Instant, id: InboundId, auth: Auth, ctx: &mut Context<Self>) {
        let Some(verdict) = self.rule(Faults::on_auth) else { return self.authenticate(now, id, &auth) };
        self.later(verdict.delay, ctx, move |edge, now, _| match verdict.conduct {
            Conduct::Usual => edge.authenticate(now, id, &auth),
            Conduct::Answered(response) | Conduct::DoneThen(response) => {
                let reason = response.reason.unwrap_or_default();
                let refused = edge.session.refuse(now, id, response.code, reason);
                edge.check(refused);
            }
            Conduct::Ignored | Conduct::DoneSilently => edge.ignore(id),
        });
    }

    pub(super) fn hear_bind(&mut self, now: Instant, id: InboundId, bind: Bind, ctx: &mut Context<Self>) {
        let Some(verdict) = self.rule(|faults| faults.on_bind(&bind)) else {
            return self.bind(now, id, bind);
        };
        self.later(verdict.delay, ctx, move |edge, now, _| match verdict.conduct {
            Conduct::Usual => edge.bind(now, id, bind),
            Conduct::Answered(response) | Conduct::DoneThen(response) => {
                let refused = edge.session.respond(now, id, response);
                edge.check(refused);
            }
            Conduct::Ignored => edge.ignore(id),
            Conduct::DoneSilently => {
                let (connection, time) = (edge.held.id, clock::unix_millis());
                // Whatever comes of it, nobody is told.
                let bound = edge.held.shared.with_model(|model| model.bind(connection, &bind, time));
                debug!(connection = connection.0, ?bound, "Bound silently, as a rule says.");
                edge.ignore(id);
            }
        });
    }

    pub(super) fn hear_request(
        &mut self,
        now: Instant,
        id: InboundId,
        request: Request,
        ctx: &mut Context<Self>,
    ) {
        let Some(verdict) = self.rule(|faults| faults.on_request(&request)) else {
            return self.execute(now, id, &request, ctx);
        };
        self.later(verdict.delay, ctx, move |edge, now, ctx| match verdict.conduct {
            Conduct::Usual => edge.execute(now, id, &request, ctx),
            Conduct::Answered(response) => {
                let answered = edge.session.respond(now, id, response);
                edge.check(answered);
            }
            Conduct::DoneThen(response) => {
                edge.do_only(&request);
                let answered = edge.session.respond(now, id, response);
                edge.check(answered);
            }
            Conduct::Ignored => edge.ignore(id),
            Conduct::DoneSilently => {
                edge.do_only(&request);
                edge.ignore(id);
            }
        });
    }

    pub(super) fn hear_ping(&mut self, now: Instant, payload: Bytes) {
        match self.held.shared.faults.ask(|faults| Some(faults.on_ping())) {
            None | Some(Pong::Usual) => self.session.receive_ping(now, payload),
            // It stays a sign of life.
            Some(Pong::None) => self.session.receive_pong(now, payload),
            Some(Pong::Empty) => self.session.receive_ping(now, Bytes::new()),
        }
    }

    fn rule(&self, ask: impl FnOnce(&mut Faults) -> Option<Verdict>) -> Option<Verdict> {
        let verdict = self.held.shared.faults.ask(ask);
        if let Some(verdict) = &verdict {
            debug!(connection = self.held.id.0, ?verdict, "A rule of the control interface applies.");
        }
        verdict
    }

    /// Does what a request asks for, without an answer; a call of another edge goes its way.
    fn do_only(&mut self, request: &Request) {
        let shared = std::sync::Arc::clone(&self.held.shared);
        let access = shared.answer(self.held.id, request);
        if let remote @ Access::Remote(_) = access {
            drop(actix_rt::spawn(async move { drop(shared.resolve(remote).await) }));
        }
    }

    fn ignore(&mut self, id: InboundId) {
        let ignored = self.session.ignore(id);
        self.check(ignored);
    }

    /// Works now, or after the delay if the connection still stands then.
    fn later(
        &mut self,
        delay: Duration,
        ctx: &mut Context<Self>,
        work: impl FnOnce(&mut Self, Instant, &mut Context<Self>) + 'static,
    ) {
        if delay.is_zero() {
            return work(self, clock::now(), ctx);
        }
        ctx.run_later(delay, move |edge, ctx| {
            // The end of the connection has unbound what it held: nothing may be bound behind it.
            if edge.session.state() != State::Closed {
                work(edge, clock::now(), ctx);
                edge.proceed(ctx);
            }
        });
    }
}

impl Handler<HangUp> for Edge {
    type Result = ();

    fn handle(&mut self, HangUp { code, text }: HangUp, ctx: &mut Context<Self>) {
        if self.session.state() == State::Closed {
            return ctx.stop();
        }
        self.session.close(clock::now(), code, &text);
        self.proceed(ctx);
    }
}
