//! The directory: made, held against a second process, and a damaged file put out of the way whole.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StoreError;

/// Name of the file in the state directory; SQLite keeps `-wal` and `-shm` beside it.
pub const FILE_NAME: &str = "spool.db";

/// Held as long as a process works on the spool.
pub const LOCK_NAME: &str = "spool.lock";

/// What SQLite writes beside its file.
pub(crate) const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Makes the directory if needed and takes the lock; the lock ends with the returned file.
pub(super) fn hold(directory: &Path) -> Result<File, StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| StoreError::from_io(directory, &error))?;
    let path = directory.join(LOCK_NAME);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|error| StoreError::from_io(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(StoreError::from_io(&path, &error)),
    }
}

/// Renames the file and its companions so that they stay together; the new path.
pub(super) fn set_aside(path: &Path, unix_ms: i64) -> Result<PathBuf, StoreError> {
    let mut target = with_suffix(path, &format!(".damaged-{unix_ms}"));
    let mut attempt = 1;
    while target.exists() {
        target = with_suffix(path, &format!(".damaged-{unix_ms}-{attempt}"));
        attempt += 1;
    }
    // The companions first: a database without its log would look whole and lack the newest records.
    for companion in COMPANIONS {
        let from = with_suffix(path, companion);
        if from.exists() {
            rename(&from, &with_suffix(&target, companion))?;
        }
    }
    rename(path, &target)?;
    Ok(target)
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|error| StoreError::from_io(from, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("a/b");
        let first = hold(&inner).expect("free");
        assert_eq!(hold(&inner).expect_err("held"), StoreError::Locked { path: inner.join(LOCK_NAME) });
        drop(first);
        hold(&inner).expect("free again");
    }

    #[test]
    fn a_file_set_aside_keeps_its_companions_and_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let mut names = Vec::new();
        for content in ["one", "two"] {
            fs::write(&path, content).expect("written");
            fs::write(with_suffix(&path, "-wal"), content).expect("written");
            names.push((set_aside(&path, 77).expect("renamed"), content));
        }
        for (name, content) in names {
            assert_eq!(fs::read_to_string(&name).expect("kept"), content);
            assert_eq!(fs::read_to_string(with_suffix(&name, "-wal")).expect("kept"), content);
        }
        assert!(!path.exists());
    }
}
