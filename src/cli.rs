//! Command line: one file a command, exit codes in one place.

#[cfg(feature = "dev")]
mod agents;
mod arguments;
mod check;
mod configuration;
#[cfg(feature = "dev")]
mod demo;
mod doctor;
mod encrypt;
mod exit;
mod inquiry;
mod lsr;
mod migrate;
#[cfg(feature = "dev")]
mod platform;
mod reload;
mod run;
mod signals;
mod spool;
mod status;
mod table;
mod telemetry;
mod things;
mod wire;
mod wsems;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Connects equipment to a ThingWorx platform: a gateway that binds and relays for many things.
///
/// Exit codes: 0 fine, 1 failed, 2 wrong usage, 70 defect, 78 bad configuration.
#[derive(Debug, Parser)]
#[command(name = "edgebind", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Lsr(lsr::Args),
    Check(check::Args),
    Encrypt(encrypt::Args),
    Status(status::Args),
    Things(things::Args),
    Doctor(doctor::Args),
    Reload(reload::Args),
    Spool(spool::Args),
    Wire(wire::Args),
    #[cfg(feature = "dev")]
    Demo(demo::Args),
    #[cfg(feature = "dev")]
    Platform(platform::Args),
    #[cfg(feature = "dev")]
    Agents(agents::Args),
}

/// Parses the command line and runs the command.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let original = || wsems::called_as_original(&arguments).or_else(|| lsr::called_as_original(&arguments));
    if let Some(code) = original() {
        return code;
    }
    let arguments = lsr::with_our_options(arguments).into_iter();
    let cli = Cli::parse_from(arguments::normalised(arguments));
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Lsr(args) => lsr::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Encrypt(args) => encrypt::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Things(args) => things::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Reload(args) => reload::run(&args),
        Command::Spool(args) => spool::run(&args),
        Command::Wire(args) => wire::run(&args),
        #[cfg(feature = "dev")]
        Command::Demo(args) => demo::run(&args),
        #[cfg(feature = "dev")]
        Command::Platform(args) => platform::run(&args),
        #[cfg(feature = "dev")]
        Command::Agents(args) => agents::run(&args),
    }
}
