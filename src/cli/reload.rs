//! `edgebind reload`: has the running gateway read its configuration anew.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::Value;

use super::{
    inquiry::Which,
    table::{aligned, at, text},
};

/// Has the running gateway read its configuration anew, as SIGHUP does, and shows what has changed.
///
/// The application key, entries of auto_bind and the log level are applied at once; nothing that is bound is dropped for
/// that. Everything else waits for a restart, which --restart makes within the same process. A configuration that cannot be
/// used changes nothing.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples: edgebind reload\n          edgebind reload --restart --state-dir /var/lib/edgebind\n\n\
                  Exit code 0 if everything is in force, 1 if something is not."
)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Starts the gateway anew when a change needs that.
    #[arg(long)]
    restart: bool,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(crate) fn run(args: &Args) -> ExitCode {
    let report = match args.which.tell(&format!("reload?restart={}", args.restart), &Value::Null) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("edgebind reload: {error}");
            return ExitCode::FAILURE;
        }
    };
    let changes = at(&report, "/changes").as_array().map(Vec::as_slice).unwrap_or_default();
    let restarts = at(&report, "/restarts") == true;
    if args.json {
        println!("{report:#}");
    } else {
        print!("{}", lines(changes, restarts));
    }
    let in_force = |change: &Value| match text(at(change, "/effect")) {
        "applied" => true,
        "restart" => restarts,
        _ => false,
    };
    if changes.iter().all(in_force) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn lines(changes: &[Value], restarts: bool) -> String {
    if changes.is_empty() {
        return "Nothing has changed.\n".to_owned();
    }
    let mut rows = vec![["KEY", "BEFORE", "NOW", "EFFECT", "NOTE"].map(str::to_owned).to_vec()];
    for change in changes {
        let value = |key: &str| at(change, key).as_str().unwrap_or("(default)").to_owned();
        let effect = match text(at(change, "/effect")) {
            "restart" if restarts => "applied by the restart",
            "restart" => "needs --restart",
            effect => effect,
        };
        let note = at(change, "/note").as_str().unwrap_or_default();
        rows.push(vec![
            text(at(change, "/key")).to_owned(),
            value("/before"),
            value("/after"),
            effect.to_owned(),
            note.to_owned(),
        ]);
    }
    let mut lines = aligned(&rows);
    if restarts {
        lines += "The gateway starts anew.\n";
    }
    lines
}
