//! `edgebind check --migrate`: what will differ from an installation of the original.

use std::{path::Path, process::ExitCode};

use edgebind_config::migrate::{Difference, Installation, Weight, differences};

use super::exit;

/// Prints the list; 78 when something must be done first, 1 when `strict` objects to the rest.
pub(super) fn run(folder: &Path, json: bool, strict: bool) -> ExitCode {
    let found = match Installation::read(folder) {
        Ok(installation) => differences(&installation),
        Err(error) => {
            eprintln!("edgebind check: cannot read {}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    };
    let count = |weight: Weight| found.iter().filter(|difference| difference.weight == weight).count();
    let (must, changes) = (count(Weight::Must), count(Weight::Change));
    if json {
        println!("{}", serde_json::json!({ "migration": { "folder": folder, "differences": found } }));
    } else {
        print(folder, &found, must, changes);
    }
    if must > 0 {
        exit::configuration()
    } else if strict && changes > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn print(folder: &Path, found: &[Difference], must: usize, changes: usize) {
    for difference in found {
        println!("{difference}\n");
    }
    let notes = found.len() - must - changes;
    println!(
        "{}: {must} things must be done first, {changes} will differ, {notes} are worth knowing. Nothing was changed.",
        folder.display()
    );
    println!("What config.json means in this version: edgebind check <its config.json>");
}
