//! Composition root of the script resource: the host of the scripts and its HTTP server, as `config.lua` says.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use edgebind_kernel::{Exit, StopReport, clock};
use edgebind_lsr::{
    Configuration, Host, HostSettings, Persisted, ResourceSettings, Sandbox, ScriptSpec, Server, ServerError,
    ServerSettings, Setting,
    log::{self, Level},
};
use edgebind_tls::ClientError;

use crate::{
    admin::{Facts, ScriptSight, Sight},
    service_manager::ScriptVitals,
    tls::{self, TlsError},
};

/// Why the script resource does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("`scripts.rap_cert_file`: {0}")]
    Gateway(#[from] ClientError),
}

impl StartError {
    /// Whether the configuration is to blame, rather than the machine.
    pub(crate) const fn is_configuration(&self) -> bool {
        match self {
            Self::Server(error) => error.is_configuration(),
            Self::Tls(_) | Self::Gateway(_) => true,
        }
    }
}

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
    /// A certificate of the installation is kept in `state_dir`.
    ///
    /// # Errors
    ///
    /// [`StartError`]; no script has run then.
    pub(crate) async fn start(
        configuration: Configuration,
        settings: &ResourceSettings,
        sandbox: Option<Sandbox>,
        state_dir: Option<&Path>,
    ) -> Result<Self, StartError> {
        let tls = tls::of_script_resource(settings, state_dir)?;
        let Configuration { directory, globals, scripts, persisted, .. } = configuration;
        let persisted = Arc::new(Mutex::new(persisted));
        let host = Host::start(HostSettings {
            directory: directory.clone(),
            globals,
            sandbox,
            ..HostSettings::default()
        });
        host.check_tls_towards_gateway()?;
        let server = Server::start(
            &host,
            ServerSettings {
                host: settings.host.clone(),
                port: settings.port,
                tls,
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
        // Whoever needs it starts it; here it is there before the things look for it.
        if scripts.iter().any(|script| script.file == "thing.lua")
            && !scripts.iter().any(|script| script.name == ROUTER)
        {
            resource.add(router()).await;
        }
        for script in scripts {
            resource.add(script).await;
        }
        Ok(resource)
    }

    async fn add(&mut self, script: ScriptSpec) {
        let name = script.name.clone();
        if let Err(error) = self.host.add(script).await {
            log::write(Level::Error, SOURCE, format_args!("Script {name} does not start: {error}"));
            self.degraded.push(format!("script {name} does not start: {error}"));
        }
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

    /// What the service manager is told.
    pub(crate) fn vitals(&self) -> ScriptVitals {
        ScriptVitals { host: self.host.clone(), pulse: self.server.pulse() }
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

/// The script that hands requests on to things (script resource notes, 1.3).
fn router() -> ScriptSpec {
    let file = "thingworx.lua";
    let settings = [("file", file), ("max_run_time", "20")];
    let settings = settings.map(|(key, value)| (key.to_owned(), Setting::from(value))).into();
    ScriptSpec { name: ROUTER.to_owned(), file: file.to_owned(), settings, at_run_time: false }
}

const ROUTER: &str = "Thingworx";
/// Source of our lines in the log.
pub(crate) const SOURCE: &str = "main";
/// How long a request may take to arrive, and a kept connection may idle.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a callback may take: the original waits for ever, and its callers do not.
const PATIENCE: Duration = Duration::from_secs(600);
