//! `edgebind run`: the gateway.

use std::{
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_actors::local::{ConfigurationFile, LocalSettings};
use edgebind_config::{Config, Loaded, Logger, Sources, load};
use edgebind_observability::{InitError, log::file as log_file};
use tokio::sync::mpsc;
use tracing::{error, info, level_filters::LevelFilter, warn};

use super::{
    configuration::{Chosen, load_or_exit, sources},
    exit,
    signals::{Hangups, stop_signal},
    telemetry,
};
use crate::{
    admin::Admin,
    gateway::Gateway,
    last_good::LastGood,
    reload::{self, Reloader},
    service_manager,
    state_dir::{self, ReadyFile, StateDir, StateDirError},
};

/// Runs the gateway: connects to the platform, binds and relays for the things behind it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example: edgebind run -cfg /etc/edgebind/config.json")]
pub(crate) struct Args {
    /// Configuration file; the original's config.json is understood.
    #[arg(long, value_name = "FILE", default_value = "etc/config.json")]
    pub(super) cfg: PathBuf,
    /// Log level before `logger.level`: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    pub(super) loglevel: Option<String>,
    /// Folder for the gateway's own files; `ready.json` there tells the addresses really bound. Default: what the
    /// configuration says, else $STATE_DIRECTORY, else ~/.local/state/edgebind.
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut sources = sources(&args.cfg, args.state_dir.as_deref());
    if let Some(level) = &args.loglevel {
        sources = sources.with("logger.level", level.to_ascii_uppercase());
    }
    let chosen = match load_or_exit(&args.cfg, &sources) {
        Ok(chosen) => chosen,
        Err(code) => return code,
    };
    let config = &chosen.loaded.config;
    let telemetry = match telemetry::start(&config.observability, config.logger.level.directive()) {
        Ok(telemetry) => Some(telemetry),
        Err(error @ InitError::Export { .. }) => {
            error!(%error, "Nothing is exported; the gateway goes on without.");
            None
        }
        Err(error) => {
            eprintln!("edgebind run: {error}");
            return exit::configuration();
        }
    };
    edgebind_kernel::install_panic_hook();
    telemetry::count_restarts();
    let code = match made_state_dir(args, config) {
        Ok(folder) => {
            let running = keep_running(&args.cfg, &sources, chosen, folder.as_ref());
            actix_rt::System::new().block_on(running)
        }
        Err(error) => {
            error!(%error, "The gateway does not start.");
            ExitCode::FAILURE
        }
    };
    if let Some(telemetry) = telemetry {
        telemetry.shutdown(TELEMETRY_DEADLINE);
    }
    code
}

/// The state directory. One that nobody chose is no reason not to run: a second gateway of the same user, or a system
/// without a home, does without the commands that need it.
fn made_state_dir(args: &Args, config: &Config) -> Result<Option<StateDir>, StateDirError> {
    let chosen = args.state_dir.is_some() || config.edgebind.state_dir.is_some();
    match state_dir::resolve(args.state_dir.as_deref(), config).and_then(|folder| StateDir::open(&folder)) {
        Ok(folder) => Ok(Some(folder)),
        Err(error @ StateDirError::Newer { .. }) => Err(error),
        Err(error) if chosen => Err(error),
        Err(error) => {
            warn!(%error, "No state directory: nothing is kept while the platform is away, and edgebind status and edgebind things will not work.");
            Ok(None)
        }
    }
}

/// Runs the gateway again and again, for as long as somebody asks for a restart.
async fn keep_running(
    file: &Path,
    sources: &Sources<'_>,
    chosen: Chosen,
    state_dir: Option<&StateDir>,
) -> ExitCode {
    let Chosen { mut loaded, mut fallback } = chosen;
    // What is gone back to, should the gateway not start with what it was changed to.
    let mut before = None;
    loop {
        let config = &loaded.config;
        let (restart, asked) = mpsc::channel(1);
        let start = Start {
            local: local_settings(file, sources, config, state_dir).with_restart(restart),
            // A copy is not copied: the file is what has to be mended.
            last_good: state_dir.filter(|_| fallback.is_none()).map(|folder| LastGood {
                file: file.to_owned(),
                text: loaded.text.clone(),
                folder: folder.path().to_owned(),
            }),
            sources,
            degraded: fallback.as_ref().map(|copy| degraded(file, copy)).into_iter().collect(),
            state_dir,
        };
        write_log_files(&config.logger);
        match (serve(&loaded, start, asked).await, before.take()) {
            (End::Exit(code), _) | (End::NotStarted(code), None) => return code,
            (End::NotStarted(_), Some(earlier)) => {
                error!(
                    "The gateway does not start with its changed configuration; it goes back to the one before."
                );
                (loaded, fallback) = earlier;
            }
            (End::Restart, _) => match load(sources) {
                Ok(changed) => {
                    info!("The gateway starts anew.");
                    before = Some((std::mem::replace(&mut loaded, changed), fallback.take()));
                }
                Err(error) => error!(
                    file = %file.display(), %error,
                    "The changed configuration cannot be used; the gateway starts anew with the one it had."
                ),
            },
        }
    }
}

/// What the gateway starts from, beside the configuration.
struct Start<'a> {
    /// The state directory, if there is one.
    state_dir: Option<&'a StateDir>,
    /// What is kept for the next start, once connected.
    last_good: Option<LastGood>,
    /// What somebody has to mend although the gateway runs.
    degraded: Vec<String>,
    /// What the gateway's own services may touch.
    local: LocalSettings,
    /// Where the configuration is read again from.
    sources: &'a Sources<'a>,
}

