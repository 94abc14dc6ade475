//! The one directory for the gateway's own files: found, made, closed to others, used by one process at a time.

mod lock;
mod ready;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use edgebind_config::{Config, usual_state_dir};

pub(crate) use lock::StateDir;
pub(crate) use ready::ReadyFile;

/// Why there is no state directory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateDirError {
    #[error("there is no place for the state directory: name one with --state-dir")]
    Nowhere,
    #[error("cannot make the state directory {}: {source}", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("the state directory {} is in use by process {pid}: give each process its own by --state-dir", path.display())]
    Taken { path: PathBuf, pid: String },
    #[error(
        "the state directory {} was written by a newer version (layout {found:?}, this version knows up to {known}): \
         use that version, or another directory",
        path.display()
    )]
    Newer { path: PathBuf, found: String, known: u32 },
    #[error("cannot use {}: {source}", path.display())]
    Use { path: PathBuf, source: io::Error },
}

/// Says where the state directory is: `given` (`--state-dir`), else what the configuration says, else what the system
/// offers. Touches nothing.
///
/// # Errors
///
/// [`StateDirError::Nowhere`] when neither says anything.
pub(crate) fn resolve(given: Option<&Path>, config: &Config) -> Result<PathBuf, StateDirError> {
    config.state_dir(given, &environment()).ok_or(StateDirError::Nowhere)
}

/// Says where the state directory of a script resource is: `given`, else a folder of its own in what the system offers,
/// so that gateway and script resource of one user do not share one.
///
/// # Errors
///
/// [`StateDirError::Nowhere`]
pub(crate) fn of_script_resource(given: Option<&Path>) -> Result<PathBuf, StateDirError> {
    let usual = || usual_state_dir(&environment()).map(|folder| folder.join("lsr"));
    given.map(Path::to_path_buf).or_else(usual).ok_or(StateDirError::Nowhere)
}

/// Makes the state directory when it is not there; one that we make is 0700.
///
/// # Errors
///
/// [`StateDirError::Create`]
pub(crate) fn create(path: &Path) -> Result<(), StateDirError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| StateDirError::Create { path: path.to_path_buf(), source })
}

/// The environment variables of the process, without those that are no UTF-8.
pub(crate) fn environment() -> Vec<(String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_directory_that_is_made_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        create(&path).unwrap();
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(create(&folder.path().join("file")).is_err());
    }
}
