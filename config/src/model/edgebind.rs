//! Group `edgebind`, ours: choices the original does not know.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::millis;

/// Choices of our own; every default keeps the original's behaviour or the safe side.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Edgebind {
    /// Whether services that change the gateway are open to callers of other machines without a password; default
    /// false.
    pub allow_remote_admin: bool,
    /// Who keeps a name that two agents register, `last` (default, as the original) or `first`.
    pub name_conflict: NameConflict,
    /// Whether a dead `auto_bind` target is unbound; default false: it is probed for display only.
    pub auto_bind_probe: bool,
    /// Port of the admin interface on 127.0.0.1, 0 for any free one; default none: only the commands get in, by a
    /// socket in the state directory.
    pub admin_port: Option<u16>,
    /// Whether the platform is asked for `isConnected` a minute after a BIND, and for the name behind an identifier;
    /// default true. A platform that does not know them is not asked again on a connection.
    pub read_back: bool,
    /// Name patterns (`*` stands for any text) of services that may be kept in the spool; default `["*"]`.
    pub store_services: Vec<String>,
    /// Bytes the spool may take; default none: what `offline_msg_store.max_size` chooses, else 256 MiB; 1 MiB to 1 TiB.
    pub store_max_bytes: Option<u64>,
    /// Age at which what still waits in the spool is given up and goes to the dead letters; default 2592000000 ms (30
    /// days); 60 000 to 3650 days.
    #[serde(deserialize_with = "millis::deserialize")]
    pub store_max_age: Duration,
    /// Messages a second that leave the spool, beside live traffic; default 500; 1 to 100 000.
    pub replay_rate: u32,
    /// Directory of our own files; default none: `offline_msg_store.directory`, then what the system offers.
    pub state_dir: Option<PathBuf>,
}

impl Default for Edgebind {
    fn default() -> Self {
        Self {
            allow_remote_admin: false,
            name_conflict: NameConflict::Last,
            auto_bind_probe: false,
            admin_port: None,
            read_back: true,
            store_services: vec!["*".to_owned()],
            store_max_bytes: None,
            store_max_age: Duration::from_millis(2_592_000_000),
            replay_rate: 500,
            state_dir: None,
        }
    }
}

/// Who keeps a name that two agents register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameConflict {
    /// The last registration, as in the original.
    Last,
    /// The first, while it still answers its probe.
    First,
}
