//! Holds the state directory against a second process and against an older version.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::StateDirError;

/// The state directory, in use by this process for as long as this lives.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    /// The lock ends with the open file, also when the process is killed.
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be, locks it and marks it with the layout that this version writes.
    ///
    /// # Errors
    ///
    /// [`StateDirError`]; nothing but the lock file was touched then.
    pub(crate) fn open(path: &Path) -> Result<Self, StateDirError> {
        super::create(path)?;
        let lock = lock(path)?;
        check_layout(path)?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn lock(folder: &Path) -> Result<File, StateDirError> {
    let path = folder.join(LOCK);
    let unusable = |source| StateDirError::Use { path: path.clone(), source };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // For people only; whoever holds the lock may be about to write it.
            file.take(20).read_to_string(&mut pid).unwrap_or_default();
            let pid = if pid.trim().is_empty() { "unknown".to_owned() } else { pid.trim().to_owned() };
            return Err(StateDirError::Taken { path: folder.to_path_buf(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(unusable)?;
    writeln!(file, "{}", std::process::id()).map_err(unusable)?;
    Ok(file)
}

/// An older version must not misread what a newer one has written.
fn check_layout(folder: &Path) -> Result<(), StateDirError> {
    let path = folder.join(LAYOUT_FILE);
    let unusable = |source| StateDirError::Use { path: path.clone(), source };
    match fs::read_to_string(&path) {
        Ok(found) => match found.trim().parse::<u32>() {
            Ok(found) if found <= LAYOUT => {}
            _ => {
                let (path, found) = (folder.to_path_buf(), found.trim().to_owned());
                return Err(StateDirError::Newer { path, found, known: LAYOUT });
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::write(&path, format!("{LAYOUT}\n")).map_err(unusable)?;
        }
        Err(error) => return Err(unusable(error)),
    }
    Ok(())
}

const LOCK: &str = "lock";
const LAYOUT_FILE: &str = "layout";
/// Layout of the directory that this version reads and writes.
const LAYOUT: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let first = StateDir::open(folder.path()).unwrap();
        let second = StateDir::open(folder.path()).unwrap_err();
        assert!(matches!(second, StateDirError::Taken { .. }));
        assert!(second.to_string().contains(&std::process::id().to_string()), "{second}");
        drop(first);
        StateDir::open(folder.path()).unwrap();
    }

    #[test]
    fn a_directory_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(StateDir::open(folder.path()).unwrap());
        for newer in ["2", "9000000000", "x"] {
            fs::write(folder.path().join(LAYOUT_FILE), newer).unwrap();
            let error = StateDir::open(folder.path()).unwrap_err();
            assert!(matches!(&error, StateDirError::Newer { found, .. } if found == newer), "{error}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(StateDir::open(&file), Err(StateDirError::Create { .. })));
    }
}
