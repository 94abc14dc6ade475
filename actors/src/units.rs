//! Where the units of the gateway find each other: addresses change with every restart, these names do not.

use std::{sync::Arc, time::Duration};

use actix::Addr;
use edgebind_alwayson::SessionSettings;
use edgebind_config::NameConflict;
use edgebind_kernel::{Directory, Supervisor};
use tokio::sync::watch;

use crate::{
    Endpoint, Journal, Registry, Roster, ThingName, binder::Binder, delivery::Delivery, delivery::Services,
    link::Link, link::LinkStatus, local::LocalSettings, registrar::Registrar, sessions::Session,
    spool::Spool, spool::SpoolUnit, things::Thing,
};

/// Shared by all units and by the HTTP front; cheap to clone.
#[derive(Clone)]
pub struct Units {
    /// Things that are to be bound.
    pub registry: Registry,
    /// Where things and endpoints stand.
    pub roster: Roster,
    /// Registrations that outlive a restart.
    pub journal: Journal,
    /// State of the connection to the platform.
    pub link_status: watch::Receiver<LinkStatus>,
    /// Largest message to or from the platform, in bytes.
    pub max_message_bytes: usize,
    /// Whether callers elsewhere may administer without authentication (`edgebind.allow_remote_admin`).
    pub allow_remote_admin: bool,
    /// What the gateway's own services may touch.
    pub local: Arc<LocalSettings>,
    /// The durable store of updates and registrations.
    pub spool: Spool,
    pub(crate) name_conflict: NameConflict,
    pub(crate) auto_bind_probe: bool,
    pub(crate) read_back: Option<Duration>,
    pub(crate) endpoint_concurrency: usize,
    /// How long a local caller waits for a link that sleeps (`ws_connection.connect_on_demand`).
    pub(crate) on_demand: Option<Duration>,
    /// Limits of messages and times of the protocol.
    pub(crate) session: Arc<SessionSettings>,
    pub(crate) store_services: Arc<Services>,
    /// Connection whose first round of BINDs is answered.
    pub(crate) first_round: Arc<watch::Sender<u64>>,
    pub(crate) delivery: Directory<(), Delivery>,
    pub(crate) spool_unit: Directory<(), SpoolUnit>,
    pub(crate) agents: edgebind_tls::Client,
    pub(crate) things: Directory<ThingName, Thing>,
    pub(crate) sessions: Directory<Endpoint, Session>,
    pub(crate) link: Directory<(), Link>,
    pub(crate) binder: Directory<(), Binder>,
    pub(crate) registrar: Directory<(), Registrar>,
    pub(crate) supervisors: Directory<&'static str, Supervisor>,
}

impl Units {
    /// The link, unless it is being restarted.
    #[must_use]
    pub fn link(&self) -> Option<Arc<Addr<Link>>> {
        self.link.resolve(&())
    }

    /// The thing of this name, unless it is not behind this gateway or is being restarted.
    #[must_use]
    pub fn thing(&self, name: &str) -> Option<Arc<Addr<Thing>>> {
        self.things.resolve(name)
    }

    /// The delivery, unless it is being restarted.
    #[must_use]
    pub fn delivery(&self) -> Option<Arc<Addr<Delivery>>> {
        self.delivery.resolve(&())
    }

    pub(crate) fn binder(&self) -> Option<Arc<Addr<Binder>>> {
        self.binder.resolve(&())
    }

    pub(crate) fn registrar(&self) -> Option<Arc<Addr<Registrar>>> {
        self.registrar.resolve(&())
    }

    pub(crate) fn thing_supervisor(&self) -> Option<Arc<Addr<Supervisor>>> {
        self.supervisors.resolve(&THINGS)
    }

    pub(crate) fn session_supervisor(&self) -> Option<Arc<Addr<Supervisor>>> {
        self.supervisors.resolve(&SESSIONS)
    }
}

/// Name of the supervisor of all things.
pub(crate) const THINGS: &str = "things";
/// Name of the supervisor of all sessions.
pub(crate) const SESSIONS: &str = "sessions";
