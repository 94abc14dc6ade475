//! The way of updates to the platform: in order for each entity, kept on disk when they cannot go (design: delivery).
//!
//! [`Order`] decides, this actor carries out: it hands messages to the link, records to the store, and each local caller
//! the one answer that it is owed. While nothing waits, an update touches neither disk nor another thread.

mod carry;
mod join;
mod news;
mod operator;
mod parcel;
mod services;
mod standing;
mod ticket;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix::prelude::*;
use bytes::Bytes;
use edgebind_kernel::{Fairness, Lifeline, Stop, clock};
use edgebind_store::{Admission, Answer, Flight, Id, Limits, Order, StoreError};
use tokio::sync::{mpsc, oneshot};
use tracing::info;

pub(crate) use join::pushed_values;
pub(crate) use parcel::Parcel;
pub use parcel::{UnpackError, record_of, request_of};
pub use services::Services;
pub use standing::{DeliveryView, Look, SpoolStanding};
pub use ticket::Receipt;
pub(crate) use ticket::Ticket;

use crate::{Units, link::CallError, spool::Reopen};
use carry::Airborne;
use news::{News, NewsBatch};
use standing::Fullness;

/// Settings of the delivery.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Age at which what waits is given up (`edgebind.store_max_age`).
    pub max_age: Duration,
    /// Messages a second that leave the spool (`edgebind.replay_rate`).
    pub rate_per_s: u32,
    /// Services that may be kept (`edgebind.store_services`).
    pub store_services: Services,
}

/// Actor that delivers; `delivery` in the tree.
pub struct Delivery {
    units: Units,
    lifeline: Lifeline,
    fairness: Fairness,
    limits: Limits,
    message_timeout: Duration,
    order: Order,
    /// Which order this is: answers to messages of an earlier one are void.
    life: u64,
    store: Store,
    /// What came before the store has told what it holds.
    held: Vec<Submit>,
    /// Updates in memory, by the number that the order knows them by; also those on their way to disk.
    live: HashMap<u64, Live>,
    next_token: u64,
    /// Those whose commit is not reported yet.
    appending: HashMap<u64, Arc<str>>,
    airborne: HashMap<Flight, Airborne>,
    /// Senders whose update is on disk and who wait for the platform's answer, until the time beside it.
    behind: HashMap<u64, (Instant, Ticket)>,
    patience: BTreeSet<(Instant, u64)>,
    /// Records that are being deleted: not to be sent again when the file is opened anew.
    gone: HashSet<u64>,
    news: mpsc::UnboundedSender<News>,
    /// Connection that the order speaks of; 0 for none.
    connection: u64,
    replaying: bool,
    armed: Option<(Instant, SpawnHandle)>,
    next_expiry: Instant,
    full: Fullness,
    stopping: Option<oneshot::Sender<()>>,
}

/// What is known of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Store {
    /// Not told yet what it holds.
    Opening,
    Open,
    Failed(StoreError),
    /// There is none by configuration, or no place for it.
    Absent,
}

/// An update in memory.
struct Live {
    parcel: Parcel,
    ticket: Ticket,
    arrived: Instant,
    /// Its sender waits for the platform's answer behind a backlog.
    waits: bool,
    /// The order knows its token.
    ordered: bool,
}

/// Takes a request of a local caller that is to be delivered in order, or kept.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Submit {
    pub(crate) parcel: Parcel,
    pub(crate) ticket: Ticket,
    pub(crate) arrived: Instant,
    /// It goes to disk whether there is a connection or not, behind what waits already.
    pub(crate) only_keep: bool,
}

/// Something changed for an entity, as the order knows it: what waits for it is tried now.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Nudge(pub(crate) String);

/// Records were put back to the end of the spool, by the store's `retry_dead`.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Restored(pub Vec<edgebind_store::Entry>);

/// The link, or the first round of BINDs, has changed.
#[derive(Message)]
#[rtype(result = "()")]
struct LinkChanged;

