//! The supervision tree of the gateway (`ARCHITECTURE.md`): who starts whom, and what a failure means for the others.

use std::{sync::Arc, time::Duration};

use actix::Addr;
use edgebind_config::{InstallKey, NameConflict};
use edgebind_kernel::{
    ChildSpec, Directory, Exit, Inspect, RestartPolicy, RootWatch, StopReport, Strategy, Supervisor,
    TreeNode, clock, stop_tree,
};
use tokio::sync::watch;

use crate::{
    Journal, Registration, Registry, Roster, Units,
    binder::Binder,
    delivery::{Delivery, DeliverySettings},
    link::{Link, LinkSettings, LinkStatus, Phase},
    local::LocalSettings,
    registrar::Registrar,
    spool::{Spool, SpoolSettings, SpoolUnit},
    units::{SESSIONS, THINGS},
};

/// Settings of the tree.
#[derive(Clone, Debug)]
pub struct TreeSettings {
    /// Settings of the connection to the platform.
    pub link: LinkSettings,
    /// Requests that one endpoint serves at a time (`ws_connection.max_threads`).
    pub endpoint_concurrency: usize,
    /// How long a local caller waits for a link that is off by its duty cycle; without, the link is not woken.
    pub on_demand: Option<Duration>,
    /// TLS towards agents that are reached by https.
    pub agents: edgebind_tls::Client,
    /// See [`Units::allow_remote_admin`].
    pub allow_remote_admin: bool,
    /// What the gateway's own services may touch.
    pub local: Arc<LocalSettings>,
    /// Who keeps a name that two agents register.
    pub name_conflict: NameConflict,
    /// Whether a configured thing is unbound while nobody answers at its endpoint.
    pub auto_bind_probe: bool,
    /// How long after a BIND the platform is asked what it made of it; never without a time.
    pub read_back: Option<Duration>,
    /// Whether and where updates and registrations are kept.
    pub spool: SpoolSettings,
    /// Seals the credentials of registrations that are kept.
    pub install_key: Option<Arc<InstallKey>>,
    /// How what is kept is delivered.
    pub delivery: DeliverySettings,
}

/// The running tree.
pub struct Tree {
    root: Addr<Supervisor>,
    watch: RootWatch,
    units: Units,
}

impl Tree {
    /// Starts the tree on this thread's arbiter with the things of the configuration.
    #[must_use]
    pub fn start(settings: TreeSettings, things: Vec<Registration>) -> Self {
        let first = LinkStatus {
            phase: Phase::Connecting,
            connection: 0,
            server: settings.link.targets.first().map(|target| target.server()).unwrap_or_default(),
            since: clock::wall(),
            last_error: None,
        };
        let (status, link_status) = watch::channel(first);
        let store = Spool::of(&settings.spool);
        let journal = match &settings.spool {
            SpoolSettings::On(_) | SpoolSettings::RegistrationsOnly(_) => {
                Journal::new(store.clone(), settings.install_key)
            }
            _ => Journal::default(),
        };
        let units = Units {
            registry: Registry::default(),
            roster: Roster::default(),
            journal,
            link_status,
            max_message_bytes: settings.link.session.max_message_bytes,
            allow_remote_admin: settings.allow_remote_admin,
            local: settings.local,
            spool: store,
            session: Arc::new(settings.link.session.clone()),
            store_services: Arc::new(settings.delivery.store_services.clone()),
            first_round: Arc::default(),
            delivery: Directory::default(),
            spool_unit: Directory::default(),
            name_conflict: settings.name_conflict,
            auto_bind_probe: settings.auto_bind_probe,
            read_back: settings.read_back,
            endpoint_concurrency: settings.endpoint_concurrency.max(1),
            on_demand: settings.on_demand,
            agents: settings.agents,
            things: Directory::default(),
            sessions: Directory::default(),
            link: Directory::default(),
            binder: Directory::default(),
            registrar: Directory::default(),
            supervisors: Directory::default(),
        };
        for thing in things {
            units.roster.admit(&thing.name);
            units.registry.insert(Arc::new(thing));
        }
        let branch = |name, builder| {
            ChildSpec::supervisor(builder, RestartPolicy::permanent()).listed(units.supervisors.clone(), name)
        };
        // First to come and last to go: the others hand over to it while they stop.
        let root = Supervisor::builder("gateway")
            .child(spool(&units, settings.spool))
            .child(branch(PLATFORM, platform(&units, settings.link, settings.delivery, status)))
            .child(branch(EQUIPMENT, equipment(&units)));
        let (root, watch) = Supervisor::start_root(root);
        Self { root, watch, units }
    }

