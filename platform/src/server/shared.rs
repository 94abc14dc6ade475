//! What every thread of the platform shares: the model, the way to the edges, and those who watch.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use actix::{Addr, dev::SendError};
use edgebind_alwayson::{Code, Request, Response};
use edgebind_kernel::{Directory, Supervisor, clock};
use tokio::sync::{broadcast, oneshot};
use tracing::error;

use super::{
    AppKey, Counts, Settings,
    arrivals::Arrivals,
    edge::{Call, Edge, Notify},
    keeper::Signal,
    key::{Grant, KeyRefusal},
    wire::Tap,
};
use crate::{
    faults::Faults,
    model::{Access, Change, ConnectionId, Model, RemoteCall},
};

/// State of the platform; its methods take their locks for the time of one pure decision only.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) edges: Directory<ConnectionId, Edge>,
    pub(super) supervisor: Addr<Supervisor>,
    pub(super) tap: Arc<Tap>,
    pub(super) faults: FaultSwitch,
    /// Asks for a write of the model file; nobody listens when there is none.
    pub(super) keeper: Arc<Signal>,
    arrivals: Option<Arrivals>,
    model: Mutex<Model>,
    changes: broadcast::Sender<Arc<Change>>,
    next_connection: AtomicU64,
    next_session: AtomicU32,
    violations: AtomicU64,
    connections: AtomicU64,
}

/// The rules of misbehaviour, for all connections; without any, asking costs one load.
#[derive(Default)]
pub(super) struct FaultSwitch {
    armed: AtomicBool,
    rules: Mutex<Faults>,
}

impl FaultSwitch {
    /// What the rules say, `None` if there are none.
    pub(super) fn ask<T>(&self, ask: impl FnOnce(&mut Faults) -> Option<T>) -> Option<T> {
        if !self.armed.load(Ordering::Relaxed) {
            return None;
        }
        ask(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes or looks at the rules.
    pub(super) fn edit<T>(&self, edit: impl FnOnce(&mut Faults) -> T) -> T {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let result = edit(&mut rules);
        self.armed.store(!rules.is_empty(), Ordering::Relaxed);
        result
    }
}

/// Why an edge gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The connection that the thing was bound to is gone.
    #[error("thing {0} is not connected any more")]
    Gone(String),
    /// Too many requests wait for the edge already.
    #[error("the connection of thing {0} is busy: too many requests wait for it")]
    Busy(String),
    /// The connection ended before the edge answered.
    #[error("thing {0} was disconnected before it answered")]
    Lost(String),
    /// The edge did not answer in time.
    #[error("thing {thing} did not answer within {} ms", .wait.as_millis())]
    TimedOut {
        /// Name of the thing.
        thing: String,
        /// How long was waited.
        wait: Duration,
    },
    /// The edge answered something that cannot be read.
    #[error("the answer of thing {thing} cannot be read: {problem}")]
    Garbled {
        /// Name of the thing.
        thing: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The request cannot be sent at all.
    #[error("the request for thing {thing} cannot be sent: {problem}")]
    Unsendable {
        /// Name of the thing.
        thing: String,
        /// Why.
        problem: String,
    },
}

impl CallError {
    /// Status for whoever waits for the answer (protocol notes, section 13).
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Gone(_) | Self::Busy(_) | Self::Lost(_) => Code::SERVICE_UNAVAILABLE,
            Self::TimedOut { .. } => Code::GATEWAY_TIMEOUT,
            Self::Garbled { .. } => Code::BAD_GATEWAY,
            Self::Unsendable { .. } => Code::ENTITY_TOO_LARGE,
        }
    }
}

/// What became of a request to an edge, as its connection tells it.
#[derive(Debug)]
pub(super) enum Reply {
    Answered(Response),
    Expired,
    Garbled(String),
    Busy,
    Unsendable(String),
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The thread of the file has nothing to ask any more.
        self.keeper.stop();
    }
}

impl Shared {
    pub(super) fn new(
        mut settings: Settings,
        supervisor: Addr<Supervisor>,
        arrivals: Option<Arrivals>,
    ) -> Self {
        let mut model = std::mem::take(&mut settings.model);
        model.set_policy(settings.policy);
        Self {
            settings,
            edges: Directory::new(),
            supervisor,
            tap: Arc::default(),
            faults: FaultSwitch::default(),
            keeper: Arc::default(),
            arrivals,
            model: Mutex::new(model),
            changes: broadcast::channel(WATCH_BACKLOG).0,
            next_connection: AtomicU64::new(1),
            next_session: AtomicU32::new(FIRST_SESSION),
            violations: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        }
    }

    /// Works on the model and tells the watchers what changed, in the order in which it did.
    pub(super) fn with_model<T>(&self, work: impl FnOnce(&mut Model) -> T) -> T {
        self.change_model(work, |result, _| result)
    }

