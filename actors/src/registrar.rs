//! Takes things in and lets them go: AddEdgeThing, RemoveEdgeThing, dead endpoints (EMS notes, 7.3, 7.4 and 8.4).
//!
//! The registrar is the only one that changes the [`Registry`](crate::Registry), and it starts and stops the actors
//! that serve it. It keeps nothing for itself: restarted, it starts what the registry says. The first one takes in what
//! the journal has kept from before a restart of the gateway.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use edgebind_alwayson::Code;
use edgebind_config::NameConflict;
use edgebind_kernel::{ChildSpec, Dismiss, Launch, Lifeline, RestartPolicy, Stop, Supervisor, Turn, clock};
use edgebind_observability::{instruments, instruments::Registration as Event};
use futures_util::future::join_all;
use tracing::{error, info, warn};

use crate::{
    Endpoint, Registration, Source, ThingName, Units,
    binder::{Await, Release},
    journal::OnDisk,
    roster::BindState,
    sessions::{Refresh, Session},
    tcp,
    things::Thing,
};

/// Actor that takes things in and lets them go.
pub struct Registrar {
    units: Units,
    _lifeline: Lifeline,
}

/// Takes a thing in, or renews it; answered when its BIND is, after 2 s at the latest.
///
/// What the platform says to the BIND is no error here: the thing stays, and is bound as soon as that is possible.
#[derive(Message)]
#[rtype(result = "Result<(), RegisterError>")]
pub struct Register(pub Registration);

/// Lets a thing go; answered when it is unbound, after 2 s at the latest. Unknown names are nothing to do.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deregister(pub String);

/// Nobody listens at an endpoint any more: its dynamic registrations end.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EndpointDead(pub(crate) Endpoint);

/// An endpoint that was dead answers again: things of the configuration that were unbound for it come back.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct EndpointAlive(pub(crate) Endpoint);

/// The dispute about a name is decided.
#[derive(Message)]
#[rtype(result = "Result<(), RegisterError>")]
struct Decided {
    registration: Registration,
    /// Whether who had the name still answers at its endpoint.
    first_answers: bool,
}

/// Why a thing was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// A limit against floods.
    #[error("{0} things are registered, more are not taken")]
    Full(usize),
    /// Another agent has the name, and keeps it (`edgebind.name_conflict` is `first`).
    #[error("{name} is registered at {endpoint}, which still answers; edgebind.name_conflict is first")]
    Taken {
        /// Name of the thing.
        name: ThingName,
        /// Where it is registered.
        endpoint: Endpoint,
    },
    /// Part of the gateway is being restarted.
    #[error("the gateway is starting or stopping, try again in a second")]
    Starting,
}

impl RegisterError {
    /// Status for the caller.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Taken { .. } => Code::PRECONDITION_FAILED,
            _ => Code::SERVICE_UNAVAILABLE,
        }
    }
}

/// Takes a thing in as AddEdgeThing does; see [`Register`].
///
/// # Errors
///
/// [`RegisterError`]
pub async fn register(units: &Units, registration: Registration) -> Result<(), RegisterError> {
    let Some(registrar) = units.registrar() else { return Err(RegisterError::Starting) };
    registrar.send(Register(registration)).await.unwrap_or(Err(RegisterError::Starting))
}

/// Lets a thing go as RemoveEdgeThing does; see [`Deregister`].
///
/// # Errors
///
/// [`RegisterError::Starting`]
pub async fn deregister(units: &Units, name: String) -> Result<(), RegisterError> {
    let Some(registrar) = units.registrar() else { return Err(RegisterError::Starting) };
    registrar.send(Deregister(name)).await.map_err(|_| RegisterError::Starting)
}

impl Registrar {
    /// Mailbox of the registrar: a plant that comes back after a power cut registers all at once.
    pub const MAILBOX: usize = 4096;

    pub(crate) fn new(units: Units, lifeline: Lifeline) -> Self {
        Self { units, _lifeline: lifeline }
    }

    /// Starts what serves `registration`; what runs already goes on.
    fn start_units(&self, registration: &Registration) -> Result<(), RegisterError> {
        let units = &self.units;
        if registration.source != Source::Gateway {
            match units.sessions.resolve(&registration.endpoint) {
                // A full mailbox means that the session is busy; it looks at the registry with each probe anyway.
                Some(session) => session.try_send(Refresh { renewed: true }).unwrap_or_default(),
                None => {
                    launch(units.session_supervisor(), session_spec(units, registration.endpoint.clone()))?
                }
            }
        }
        if units.things.resolve(registration.name.as_str()).is_none() {
            launch(units.thing_supervisor(), thing_spec(units, registration.name.clone()))?;
        }
        Ok(())
    }