    /// Where the units find each other.
    #[must_use]
    pub const fn units(&self) -> &Units {
        &self.units
    }

    /// Resolves when the tree has given up: a defect that restarts did not cure.
    pub async fn failed(&mut self) -> Exit {
        (&mut self.watch).await
    }

    /// Asks for the state of the tree; see [`Survey`].
    #[must_use]
    pub fn survey(&self) -> Survey {
        Survey(self.root.clone())
    }

    /// Stops everything in order: things first, then their bindings, then the connection.
    pub async fn stop(self, deadline: Duration) -> StopReport {
        let report = stop_tree(&self.root, deadline).await;
        // What the others handed over may still be on its way to disk, also when somebody took all the time there was.
        tokio::time::timeout(LAST_COMMIT, self.units.spool.close()).await.unwrap_or_default();
        report
    }
}

/// Looks at the running tree from any thread.
#[derive(Clone)]
pub struct Survey(Addr<Supervisor>);

impl Survey {
    /// Every unit with its state; `None` if the tree has ended, or does not answer within 2 s.
    pub async fn look(&self) -> Option<TreeNode> {
        tokio::time::timeout(PATIENCE, self.0.send(Inspect)).await.ok()?.ok()
    }
}

/// What keeps updates and registrations on disk.
fn spool(units: &Units, settings: SpoolSettings) -> ChildSpec<SpoolUnit> {
    let spool = units.spool.clone();
    ChildSpec::new("spool", "spool", SpoolUnit::policy(), move |lifeline| {
        SpoolUnit::new(settings.clone(), spool.clone(), lifeline)
    })
    .listed(units.spool_unit.clone(), ())
}

/// What keeps the connection: binder and delivery know nothing without the link, so they go down with it.
fn platform(
    units: &Units,
    settings: LinkSettings,
    delivery: DeliverySettings,
    status: watch::Sender<LinkStatus>,
) -> edgebind_kernel::SupervisorBuilder {
    let shared = units.clone();
    let link = ChildSpec::new("link", "link", RestartPolicy::permanent(), move |lifeline| {
        Link::new(settings.clone(), shared.clone(), status.clone(), lifeline)
    });
    let shared = units.clone();
    let binder = ChildSpec::new("binder", "binder", RestartPolicy::permanent(), move |lifeline| {
        Binder::new(shared.clone(), lifeline)
    });
    // It hands over to the link until that closes, so it stops before it.
    let shared = units.clone();
    let delivery = ChildSpec::new("delivery", "delivery", RestartPolicy::permanent(), move |lifeline| {
        Delivery::new(&delivery, shared.clone(), lifeline)
    });
    Supervisor::builder(PLATFORM)
        .strategy(Strategy::RestForOne)
        .child(link.mailbox(Link::MAILBOX).listed(units.link.clone(), ()))
        .child(binder.mailbox(Binder::MAILBOX).listed(units.binder.clone(), ()))
        .child(delivery.mailbox(Delivery::MAILBOX).listed(units.delivery.clone(), ()))
}

/// What serves the things. The registrar comes last: when a supervisor before it is started anew, empty, the registrar
/// is started anew as well and fills it from the registry.
fn equipment(units: &Units) -> edgebind_kernel::SupervisorBuilder {
    let shared = units.clone();
    let registrar = ChildSpec::new("registrar", "registrar", RestartPolicy::permanent(), move |lifeline| {
        Registrar::new(shared.clone(), lifeline)
    });
    let branch = |name: &'static str| {
        ChildSpec::supervisor(Supervisor::builder(name), RestartPolicy::permanent())
            .listed(units.supervisors.clone(), name)
    };
    Supervisor::builder(EQUIPMENT)
        .strategy(Strategy::RestForOne)
        .child(branch(SESSIONS))
        .child(branch(THINGS))
        .child(registrar.mailbox(Registrar::MAILBOX).listed(units.registrar.clone(), ()))
}

const PLATFORM: &str = "platform";
const EQUIPMENT: &str = "equipment";
/// What the last commit of the store may take.
const LAST_COMMIT: Duration = Duration::from_secs(2);
/// A tree answers within a second; this is for one that is being torn down.
const PATIENCE: Duration = Duration::from_secs(2);