/// Why one run of the gateway is over.
enum End {
    /// For good.
    Exit(ExitCode),
    /// It did not begin.
    NotStarted(ExitCode),
    /// The service Restart was called.
    Restart,
}

fn local_settings(
    file: &Path,
    sources: &Sources<'_>,
    config: &Config,
    state_dir: Option<&StateDir>,
) -> LocalSettings {
    let logger = &config.logger;
    let logs = logger.publish_directory.clone().unwrap_or_else(|| match state_dir {
        Some(folder) => folder.path().join("log"),
        None => file.with_file_name("log"),
    });
    let file = ConfigurationFile {
        path: file.to_owned(),
        environment: sources.environment.clone(),
        overrides: sources.overrides.clone(),
        state_dir: sources.state_dir.clone(),
    };
    LocalSettings::default()
        .with_log_files(logs, logger.max_file_storage)
        .with_file(file, config.auto_bind.iter().map(|entry| entry.name.clone()))
}

/// Writes the log into `logger.publish_directory`, if there is one.
fn write_log_files(logger: &Logger) {
    let Some(folder) = &logger.publish_directory else { return };
    let level = logger.publish_level.unwrap_or(logger.level).directive().parse();
    let level = level.unwrap_or(LevelFilter::WARN);
    if let Err(error) = log_file::start(folder, log_file::GATEWAY, level, logger.max_file_storage) {
        warn!(folder = %folder.display(), %error, "No log files are written.");
    }
}

fn degraded(file: &Path, copy: &Path) -> String {
    let reason = format!(
        "{} cannot be read: running with the last good configuration {}",
        file.display(),
        copy.display()
    );
    error!(file = %file.display(), copy = %copy.display(), "Running with the last good configuration: mend the file.");
    reason
}

async fn serve(loaded: &Loaded, start: Start<'_>, mut restart: mpsc::Receiver<()>) -> End {
    let Start { state_dir, last_good, degraded, local, sources } = start;
    let config = &loaded.config;
    let mut gateway = match Gateway::start(config, local, state_dir.map(StateDir::path)) {
        Ok(gateway) => gateway,
        Err(error) => {
            error!(%error, "The gateway does not start.");
            let wrong = error.is_configuration();
            return End::NotStarted(if wrong { exit::configuration() } else { ExitCode::FAILURE });
        }
    };
    let mut reloader = Reloader::new(sources, loaded, last_good, gateway.units().clone());
    let (asking, mut reloads) = mpsc::channel::<reload::Request>(1);
    let port = config.edgebind.admin_port;
    let sight = |folder: &StateDir| gateway.sight(folder.path(), degraded.clone(), asking.clone());
    let admin = state_dir.map(|folder| Admin::start(&sight(folder), folder, port));
    let admin = admin.transpose();
    let admin = match admin {
        Ok(admin) => admin,
        Err(error) => {
            error!(%error, "The admin interface does not start.");
            return End::Exit(ExitCode::FAILURE);
        }
    };
    let admin_address = admin.as_ref().and_then(Admin::address);
    let ready = state_dir
        .as_ref()
        .map(|folder| ReadyFile::write(folder, gateway.address(), admin_address, &degraded))
        .transpose();
    let ready = match ready {
        Ok(ready) => ready,
        Err(error) => {
            error!(%error, "The state directory cannot be used.");
            return End::Exit(ExitCode::FAILURE);
        }
    };
    let service_manager = actix_rt::spawn(service_manager::report(gateway.vitals()));
    let mut stop = pin!(stop_signal());
    let mut hangups = Hangups::listen();
    let (end, code) = loop {
        tokio::select! {
            () = &mut stop => break ("Stopping in order; a second signal stops at once.", Some(ExitCode::SUCCESS)),
            Some(()) = restart.recv() => break ("Stopping in order, to start anew.", None),
            reason = gateway.failed() => {
                error!(%reason, "A part of the gateway failed again and again.");
                break ("Stopping.", Some(exit::defect()));
            }
            () = hangups.next() => {
                // What is wrong with the configuration stands in the log.
                if let Ok(report) = reloader.reload().await {
                    report.log();
                }
            }
            Some(request) = reloads.recv() => {
                if reloader.answer(request).await {
                    break ("Stopping in order, to start anew with the changed configuration.", None);
                }
            }
        }
    };
    drop(ready);
    service_manager.abort();
    info!("{end}");
    if code.is_some() {
        service_manager::stopping();
    }
    if code.is_none() {
        // The answer to Restart goes out before the connection goes down.
        tokio::time::sleep(RESTART_PAUSE).await;
    }
    if let Some(admin) = admin {
        admin.stop().await;
    }
    let forced = stop_signal();
    tokio::select! {
        report = gateway.stop(STOP_DEADLINE) => {
            if !report.is_clean() {
                warn!(cut = ?report.cut, stuck = ?report.stuck, "Some parts did not stop in time.");
            }
        }
        () = forced => return End::Exit(ExitCode::FAILURE),
    }
    code.map_or(End::Restart, End::Exit)
}

/// Between the answer to Restart and the end; the original takes 0.2 to 4 s (EMS notes, 7.11).
const RESTART_PAUSE: Duration = Duration::from_millis(200);
/// UNBIND, Close and the open requests get this long together.
const STOP_DEADLINE: Duration = Duration::from_secs(6);
/// What a collector that does not answer may delay the end.
const TELEMETRY_DEADLINE: Duration = Duration::from_secs(2);
