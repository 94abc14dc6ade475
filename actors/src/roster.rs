//! What is known of each thing and each endpoint at this moment, for status pages and commands: written by the units
//! as things happen, read by any thread. Nothing is decided by it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use edgebind_kernel::{Turn, clock};
use serde::Serialize;

use crate::{Endpoint, ThingName};

/// States of things and endpoints. A clone sees the same states.
#[derive(Clone, Default)]
pub struct Roster(Arc<Inner>);

#[derive(Default)]
struct Inner {
    things: RwLock<HashMap<ThingName, Arc<Entry>>>,
    endpoints: RwLock<HashMap<Endpoint, EndpointStanding>>,
}

struct Entry {
    /// Apart from the rest, because each push and each answer changes it; 0 for never.
    seen_unix_ms: AtomicI64,
    standing: Mutex<Standing>,
}

/// Where a thing stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// State of its binding.
    pub bind: BindState,
    /// When that state was entered, in milliseconds since 1970 UTC.
    pub since_unix_ms: i64,
    /// The last refusal by the platform, also if it is bound now.
    pub refusal: Option<Refusal>,
    /// When its BIND is tried again, in milliseconds since 1970 UTC.
    pub next_retry_unix_ms: Option<i64>,
    /// How often its actor was started again.
    pub restarts: u32,
    /// How the last life of its actor ended.
    pub last_exit: Option<String>,
    /// What the platform says of `isConnected`; `None` if it was not asked or does not say.
    pub confirmed: Option<bool>,
    /// The name behind an identifier (`*id`), as the platform told it.
    pub real_name: Option<String>,
    /// The last dispute about the name.
    pub conflict: Option<Conflict>,
    /// Known from before the restart, and not heard of since: nobody has answered at its endpoint yet.
    pub restored: bool,
}

/// State of a thing's binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BindState {
    /// There is no authenticated connection.
    WaitingForPlatform,
    /// The BIND is on its way.
    Binding,
    /// The platform has confirmed the BIND.
    Bound,
    /// The platform holds the name for another connection, most often for ours before this one.
    WaitingForOldSession,
    /// The platform refuses the name for another reason.
    Refused,
    /// Unbound because nobody answers at the endpoint (`edgebind.auto_bind_probe`).
    EndpointDead,
}

/// A refusal of a BIND.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Status of the answer, as `84 NOT_FOUND`.
    pub code: String,
    /// Reason of the answer, may be empty.
    pub reason: String,
    /// When, in milliseconds since 1970 UTC.
    pub at_unix_ms: i64,
}

/// Two agents wanted one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Who has the name now.
    pub winner: String,
    /// Who has it no more, or has not got it.
    pub loser: String,
    /// When, in milliseconds since 1970 UTC.
    pub at_unix_ms: i64,
    /// How often it has happened.
    pub count: u32,
}

/// Where an endpoint stands, as the last probe says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndpointStanding {
    /// What the probe says.
    pub state: EndpointState,
    /// When that state was entered, in milliseconds since 1970 UTC.
    pub since_unix_ms: i64,
    /// Why the last probe failed.
    pub last_error: Option<String>,
}

/// What the probe says of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndpointState {
    /// Not probed yet.
    Unknown,
    /// Somebody accepts connections.
    Answering,
    /// Nobody did the last time; asked again soon.
    Suspect,
    /// Nobody did twice.
    Dead,
}

impl BindState {
    /// The state in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::WaitingForPlatform => "waiting for the platform",
            Self::Binding => "binding",
            Self::Bound => "bound",
            Self::WaitingForOldSession => "waiting for the old session",
            Self::Refused => "refused",
            Self::EndpointDead => "endpoint dead",
        }
    }
}

impl Roster {
    /// A thing is taken in; one that is there keeps its state.
    pub(crate) fn admit(&self, name: &ThingName) {
        let mut things = self.0.things.write().unwrap_or_else(PoisonError::into_inner);
        things.entry(name.clone()).or_insert_with(|| {
            Arc::new(Entry { seen_unix_ms: AtomicI64::new(0), standing: Mutex::new(Standing::new()) })
        });
    }

