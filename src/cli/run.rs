//! `edgebind run`: the gateway.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_config::Config;
use edgebind_observability::InitError;
use tracing::{error, info, warn};

use super::{
    configuration::{Chosen, load_or_exit, sources},
    exit,
    signals::stop_signal,
    telemetry,
};
use crate::{
    admin::Admin,
    gateway::Gateway,
    last_good::LastGood,
    state_dir::{self, ReadyFile, StateDir, StateDirError},
};

/// Runs the gateway: connects to the platform, binds and relays for the things behind it.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example: edgebind run -cfg /etc/edgebind/config.json")]
pub(crate) struct Args {
    /// Configuration file; the original's config.json is understood.
    #[arg(long, value_name = "FILE", default_value = "etc/config.json")]
    cfg: PathBuf,
    /// Log level before `logger.level`: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    loglevel: Option<String>,
    /// Folder for the gateway's own files; `ready.json` there tells the addresses really bound. Default: what the
    /// configuration says, else $STATE_DIRECTORY, else ~/.local/state/edgebind.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut sources = sources(&args.cfg, args.state_dir.as_deref());
    if let Some(level) = &args.loglevel {
        sources = sources.with("logger.level", level.to_ascii_uppercase());
    }
    let Chosen { loaded, fallback } = match load_or_exit(&args.cfg, &sources) {
        Ok(chosen) => chosen,
        Err(code) => return code,
    };
    let config = loaded.config;
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
    let code = match made_state_dir(args, &config) {
        Ok(state_dir) => {
            let start = Start {
                // A copy is not copied: the file is what has to be mended.
                last_good: state_dir.as_ref().filter(|_| fallback.is_none()).map(|folder| LastGood {
                    file: args.cfg.clone(),
                    text: loaded.text,
                    folder: folder.path().to_path_buf(),
                }),
                degraded: fallback.map(|copy| degraded(&args.cfg, &copy)).into_iter().collect(),
                state_dir,
            };
            actix_rt::System::new().block_on(serve(&config, start))
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
            warn!(%error, "No state directory: edgebind status and edgebind things will not work.");
            Ok(None)
        }
    }
}

/// What the gateway starts from, beside the configuration.
struct Start {
    /// The state directory, if there is one.
    state_dir: Option<StateDir>,
    /// What is kept for the next start, once connected.
    last_good: Option<LastGood>,
    /// What somebody has to mend although the gateway runs.
    degraded: Vec<String>,
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

async fn serve(config: &Config, start: Start) -> ExitCode {
    let Start { state_dir, last_good, degraded } = start;
    let mut gateway = match Gateway::start(config) {
        Ok(gateway) => gateway,
        Err(error) => {
            error!(%error, "The gateway does not start.");
            return if error.is_configuration() { exit::configuration() } else { ExitCode::FAILURE };
        }
    };
    if let Some(last_good) = last_good {
        actix_rt::spawn(last_good.keep_when_online(gateway.units().link_status.clone()));
    }
    let port = config.edgebind.admin_port;
    let sight = gateway.sight(degraded.clone());
    let admin = state_dir.as_ref().map(|folder| Admin::start(&sight, folder, port)).transpose();
    let admin = match admin {
        Ok(admin) => admin,
        Err(error) => {
            error!(%error, "The admin interface does not start.");
            return ExitCode::FAILURE;
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
            return ExitCode::FAILURE;
        }
    };
    let failed = tokio::select! {
        () = stop_signal() => None,
        exit = gateway.failed() => Some(exit),
    };
    drop(ready);
    match &failed {
        None => info!("Stopping in order; a second signal stops at once."),
        Some(reason) => error!(%reason, "A part of the gateway failed again and again; stopping."),
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
        () = forced => return ExitCode::FAILURE,
    }
    if failed.is_some() { exit::defect() } else { ExitCode::SUCCESS }
}

/// UNBIND, Close and the open requests get this long together.
const STOP_DEADLINE: Duration = Duration::from_secs(6);
/// What a collector that does not answer may delay the end.
const TELEMETRY_DEADLINE: Duration = Duration::from_secs(2);
