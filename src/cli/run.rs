//! `edgebind run`: the gateway.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Args as ClapArgs;
use edgebind_config::Config;
use edgebind_observability::InitError;
use tracing::{error, info, warn};

use super::{configuration::load_or_exit, exit, signals::stop_signal, telemetry};
use crate::{
    admin::Admin,
    gateway::Gateway,
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
    let overrides = [("logger.level", args.loglevel.as_ref().map(|level| level.to_ascii_uppercase()))];
    let config = match load_or_exit(&args.cfg, &overrides) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
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
        Ok(folder) => actix_rt::System::new().block_on(serve(&config, folder.as_ref())),
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

async fn serve(config: &Config, state_dir: Option<&StateDir>) -> ExitCode {
    let mut gateway = match Gateway::start(config) {
        Ok(gateway) => gateway,
        Err(error) => {
            error!(%error, "The gateway does not start.");
            return if error.is_configuration() { exit::configuration() } else { ExitCode::FAILURE };
        }
    };
    let port = config.edgebind.admin_port;
    let admin = state_dir.map(|folder| Admin::start(&gateway.sight(), folder, port)).transpose();
    let admin = match admin {
        Ok(admin) => admin,
        Err(error) => {
            error!(%error, "The admin interface does not start.");
            return ExitCode::FAILURE;
        }
    };
    let admin_address = admin.as_ref().and_then(Admin::address);
    let ready =
        state_dir.map(|folder| ReadyFile::write(folder, gateway.address(), admin_address)).transpose();
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
