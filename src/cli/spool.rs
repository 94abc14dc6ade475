//! `edgebind spool`: what waits for the platform, what it will not take, and what to do about it.

mod lines;
mod source;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args as ClapArgs, Subcommand};
use edgebind_kernel::clock;
use serde_json::Value;

use super::{inquiry::Which, table::at};
use crate::spool::{Changed, Cut, Rescued, Wanted, original_lines, rescued_lines};
use source::{Source, SpoolError};

/// Shows and mends the spool: updates that wait for the platform, and dead letters that it will not take.
///
/// With a running gateway it is asked; without one its state directory is used, and held against a start meanwhile.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  edgebind spool ls                              what waits, what was given up and why
  edgebind spool show 4711                       one record, decoded
  edgebind spool export --dead > dead.jsonl      dead letters as JSON lines
  edgebind spool retry --all                     delivers dead letters again
  edgebind spool drop 4711 4712                  deletes two dead letters for good
  edgebind spool salvage spool.db.damaged-17...  rescues what can be read of a damaged spool

Exit code 0 if it was done, 1 if not, or not for every record named.")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Prints everything as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Shows what waits, by entity, and the dead letters with their reasons.
    #[command(
        after_help = "Examples: edgebind spool ls\n          edgebind spool ls --records --entity Pump-1"
    )]
    Ls {
        /// One line for each record instead of one for each entity.
        #[arg(long)]
        records: bool,
        #[command(flatten)]
        of: Of,
    },
    /// Shows one record, decoded.
    #[command(after_help = "Example: edgebind spool show 4711")]
    Show {
        /// Its number, as ls shows it.
        id: u64,
    },
    /// Prints records as JSON lines, decoded, in their order.
    #[command(after_help = "Example: edgebind spool export --entity Pump-1 > pump.jsonl")]
    Export {
        /// Only dead letters.
        #[arg(long)]
        dead: bool,
        #[command(flatten)]
        of: Of,
    },
    /// Puts dead letters back to the end of the queue.
    #[command(
        after_help = "Examples: edgebind spool retry 4711\n          edgebind spool retry --all --entity Pump-1"
    )]
    Retry {
        #[command(flatten)]
        which: Letters,
    },
    /// Deletes dead letters for good; with --force also records that wait.
    #[command(after_help = "Examples: edgebind spool drop 4711\n          edgebind spool drop --all")]
    Drop {
        #[command(flatten)]
        which: Letters,
        /// Also records that wait to be delivered: these updates are lost.
        #[arg(long)]
        force: bool,
    },
    /// Rescues what can be read of a damaged spool that was set aside; the file is renamed, not changed.
    #[command(
        after_help = "Examples: edgebind spool salvage /var/lib/edgebind/spool.db.damaged-1700000000000\n          \
                      edgebind spool salvage offline_msgs.bin.imported --export\n\n\
                      Rescued updates go behind what waits already."
    )]
    Salvage {
        /// The file; with --export also the original's offline_msgs.bin.
        file: PathBuf,
        /// Prints JSON lines instead; nothing is changed.
        #[arg(long)]
        export: bool,
    },
}

/// Narrows to an entity.
#[derive(Debug, ClapArgs)]
struct Of {
    /// Only records of this entity: a thing, or as ls shows it.
    #[arg(long, value_name = "NAME", value_parser = source::entity)]
    entity: Option<String>,
}

/// Names records.
#[derive(Debug, ClapArgs)]
struct Letters {
    /// Their numbers, as ls shows them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Vec<u64>,
    /// All dead letters.
    #[arg(long)]
    all: bool,
    /// With --all: only those of this entity.
    #[arg(long, value_name = "NAME", requires = "all", value_parser = source::entity)]
    entity: Option<String>,
}

