//! `edgebind lsr`, also called through a link named `luaScriptResource`: the script resource
//! (script resource notes, 1.1, 1.2 and 1.8).

mod console;
mod original;
mod sealed;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_lsr::{
    Configuration, LogFiles, ResourceSettings, Sandbox, SettingsError,
    log::{self, Level},
    secrets,
};
use edgebind_observability::{self as observability, InitError, LogFormat, Telemetry, log::file as log_file};
use tracing::level_filters::LevelFilter;

use super::{exit, signals::stop_signal, telemetry};
use crate::{
    admin::Admin,
    script_resource::{SOURCE, ScriptResource},
    service_manager,
    state_dir::{self, ReadyFile, StateDir, StateDirError},
};

use sealed::InstallSecrets;

pub(super) use original::{called_as_original, with_our_options};

/// Runs the script resource: hosts the Lua scripts and things of a config.lua, and registers the things with the gateway.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  edgebind lsr -cfg /etc/edgebind/config.lua
  edgebind lsr -encrypt PASSWORD     prints a value EB1:... for config.lua
  edgebind lsr -version              prints the version of the original that this behaves as

A line `q` on standard input, SIGTERM and Ctrl-C stop in order: things sign off at the gateway. Called through a link named
luaScriptResource, the program takes the arguments of the original.")]
pub(crate) struct Args {
    /// Configuration file; the original's config.lua is understood.
    #[arg(long, value_name = "FILE", default_value = "etc/config.lua")]
    cfg: PathBuf,
    /// Takes functions that reach outside of a script (files, processes) from every script; things do not work then.
    #[arg(long)]
    sandbox: bool,
    /// Takes the names in this file instead, one a line; lines with # are comments.
    #[arg(long, value_name = "FILE")]
    sandbox_file: Option<PathBuf>,
    /// Folder for the process's own files; `ready.json` there tells the address really bound. Default: `lsr` in
    /// $STATE_DIRECTORY, else in ~/.local/state/edgebind.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Does not look at standard input.
    #[arg(long)]
    service: bool,
    /// Prints the version of the original that this behaves as.
    #[arg(long, hide = true)]
    original_version: bool,
    /// Prints a sealed value for config.lua.
    #[arg(long, value_name = "TEXT", hide = true)]
    original_encrypt: Option<String>,
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> ExitCode {
    if args.original_version {
        return original::print_version();
    }
    if let Some(text) = &args.original_encrypt {
        return original::print_encrypted(text, args.state_dir.as_deref());
    }
    run_as(args, exit::configuration())
}

/// Runs; `wrong` is the exit code for a configuration that cannot be served.
fn run_as(args: &Args, wrong: ExitCode) -> ExitCode {
    let read = read(args);
    let (level, files) = match &read {
        Ok((_, settings)) => (settings.log_level, settings.log_files.as_ref()),
        Err(_) => (Level::Info, None),
    };
    let telemetry = start_log(level, files);
    edgebind_kernel::install_panic_hook();
    telemetry::count_restarts();
    let code = match read {
        Ok((configuration, settings)) => start(args, configuration, &settings, wrong),
        Err(complaints) => {
            for complaint in complaints {
                log::write(Level::Error, SOURCE, complaint);
            }
            wrong
        }
    };
    if let Some(telemetry) = telemetry {
        telemetry.shutdown(TELEMETRY_DEADLINE);
    }
    code
}

/// The configuration and what the process takes from it, or what is to be said of it.
fn read(args: &Args) -> Result<(Configuration, ResourceSettings), Vec<String>> {
    let mut configuration = Configuration::load(&args.cfg).map_err(|error| vec![error.to_string()])?;
    sealed::open(&mut configuration.globals, args.state_dir.as_deref())
        .map_err(|error| vec![error.to_string()])?;
    let settings = ResourceSettings::read(&configuration.globals).map_err(|error| {
        let insecure = !matches!(error, SettingsError::NoCertificate(_));
        let last = insecure.then(|| "Insecure configuration. Shutting down LSR.".to_owned());
        std::iter::once(error.to_string()).chain(last).collect::<Vec<_>>()
    })?;
    Ok((configuration, settings))
}

fn start(
    args: &Args,
    configuration: Configuration,
    settings: &ResourceSettings,
    wrong: ExitCode,
) -> ExitCode {
    for warning in &configuration.warnings {
        log::write(Level::Warn, SOURCE, warning);
    }
    for (name, reason) in &settings.without_effect {
        log::write(Level::Warn, SOURCE, format_args!("scripts.{name} has no effect: {reason}."));
    }
    let sandbox = match sandbox(args) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            log::write(Level::Error, SOURCE, error);
            return wrong;
        }
    };
    let folder = match made_state_dir(args.state_dir.as_deref()) {
        Ok(folder) => folder,
        Err(error) => {
            log::write(Level::Error, SOURCE, error);
            return ExitCode::FAILURE;
        }
    };
    supply_secrets(args.state_dir.as_deref());
    let serving = serve(configuration, settings, sandbox, folder.as_ref(), !args.service, wrong);
    actix_rt::System::new().block_on(serving)
}

