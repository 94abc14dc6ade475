//! Composition root of the gateway: puts the supervision tree and the HTTP front together as the configuration says.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use edgebind_actors::{
    Proxy, Registration, RegistrationError, Units,
    delivery::{DeliverySettings, Services},
    link::{DutyCycle, LinkSettings, Reconnect, Target},
    local::LocalSettings,
    spool::SpoolSettings,
    tree::{Tree, TreeSettings},
};
use edgebind_alwayson::SessionSettings;
use edgebind_config::{Config, Credentials, InstallKey};
use edgebind_kernel::{Exit, Pulse, StopReport, clock};
use edgebind_store::{Clock, Options};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{
    admin::{Facts, GatewaySight, Sight},
    front::{Front, FrontError, FrontSettings},
    reload::Request,
    service_manager::GatewayVitals,
    takeover::take_over,
    tls::{self, TlsError},
    unserved::unserved,
};

/// The running gateway.
pub(crate) struct Gateway {
    tree: Tree,
    front: Front,
    pulse: Pulse,
    started_unix_ms: i64,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error("http_server.authenticate is true without user and password")]
    Credentials,
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Front(#[from] FrontError),
}

impl GatewayError {
    /// Whether the configuration is to blame, rather than the machine.
    pub(crate) const fn is_configuration(&self) -> bool {
        !matches!(self, Self::Front(FrontError::Taken { .. } | FrontError::Server(_)))
    }
}

impl Gateway {
    /// Starts everything; connecting goes on in the background. What must outlive the process, a certificate of the
    /// installation too, is kept in `state_dir`.
    pub(crate) fn start(
        config: &Config,
        local: LocalSettings,
        state_dir: Option<&Path>,
    ) -> Result<Self, GatewayError> {
        for unserved in unserved(config) {
            info!(key = unserved.key, effect = unserved.text, "Not served in this version.");
        }
        let front = front_settings(config, state_dir)?;
        let settings = TreeSettings {
            link: link_settings(config)?,
            on_demand: (config.ws_connection.duty_cycle < 100 && config.ws_connection.connect_on_demand)
                .then_some(config.ws_connection.connect_timeout),
            agents: tls::towards_agents(config)?,
            endpoint_concurrency: usize::from(config.ws_connection.max_threads),
            allow_remote_admin: config.edgebind.allow_remote_admin,
            local: Arc::new(local),
            name_conflict: config.edgebind.name_conflict,
            auto_bind_probe: config.edgebind.auto_bind_probe,
            read_back: config.edgebind.read_back.then_some(READ_BACK_AFTER),
            spool: spool_settings(config, state_dir),
            install_key: state_dir.and_then(install_key),
            delivery: DeliverySettings {
                max_age: config.edgebind.store_max_age,
                rate_per_s: config.edgebind.replay_rate,
                store_services: Services::new(config.edgebind.store_services.clone()),
            },
        };
        if let SpoolSettings::On(options) = &settings.spool {
            take_over(config.offline_msg_store.original_directory(), options);
        }
        let tree = Tree::start(settings, configured_things(config));
        let pulse = Pulse::default();
        let front = Front::start(tree.units().clone(), front, pulse.clone())?;
        info!(address = %front.address, "Listening for script resources and local callers.");
        Ok(Self { tree, front, pulse, started_unix_ms: clock::unix_millis() })
    }

    /// Address at which local callers are served.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Where the units of the gateway find each other.
    pub(crate) const fn units(&self) -> &Units {
        self.tree.units()
    }

    /// What the admin interface looks at; `degraded` is what somebody has to mend.
    pub(crate) fn sight(
        &self,
        state_dir: &Path,
        degraded: Vec<String>,
        reload: mpsc::Sender<Request>,
    ) -> Sight {
        let facts = Facts { started_unix_ms: self.started_unix_ms, http: self.front.address, degraded };
        Sight::Gateway(Box::new(GatewaySight {
            units: self.tree.units().clone(),
            survey: self.tree.survey(),
            facts,
            state_dir: state_dir.to_owned(),
            reload,
        }))
    }

    /// What the service manager is told.
    pub(crate) fn vitals(&self) -> GatewayVitals {
        GatewayVitals {
            units: self.tree.units().clone(),
            survey: self.tree.survey(),
            pulse: self.pulse.clone(),
        }
    }

    /// Resolves when the gateway has given up: a defect that restarts did not cure.
    pub(crate) async fn failed(&mut self) -> Exit {
        self.tree.failed().await
    }

    /// Stops in order: no new requests, then the things are unbound, then the connection is closed.
    pub(crate) async fn stop(self, deadline: Duration) -> StopReport {
        self.front.stop().await;
        self.tree.stop(deadline).await
    }
}