impl Letters {
    fn wanted(&self, force: bool) -> Wanted {
        Wanted { ids: self.id.clone(), all: self.all, entity: self.entity.clone(), force }
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> ExitCode {
    match carried_out(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("edgebind spool: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was done that was asked for.
fn carried_out(args: &Args) -> Result<bool, SpoolError> {
    let find = |make| Source::find(&args.which, make);
    match &args.action {
        Action::Ls { records: true, of } => list_records(&find(false)?, of, args.json),
        Action::Ls { records: false, of } => {
            let overview = lines::narrowed(find(false)?.overview()?, of.entity.as_deref());
            print(args.json, &overview, || lines::overview(&overview, clock::unix_millis()));
            Ok(true)
        }
        Action::Show { id } => {
            let record = find(false)?.record(*id)?;
            print(args.json, &record, || lines::record(&record, clock::unix_millis()));
            Ok(true)
        }
        Action::Export { dead, of } => export(&find(false)?, *dead, of),
        Action::Retry { which } => {
            let changed = find(false)?.retry(&which.wanted(false))?;
            Ok(said(
                args.json,
                &changed,
                "put back to the end of the queue",
                "is no dead letter, it waits already",
            ))
        }
        Action::Drop { which, force } => {
            let changed = find(false)?.discard(&which.wanted(*force))?;
            let why = "still waits to be delivered; --force deletes it, and the update is lost";
            Ok(said(args.json, &changed, "deleted", why))
        }
        Action::Salvage { file, export: true } => export_file(file),
        Action::Salvage { file, export: false } => {
            let rescued = find(true)?.salvage(file)?;
            let value = serde_json::to_value(&rescued)?;
            print(args.json, &value, || lines::rescued(&rescued));
            Ok(true)
        }
    }
}

fn list_records(source: &Source<'_>, of: &Of, json: bool) -> Result<bool, SpoolError> {
    let mut all = Vec::new();
    for dead in [false, true] {
        each_page(source, dead, of, false, |records| {
            all.extend(records);
            true
        })?;
    }
    let all = Value::Array(all);
    print(json, &serde_json::json!({ "records": all }), || lines::records(&all, clock::unix_millis()));
    Ok(true)
}

/// Whoever reads may stop reading: then it ends, and that is no failure.
fn export(source: &Source<'_>, only_dead: bool, of: &Of) -> Result<bool, SpoolError> {
    let mut out = io::stdout().lock();
    for dead in [false, true] {
        if only_dead && !dead {
            continue;
        }
        each_page(source, dead, of, true, |records| {
            records.iter().all(|record| writeln!(out, "{record}").is_ok())
        })?;
    }
    Ok(true)
}

fn each_page(
    source: &Source<'_>,
    dead: bool,
    of: &Of,
    messages: bool,
    mut take: impl FnMut(Vec<Value>) -> bool,
) -> Result<(), SpoolError> {
    let mut cut = Cut { dead, entity: of.entity.clone(), after: 0, messages };
    loop {
        let mut page = source.page(&cut)?;
        let next = at(&page, "/next").as_u64();
        let records = match page.get_mut("records").map(Value::take) {
            Some(Value::Array(records)) => records,
            _ => Vec::new(),
        };
        if !take(records) {
            return Ok(());
        }
        match next {
            Some(next) => cut.after = next,
            None => return Ok(()),
        }
    }
}

fn export_file(file: &Path) -> Result<bool, SpoolError> {
    let mut out = io::stdout().lock();
    let unusable = |source| SpoolError::File { path: file.to_owned(), source };
    if let Some(lines) = original_lines(file).map_err(unusable)? {
        for line in lines {
            if writeln!(out, "{line}").is_err() {
                break;
            }
        }
        return Ok(true);
    }
    let (records, rescued): (_, Rescued) = rescued_lines(file)?;
    for record in records {
        if writeln!(out, "{}", serde_json::to_string(&record)?).is_err() {
            break;
        }
    }
    eprint!("{}", lines::found(&rescued));
    Ok(true)
}

fn print(json: bool, value: &Value, people: impl FnOnce() -> String) {
    let text = if json { format!("{value:#}\n") } else { people() };
    // Whoever reads may have stopped reading.
    io::stdout().write_all(text.as_bytes()).unwrap_or_default();
}

/// Says what was done; whether nothing was left out.
fn said(json: bool, changed: &Changed, done: &str, waits: &str) -> bool {
    if json {
        let value = serde_json::to_value(changed).unwrap_or_default();
        print(true, &value, String::new);
    } else {
        println!("{} records {done}.", changed.count);
    }
    for id in &changed.waiting {
        eprintln!("edgebind spool: {id} {waits}");
    }
    for id in &changed.unknown {
        eprintln!("edgebind spool: no record has the number {id}");
    }
    changed.waiting.is_empty() && changed.unknown.is_empty()
}
