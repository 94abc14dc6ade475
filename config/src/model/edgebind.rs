//! Group `edgebind`, ours: choices the original does not know.

use std::path::PathBuf;

use serde::Deserialize;

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
