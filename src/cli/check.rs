//! `edgebind check`: says what is wrong with a configuration and what it means, before anything runs.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args as ClapArgs;
use edgebind_config::{Diagnostic, Severity, explain::Explanation, load, usual_state_dir};
use serde::Serialize;

use super::{configuration::sources, exit, migrate};
use crate::{
    last_good::copies,
    state_dir::environment,
    tls,
    unserved::{Unserved, unserved},
};

/// Checks configurations: what is wrong, what each entry does, who may get in, what this version does not serve.
///
/// Exit codes: 0 the gateway starts with each of them, 1 it does and `--strict` objects, 78 it does not start.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  edgebind check /etc/edgebind/config.json
  edgebind check --strict --json config.json
  edgebind check --migrate /opt/microserver")]
pub(crate) struct Args {
    /// Configuration files; environment variables count as they do for `run`.
    #[arg(value_name = "FILE", default_value = "etc/config.json", conflicts_with = "migrate")]
    files: Vec<PathBuf>,
    /// Objects to warnings, unknown keys among them.
    #[arg(long)]
    strict: bool,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// State directory of the gateway, where the key of sealed secrets lies.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Reads a whole installation of the original (config.json, config.lua, etc/) and lists what will differ.
    #[arg(long, value_name = "DIR")]
    migrate: Option<PathBuf>,
}

/// What is found out about one file.
#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    /// Whether `run` starts with this file.
    starts: bool,
    /// The copy that `run` would go on with, when the file cannot be read at all.
    fallback: Option<PathBuf>,
    diagnostics: Vec<Diagnostic>,
    explanation: Option<Explanation>,
    state_dir: Option<PathBuf>,
    unserved: Vec<Unserved>,
    /// Files and settings of TLS that keep `run` from starting.
    tls: Vec<String>,
}

/// Prints what is found; the exit code sums it up.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(folder) = &args.migrate {
        return migrate::run(folder, args.json, args.strict);
    }
    if let Some(script) = args.files.iter().find(|file| file.extension().is_some_and(|kind| kind == "lua")) {
        eprintln!(
            "edgebind check: {}: only config.json is checked yet; --migrate reads config.lua.",
            script.display()
        );
        return exit::usage();
    }
    let findings: Vec<Finding> =
        args.files.iter().map(|file| Finding::of(file, args.state_dir.as_deref())).collect();
    if args.json {
        println!("{}", serde_json::json!({ "files": findings }));
    } else {
        for (index, finding) in findings.iter().enumerate() {
            if index > 0 {
                println!();
            }
            finding.print();
        }
    }
    let objects = args.strict && findings.iter().any(Finding::has_warnings);
    if findings.iter().any(|finding| !finding.starts) {
        exit::configuration()
    } else if objects {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

impl Finding {
    fn of(file: &Path, state_dir: Option<&Path>) -> Self {
        let sources = sources(file, state_dir);
        let name = file.display().to_string();
        match load(&sources) {
            Ok(loaded) => {
                let unserved = unserved(&loaded.config);
                let tls = tls::problems(&loaded.config);
                Self {
                    file: name,
                    starts: tls.is_empty(),
                    tls,
                    fallback: None,
                    explanation: Some(Explanation::of(&loaded)),
                    state_dir: loaded.config.state_dir(state_dir, &environment()),
                    diagnostics: loaded.diagnostics,
                    unserved,
                }
            }
            Err(error) => {
                let folder = state_dir.map(Path::to_path_buf).or_else(|| usual_state_dir(&environment()));
                let fallback =
                    if error.is_unreadable() { copies(file, folder.as_deref()) } else { Vec::new() };
                Self {
                    file: name,
                    starts: false,
                    fallback: fallback.into_iter().next().map(|copy| copy.path),
                    diagnostics: error.diagnostics,
                    explanation: None,
                    state_dir: None,
                    unserved: Vec::new(),
                    tls: Vec::new(),
                }
            }
        }
    }

    fn has_warnings(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity >= Severity::Warning)
    }

    fn print(&self) {
        for diagnostic in &self.diagnostics {
            println!("{diagnostic}\n");
        }
        if let Some(explanation) = &self.explanation {
            println!("{explanation}");
        }
        if let Some(folder) = &self.state_dir {
            println!("Files of its own\n  in {}, closed to other users\n", folder.display());
        }
        if !self.tls.is_empty() {
            println!("TLS (`run` does not start)");
            for problem in &self.tls {
                println!("  {problem}");
            }
            println!();
        }
        if !self.unserved.is_empty() {
            println!("Not served in this version");
            for unserved in &self.unserved {
                println!("  {} {}", unserved.key, unserved.text);
            }
            println!();
        }
        let count = |severity| self.diagnostics.iter().filter(|found| found.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let verdict =
            if self.starts { "the gateway starts with it" } else { "the gateway does not start with it" };
        println!("{}: {verdict}; {errors} errors, {warnings} warnings.", self.file);
        if let Some(copy) = &self.fallback {
            println!("`run` would go on with the last good configuration {}, degraded.", copy.display());
        }
    }
}