    /// Answers a request of an edge; what it delivered stands in the arrival log before it has its answer.
    pub(super) fn answer(&self, connection: ConnectionId, request: &Request) -> Access<Response> {
        let time = clock::unix_millis();
        self.change_model(
            |model| model.answer(request, time),
            |answer, changes| match self.arrivals.as_ref().map(|log| log.note(connection, request, changes)) {
                None | Some(Ok(())) => answer,
                Some(Err(error)) => {
                    error!(%error, "The arrival log cannot be written.");
                    let reason = format!("the arrival log cannot be written: {error}");
                    Access::Here(Response::error(Code::SERVICE_UNAVAILABLE, reason))
                }
            },
        )
    }

    /// Works on the model, shows the result with what changed to `note`, and tells the watchers.
    fn change_model<T>(&self, work: impl FnOnce(&mut Model) -> T, note: impl FnOnce(T, &[Change]) -> T) -> T {
        let mut model = self.model.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut model);
        let changes = model.take_changes();
        let result = note(result, &changes);
        for change in changes {
            // Events are not kept in a file.
            if !matches!(change, Change::Event { .. }) {
                self.keeper.mark();
            }
            // Nobody watches: then nobody wants to know.
            let _ = self.changes.send(Arc::new(change));
        }
        for (connection, name) in model.take_rebound() {
            // Who is gone is told after its next BIND.
            let Some(edge) = self.edges.resolve(&connection) else { continue };
            if let Err(SendError::Full(Notify { name })) = edge.try_send(Notify { name }) {
                // Told with the next work on the model: a connection that is flooded makes plenty of it.
                model.rebound_again(&name);
            }
        }
        result
    }

    pub(super) fn watch(&self) -> broadcast::Receiver<Arc<Change>> {
        self.changes.subscribe()
    }

    /// What the key `offered` opens at `now_ms`.
    pub(super) fn grant(&self, offered: &str, now_ms: i64) -> Result<Grant, KeyRefusal> {
        // Every key is compared, so that time does not tell which one was close.
        let known = self.settings.app_keys.iter().fold(None, |known, key: &AppKey| {
            let opens = key.opens(offered);
            known.or(opens.then(|| key.grant()))
        });
        let grant = known.ok_or(KeyRefusal::Unknown)?;
        grant.check_time(now_ms).map(|()| grant)
    }

    /// Carries a request to its edge.
    pub(super) async fn call(&self, call: RemoteCall) -> Result<Response, CallError> {
        let RemoteCall { thing, connection, request } = call;
        let Some(edge) = self.edges.resolve(&connection) else { return Err(CallError::Gone(thing)) };
        let wait = self.settings.request_timeout;
        let (answer, reply) = oneshot::channel();
        match edge.try_send(Call { request, wait, answer }) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Err(CallError::Busy(thing)),
            Err(SendError::Closed(_)) => return Err(CallError::Gone(thing)),
        }
        // The session answers at the deadline; the second is for an actor that does not come to do so.
        match tokio::time::timeout(wait + Duration::from_secs(1), reply).await {
            Ok(Ok(Reply::Answered(response))) => Ok(response),
            Ok(Ok(Reply::Expired)) | Err(_) => Err(CallError::TimedOut { thing, wait }),
            Ok(Ok(Reply::Garbled(problem))) => Err(CallError::Garbled { thing, problem }),
            Ok(Ok(Reply::Busy)) => Err(CallError::Busy(thing)),
            Ok(Ok(Reply::Unsendable(problem))) => Err(CallError::Unsendable { thing, problem }),
            Ok(Err(_)) => Err(CallError::Lost(thing)),
        }
    }

    /// The answer that is at hand, or the edge's.
    pub(super) async fn resolve(&self, access: Access<Response>) -> Response {
        match access {
            Access::Here(response) => response,
            Access::Remote(call) => match self.call(call).await {
                Ok(response) => response,
                Err(error) => Response::error(error.code(), error.to_string()),
            },
        }
    }

    pub(super) fn connection_id(&self) -> ConnectionId {
        self.connections.fetch_add(1, Ordering::Relaxed);
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// Counts one connection less.
    pub(super) fn connection_ended(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// A fresh session id; never 0, which an edge takes for "none" (protocol notes, section 3.2).
    pub(super) fn session_id(&self) -> u32 {
        match self.next_session.fetch_add(1, Ordering::Relaxed) {
            0 | u32::MAX => self.session_id(),
            id => id,
        }
    }

    pub(super) fn count_violation(&self) {
        self.violations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            connections: self.connections.load(Ordering::Relaxed),
            violations: self.violations.load(Ordering::Relaxed),
        }
    }
}

/// Changes that a watcher may be behind before it misses some.
const WATCH_BACKLOG: usize = 4096;
/// As in the examples of the protocol notes.
const FIRST_SESSION: u32 = 1001;
