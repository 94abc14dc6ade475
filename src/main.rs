//! The `edgebind` program: parses the command line and hands over to one command.

mod admin;
#[cfg(feature = "dev")]
mod agents;
mod cli;
mod doctor;
mod front;
mod gateway;
mod last_good;
mod reload;
mod script_resource;
mod service_manager;
mod spool;
mod state_dir;
mod takeover;
mod tls;
mod unserved;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
