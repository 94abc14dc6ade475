//! Loads the configuration for a command and says what is wrong with it.

use std::{path::Path, process::ExitCode};

use edgebind_config::{Loaded, Sources, load};

/// Loads `path` with environment and overrides; complaints go to standard error.
///
/// # Errors
///
/// The exit code, after all diagnostics were printed.
pub(super) fn load_or_exit(path: &Path, overrides: &[(&str, Option<String>)]) -> Result<Loaded, ExitCode> {
    let mut sources = Sources::path(path).environment(crate::state_dir::environment());
    for (key, value) in overrides {
        if let Some(value) = value {
            sources = sources.with(*key, value.clone());
        }
    }
    match load(&sources) {
        Ok(loaded) => {
            for diagnostic in &loaded.diagnostics {
                eprintln!("{diagnostic}\n");
            }
            Ok(loaded)
        }
        Err(error) => {
            for diagnostic in &error.diagnostics {
                eprintln!("{diagnostic}\n");
            }
            eprintln!("edgebind: {} cannot be used; nothing was started.", path.display());
            Err(super::exit::configuration())
        }
    }
}