fn front_settings(config: &Config, state_dir: Option<&Path>) -> Result<FrontSettings, GatewayError> {
    let server = &config.http_server;
    let credentials = match (server.authenticate, &server.user, &server.password) {
        (false, ..) => Credentials::open(),
        (true, Some(user), Some(password)) => Credentials::basic(user.clone(), password.clone()),
        (true, ..) => return Err(GatewayError::Credentials),
    };
    Ok(FrontSettings {
        host: server.host.clone(),
        port: server.port,
        ports_to_try: server.ports_to_try,
        tls: tls::of_server(config, state_dir)?,
        credentials,
        csrf_rotation: server.enable_csrf_tokens.then(|| server.csrf_rotation()),
        connections: server.connection_limit(),
        read_timeout: server.content_read_timeout,
    })
}

/// How the connection to the platform is made.
pub(crate) fn link_settings(config: &Config) -> Result<LinkSettings, TlsError> {
    let connection = &config.ws_connection;
    let limit = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let tls = tls::towards_platform(config)?;
    let proxy = config.proxy.as_ref().map(|proxy| Proxy {
        host: proxy.host.clone(),
        port: proxy.port,
        credentials: proxy.user.clone().map(|user| (user, proxy.password.clone().unwrap_or_default())),
    });
    let targets = config
        .servers_in_order()
        .map(|server| Target {
            host: server.host.clone(),
            port: server.port,
            resource: config.resource.clone(),
            app_key: config.app_key.clone(),
            max_frame_bytes: limit(connection.max_frame_size),
            max_message_bytes: limit(connection.max_msg_size),
            timeout: connection.connect_timeout,
            proxy: proxy.clone(),
            tls: tls.clone(),
        })
        .collect();
    Ok(LinkSettings {
        targets,
        app_key: config.app_key.clone(),
        session: SessionSettings {
            message_timeout: connection.msg_timeout,
            ping_rate: connection.ping_rate,
            pong_timeout: connection.pingpong_timeout,
            max_message_bytes: limit(connection.max_msg_size),
            chunk_bytes: u16::try_from(connection.message_chunk_size).unwrap_or(u16::MAX),
            max_pending: limit(connection.max_messages),
            ..SessionSettings::default()
        },
        reconnect: Reconnect {
            interval: connection.connect_retry_interval,
            max_delay: connection.max_connect_delay,
        },
        duty: (connection.duty_cycle < 100).then_some(DutyCycle {
            period: connection.connect_period,
            percent: connection.duty_cycle,
            idle: connection.message_idle_time,
            grace: connection.msg_timeout,
        }),
    })
}

/// Registrations are kept wherever there is a place for them; updates, unless the site wants that off.
fn spool_settings(config: &Config, state_dir: Option<&Path>) -> SpoolSettings {
    let store = &config.offline_msg_store;
    let Some(directory) = state_dir else {
        let why = || SpoolSettings::Nowhere("there is no state directory".to_owned());
        return if store.enabled { why() } else { SpoolSettings::Off };
    };
    let clock = Clock { now: clock::now, unix_ms: clock::unix_millis };
    let mut options = Options::new(directory, clock);
    // A message within its own limit is never too large for the spool.
    options.max_record_bytes = options.max_record_bytes.max(2 * u64::from(config.ws_connection.max_msg_size));
    options.max_bytes = config.edgebind.store_max_bytes.unwrap_or_else(|| store.limit_bytes());
    if store.enabled { SpoolSettings::On(options) } else { SpoolSettings::RegistrationsOnly(options) }
}

/// The key for the credentials of registrations, made if need be.
fn install_key(state_dir: &Path) -> Option<Arc<InstallKey>> {
    match InstallKey::read_or_make(state_dir) {
        Ok(key) => Some(Arc::new(key)),
        Err(error) => {
            warn!(%error, "Registrations with a password are not kept over a restart.");
            None
        }
    }
}

/// The things of `auto_bind`; an entry that cannot be bound is left out and said, the others are bound.
fn configured_things(config: &Config) -> Vec<Registration> {
    let read = |entry| -> Result<Registration, RegistrationError> { Registration::from_auto_bind(entry) };
    let mut things = Vec::new();
    for entry in &config.auto_bind {
        match read(entry) {
            Ok(thing) => things.push(thing),
            Err(error) => warn!(name = %entry.name, %error, "An auto_bind entry is left out."),
        }
    }
    things
}

/// When the platform is asked what it made of a BIND: after its idle limit, so that an old session that still held the
/// thing is gone by then, and long after the traffic that a start brings.
const READ_BACK_AFTER: Duration = Duration::from_secs(60);