impl Delivery {
    /// Mailbox of the delivery: local callers, each waiting for its answer, and the answers of the link.
    pub const MAILBOX: usize = 1 << 14;

    pub(crate) fn new(settings: &DeliverySettings, units: Units, lifeline: Lifeline) -> Self {
        let limits = Limits {
            rate_per_s: settings.rate_per_s,
            max_age: settings.max_age,
            // What is joined is smaller than the sum of its parts, but goes in chunks that repeat the entity.
            max_message_bytes: u64::try_from(units.session.max_message_bytes).unwrap_or(u64::MAX) / 8 * 7,
            ..Limits::default()
        };
        let now = clock::now();
        // Replaced when the actor starts.
        let (news, _) = mpsc::unbounded_channel();
        Self {
            order: Order::new(limits.clone(), now, clock::unix_millis()),
            message_timeout: units.session.message_timeout,
            store: if units.spool.absence().is_some() { Store::Absent } else { Store::Opening },
            units,
            lifeline,
            limits,
            fairness: Fairness::default(),
            life: next_life(),
            held: Vec::new(),
            live: HashMap::new(),
            next_token: 0,
            appending: HashMap::new(),
            airborne: HashMap::new(),
            behind: HashMap::new(),
            patience: BTreeSet::new(),
            gone: HashSet::new(),
            news,
            connection: 0,
            replaying: false,
            armed: None,
            next_expiry: now + EXPIRE_EVERY,
            full: Fullness::default(),
            stopping: None,
        }
    }

    fn submit(&mut self, submit: Submit) {
        if self.stopping.is_some() {
            return submit.ticket.settle(Err(CallError::Dropped));
        }
        if self.store == Store::Opening {
            // Its entity may have a backlog that is not known yet.
            if self.held.len() >= MOST_HELD {
                return submit.ticket.settle(Err(CallError::Busy(MOST_HELD)));
            }
            return self.held.push(submit);
        }
        let Submit { parcel, ticket, arrived, only_keep } = submit;
        let token = self.next_token;
        self.next_token += 1;
        let (entity, kind, size) = (Arc::clone(&parcel.entity), parcel.kind, parcel.size_bytes());
        let mut live = Live { parcel, ticket, arrived, waits: false, ordered: !only_keep };
        if only_keep {
            self.order.appending(&entity);
            self.live.insert(token, live);
            return self.append(token);
        }
        match self.order.admit(&entity, token, kind, size) {
            Admission::Relay(flight) => {
                self.live.insert(token, live);
                self.send(flight, &entity, vec![Id::Live(token)]);
            }
            Admission::Wait => drop(self.live.insert(token, live)),
            Admission::Commit => {
                live.waits = self.connection != 0;
                self.live.insert(token, live);
                self.append(token);
            }
            Admission::Refuse => live.ticket.settle(Err(CallError::Busy(self.limits.max_live_waiting))),
        }
    }

    /// The store has told what it holds, or that it cannot.
    fn admit_held(&mut self) {
        for submit in std::mem::take(&mut self.held) {
            self.submit(submit);
        }
    }

    /// Follows the link and the binder: authenticated, live updates pass; bound, what is stored does.
    fn follow_link(&mut self, ctx: &mut Context<Self>) {
        let (online, connection) = {
            let status = self.units.link_status.borrow();
            (status.is_online(), status.connection)
        };
        let now_on = if online { connection } else { 0 };
        if now_on != self.connection {
            if self.connection != 0 {
                self.suspend();
            }
            self.connection = now_on;
            if online {
                self.order.connect();
                ctx.run_later(FIRST_ROUND, move |delivery, ctx| {
                    if delivery.connection == connection {
                        delivery.resume();
                        delivery.pump(ctx);
                    }
                });
            }
        }
        if online && *self.units.first_round.borrow() == connection {
            self.resume();
        }
        self.pump(ctx);
    }

