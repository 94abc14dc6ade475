//! Group `offline_msg_store` (EMS notes, 3.6 and 12): what becomes our spool.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The store for updates that cannot be delivered now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OfflineStore {
    /// Whether there is a store; default true.
    pub enabled: bool,
    /// Directory, which then is our state directory; default none. The original's default, `/opt/thingworx`, is not
    /// taken over: a file that does not name it leaves the choice to us.
    pub directory: Option<PathBuf>,
    /// Bytes the store may take; default 65535; 0 to 1 TiB. Up to its default it counts as not chosen: 256 MiB then. See
    /// [`OfflineStore::limit_bytes`].
    pub max_size: u64,
}

impl OfflineStore {
    /// The original's default in bytes: a value up to it counts as "not chosen".
    pub const CHOSEN_ABOVE_BYTES: u64 = 65_535;
    /// The original's directory when none is named.
    const ORIGINAL_DIRECTORY: &str = "/opt/thingworx";
    /// Our own limit in bytes when none is chosen.
    pub const OWN_LIMIT_BYTES: u64 = 256 * 1024 * 1024;

    /// Where the original keeps its own store with this configuration.
    pub fn original_directory(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new(Self::ORIGINAL_DIRECTORY))
    }

    /// Bytes the spool may take: `max_size` when it is above the original's default of 64 KiB, which held a minute at
    /// best, else [`OfflineStore::OWN_LIMIT_BYTES`].
    pub fn limit_bytes(&self) -> u64 {
        if self.max_size > Self::CHOSEN_ABOVE_BYTES { self.max_size } else { Self::OWN_LIMIT_BYTES }
    }
}

impl Default for OfflineStore {
    fn default() -> Self {
        Self { enabled: true, directory: None, max_size: Self::CHOSEN_ABOVE_BYTES }
    }
}
