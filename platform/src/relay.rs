//! A TCP relay that misbehaves on request: in front of the platform, or of any other party.
//!
//! What may pass when is decided by pure code ([`Faults`] and the flow of each direction); a task per connection carries
//! it out. The relay knows nothing of the protocol above TCP. A connection is taken before the target is asked, so a
//! dead target looks like a reset, not like a refusal; [`Admission::Refuse`] is for that.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinHandle},
    time::sleep,
};
use tracing::info;

mod chaos;
mod connection;
mod control;
mod entrance;
mod faults;
mod flow;
mod hub;
mod pump;

pub use chaos::{Chaos, ChaosFault, Span, Weighted};
pub use connection::{ConnectionView, Order};
pub use control::{RelayControl, serve as serve_control};
pub use faults::{Admission, Cut, FaultError, Faults, LONGEST, Way, WayFaults, Which};
pub use hub::RelayCounts;

use chaos::{Schedule, Turn};
use entrance::Entrance;
use hub::Hub;

/// A running relay; its clones are handles of the same one, and the last drop ends it with all its connections.
#[derive(Clone, Debug)]
pub struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hub: Arc<Hub>,
    address: SocketAddr,
    runtime: Handle,
    entrance: Mutex<Option<JoinHandle<()>>>,
    chaos: Mutex<Option<Running>>,
}

/// A schedule that is being carried out.
#[derive(Debug)]
struct Running {
    seed: u64,
    task: AbortHandle,
    /// Faults that stood before it.
    before: Faults,
}

/// Why a relay did not start.
#[derive(Debug, thiserror::Error)]
#[error("the relay cannot listen on {address}")]
pub struct RelayError {
    /// Where it should listen.
    pub address: SocketAddr,
    /// Why it cannot.
    #[source]
    source: io::Error,
}

/// A relay as it is now.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelayView {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it leads.
    pub target: SocketAddr,
    /// Faults that stand.
    pub faults: Faults,
    /// Seed of the schedule that is being carried out.
    pub chaos_seed: Option<u64>,
    /// What was counted.
    pub counts: RelayCounts,
    /// Connections that stand.
    pub connections: Vec<ConnectionView>,
}