    /// Stops the session of an endpoint that serves nobody any more.
    fn tidy(&self, endpoint: &Endpoint) {
        if !self.units.registry.at(endpoint).is_empty() {
            if let Some(session) = self.units.sessions.resolve(endpoint) {
                session.try_send(Refresh { renewed: false }).unwrap_or_default();
            }
            return;
        }
        self.units.roster.forget_endpoint(endpoint);
        if let Some(supervisor) = self.units.session_supervisor() {
            dismiss(&supervisor, &session_id(endpoint));
        }
    }

    /// Ends a registration; the future ends when it is unbound and out of the journal, after 2 s at the latest.
    fn remove(&self, name: &ThingName, event: Event) -> Option<impl Future<Output = ()> + use<>> {
        let registration = self.units.registry.remove(name)?;
        info!(thing = %name, endpoint = %registration.endpoint, "Deregistered.");
        instruments().registration(event);
        instruments().things_desired(self.units.registry.len());
        let forgotten = in_time(self.units.journal.forget(name).wait());
        let unbound = self.unbind(name);
        self.units.roster.remove(name);
        self.tidy(&registration.endpoint);
        Some(async move {
            tokio::join!(forgotten, unbound);
        })
    }

    /// Stops the actor of a thing and unbinds it.
    fn unbind(&self, name: &ThingName) -> impl Future<Output = ()> + use<> {
        if let Some(supervisor) = self.units.thing_supervisor() {
            dismiss(&supervisor, &thing_id(name));
        }
        let binder = self.units.binder();
        let name = name.clone();
        async move {
            if let Some(binder) = binder {
                // Unanswered, it is unbound with the connection at the latest.
                in_time(binder.send(Release(name))).await;
            }
        }
    }

    /// Takes in what may be taken in.
    fn admit(&self, registration: Registration) -> ResponseFuture<Result<(), RegisterError>> {
        let refuse = |error| -> ResponseFuture<_> { Box::pin(std::future::ready(Err(error))) };
        let before = self.units.registry.find(registration.name.as_str());
        let registration = Arc::new(self.keep_configured(registration, before.as_deref()));
        let name = registration.name.clone();
        self.units.roster.admit(&name);
        self.units.roster.seen(name.as_str());
        self.units.roster.proven(&name);
        self.units.registry.insert(Arc::clone(&registration));
        let kept = in_time(self.keep(&registration).wait());
        instruments().things_desired(self.units.registry.len());
        instruments().registration(match &before {
            None => Event::Added,
            Some(before) if before.same_target(&registration) => Event::Renewed,
            Some(_) => Event::Moved,
        });
        match &before {
            None => info!(thing = %name, endpoint = %registration.endpoint, "Registered."),
            Some(before) if contested(before, &registration) => {
                let (winner, loser) = (place(&registration), place(before));
                let times = self.units.roster.conflict(&name, &winner, &loser);
                warn!(
                    thing = %name, from = loser, to = winner, times,
                    "Registered again at another place, which gets its requests from now on."
                );
                if before.endpoint != registration.endpoint {
                    self.tidy(&before.endpoint);
                }
            }
            Some(_) => {}
        }
        if let Err(error) = self.start_units(&registration) {
            return refuse(error);
        }
        let binder = self.units.binder().filter(|_| before.is_none());
        Box::pin(async move {
            let bound = async {
                if let Some(binder) = binder {
                    in_time(binder.send(Await(name))).await;
                }
            };
            // A registration that is not on disk in time stands all the same (the text of the journal says why).
            tokio::join!(kept, bound);
            Ok(())
        })
    }

    /// Writes a registration down, unless it is the configuration's, which wins (design: binding).
    fn keep(&self, registration: &Arc<Registration>) -> OnDisk {
        match registration.source {
            Source::Dynamic => self.units.journal.keep(registration),
            Source::AutoBind | Source::Gateway => self.units.journal.forget(&registration.name),
        }
    }

    /// Reads the journal until that succeeds, then keeps it written.
    fn follow_journal(&self, ctx: &mut Context<Self>) {
        let journal = &self.units.journal;
        if journal.is_loaded() {
            ctx.spawn(journal.clone().follow().into_actor(self));
            ctx.run_interval(SETTLE_EVERY, |registrar, _| registrar.units.journal.settle());
            return;
        }
        let read = journal.clone().load();
        ctx.spawn(read.into_actor(self).map(|restored, registrar, ctx| match restored {
            Some(registrations) => {
                registrar.restore(registrations);
                registrar.follow_journal(ctx);
            }
            // The store says itself what is wrong with it.
            None => {
                ctx.run_later(SETTLE_EVERY, |registrar, ctx| registrar.follow_journal(ctx));
            }
        }));
    }

