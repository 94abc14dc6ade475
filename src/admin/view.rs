//! What the admin interface shows, as JSON. Times are milliseconds since 1970 UTC; what is not known is null.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use edgebind_actors::{
    BindState, Conflict, EndpointState, JournalHealth, Refusal, Registration, Source, Units,
    link::{LinkStatus, Phase},
};
use serde::Serialize;

use super::spool::SpoolView;

/// What does not change while the gateway runs.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) started_unix_ms: i64,
    /// Where local callers are served.
    pub(crate) http: SocketAddr,
    /// What somebody has to mend although the gateway runs.
    pub(crate) degraded: Vec<String>,
}

/// The gateway in a few lines.
#[derive(Serialize)]
pub(super) struct StatusView {
    version: &'static str,
    pid: u32,
    started_unix_ms: i64,
    http: SocketAddr,
    /// `ready`: connected, every thing is bound, nothing is to be mended; `degraded` else.
    health: &'static str,
    degraded: Vec<String>,
    gateway: Option<String>,
    link: LinkView,
    things: ThingsCount,
    spool: SpoolView,
    /// None without a store.
    journal: Option<JournalView>,
}

/// How the journal of registrations is.
#[derive(Serialize)]
struct JournalView {
    /// Changes that are not on disk yet.
    owed: usize,
    /// Registrations that cannot be kept: there is no key for their credentials.
    unkept: usize,
    failure: Option<String>,
}

#[derive(Serialize)]
struct LinkView {
    state: &'static str,
    server: String,
    since_unix_ms: i64,
    /// How many connections there were.
    connection: u64,
    last_error: Option<String>,
    next_retry_unix_ms: Option<i64>,
}

#[derive(Serialize)]
struct ThingsCount {
    total: usize,
    bound: usize,
    by_state: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
pub(super) struct ThingsView {
    things: Vec<ThingView>,
}

#[derive(Serialize)]
pub(super) struct ThingView {
    name: String,
    /// `gateway`, `auto_bind` or `registered`.
    source: &'static str,
    state: &'static str,
    since_unix_ms: i64,
    /// The last refusal, also if it is bound now.
    refusal: Option<Refusal>,
    next_retry_unix_ms: Option<i64>,
    /// None for the gateway itself.
    endpoint: Option<EndpointView>,
    last_seen_unix_ms: Option<i64>,
    restarts: u32,
    last_exit: Option<String>,
    /// `isConnected` as the platform says, if it does.
    is_connected: Option<bool>,
    /// Name behind an identifier, if the platform told it.
    real_name: Option<String>,
    conflict: Option<Conflict>,
    /// Known from before the restart; nobody has answered at its endpoint since.
    restored: bool,
}

#[derive(Serialize)]
struct EndpointView {
    address: String,
    path: String,
    state: EndpointState,
    since_unix_ms: i64,
    last_error: Option<String>,
    /// How often it is probed.
    keepalive_ms: u128,
    timeout_ms: u128,
}

pub(super) async fn status(units: &Units, facts: &Facts) -> StatusView {
    let link = units.link_status.borrow().clone();
    let counts = units.roster.counts();
    let journal = units.journal.health();
    let (total, bound) = (units.registry.len(), counts.get(&BindState::Bound).copied().unwrap_or_default());
    let (spool, mended) = SpoolView::of(units).await;
    let degraded = facts.degraded.iter().cloned().chain(mended);
    let degraded: Vec<String> = degraded.chain(journal.as_ref().and_then(trouble)).collect();
    // Off on purpose is well, and then nothing can be bound.
    let well = match link.phase {
        Phase::Online => bound == total,
        phase => matches!(phase, Phase::Sleeping { .. }),
    };
    StatusView {
        version: env!("CARGO_PKG_VERSION"),
        pid: std::process::id(),
        started_unix_ms: facts.started_unix_ms,
        http: facts.http,
        health: if well && degraded.is_empty() { "ready" } else { "degraded" },
        degraded,
        gateway: units.registry.gateway().map(|gateway| gateway.name),
        link: LinkView::of(&link),
        things: ThingsCount {
            total,
            bound,
            by_state: counts.into_iter().map(|(state, count)| (state.words(), count)).collect(),
        },
        spool,
        journal: journal.map(|JournalHealth { owed, unkept, failure }| JournalView { owed, unkept, failure }),
    }
}

/// What somebody has to mend about the journal.
fn trouble(journal: &JournalHealth) -> Option<String> {
    match journal {
        JournalHealth { failure: Some(failure), owed, .. } => {
            Some(format!("{owed} registrations are not in the journal and end with this process: {failure}"))
        }
        JournalHealth { unkept: 0, .. } => None,
        JournalHealth { unkept, .. } => {
            Some(format!("{unkept} registrations are not kept: there is no install key for their passwords"))
        }
    }
}

pub(super) fn things(units: &Units, unbound: bool) -> ThingsView {
    let retry = LinkView::of(&units.link_status.borrow()).next_retry_unix_ms;
    let wanted = |thing: &ThingView| !unbound || thing.state != BindState::Bound.words();
    let all = units.registry.all();
    ThingsView { things: all.iter().filter_map(|thing| view(units, thing, retry)).filter(wanted).collect() }
}

pub(super) fn thing(units: &Units, name: &str) -> Option<ThingView> {
    let retry = LinkView::of(&units.link_status.borrow()).next_retry_unix_ms;
    let found = units.registry.find(name);
    let found = found.or_else(|| units.registry.find(units.registry.bound_name(name)?.as_str()))?;
    view(units, &found, retry)
}

/// `link_retry_unix_ms` is when a thing that waits for the platform has its next chance.
fn view(units: &Units, thing: &Registration, link_retry_unix_ms: Option<i64>) -> Option<ThingView> {
    // Gone between two looks.
    let standing = units.roster.standing(thing.name.as_str())?;
    let endpoint = (thing.source != Source::Gateway).then(|| {
        let probed = units.roster.endpoint_standing(&thing.endpoint);
        EndpointView {
            address: thing.endpoint.to_string(),
            path: thing.path.clone(),
            state: probed.state,
            since_unix_ms: probed.since_unix_ms,
            last_error: probed.last_error,
            keepalive_ms: thing.keepalive.as_millis(),
            timeout_ms: thing.timeout.as_millis(),
        }
    });
    let waits = standing.bind == BindState::WaitingForPlatform;
    Some(ThingView {
        name: thing.name.to_string(),
        source: match thing.source {
            Source::Gateway => "gateway",
            Source::AutoBind => "auto_bind",
            Source::Dynamic => "registered",
        },
        state: standing.bind.words(),
        since_unix_ms: standing.since_unix_ms,
        refusal: standing.refusal,
        next_retry_unix_ms: standing.next_retry_unix_ms.or(link_retry_unix_ms.filter(|_| waits)),
        endpoint,
        last_seen_unix_ms: units.roster.last_seen_unix_ms(thing.name.as_str()),
        restarts: standing.restarts,
        last_exit: standing.last_exit,
        is_connected: standing.confirmed,
        real_name: standing.real_name,
        conflict: standing.conflict,
        restored: standing.restored,
    })
}

impl LinkView {
    fn of(status: &LinkStatus) -> Self {
        let next_retry = match status.phase {
            Phase::Waiting { delay } | Phase::Sleeping { delay } => Some(unix_ms(status.since + delay)),
            _ => None,
        };
        Self {
            state: status.phase.name(),
            server: status.server.clone(),
            since_unix_ms: unix_ms(status.since),
            connection: status.connection,
            last_error: status.last_error.clone(),
            next_retry_unix_ms: next_retry,
        }
    }
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