impl Relay {
    /// Starts a relay from `listen` (port 0 takes any free one) to `target`, on the present tokio runtime.
    ///
    /// # Errors
    ///
    /// [`RelayError`] when the address cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(listen: SocketAddr, target: SocketAddr) -> Result<Self, RelayError> {
        Self::start_with_seed(listen, target, fastrand::u64(..))
    }

    /// The same, with a seed for the jitter.
    ///
    /// # Errors
    ///
    /// As [`Relay::start`].
    pub fn start_with_seed(listen: SocketAddr, target: SocketAddr, seed: u64) -> Result<Self, RelayError> {
        let (entrance, address) =
            Entrance::open(listen).map_err(|source| RelayError { address: listen, source })?;
        let hub = Arc::new(Hub::new(target));
        let runtime = Handle::current();
        let task = runtime.spawn(entrance.serve(address, Arc::clone(&hub), seed));
        info!(%address, %target, "Relay started.");
        let (entrance, chaos) = (Mutex::new(Some(task)), Mutex::new(None));
        Ok(Self { inner: Arc::new(Inner { hub, address, runtime, entrance, chaos }) })
    }

    /// Ends the relay and all its connections; returns when the port is free.
    pub async fn stop(self) {
        self.calm();
        let entrance = self.inner.entrance.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(entrance) = entrance {
            entrance.abort();
            // An error says that it was aborted.
            let _ = entrance.await;
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Where new connections are led from now on.
    pub fn retarget(&self, target: SocketAddr) {
        self.inner.hub.retarget(target);
    }

    /// Faults that stand.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.inner.hub.faults()
    }

    /// Sets the standing faults, in place of those before.
    ///
    /// # Errors
    ///
    /// [`FaultError`] if something is out of range; then nothing is changed.
    pub fn set_faults(&self, faults: Faults) -> Result<(), FaultError> {
        faults.check()?;
        self.inner.hub.set_faults(faults);
        Ok(())
    }

    /// Makes the network good again: no faults, nothing half-open, no schedule, no order for the next connection.
    pub fn heal(&self) {
        self.calm();
        self.inner.hub.forget_next();
        self.inner.hub.set_faults(Faults::default());
        self.order(Which::All, Order::Thaw);
    }

    /// Gives an order to connections; says how many got it.
    pub fn order(&self, which: Which, order: Order) -> usize {
        self.inner.hub.order(which, order)
    }

    /// Ends connections.
    pub fn cut(&self, which: Which, how: Cut) -> usize {
        self.order(which, Order::Cut { how })
    }

    /// Ends connections after so many more bytes in a direction.
    pub fn cut_after(&self, which: Which, way: Way, bytes: u64, how: Cut) -> usize {
        self.order(which, Order::CutAfter { way, bytes, how })
    }

    /// Makes connections half-open, silently.
    pub fn half_open(&self, which: Which, way: Way) -> usize {
        self.order(which, Order::HalfOpen { way })
    }

    /// Begins a random schedule, in place of one that runs; returns its seed, which is logged, too.
    ///
    /// # Errors
    ///
    /// [`FaultError`] if it cannot be carried out; then nothing is changed.
    pub fn chaos(&self, chaos: Chaos) -> Result<u64, FaultError> {
        chaos.check()?;
        self.calm();
        let seed = chaos.seed.unwrap_or_else(|| fastrand::u64(..));
        let before = self.faults();
        info!(seed, relay = %self.address(), "Faults by chance begin.");
        let schedule = Schedule::new(chaos, seed);
        let task = self.inner.runtime.spawn(disturb(Arc::clone(&self.inner.hub), schedule, before));
        *self.running() = Some(Running { seed, task: task.abort_handle(), before });
        Ok(seed)
    }

    /// Ends the schedule; what stood before it stands again, and nothing stays half-open.
    pub fn calm(&self) {
        if let Some(running) = self.running().take() {
            running.task.abort();
            self.inner.hub.set_faults(running.before);
            self.order(Which::All, Order::Thaw);
        }
    }

    /// Connections that stand, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnectionView> {
        self.inner.hub.connections()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> RelayCounts {
        self.inner.hub.counts()
    }

    /// Everything about it.
    #[must_use]
    pub fn view(&self) -> RelayView {
        let hub = &self.inner.hub;
        RelayView {
            address: self.address(),
            target: hub.target(),
            faults: hub.faults(),
            chaos_seed: self.running().as_ref().map(|running| running.seed),
            counts: hub.counts(),
            connections: hub.connections(),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.inner.chaos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let chaos = self.chaos.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let entrance = self.entrance.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = chaos {
            running.task.abort();
        }
        if let Some(entrance) = entrance {
            entrance.abort();
        }
    }
}

/// Carries a schedule out, until it is aborted.
async fn disturb(hub: Arc<Hub>, mut schedule: Schedule, calm: Faults) {
    while let Some(turn) = schedule.turn() {
        sleep(turn.calm).await;
        info!(fault = ?turn.fault, lasts_ms = turn.lasts.as_millis(), "Fault by chance.");
        strike(&hub, turn, calm).await;
    }
}

async fn strike(hub: &Hub, turn: Turn, calm: Faults) {
    match turn.fault {
        ChaosFault::Cut { how, all: true } => drop(hub.order(Which::All, Order::Cut { how })),
        ChaosFault::Cut { how, all: false } => {
            let connections = hub.connections();
            let count = u64::try_from(connections.len()).unwrap_or(u64::MAX).max(1);
            let chosen = usize::try_from(turn.pick % count).unwrap_or_default();
            if let Some(connection) = connections.get(chosen) {
                hub.order(Which::One(connection.id), Order::Cut { how });
            }
        }
        ChaosFault::CutWithin { way, bytes, how } => {
            hub.order(Which::All, Order::CutAfter { way, bytes, how });
        }
        ChaosFault::HalfOpen { way } => {
            let struck = hub.connections();
            hub.order(Which::All, Order::HalfOpen { way });
            sleep(turn.lasts).await;
            for connection in struck {
                hub.order(Which::One(connection.id), Order::Cut { how: Cut::Reset });
            }
        }
        ChaosFault::Network { faults } => {
            hub.set_faults(faults);
            sleep(turn.lasts).await;
            hub.set_faults(calm);
        }
    }
}
