//! What the gateway's own services work on besides the things: the configuration file, the log files, the process.

use std::{
    collections::BTreeSet,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use edgebind_config::{
    Sources,
    edit::{self, Applied, Edit, EditError},
};
use tokio::sync::mpsc;

/// What the gateway's own services may touch; the default is nothing.
#[derive(Default)]
pub struct LocalSettings {
    file: Option<ConfigurationFile>,
    /// Names that `auto_bind` of the file has, so that RemoveEdgeThing reads the file only when it must.
    listed: Mutex<BTreeSet<String>>,
    /// Where StartFileLogging writes unless it is told.
    pub(crate) log_directory: PathBuf,
    /// Bytes of log that are kept in files (`logger.max_file_storage`).
    pub(crate) log_bytes: u64,
    restart: Option<mpsc::Sender<()>>,
}

/// The file that the gateway was started from, with all that lies over it.
#[derive(Clone)]
pub struct ConfigurationFile {
    /// The file.
    pub path: PathBuf,
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Keys and values of the command line.
    pub overrides: Vec<(String, String)>,
    /// State directory of the command line.
    pub state_dir: Option<PathBuf>,
}

impl ConfigurationFile {
    /// What [`edgebind_config::load`] takes.
    #[must_use]
    pub fn sources(&self) -> Sources<'_> {
        Sources {
            environment: self.environment.clone(),
            overrides: self.overrides.clone(),
            state_dir: self.state_dir.clone(),
            ..Sources::path(&self.path)
        }
    }
}

impl LocalSettings {
    /// Lets services show and change this file, whose `auto_bind` has the things `listed`.
    #[must_use]
    pub fn with_file(self, file: ConfigurationFile, listed: impl IntoIterator<Item = String>) -> Self {
        Self { file: Some(file), listed: Mutex::new(listed.into_iter().collect()), ..self }
    }

    /// Lets StartFileLogging write into `folder`, unless it is told where, at most `bytes`.
    #[must_use]
    pub fn with_log_files(self, folder: PathBuf, bytes: u64) -> Self {
        Self { log_directory: folder, log_bytes: bytes, ..self }
    }

    /// Lets Restart send a word to whoever started the gateway.
    #[must_use]
    pub fn with_restart(self, restart: mpsc::Sender<()>) -> Self {
        Self { restart: Some(restart), ..self }
    }

    /// Asks for a restart; false if nobody here can do it.
    pub(crate) fn restart(&self) -> bool {
        // A full channel has a restart waiting already.
        self.restart.as_ref().is_some_and(|restart| {
            !matches!(restart.try_send(()), Err(mpsc::error::TrySendError::Closed(())))
        })
    }

    /// Says what `auto_bind` of the file has from now on.
    pub fn relist(&self, listed: impl IntoIterator<Item = String>) {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = listed.into_iter().collect();
    }

    /// Whether `auto_bind` of the file has this name.
    pub(crate) fn lists(&self, name: &str) -> bool {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    /// The configuration as it stands in the file, secrets as asterisks. Blocks on the disk.
    pub(crate) fn masked(&self) -> Result<String, EditError> {
        let file = self.file.as_ref().ok_or(EditError::NoFile)?;
        let text = read(&file.path)?;
        match edit::masked(&text) {
            Some(configuration) => Ok(configuration.to_string()),
            None => Err(EditError::Syntax(format!("{} is no JSON", file.path.display()))),
        }
    }

    /// Changes the file. Blocks on the disk.
    pub(crate) fn change(&self, change: &Edit) -> Result<Applied, EditError> {
        let file = self.file.as_ref().ok_or(EditError::NoFile)?;
        let applied = edit::apply(&file.sources(), change)?;
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Edit::AddThing(entry) => {
                listed.extend(entry.get("name").and_then(|name| name.as_str()).map(str::to_owned));
            }
            Edit::RemoveThing(name) => {
                listed.remove(name);
            }
            _ => {}
        }
        Ok(applied)
    }
}

impl fmt::Debug for LocalSettings {
    /// Without the environment, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSettings")
            .field("file", &self.file.as_ref().map(|file| &file.path))
            .field("log_directory", &self.log_directory)
            .field("log_bytes", &self.log_bytes)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<String, EditError> {
    let trouble = |source: io::Error| EditError::Io { doing: "read", path: path.to_owned(), source };
    std::fs::read_to_string(path).map_err(trouble)
}
