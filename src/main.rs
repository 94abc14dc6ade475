//! The `edgebind` program: parses the command line and hands over to one command.

mod admin;
#[cfg(feature = "dev")]
mod agents;
mod cli;
mod front;
mod gateway;
mod last_good;
mod spool;
mod state_dir;
mod takeover;
mod unserved;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
