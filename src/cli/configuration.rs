//! Loads the configuration for `run` and says what is wrong with it; goes on with the last good one when the file cannot be
//! read at all.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use edgebind_config::{Diagnostic, Document, Loaded, Sources, load, usual_state_dir};

use crate::{last_good::copies, state_dir::environment};

/// The configuration that is run.
pub(super) struct Chosen {
    pub(super) loaded: Loaded,
    /// The copy it came from, when the file itself cannot be read.
    pub(super) fallback: Option<PathBuf>,
}

/// What a command takes its configuration from: the file, the environment, `--state-dir`.
pub(super) fn sources<'a>(path: &'a Path, state_dir: Option<&Path>) -> Sources<'a> {
    Sources::path(path).environment(environment()).state_dir(state_dir)
}

/// Loads the file, or the last good copy of one that cannot be read or parsed; complaints go to standard error.
///
/// A file that can be parsed and is wrong is no reason for a copy: somebody meant it (EMS notes, 2.3).
///
/// # Errors
///
/// The exit code, after all diagnostics were printed.
pub(super) fn load_or_exit(path: &Path, sources: &Sources<'_>) -> Result<Chosen, ExitCode> {
    let error = match load(sources) {
        Ok(loaded) => {
            print(&loaded.diagnostics);
            return Ok(Chosen { loaded, fallback: None });
        }
        Err(error) => error,
    };
    print(&error.diagnostics);
    if error.is_unreadable() {
        let folder = sources.state_dir.clone().or_else(|| usual_state_dir(&sources.environment));
        // Relative references to secrets begin where they began when the copy was made: beside the file.
        let name = format!("{} (last good)", path.display());
        for copy in copies(path, folder.as_deref()) {
            eprintln!("edgebind: {} cannot be read; trying {}.", path.display(), copy.path.display());
            let file = Document::Text { name: &name, text: &copy.text };
            match load(&Sources { file, ..sources.clone() }) {
                Ok(loaded) => {
                    print(&loaded.diagnostics);
                    return Ok(Chosen { loaded, fallback: Some(copy.path) });
                }
                Err(error) => print(&error.diagnostics),
            }
        }
    }
    eprintln!("edgebind: {} cannot be used; nothing was started.", path.display());
    Err(super::exit::configuration())
}

fn print(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        eprintln!("{diagnostic}\n");
    }
}
