//! One agent: the thing, and the task that carries out what its course says.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use edgebind_kernel::clock;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::sync::{Notify, broadcast, watch};

use super::course::{Course, Rates, Step};
use super::event::{Event, What};
use super::gateway::{Gateway, Reply, RequestError};
use super::messages::{self, Registration};
use super::metadata;
use super::settings::{Settings, ThingName};
use super::thing::{Property, Thing, WriteError};

/// Shared by the task that talks to the gateway and the endpoint that answers the platform.
pub(super) struct Agent {
    name: ThingName,
    /// The bound name, shared with every event.
    event_name: Arc<str>,
    address: SocketAddr,
    settings: Arc<Settings>,
    thing: Mutex<Thing>,
    events: broadcast::Sender<Event>,
    /// Wakes the task after a flag was set.
    wake: Notify,
    written: AtomicBool,
    notified: AtomicBool,
    registered: AtomicBool,
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// Counts of one agent since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Registered now.
    pub(crate) registered: bool,
    /// Pushes answered with 200 or 202.
    pub(crate) accepted: u64,
    /// Pushes answered with another status.
    pub(crate) refused: u64,
    /// Pushes without an answer.
    pub(crate) failed: u64,
}

impl Agent {
    pub(super) fn new(
        index: usize,
        name: ThingName,
        address: SocketAddr,
        settings: Arc<Settings>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let thing = Thing::new(index, &name.name, settings.properties, clock::unix_millis());
        Self {
            event_name: name.bound.as_str().into(),
            name,
            address,
            settings,
            thing: Mutex::new(thing),
            events,
            wake: Notify::new(),
            written: AtomicBool::new(false),
            notified: AtomicBool::new(false),
            registered: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Lives until `stop` says true, then deregisters. A panic is reported, and the life begins again.
    pub(super) async fn run(self: Arc<Self>, gateway: Gateway, mut stop: watch::Receiver<bool>) {
        while let Err(panic) = AssertUnwindSafe(self.live(&gateway, &mut stop)).catch_unwind().await {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic without a text".to_owned());
            tracing::error!(thing = %self.event_name, text, "A simulated thing panicked and starts again.");
            self.registered.store(false, Ordering::Relaxed);
            self.report(What::Crashed { text });
            tokio::time::sleep(self.settings.retry).await;
        }
    }

    /// Takes a value from the platform; it is pushed at once.
    ///
    /// # Errors
    ///
    /// As [`Thing::write`].
    pub(super) fn write(&self, property: &str, value: &serde_json::Value) -> Result<(), WriteError> {
        self.thing().write(property, value, clock::unix_millis())?;
        self.written.store(true, Ordering::Relaxed);
        self.wake.notify_one();
        self.report(What::Written { property: property.to_owned() });
        Ok(())
    }

    /// The platform said that subscriptions changed: they are asked for again.
    pub(super) fn notify(&self) {
        self.notified.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    pub(super) fn report(&self, what: What) {
        // No reader is fine.
        let _ = self.events.send(Event { thing: Arc::clone(&self.event_name), what });
    }

    pub(super) fn thing(&self) -> MutexGuard<'_, Thing> {
        // A step that panicked leaves values that are old or new, both of which are valid.
        self.thing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name, or `*identifier`.
    pub(super) fn bound_name(&self) -> &str {
        &self.name.bound
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn tally(&self) -> Tally {
        Tally {
            registered: self.registered.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }

    async fn live(&self, gateway: &Gateway, stop: &mut watch::Receiver<bool>) {
        let mut course = Course::new(self.rates(), clock::now());
        let mut fired = 0;
        while !*stop.borrow_and_update() {
            if self.notified.swap(false, Ordering::Relaxed) {
                course.on_notified(clock::now());
            }
            if self.written.swap(false, Ordering::Relaxed) {
                course.on_written();
            }
            match course.next(clock::now()) {
                Step::Register => self.register(gateway, &mut course).await,
                Step::Subscribe => self.subscribe(gateway, &mut course).await,
                step @ (Step::Push | Step::PushWritten) => self.push(gateway, &mut course, step).await,
                Step::Fire => {
                    fired += 1;
                    self.fire(gateway, &mut course, fired).await;
                }
                Step::CheckRegistration => self.check(gateway, &mut course).await,
                Step::Wait(until) => {
                    let due = async {
                        match until {
                            Some(at) => tokio::time::sleep_until(at.into()).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        // An error means that nobody is left to stop us: the loop ends with its system.
                        _ = stop.changed() => {}
                        () = self.wake.notified() => {}
                        () = due => {}
                    }
                }
            }
        }
        if self.registered.load(Ordering::Relaxed) {
            self.remove(gateway).await;
        }
    }

    async fn register(&self, gateway: &Gateway, course: &mut Course) {
        let registration = Registration {
            name: &self.name.bound,
            host: &self.settings.host,
            port: self.address.port(),
            keepalive_ms: millis(self.settings.keepalive),
            timeout_ms: millis(self.settings.timeout),
        };
        match gateway.call(LOCAL_EMS, "AddEdgeThing", &registration.body()).await {
            Ok(reply) if reply.status == StatusCode::OK => {
                self.registered.store(true, Ordering::Relaxed);
                self.thing().make_all_due();
                course.on_registered(clock::now());
                self.report(What::Registered);
            }
            other => {
                course.on_register_failed(clock::now());
                self.report(What::Unregistered { reason: why_not(other) });
            }
        }
    }

    async fn subscribe(&self, gateway: &Gateway, course: &mut Course) {
        let reply = gateway.call(&self.name.bound, "GetPropertySubscriptions", &json!({})).await;
        let rows = match &reply {
            Ok(reply) if reply.status == StatusCode::OK => messages::subscriptions(&reply.body).ok(),
            _ => None,
        };
        let Some(rows) = rows else {
            course.on_subscribe_failed(clock::now());
            return self.after_bad_answer(gateway, course, reply).await;
        };
        if !self.settings.push_all {
            self.thing().subscribe(&rows);
        }
        course.on_subscribed();
        self.report(What::Subscribed { properties: rows.len() });
    }

    async fn push(&self, gateway: &Gateway, course: &mut Course, step: Step) {
        let (sequence, due) = {
            let mut thing = self.thing();
            if step == Step::Push {
                thing.step(clock::unix_millis());
            }
            (thing.sequence(), thing.take_due())
        };
        for rows in due.chunks(ROWS_PER_PUSH) {
            let reply = self.push_rows(gateway, sequence, rows).await;
            if !matches!(&reply, Ok(reply) if reply.status == StatusCode::OK) {
                // The first failure stops the rest, and values are not repeated (8.2).
                self.after_bad_answer(gateway, course, reply).await;
                break;
            }
        }
        course.on_pushed(step, clock::now());
    }

    async fn push_rows(
        &self,
        gateway: &Gateway,
        sequence: u32,
        rows: &[Property],
    ) -> Result<Reply, RequestError> {
        let reply =
            gateway.call(&self.name.bound, "UpdateSubscribedPropertyValues", &messages::push(rows)).await;
        match &reply {
            Ok(reply) => {
                let accepted = matches!(reply.status, StatusCode::OK | StatusCode::ACCEPTED);
                let counter = if accepted { &self.accepted } else { &self.refused };
                counter.fetch_add(1, Ordering::Relaxed);
                self.report(What::Pushed { sequence, rows: rows.len(), status: reply.status.as_u16() });
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.report(What::PushFailed { sequence, reason: error.to_string() });
            }
        }
        reply
    }

    async fn fire(&self, gateway: &Gateway, course: &mut Course, number: u64) {
        let body = json!({"number": number, "message": format!("heartbeat {number} of {}", self.name.name)});
        let reply = gateway.fire(&self.name.bound, metadata::EVENT, &body).await;
        course.on_fired(clock::now());
        match &reply {
            Ok(answer) => {
                let status = answer.status;
                self.report(What::Fired { number, status: status.as_u16() });
                if status != StatusCode::OK {
                    self.after_bad_answer(gateway, course, reply).await;
                }
            }
            Err(_) => self.after_bad_answer(gateway, course, reply).await,
        }
    }

    async fn check(&self, gateway: &Gateway, course: &mut Course) {
        let reply = gateway.call(LOCAL_EMS, "HasEdgeThing", &json!({"name": self.name.bound})).await;
        course.on_checked(clock::now());
        match reply {
            Ok(reply) if reply.status == StatusCode::OK => {
                if messages::truth(&reply.body) == Some(false) {
                    self.lost(course, "the gateway does not know it".to_owned());
                }
            }
            other => self.after_bad_answer(gateway, course, other).await,
        }
    }

    async fn remove(&self, gateway: &Gateway) {
        let reply = gateway.call(LOCAL_EMS, "RemoveEdgeThing", &json!({"name": self.name.bound})).await;
        if reply.is_ok_and(|reply| reply.status == StatusCode::OK) {
            self.registered.store(false, Ordering::Relaxed);
            self.report(What::Removed);
        }
    }

    /// Any answer but 200 makes a script resource ask whether the gateway is there; if not, it registers anew (8.3).
    async fn after_bad_answer(
        &self,
        gateway: &Gateway,
        course: &mut Course,
        reply: Result<Reply, RequestError>,
    ) {
        if !gateway.is_available().await {
            self.lost(course, why_not(reply));
        }
    }

    fn lost(&self, course: &mut Course, reason: String) {
        let was_registered = self.registered.swap(false, Ordering::Relaxed);
        course.on_registration_lost(clock::now());
        if was_registered {
            self.report(What::Unregistered { reason });
        }
    }

    fn rates(&self) -> Rates {
        Rates {
            register: self.settings.register,
            keepalive: self.settings.keepalive,
            retry: self.settings.retry,
            push: self.settings.push_interval(),
            event: self.settings.event_every,
        }
    }
}

fn why_not(reply: Result<Reply, RequestError>) -> String {
    match reply {
        Ok(reply) => format!("answered {}", reply.status),
        Err(error) => error.to_string(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The gateway's own thing.
const LOCAL_EMS: &str = "LocalEms";
/// `maxConcurrentPropertyUpdates` of the script resource.
const ROWS_PER_PUSH: usize = 100;