    /// Takes in what was registered before the restart; who has registered since, or stands in the configuration, stays
    /// as it is.
    fn restore(&self, registrations: Vec<Arc<Registration>>) {
        let (count, begun) = (registrations.len(), self.units.registry.len());
        for registration in registrations {
            let name = &registration.name;
            if self.units.registry.find(name.as_str()).is_some() {
                info!(thing = %name, "The configuration has the thing, its registration is dropped.");
                // Nobody waits for it.
                drop(self.units.journal.forget(name));
                continue;
            }
            self.units.roster.admit(name);
            self.units.roster.restored(name);
            self.units.registry.insert(Arc::clone(&registration));
            if let Err(error) = self.start_units(&registration) {
                error!(thing = %name, %error, "A restored thing was not started.");
            }
        }
        if count != 0 {
            let count = self.units.registry.len().saturating_sub(begun);
            info!(count, "Registrations were restored from before the restart.");
            instruments().things_desired(self.units.registry.len());
        }
    }

    /// A thing of the configuration that registers itself stays one of the configuration: it is not unbound when its
    /// endpoint is dead (design: configuration wins for one name).
    fn keep_configured(&self, new: Registration, before: Option<&Registration>) -> Registration {
        match before {
            Some(before) if before.source != Source::Dynamic => Registration { source: before.source, ..new },
            _ => new,
        }
    }
}

impl Actor for Registrar {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.follow_journal(ctx);
        for registration in self.units.registry.all() {
            if let Err(error) = self.start_units(&registration) {
                error!(thing = %registration.name, %error, "A registered thing was not started.");
            }
        }
    }
}

impl Handler<Register> for Registrar {
    type Result = ResponseFuture<Result<(), RegisterError>>;

    fn handle(&mut self, Register(registration): Register, ctx: &mut Self::Context) -> Self::Result {
        let count = self.units.registry.len();
        let before = self.units.registry.find(registration.name.as_str());
        if before.is_none() && count >= MAX_THINGS {
            instruments().registration(Event::Refused);
            return Box::pin(std::future::ready(Err(RegisterError::Full(count))));
        }
        match before {
            Some(before)
                if self.units.name_conflict == NameConflict::First
                    && before.source != Source::Gateway
                    && contested(&before, &registration) =>
            {
                // Asks who has the name before it is given away; the answer comes back as a message.
                let registrar = ctx.address();
                Box::pin(async move {
                    let Endpoint { host, port, .. } = &before.endpoint;
                    let first_answers = tcp::probe(host, *port).await.is_ok();
                    let decided = Decided { registration, first_answers };
                    registrar.send(decided).await.unwrap_or(Err(RegisterError::Starting))
                })
            }
            _ => self.admit(registration),
        }
    }
}

impl Handler<Decided> for Registrar {
    type Result = ResponseFuture<Result<(), RegisterError>>;

    fn handle(
        &mut self,
        Decided { registration, first_answers }: Decided,
        _: &mut Self::Context,
    ) -> Self::Result {
        match self.units.registry.find(registration.name.as_str()) {
            Some(before) if first_answers && contested(&before, &registration) => {
                let name = registration.name.clone();
                let (winner, loser) = (place(&before), place(&registration));
                let times = self.units.roster.conflict(&name, &winner, &loser);
                warn!(
                    thing = %name, keeps = winner, refused = loser, times,
                    "Two agents want one name; the first still answers and keeps it."
                );
                instruments().registration(Event::Refused);
                let endpoint = before.endpoint.clone();
                Box::pin(std::future::ready(Err(RegisterError::Taken { name, endpoint })))
            }
            _ => self.admit(registration),
        }
    }
}

impl Handler<Deregister> for Registrar {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Deregister(name): Deregister, _: &mut Self::Context) -> Self::Result {
        let name = ThingName::parse(&name).ok();
        match name.and_then(|name| self.remove(&name, Event::Removed)) {
            Some(unbound) => Box::pin(unbound),
            None => Box::pin(std::future::ready(())),
        }
    }
}

impl Handler<EndpointDead> for Registrar {
    type Result = ();