async fn serve(
    configuration: Configuration,
    settings: &ResourceSettings,
    sandbox: Option<Sandbox>,
    folder: Option<&StateDir>,
    console: bool,
    wrong: ExitCode,
) -> ExitCode {
    let resource =
        match ScriptResource::start(configuration, settings, sandbox, folder.map(StateDir::path)).await {
            Ok(resource) => resource,
            Err(error) => {
                log::write(Level::Error, SOURCE, &error);
                return if error.is_configuration() { wrong } else { ExitCode::FAILURE };
            }
        };
    let admin = folder.map(|folder| Admin::start(&resource.sight(), folder, None)).transpose();
    let admin = match admin {
        Ok(admin) => admin,
        Err(error) => {
            log::write(Level::Error, SOURCE, error);
            return ExitCode::FAILURE;
        }
    };
    let ready = folder
        .map(|folder| ReadyFile::write(folder, resource.address(), None, resource.degraded()))
        .transpose();
    let ready = match ready {
        Ok(ready) => ready,
        Err(error) => {
            log::write(Level::Error, SOURCE, format_args!("The state directory cannot be used: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let service_manager = actix_rt::spawn(service_manager::report(resource.vitals()));
    let code = tokio::select! {
        () = stop_signal() => ExitCode::SUCCESS,
        () = console::quit(console) => ExitCode::SUCCESS,
        reason = resource.failed() => {
            log::write(Level::Error, SOURCE, format_args!("The scripts' host failed again and again: {reason}"));
            exit::defect()
        }
    };
    drop(ready);
    service_manager.abort();
    service_manager::stopping();
    log::write(Level::Info, SOURCE, "Stopping in order; a second signal stops at once.");
    if let Some(admin) = admin {
        admin.stop().await;
    }
    let forced = stop_signal();
    tokio::select! {
        report = resource.stop(STOP_DEADLINE) => {
            if !report.is_clean() {
                let (cut, stuck) = (&report.cut, &report.stuck);
                let text = format!("Some scripts did not stop in time: cut {cut:?}, stuck {stuck:?}.");
                log::write(Level::Warn, SOURCE, text);
            }
        }
        () = forced => return ExitCode::FAILURE,
    }
    code
}

/// What is taken out of every script's state.
fn sandbox(args: &Args) -> Result<Option<Sandbox>, String> {
    let Some(file) = &args.sandbox_file else { return Ok(args.sandbox.then(Sandbox::default)) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{}: {error}; name a readable file by -sandboxFile", file.display()))?;
    let lines = text.lines().map(|line| line.split(['#', ',']).next().unwrap_or_default().trim());
    let removed =
        lines.filter(|line| !line.is_empty() && !line.starts_with("--")).map(str::to_owned).collect();
    Ok(Some(Sandbox { removed }))
}

/// The state directory; one that nobody chose is no reason not to run.
fn made_state_dir(given: Option<&Path>) -> Result<Option<StateDir>, StateDirError> {
    match state_dir::of_script_resource(given).and_then(|folder| StateDir::open(&folder)) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if given.is_some() || matches!(error, StateDirError::Newer { .. }) => Err(error),
        Err(error) => {
            log::write(Level::Warn, SOURCE, format_args!("{error}: edgebind status --lsr will not work."));
            Ok(None)
        }
    }
}

/// Lets scripts seal and open texts; the key is there also while another process of the same user holds the directory.
fn supply_secrets(state_dir: Option<&Path>) {
    let Ok(folder) = state_dir::of_script_resource(state_dir) else { return };
    match InstallSecrets::of(&folder) {
        Ok(secrets) => secrets::supply(Arc::new(secrets)),
        Err(error) => {
            log::write(Level::Warn, SOURCE, format_args!("{error}: aes_encrypt will fail in scripts."));
        }
    }
}

/// Starts the log, and what leaves the process if the usual `OTEL_…` variables say so.
fn start_log(level: Level, files: Option<&LogFiles>) -> Option<Telemetry> {
    log::set_level(files.map_or(level, |files| level.max(files.level)));
    let settings = observability::Settings {
        service_name: "edgebind-lsr".to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        log_format: LogFormat::ScriptResource,
        level: directive(level),
        ..observability::Settings::default()
    };
    let telemetry = match observability::init(&settings.with_environment(state_dir::environment())) {
        Ok(telemetry) => Some(telemetry),
        Err(error @ InitError::Export { .. }) => {
            log::write(Level::Error, SOURCE, format_args!("{error}: nothing is exported."));
            None
        }
        Err(error) => {
            eprintln!("edgebind lsr: {error}");
            None
        }
    };
    if let Some(files) = files {
        let level = filter(files.level);
        if let Err(error) = log_file::start(&files.folder, log_file::SCRIPT_RESOURCE, level, files.most_bytes)
        {
            let folder = files.folder.display();
            log::write(Level::Warn, SOURCE, format_args!("No log files are written to {folder}: {error}"));
        }
    }
    telemetry
}

/// The filter for log lines: ours by their level, those of libraries from WARN on.
fn directive(level: Level) -> String {
    let always = log::ALWAYS;
    match level {
        Level::Force | Level::Audit => format!("off,{always}=error"),
        Level::Error => "error".to_owned(),
        _ => format!("warn,edgebind={}", filter(level)),
    }
}

/// Lines of FORCE and AUDIT are events of the level ERROR.
const fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Force | Level::Audit | Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// Main chunks, stop listeners and sign-offs get this long together; the original takes up to 15 s.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// What a collector that does not answer may delay the end.
const TELEMETRY_DEADLINE: Duration = Duration::from_secs(2);
