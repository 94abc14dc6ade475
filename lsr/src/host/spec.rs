//! What a script and the host are started with, and what is seen of a script.

use std::path::PathBuf;

use crate::Settings;

/// Settings of the host.
#[derive(Clone, Debug, Default)]
pub struct HostSettings {
    /// Directory of the configuration file: where `thingworx/` and `custom/` are looked for
    /// (script resource notes, 1.5).
    pub directory: PathBuf,
    /// Global settings, already as text (1.3). The host adds `config_file_path`, `script_directory` and the like
    /// to what scripts see.
    pub globals: Settings,
    /// What is taken out of every state.
    pub sandbox: Option<Sandbox>,
    /// Limit of each state's heap in bytes; a script beyond it gets `not enough memory`. None by default.
    pub memory_bytes: Option<usize>,
}

/// Names that scripts do not find under `-sandbox` (script resource notes, 1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Paths such as `debug` or `os.exit`.
    pub removed: Vec<String>,
}

impl Default for Sandbox {
    /// What the original takes out; of `io` only `io.write` stays.
    fn default() -> Self {
        let os = ["exit", "execute", "getenv", "remove", "rename", "tmpname"];
        let io = [
            "close", "flush", "input", "lines", "open", "output", "popen", "read", "stderr", "stdin",
            "stdout",
        ];
        let io = io.into_iter().chain(["tmpfile", "type"]);
        let whole = ["arg", "debug", "dofile", "file", "loadfile", "package"].map(str::to_owned);
        let removed = whole
            .into_iter()
            .chain(os.iter().map(|name| format!("os.{name}")))
            .chain(io.map(|name| format!("io.{name}")))
            .collect();
        Self { removed }
    }
}

/// A script that is to run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptSpec {
    /// Its name, which is the name of its thing.
    pub name: String,
    /// The file as it is configured: `thing.lua`, `sub/deep.lua`.
    pub file: String,
    /// The entries of its table in the configuration (`file` included), as [`Setting::configured`] makes them: they
    /// become `p_data`, above the global ones.
    ///
    /// [`Setting::configured`]: crate::Setting::configured
    pub settings: Settings,
    /// Whether it was added while the resource ran, rather than configured: those are persisted and cleaned up.
    pub at_run_time: bool,
}

/// What is seen of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptView {
    /// Its name.
    pub name: String,
    /// The file as it is configured.
    pub file: String,
    /// Where its main chunk stands.
    pub phase: Phase,
    /// What the main chunk returned, or `Error: ...` (script resource notes, 1.7); empty while it runs.
    pub result: String,
    /// Its own settings with what was set since, without the global ones and without `name` and `run`.
    pub settings: Settings,
    /// See [`ScriptSpec::at_run_time`].
    pub at_run_time: bool,
}

impl From<ScriptView> for ScriptSpec {
    /// What starts the script again.
    fn from(view: ScriptView) -> Self {
        Self { name: view.name, file: view.file, settings: view.settings, at_run_time: view.at_run_time }
    }
}

/// Where a main chunk stands (script resource notes, 1.7). Callbacks are answered in the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not yet running, or waiting for a restart after a defect.
    Ready,
    /// Running, or asleep.
    Running,
    /// Returned or failed.
    Finished,
}

impl Phase {
    /// The word that the original uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Running => "Running",
            Self::Finished => "Finished",
        }
    }
}
