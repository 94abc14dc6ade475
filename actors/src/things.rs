//! One actor a thing: asks for its binding, and passes the platform's requests down to its endpoint.

use actix::prelude::*;
use edgebind_alwayson::{Characteristic, Method, Request};
use edgebind_kernel::{Failure, Fairness, Lifeline, Stop};
use edgebind_observability::instruments::RequestKind;
use tracing::debug;

use crate::{
    Registration, Source, ThingName, Units,
    binder::{BindEvent, Desire},
    local,
    reply::Reply,
    sessions::Exchange,
    sessions::HttpRequest,
};

/// Actor of one remote thing, or of the gateway thing.
pub struct Thing {
    name: ThingName,
    units: Units,
    lifeline: Lifeline,
    fairness: Fairness,
}

/// A request of the platform for this thing.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Serve {
    pub(crate) request: Request,
    pub(crate) reply: Reply,
}

/// What became of the thing's binding.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct BindNews(pub(crate) BindEvent);

impl Thing {
    /// Mailbox of a thing: requests beyond it are refused, its neighbours are not touched.
    pub const MAILBOX: usize = 256;

    pub(crate) fn new(name: ThingName, units: Units, lifeline: Lifeline) -> Self {
        Self { name, units, lifeline, fairness: Fairness::default() }
    }
}

impl Actor for Thing {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.lifeline.report("waiting for the binding");
        // A binder that is being restarted finds this thing in the directory.
        if let Some(binder) = self.units.binder()
            && binder.try_send(Desire(self.name.clone())).is_err()
        {
            self.lifeline.fail(Failure::defect("the binder is overloaded"));
            ctx.stop();
        }
    }
}

impl Handler<BindNews> for Thing {
    type Result = ();

    fn handle(&mut self, BindNews(event): BindNews, ctx: &mut Self::Context) {
        match event {
            BindEvent::Bound => {
                self.lifeline.report("bound");
                self.lifeline.healthy();
            }
            BindEvent::Refused { code, reason } => {
                // The world refuses, nothing is broken here: no restart budget is spent (design: binding).
                self.lifeline.fail(Failure::refused(format!("bind refused: {code} {reason}")));
                ctx.stop();
            }
            BindEvent::Unconfirmed => {
                self.lifeline.fail(Failure::refused("bound, but the platform says isConnected is false"));
                ctx.stop();
            }
            BindEvent::Suspended => self.lifeline.report("waiting for the platform"),
            BindEvent::Unbound => self.lifeline.report("unbound"),
        }
    }
}

impl Handler<Serve> for Thing {
    type Result = ();

    fn handle(&mut self, Serve { request, reply }: Serve, ctx: &mut Self::Context) {
        self.fairness.tick(ctx);
        match self.units.registry.find(self.name.as_str()) {
            Some(registration) => serve(&self.units, &registration, request, reply),
            // Taken out a moment ago; the drop of the reply answers.
            None => debug!(thing = %self.name, "A request came for a thing that is being removed."),
        }
    }
}

impl Handler<Stop> for Thing {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        ctx.stop();
        Box::pin(std::future::ready(()))
    }
}

/// Serves a request of the platform: by the gateway itself, or by the endpoint of the thing.
pub(crate) fn serve(
    units: &Units,
    registration: &std::sync::Arc<Registration>,
    request: Request,
    reply: Reply,
) {
    if registration.source == Source::Gateway {
        let units = units.clone();
        actix_rt::spawn(async move { reply.answer(local::serve(&units, request).await) });
        return;
    }
    let http = match HttpRequest::new(&registration.path, &request) {
        Ok(http) => http,
        Err(response) => return reply.answer(response),
    };
    let exchange = Exchange { registration: registration.clone(), method: request.method, http, reply };
    // Overloaded, or just being restarted: the drop of the reply says that this request got lost.
    match units.sessions.resolve(&registration.endpoint) {
        Some(session) if session.try_send(exchange).is_ok() => {}
        _ => debug!(endpoint = %registration.endpoint, "A request did not reach its session."),
    }
}

/// Kind of a request in the terms of the delivery contract (design: delivery), for metrics and spans.
#[must_use]
pub fn kind_of(request: &Request) -> RequestKind {
    match (request.characteristic, request.method) {
        (Characteristic::Services, _) if request.name.starts_with("UpdateSubscribedPropertyValues") => {
            RequestKind::Push
        }
        (Characteristic::Services, _) => RequestKind::Call,
        (Characteristic::Events, _) => RequestKind::Event,
        (Characteristic::Properties, Method::Put) => RequestKind::Write,
        (Characteristic::Properties, Method::Get) => RequestKind::Read,
        _ => RequestKind::Other,
    }
}
