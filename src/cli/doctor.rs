//! `edgebind doctor`: looks for what keeps a gateway from working.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use edgebind_config::{Sources, load};
use serde_json::json;

use super::{exit, inquiry::Which};
use crate::{
    doctor::{Finding, Patient, Running, Verdict, examine},
    state_dir,
};

/// Looks for what keeps a gateway from working: clock, disk, files, name, network, key, BIND, things; with the gateway running or
/// not.
///
/// Each line has a code, what was found and what to do. Exit codes: 0 nothing has failed, 1 something has, 78 the
/// configuration cannot be used.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  edgebind doctor -cfg /etc/edgebind/config.json
  edgebind doctor --json -cfg config.json | jq '.findings[] | select(.verdict == \"failure\")'")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what is found as it is found.
pub(crate) fn run(args: &Args) -> ExitCode {
    let sources = Sources::path(args.which.file()).environment(state_dir::environment());
    let loaded = match load(&sources.state_dir(args.which.given_state_dir())) {
        Ok(loaded) => loaded,
        Err(error) => {
            for diagnostic in &error.diagnostics {
                eprintln!("{diagnostic}\n");
            }
            eprintln!("edgebind doctor: {} cannot be used; mend it first.", args.which.file().display());
            return exit::configuration();
        }
    };
    let folder = state_dir::resolve(args.which.given_state_dir(), &loaded.config).ok();
    let running = match (args.which.ask("status"), args.which.ask("things")) {
        (Ok(status), Ok(things)) => Some(Running { status, things }),
        _ => None,
    };
    let patient = Patient { file: args.which.file(), loaded: &loaded, state_dir: folder.as_deref(), running };
    let mut findings: Vec<Finding> = Vec::new();
    actix_rt::System::new().block_on(examine(&patient, |finding| {
        if !args.json {
            println!("{finding}");
        }
        findings.push(finding);
    }));
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (failures, warnings) = (count(Verdict::Failure), count(Verdict::Warning));
    if args.json {
        println!("{}", json!({ "findings": findings, "failures": failures, "warnings": warnings }));
    } else {
        println!("\n{failures} failed, {warnings} warnings.");
    }
    if failures > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