    /// A thing is let go.
    pub(crate) fn remove(&self, name: &ThingName) {
        self.0.things.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The thing is known from before the restart.
    pub(crate) fn restored(&self, name: &ThingName) {
        self.update(name, |standing| standing.restored = true);
    }

    /// Its agent has registered, or somebody answers at its endpoint.
    pub(crate) fn proven(&self, name: &ThingName) {
        self.update(name, |standing| standing.restored = false);
    }

    /// Whether the thing is known from before the restart only.
    pub(crate) fn is_restored(&self, name: &ThingName) -> bool {
        self.entry(name.as_str()).is_some_and(|entry| entry.lock().restored)
    }

    /// The thing showed a sign of life.
    pub(crate) fn seen(&self, name: &str) {
        if let Some(entry) = self.entry(name) {
            entry.seen_unix_ms.store(clock::unix_millis(), Ordering::Relaxed);
        }
    }

    /// The binding of a thing enters `state`.
    pub(crate) fn bind(&self, name: &ThingName, state: BindState) {
        self.update(name, |standing| standing.enter(state));
    }

    /// The thing asks for its BIND; what was refused stays so until it is bound.
    pub(crate) fn desired(&self, name: &ThingName, online: bool) {
        self.update(name, |standing| match standing.bind {
            BindState::Refused | BindState::WaitingForOldSession => {}
            _ if online => standing.enter(BindState::Binding),
            _ => standing.enter(BindState::WaitingForPlatform),
        });
    }

    /// The platform refused the thing.
    pub(crate) fn refused(&self, name: &ThingName, state: BindState, refusal: Refusal) {
        self.update(name, |standing| {
            standing.enter(state);
            standing.confirmed = None;
            standing.refusal = Some(refusal);
        });
    }

    /// The connection came up, or is gone, and with it every binding.
    pub(crate) fn link(&self, online: bool) {
        let things: Vec<_> = {
            let things = self.0.things.read().unwrap_or_else(PoisonError::into_inner);
            things.values().cloned().collect()
        };
        for entry in things {
            let mut standing = entry.lock();
            match (online, standing.bind) {
                (true, BindState::WaitingForPlatform) => standing.enter(BindState::Binding),
                (false, BindState::Bound | BindState::Binding) => {
                    standing.enter(BindState::WaitingForPlatform);
                    standing.confirmed = None;
                }
                _ => {}
            }
        }
    }

    /// The actor of the thing came up or went down.
    pub(crate) fn turn(&self, name: &ThingName, turn: Turn<'_>) {
        self.update(name, |standing| match turn {
            Turn::Up { restarts } => {
                standing.restarts = restarts;
                standing.next_retry_unix_ms = None;
            }
            Turn::Down { exit, retry_unix_ms, .. } => {
                standing.last_exit = Some(exit.to_string());
                standing.next_retry_unix_ms = Some(retry_unix_ms);
            }
            _ => {}
        });
    }

    /// Notes what the platform says of `isConnected`.
    pub(crate) fn confirmed(&self, name: &ThingName, connected: bool) {
        self.update(name, |standing| standing.confirmed = Some(connected));
    }

    /// Notes the name behind an identifier.
    pub(crate) fn learned(&self, name: &ThingName, real_name: &str) {
        self.update(name, |standing| standing.real_name = Some(real_name.to_owned()));
    }

    /// Notes that two agents wanted one name; returns how often that has happened.
    pub(crate) fn conflict(&self, name: &ThingName, winner: &str, loser: &str) -> u32 {
        let mut times = 1;
        self.update(name, |standing| {
            times = standing.conflict.as_ref().map_or(0, |conflict| conflict.count).saturating_add(1);
            standing.conflict = Some(Conflict {
                winner: winner.to_owned(),
                loser: loser.to_owned(),
                at_unix_ms: clock::unix_millis(),
                count: times,
            });
        });
        times
    }

    /// Notes what a probe says.
    pub(crate) fn endpoint(&self, endpoint: &Endpoint, state: EndpointState, error: Option<String>) {
        let mut endpoints = self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner);
        let standing = endpoints.entry(endpoint.clone()).or_insert_with(EndpointStanding::new);
        if standing.state != state {
            *standing = EndpointStanding { state, since_unix_ms: clock::unix_millis(), last_error: None };
        }
        if error.is_some() {
            standing.last_error = error;
        }
    }

    /// Nobody is registered at the endpoint any more.
    pub(crate) fn forget_endpoint(&self, endpoint: &Endpoint) {
        self.0.endpoints.write().unwrap_or_else(PoisonError::into_inner).remove(endpoint);
    }

