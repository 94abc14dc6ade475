//! Where the spool is reached: through the running gateway, or in its state directory while nobody runs.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
};

use edgebind_kernel::clock;
use edgebind_store::{Clock, FILE_NAME, Options, Spool, StoreError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    admin::Salvage,
    cli::inquiry::{InquiryError, Which},
    spool::{
        Access, ChangeError, Changed, Cut, Overview, Page, RecordView, RescueError, Rescued, Wanted, rescue,
    },
    state_dir::{StateDir, StateDirError},
};

/// The way to the spool.
pub(super) enum Source<'a> {
    /// The gateway is asked.
    Running(&'a Which),
    /// Nobody runs, and nobody can start meanwhile.
    Folder { which: &'a Which, path: PathBuf, _held: StateDir },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    #[error(transparent)]
    Inquiry(#[from] InquiryError),
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    #[error("there is no spool in {}: name the state directory by --state-dir, or the configuration by -cfg", .0.display())]
    NoSpool(PathBuf),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Rescue(#[from] RescueError),
    #[error("no record has the number {0}")]
    NoRecord(u64),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("the gateway's answer is not understood: {0}")]
    Answer(#[from] serde_json::Error),
}

impl<'a> Source<'a> {
    /// Finds the gateway, or its directory; `make` says whether a spool may be made there.
    pub(super) fn find(which: &'a Which, make: bool) -> Result<Self, SpoolError> {
        if which.answers()? {
            return Ok(Self::Running(which));
        }
        let path = which.folder()?;
        if !make && !path.join(FILE_NAME).exists() {
            return Err(SpoolError::NoSpool(path));
        }
        let held = StateDir::open(&path)?;
        Ok(Self::Folder { which, path, _held: held })
    }

    pub(super) fn overview(&self) -> Result<Value, SpoolError> {
        match self {
            Self::Running(which) => Ok(which.ask("spool")?),
            Self::Folder { path, .. } => Ok(serde_json::to_value(Overview::of(path)?)?),
        }
    }

    pub(super) fn page(&self, cut: &Cut) -> Result<Value, SpoolError> {
        match self {
            Self::Running(which) => {
                let entity = cut.entity.as_deref().map_or_else(String::new, |entity| {
                    format!("&entity={}", utf8_percent_encode(entity, NON_ALPHANUMERIC))
                });
                let (dead, after, messages) = (cut.dead, cut.after, cut.messages);
                let path = format!("spool/records?dead={dead}&after={after}&messages={messages}{entity}");
                Ok(which.ask(&path)?)
            }
            Self::Folder { path, .. } => Ok(serde_json::to_value(Page::of(path, cut)?)?),
        }
    }

    pub(super) fn record(&self, id: u64) -> Result<Value, SpoolError> {
        match self {
            Self::Running(which) => Ok(which.ask(&format!("spool/records/{id}"))?),
            Self::Folder { path, .. } => match RecordView::of(path, id)? {
                Some(record) => Ok(serde_json::to_value(record)?),
                None => Err(SpoolError::NoRecord(id)),
            },
        }
    }

    pub(super) fn retry(&self, wanted: &Wanted) -> Result<Changed, SpoolError> {
        match self {
            Self::Running(which) => tell(which, "spool/retry", wanted),
            Self::Folder { which, path, .. } => {
                let spool = open(which, path)?;
                Ok(wait(Access::Own(&spool).retry(path, wanted))?)
            }
        }
    }

    pub(super) fn discard(&self, wanted: &Wanted) -> Result<Changed, SpoolError> {
        match self {
            Self::Running(which) => tell(which, "spool/drop", wanted),
            Self::Folder { which, path, .. } => {
                let spool = open(which, path)?;
                Ok(wait(Access::Own(&spool).discard(path, wanted))?)
            }
        }
    }

    pub(super) fn salvage(&self, file: &Path) -> Result<Rescued, SpoolError> {
        let unusable = |source| SpoolError::File { path: file.to_owned(), source };
        let file = file.canonicalize().map_err(unusable)?;
        match self {
            Self::Running(which) => tell(which, "spool/salvage", &Salvage { file }),
            Self::Folder { which, path, .. } => {
                let spool = open(which, path)?;
                Ok(wait(rescue(&Access::Own(&spool), path, &file))?)
            }
        }
    }
}

fn tell<T: DeserializeOwned>(which: &Which, path: &str, what: &impl Serialize) -> Result<T, SpoolError> {
    let answer = which.tell(path, &serde_json::to_value(what)?)?;
    Ok(serde_json::from_value(answer)?)
}

/// Opens the spool with the bounds of the configuration.
fn open(which: &Which, path: &Path) -> Result<Spool, StoreError> {
    let config = which.config();
    let clock = Clock { now: clock::now, unix_ms: clock::unix_millis };
    let mut options = Options::new(path, clock);
    options.max_bytes =
        config.edgebind.store_max_bytes.unwrap_or_else(|| config.offline_msg_store.limit_bytes());
    Ok(Spool::open(options)?.0)
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(work)
}

/// An entity as people name it: `Pump-1` is `Things/Pump-1`.
pub(super) fn entity(text: &str) -> Result<String, std::convert::Infallible> {
    if text.contains('/') { String::from_str(text) } else { Ok(format!("Things/{text}")) }
}