    fn handle(&mut self, EndpointDead(endpoint): EndpointDead, ctx: &mut Self::Context) {
        let at = self.units.registry.at(&endpoint);
        let dead = at.iter().filter(|thing| thing.source == Source::Dynamic);
        let unbound: Vec<_> = dead.filter_map(|thing| self.remove(&thing.name, Event::Expired)).collect();
        ctx.spawn(join_all(unbound).into_actor(self).map(|_, _, _| ()));
        if self.units.auto_bind_probe {
            let bound = at.iter().filter(|thing| thing.source == Source::AutoBind);
            let bound = bound.filter(|thing| self.units.things.resolve(thing.name.as_str()).is_some());
            let unbound: Vec<_> = bound
                .map(|thing| {
                    warn!(thing = %thing.name, %endpoint, "Unbound until its endpoint answers again.");
                    self.units.roster.bind(&thing.name, BindState::EndpointDead);
                    self.unbind(&thing.name)
                })
                .collect();
            ctx.spawn(join_all(unbound).into_actor(self).map(|_, _, _| ()));
        }
    }
}

impl Handler<EndpointAlive> for Registrar {
    type Result = ();

    fn handle(&mut self, EndpointAlive(endpoint): EndpointAlive, _: &mut Self::Context) {
        for thing in self.units.registry.at(&endpoint) {
            if let Err(error) = self.start_units(&thing) {
                error!(thing = %thing.name, %error, "A thing whose endpoint is back was not started.");
            }
        }
    }
}

impl Handler<Stop> for Registrar {
    type Result = ();

    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {}
}

fn thing_spec(units: &Units, name: ThingName) -> ChildSpec<Thing> {
    let policy = RestartPolicy::permanent()
        .backoff(Duration::from_millis(500), Duration::from_secs(30))
        .declared_health()
        .quarantine(Duration::from_secs(30));
    let (shared, key) = (units.clone(), name.clone());
    let (roster, followed) = (units.roster.clone(), name.clone());
    let follower = move |turn: Turn<'_>| roster.turn(&followed, turn);
    ChildSpec::new(thing_id(&name), "thing", policy, move |lifeline| {
        Thing::new(key.clone(), shared.clone(), lifeline)
    })
    .mailbox(Thing::MAILBOX)
    .followed(follower)
    .listed(units.things.clone(), name)
}

fn session_spec(units: &Units, endpoint: Endpoint) -> ChildSpec<Session> {
    let policy = RestartPolicy::permanent()
        .backoff(Duration::from_millis(100), Duration::from_secs(10))
        .quarantine(Duration::from_secs(10));
    let (shared, key) = (units.clone(), endpoint.clone());
    ChildSpec::new(session_id(&endpoint), "session", policy, move |lifeline| {
        Session::new(key.clone(), shared.clone(), lifeline)
    })
    .mailbox(Session::MAILBOX)
    .listed(units.sessions.clone(), endpoint)
}

/// Whether both cannot be the same agent.
fn contested(before: &Registration, new: &Registration) -> bool {
    before.endpoint != new.endpoint || before.path != new.path
}

/// Where a registration sends its requests, for people.
fn place(registration: &Registration) -> String {
    format!("{}{}", registration.endpoint, registration.path)
}

pub(crate) fn thing_id(name: &ThingName) -> String {
    format!("thing/{name}")
}

fn session_id(endpoint: &Endpoint) -> String {
    format!("session/{endpoint}")
}

/// Launching what runs already is no error: the registry is the truth, and the child follows it.
#[expect(
    clippy::disallowed_methods,
    reason = "one message for each thing that the registrar admits, and those are bounded"
)]
fn launch<A>(supervisor: Option<Arc<Addr<Supervisor>>>, spec: ChildSpec<A>) -> Result<(), RegisterError>
where
    A: Actor<Context = Context<A>> + Handler<Stop>,
{
    supervisor.ok_or(RegisterError::Starting)?.do_send(Launch(spec));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "one message for each thing that was admitted, and those are bounded"
)]
fn dismiss(supervisor: &Addr<Supervisor>, id: &str) {
    supervisor.do_send(Dismiss { id: id.into(), deadline: clock::now() + PATIENCE });
}

/// Waits for what a caller is kept waiting for, as long as that may be.
async fn in_time<T>(wait: impl Future<Output = T>) {
    tokio::time::timeout(PATIENCE, wait).await.map(drop).unwrap_or_default();
}

/// How long a caller waits for the journal, and for the platform's answer to a BIND or UNBIND (design: flow 1).
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the journal is asked whether it owes anything to the disk.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Bound of the registry: far above any plant, far below what memory holds.
const MAX_THINGS: usize = 200_000;
