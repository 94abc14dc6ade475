//! What the functions of one script know about the script they serve.

use std::{path::PathBuf, sync::Arc};

use super::{Host, signals::Signals};

/// One script as its libraries see it; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ScriptScope {
    /// Name of the script.
    pub(crate) name: Arc<str>,
    /// Directory of the configuration file.
    pub(crate) directory: Arc<PathBuf>,
    /// The way to other scripts and to the global settings.
    pub(crate) host: Host,
    /// What the script is told from outside.
    pub(crate) signals: Arc<Signals>,
}

impl ScriptScope {
    /// Resolves when the script is told to stop: a wait that is only a sleep ends then (script resource notes, 1.7).
    pub(crate) async fn stopping(&self) {
        self.signals.stopping().await;
    }
}
