//! Composition root of the script resource: the host of the scripts and its HTTP server, as `config.lua` says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use edgebind_kernel::{Exit, StopReport, clock};
use edgebind_lsr::{
    Configuration, Host, HostSettings, Persisted, ResourceSettings, Sandbox, ScriptSpec, Server, ServerError,
    ServerSettings, Setting,
    log::{self, Level},
};

use crate::admin::{Facts, ScriptSight, Sight};

/// The running script resource.
pub(crate) struct ScriptResource {
    host: Host,
    server: Server,
    persisted: Arc<Mutex<Persisted>>,
    started_unix_ms: i64,
    degraded: Vec<String>,
}

impl ScriptResource {
    /// Listens, and starts every script that is configured; one that cannot be started is said, the others run.
    ///
    /// # Errors
    ///
    /// [`ServerError`]; no script has run then.
    pub(crate) async fn start(
        configuration: Configuration,
        settings: &ResourceSettings,
        sandbox: Option<Sandbox>,
    ) -> Result<Self, ServerError> {
        let Configuration { directory, globals, scripts, persisted, .. } = configuration;
        let persisted = Arc::new(Mutex::new(persisted));
        let host = Host::start(HostSettings {
            directory: directory.clone(),
            globals,
            sandbox,
            ..HostSettings::default()
        });
        let server = Server::start(
            &host,
            ServerSettings {
                host: settings.host.clone(),
                port: settings.port,
                credentials: settings.credentials.clone(),
                connections: settings.max_clients,
                read_timeout: READ_TIMEOUT,
                patience: PATIENCE,
                directory,
                persisted: Arc::clone(&persisted),
            },
        )?;
        if settings.port == 0 {
            // Things tell the gateway where they are found.
            let mut globals = host.globals();
            let port = server.address().port();
            globals.insert("script_resource_port".to_owned(), Setting::from(port.to_string()));
            host.set_globals(globals);
        }
        let address = server.address();
        log::write(Level::Info, SOURCE, format_args!("Listening for requests to scripts at {address}."));
        let started_unix_ms = clock::unix_millis();
        let mut resource = Self { host, server, persisted, started_unix_ms, degraded: Vec::new() };
        for script in scripts {
            let name = script.name.clone();
            if let Err(error) = resource.host.add(script).await {
                log::write(Level::Error, SOURCE, format_args!("Script {name} does not start: {error}"));
                resource.degraded.push(format!("script {name} does not start: {error}"));
            }
        }
        Ok(resource)
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// What somebody has to mend although the scripts run.
    pub(crate) fn degraded(&self) -> &[String] {
        &self.degraded
    }

    /// What the admin interface looks at.
    pub(crate) fn sight(&self) -> Sight {
        let facts = Facts {
            started_unix_ms: self.started_unix_ms,
            http: self.address(),
            degraded: self.degraded.clone(),
        };
        Sight::Scripts(ScriptSight { host: self.host.clone(), facts })
    }

    /// Resolves when the host has given up: a defect that restarts did not cure.
    pub(crate) async fn failed(&self) -> Exit {
        self.host.failed().await
    }

    /// Stops in order: the scripts first, which sign off at the gateway and answer requests meanwhile, then the server.
    pub(crate) async fn stop(self, deadline: Duration) -> StopReport {
        {
            let mut persisted = self.persisted.lock().unwrap_or_else(PoisonError::into_inner);
            let before = persisted.clone();
            persisted.change_scripts(self.host.scripts().into_iter().map(ScriptSpec::from));
            // Scripts add scripts too, without a request that would have kept them.
            if let Some(error) = (*persisted != before).then(|| persisted.save().err()).flatten() {
                log::write(Level::Error, SOURCE, error);
            }
        }
        let report = self.host.stop(deadline).await;
        self.server.stop().await;
        report
    }
}

/// Source of our lines in the log.
pub(crate) const SOURCE: &str = "main";
/// How long a request may take to arrive, and a kept connection may idle.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a callback may take: the original waits for ever, and its callers do not.
const PATIENCE: Duration = Duration::from_secs(600);