    fn resume(&mut self) {
        if self.replaying || self.stopping.is_some() {
            return;
        }
        self.replaying = true;
        self.order.resume();
        let waiting = self.order.progress(clock::now()).records;
        if waiting > 0 {
            info!(waiting, "Delivering what waits in the spool.");
        }
    }

    fn suspend(&mut self) {
        self.replaying = false;
        self.order.suspend();
        self.airborne.clear();
        self.release_all();
    }

    /// Whoever waits behind a backlog is told that the update is on disk.
    fn release_all(&mut self) {
        self.patience.clear();
        for (_, (_, ticket)) in self.behind.drain() {
            ticket.kept();
        }
    }

    fn release_impatient(&mut self, now: Instant) {
        while let Some((until, seq)) = self.patience.first().copied().filter(|(until, _)| *until <= now) {
            self.patience.remove(&(until, seq));
            if let Some((_, ticket)) = self.behind.remove(&seq) {
                ticket.kept();
            }
        }
    }

    /// Does what the order wants done, and comes back when it wants more.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        self.carry_out(None);
        self.release_impatient(now);
        if self.stopping.is_some() {
            self.finish();
        }
        let wake = [self.order.next_poll(now), self.patience.first().map(|(until, _)| *until)];
        let Some(wake) = wake.into_iter().flatten().min() else { return };
        if self.armed.is_some_and(|(armed, _)| armed <= wake) {
            return;
        }
        if let Some((_, handle)) = self.armed.take() {
            ctx.cancel_future(handle);
        }
        let handle = ctx.run_later(wake.saturating_duration_since(now), |delivery, ctx| {
            delivery.armed = None;
            delivery.pump(ctx);
        });
        self.armed = Some((wake, handle));
    }

    /// At the end: what is in memory is on disk, and what was sent is answered.
    fn finish(&mut self) {
        if self.airborne.is_empty()
            && self.live.is_empty()
            && let Some(done) = self.stopping.take()
        {
            self.release_all();
            done.send(()).unwrap_or_default();
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        if now >= self.next_expiry {
            self.next_expiry = now + EXPIRE_EVERY;
            self.order.expire(now);
        }
        let timeout = self.message_timeout;
        for late in self.held.extract_if(.., |held| now.saturating_duration_since(held.arrived) >= timeout) {
            late.ticket.settle(Err(CallError::Unkept(StoreError::Opening.to_string())));
        }
        self.measure(now);
        self.pump(ctx);
    }
}

impl Actor for Delivery {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (news, mut queue) = mpsc::unbounded_channel();
        self.news = news.clone();
        let told = self.units.spool.follow(move |event| news.send(News::Store(event)).is_ok());
        if !told && let Some(unit) = self.units.spool_unit.resolve(&()) {
            // What the file holds was told to an earlier life of this actor; a full mailbox means that it comes anyway.
            unit.try_send(Reopen).unwrap_or_default();
        }
        let delivery = ctx.address();
        ctx.spawn(
            async move {
                loop {
                    let mut batch = Vec::new();
                    if queue.recv_many(&mut batch, NEWS_AT_A_TIME).await == 0
                        || delivery.send(NewsBatch(batch)).await.is_err()
                    {
                        return;
                    }
                }
            }
            .into_actor(self),
        );
        let (mut status, mut round) = (self.units.link_status.clone(), self.units.first_round.subscribe());
        let delivery = ctx.address();
        ctx.spawn(
            async move {
                loop {
                    let changed = tokio::select! {
                        changed = status.changed() => changed,
                        changed = round.changed() => changed,
                    };
                    if changed.is_err() || delivery.send(LinkChanged).await.is_err() {
                        return;
                    }
                }
            }
            .into_actor(self),
        );
        ctx.run_interval(TICK, Self::tick);
        self.follow_link(ctx);
    }
}

impl Handler<Submit> for Delivery {
    type Result = ();

