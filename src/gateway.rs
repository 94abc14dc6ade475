//! Composition root of the gateway: puts the supervision tree and the HTTP front together as the configuration says.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use edgebind_actors::{
    Proxy, Registration, RegistrationError, Units,
    link::{LinkSettings, Reconnect, Target},
    local::LocalSettings,
    tree::{Tree, TreeSettings},
};
use edgebind_alwayson::SessionSettings;
use edgebind_config::Config;
use edgebind_kernel::{Exit, StopReport, clock};
use tracing::{info, warn};

use crate::{
    admin::{Facts, Sight},
    front::{Credentials, Front, FrontError, FrontSettings},
    tls::{self, TlsError},
    unserved::unserved,
};

/// The running gateway.
pub(crate) struct Gateway {
    tree: Tree,
    front: Front,
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
    /// Starts everything; connecting goes on in the background. A certificate of the installation is kept in `state_dir`.
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
            agents: tls::towards_agents(config)?,
            endpoint_concurrency: usize::from(config.ws_connection.max_threads),
            allow_remote_admin: config.edgebind.allow_remote_admin,
            local: Arc::new(local),
            name_conflict: config.edgebind.name_conflict,
            auto_bind_probe: config.edgebind.auto_bind_probe,
            read_back: config.edgebind.read_back.then_some(READ_BACK_AFTER),
        };
        let tree = Tree::start(settings, configured_things(config));
        let front = Front::start(tree.units().clone(), front)?;
        info!(address = %front.address, "Listening for script resources and local callers.");
        Ok(Self { tree, front, started_unix_ms: clock::unix_millis() })
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
    pub(crate) fn sight(&self, degraded: Vec<String>) -> Sight {
        let facts = Facts { started_unix_ms: self.started_unix_ms, http: self.front.address, degraded };
        Sight { units: self.tree.units().clone(), survey: self.tree.survey(), facts }
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

fn link_settings(config: &Config) -> Result<LinkSettings, TlsError> {
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
    })
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