    /// Where a thing stands.
    #[must_use]
    pub fn standing(&self, name: &str) -> Option<Standing> {
        Some(self.entry(name)?.lock().clone())
    }

    /// When the thing pushed, answered or registered last, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn last_seen_unix_ms(&self, name: &str) -> Option<i64> {
        let seen = self.entry(name)?.seen_unix_ms.load(Ordering::Relaxed);
        (seen != 0).then_some(seen)
    }

    /// Where an endpoint stands.
    #[must_use]
    pub fn endpoint_standing(&self, endpoint: &Endpoint) -> EndpointStanding {
        let endpoints = self.0.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        endpoints.get(endpoint).cloned().unwrap_or_else(EndpointStanding::new)
    }

    /// How many things are in which state; states without a thing are left out.
    #[must_use]
    pub fn counts(&self) -> HashMap<BindState, usize> {
        let things = self.0.things.read().unwrap_or_else(PoisonError::into_inner);
        let mut counts = HashMap::new();
        for entry in things.values() {
            *counts.entry(entry.lock().bind).or_default() += 1;
        }
        counts
    }

    fn entry(&self, name: &str) -> Option<Arc<Entry>> {
        self.0.things.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Changes the state of a thing; one that is not there (any more) has none.
    fn update(&self, name: &ThingName, change: impl FnOnce(&mut Standing)) {
        if let Some(entry) = self.entry(name.as_str()) {
            change(&mut entry.lock());
        }
    }
}

impl Entry {
    fn lock(&self) -> std::sync::MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn new() -> Self {
        Self {
            bind: BindState::WaitingForPlatform,
            since_unix_ms: clock::unix_millis(),
            refusal: None,
            next_retry_unix_ms: None,
            restarts: 0,
            last_exit: None,
            confirmed: None,
            real_name: None,
            conflict: None,
            restored: false,
        }
    }

    fn enter(&mut self, state: BindState) {
        if self.bind != state {
            self.bind = state;
            self.since_unix_ms = clock::unix_millis();
        }
    }
}

impl EndpointStanding {
    fn new() -> Self {
        Self { state: EndpointState::Unknown, since_unix_ms: clock::unix_millis(), last_error: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ThingName {
        ThingName::parse(text).unwrap()
    }

    fn refusal() -> Refusal {
        Refusal { code: "84".to_owned(), reason: "unknown".to_owned(), at_unix_ms: 1 }
    }

    #[test]
    fn a_refusal_is_remembered_over_the_binding_that_follows() {
        let roster = Roster::default();
        roster.admit(&name("T"));
        roster.refused(&name("T"), BindState::Refused, refusal());
        roster.bind(&name("T"), BindState::Bound);
        let standing = roster.standing("T").unwrap();
        assert_eq!((standing.bind, standing.refusal), (BindState::Bound, Some(refusal())));
    }

    #[test]
    fn news_of_a_thing_that_is_gone_does_not_bring_it_back() {
        let roster = Roster::default();
        roster.admit(&name("T"));
        roster.remove(&name("T"));
        roster.bind(&name("T"), BindState::Bound);
        roster.seen("T");
        assert_eq!(roster.standing("T"), None);
        assert_eq!(roster.last_seen_unix_ms("T"), None);
    }

    #[test]
    fn a_lost_connection_ends_bindings_but_not_refusals() {
        let roster = Roster::default();
        for text in ["bound", "refused"] {
            roster.admit(&name(text));
        }
        roster.bind(&name("bound"), BindState::Bound);
        roster.refused(&name("refused"), BindState::Refused, refusal());
        roster.link(false);
        assert_eq!(roster.standing("bound").unwrap().bind, BindState::WaitingForPlatform);
        assert_eq!(roster.standing("refused").unwrap().bind, BindState::Refused);
        roster.desired(&name("refused"), true);
        roster.link(true);
        assert_eq!(roster.standing("bound").unwrap().bind, BindState::Binding);
        assert_eq!(roster.counts(), HashMap::from([(BindState::Binding, 1), (BindState::Refused, 1)]));
    }

    #[test]
    fn disputes_about_a_name_are_counted() {
        let roster = Roster::default();
        roster.admit(&name("T"));
        assert_eq!(roster.conflict(&name("T"), "b", "a"), 1);
        assert_eq!(roster.conflict(&name("T"), "a", "b"), 2);
        assert_eq!(roster.standing("T").unwrap().conflict.unwrap().winner, "a");
    }
}