    fn handle(&mut self, message: Submit, ctx: &mut Self::Context) {
        self.fairness.tick(ctx);
        self.submit(message);
        self.pump(ctx);
    }
}

impl Handler<LinkChanged> for Delivery {
    type Result = ();

    fn handle(&mut self, _: LinkChanged, ctx: &mut Self::Context) {
        self.follow_link(ctx);
    }
}

impl Handler<Nudge> for Delivery {
    type Result = ();

    fn handle(&mut self, Nudge(entity): Nudge, ctx: &mut Self::Context) {
        self.order.nudge(&entity.into());
        self.pump(ctx);
    }
}

impl Handler<Restored> for Delivery {
    type Result = ();

    fn handle(&mut self, Restored(entries): Restored, ctx: &mut Self::Context) {
        self.order.restore(entries);
        self.pump(ctx);
    }
}

impl Handler<Stop> for Delivery {
    type Result = ResponseFuture<()>;

    /// Sends nothing more of what is stored, waits a little for answers, and puts the rest on disk.
    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        let (done, stopped) = oneshot::channel();
        self.stopping = Some(done);
        self.order.pause();
        ctx.run_later(LAST_ANSWERS, |delivery, ctx| {
            delivery.suspend();
            delivery.pump(ctx);
        });
        self.pump(ctx);
        Box::pin(async move { stopped.await.unwrap_or_default() })
    }
}

impl Default for DeliverySettings {
    fn default() -> Self {
        let Limits { max_age, rate_per_s, .. } = Limits::default();
        Self { max_age, rate_per_s, store_services: Services::default() }
    }
}

/// What the platform's end said to a message of the delivery, or that it said nothing.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Landed(pub(crate) Vec<Landing>);

/// One of those.
pub(crate) struct Landing {
    pub(crate) ticket: FlightTicket,
    pub(crate) result: Result<edgebind_alwayson::Response, CallError>,
}

/// Names a message of the delivery to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlightTicket {
    pub(crate) life: u64,
    pub(crate) flight: Flight,
}

/// Hands a message of the delivery to the link; the answer comes as [`Landed`], a late one too.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Fly {
    pub(crate) ticket: FlightTicket,
    pub(crate) message: Bytes,
    pub(crate) timeout: Duration,
}

impl Handler<Landed> for Delivery {
    type Result = ();

    fn handle(&mut self, Landed(landings): Landed, ctx: &mut Self::Context) {
        self.fairness.tick(ctx);
        for Landing { ticket: FlightTicket { life, flight }, result } in landings {
            if life == self.life {
                self.landed(flight, result);
            }
        }
        self.pump(ctx);
    }
}

fn next_life() -> u64 {
    static LIVES: AtomicU64 = AtomicU64::new(0);
    LIVES.fetch_add(1, Ordering::Relaxed)
}

/// What the order makes of the platform's answer to a message; a stored one that was not sent is tried again.
fn verdict(result: &Result<edgebind_alwayson::Response, CallError>, live: bool) -> Answer {
    match result {
        Ok(response) => Answer::from_code(response.code.0),
        // Wrong in itself, or only as a whole: then it is cut in two.
        Err(error @ (CallError::TooLarge { .. } | CallError::Encode(_))) => Answer::Refused(match error {
            CallError::TooLarge { .. } => edgebind_alwayson::Code::ENTITY_TOO_LARGE.0,
            _ => edgebind_alwayson::Code::BAD_REQUEST.0,
        }),
        Err(error @ CallError::Busy(_)) if live => Answer::Refused(error.code().0),
        Err(_) => Answer::Unanswered,
    }
}

/// How long what is stored waits for the first round of BINDs.
const FIRST_ROUND: Duration = Duration::from_secs(5);
/// Updates that wait for the store to be opened.
const MOST_HELD: usize = 1024;
/// How often the instruments are set.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked for what is too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How long a stop waits for what was sent.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// News of the store that are handled in one go.
const NEWS_AT_A_TIME: usize = 1024;
