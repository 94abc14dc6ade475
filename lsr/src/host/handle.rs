//! The way to the scripts, from any thread.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use actix::Addr;
use edgebind_kernel::{
    Dismiss, Exit, Inspect, Launch, LaunchError, StopReport, Supervisor, TreeNode, clock, stop_tree,
};
use edgebind_tls::{Client, ClientError};
use thiserror::Error;
use tokio::sync::{mpsc::error::TrySendError, oneshot, watch};

use super::{
    CallError, CallbackAnswer, CallbackRequest, HostSettings, Phase, Sandbox, ScriptSpec, ScriptView,
    script::Script,
    search,
    threads::Threads,
    unit::{Job, Unit},
    vm,
};
use crate::{
    Setting, Settings,
    log::{self, Level},
    outgoing::{Outgoing, is_on},
};

/// The scripts of this process; cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    directory: Arc<PathBuf>,
    sandbox: Option<Sandbox>,
    memory_bytes: Option<usize>,
    globals: RwLock<Settings>,
    outgoing: Outgoing,
    /// By name.
    units: Mutex<BTreeMap<String, Arc<Unit>>>,
    threads: Threads,
    root: Addr<Supervisor>,
    failed: watch::Receiver<Option<Exit>>,
    changes: watch::Sender<u64>,
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
    /// Its thread is busy with something that cannot be interrupted, or it is being started anew.
    #[error("script {0} does not answer")]
    Busy(String),
    /// The resource is being stopped.
    #[error("the script resource is being stopped")]
    Stopping,
}

impl Host {
    /// Starts the host without any script, on the present actix `System`: `lsr` is the root of its tree, each script is
    /// `script/<name>` in it.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`.
    #[must_use]
    pub fn start(settings: HostSettings) -> Self {
        let HostSettings { mut directory, mut globals, sandbox, memory_bytes } = settings;
        if directory.as_os_str().is_empty() {
            directory = PathBuf::from(".");
        }
        globals.extend(vm::path_settings(&directory));
        if let Some((first, others)) = search::ignored(&directory).split_first() {
            let (count, first) = (others.len() + 1, first.display());
            log::write(
                Level::Warn,
                "host",
                format_args!("{count} files are not used, the program has its own: {first} and the like"),
            );
        }
        let (root, end) = Supervisor::start_root(Supervisor::builder("lsr"));
        let (fail, failed) = watch::channel(None);
        drop(actix_rt::spawn(async move {
            fail.send_replace(Some(end.await));
        }));
        Self(Arc::new(Inner {
            directory: Arc::new(directory),
            sandbox,
            memory_bytes,
            globals: RwLock::new(globals),
            outgoing: Outgoing::default(),
            units: Mutex::default(),
            threads: Threads::default(),
            root,
            failed,
            changes: watch::Sender::new(0),
        }))
    }

    /// Starts a script; returns when its file is found and its unit is started, not when the main chunk has run.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Exists`], [`ScriptError::Unreadable`].
    pub async fn add(&self, spec: ScriptSpec) -> Result<(), ScriptError> {
        if self.units().contains_key(&spec.name) {
            return Err(ScriptError::Exists(spec.name));
        }
        self.read(&spec.file).await?;
        let (name, at_run_time) = (spec.name.clone(), spec.at_run_time);
        let unit = Arc::new(Unit::new(spec));
        {
            let mut units = self.units();
            if units.contains_key(&name) {
                return Err(ScriptError::Exists(name));
            }
            units.insert(name.clone(), Arc::clone(&unit));
        }
        let child = Script::child(self.clone(), unit).on_arbiter(self.0.threads.next());
        let launched = match self.0.root.send(Launch(child)).await {
            Ok(launched) => launched,
            Err(_) => Err(LaunchError::Stopping("lsr".into())),
        };
        if launched.is_err() {
            self.units().remove(&name);
            return Err(ScriptError::Stopping);
        }
        if at_run_time {
            self.note_change();
        }
        Ok(())
    }

    /// Stops the script of this name, orderly, and starts this one in its place. The old one is gone even if the new
    /// file cannot be read.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Unreadable`].
    pub async fn update(&self, spec: ScriptSpec) -> Result<(), ScriptError> {
        self.remove(&spec.name).await?;
        self.add(spec).await
    }

    /// Stops a script, orderly, and starts it again with the same settings.
    ///
    /// # Errors
    ///
    /// As [`Host::update`].
    pub async fn restart(&self, name: &str) -> Result<(), ScriptError> {
        let unit = self.unit(name)?;
        let settings = unit.view().settings;
        self.update(ScriptSpec { settings, ..unit.spec().clone() }).await
    }

    /// Stops a script, orderly but within 10 s, and forgets it.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub async fn remove(&self, name: &str) -> Result<(), ScriptError> {
        self.remove_within(name, REMOVAL).await
    }

    pub(super) async fn remove_within(&self, name: &str, patience: Duration) -> Result<(), ScriptError> {
        let unit = self.unit(name)?;
        unit.stop();
        let dismiss = Dismiss { id: Script::id(name).into(), deadline: clock::now() + patience };
        // An error means that the tree has ended, or that somebody else has removed it.
        let gone = self.0.root.send(dismiss).await;
        // One whose thread is held by a function that cannot give way hears of it there.
        unit.kill();
        let mut units = self.units();
        let known = units.get(name).is_some_and(|present| Arc::ptr_eq(present, &unit));
        if known {
            units.remove(name);
        }
        drop(units);
        if unit.spec().at_run_time {
            self.note_change();
        }
        match gone {
            Ok(Err(_)) if !known => Err(ScriptError::Unknown(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// Forgets the scripts that were added at run time and have finished; returns their names.
    pub async fn clean_up(&self) -> Vec<String> {
        let mut gone = Vec::new();
        for view in self.scripts() {
            if view.at_run_time && view.phase == Phase::Finished && self.remove(&view.name).await.is_ok() {
                gone.push(view.name);
            }
        }
        gone
    }

    /// All scripts, by name without regard to case.
    #[must_use]
    pub fn scripts(&self) -> Vec<ScriptView> {
        let mut views: Vec<_> = self.units().values().map(|unit| unit.view()).collect();
        views.sort_by_key(|view| view.name.to_lowercase());
        views
    }

    /// One script.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub fn script(&self, name: &str) -> Result<ScriptView, ScriptError> {
        Ok(self.unit(name)?.view())
    }

    /// One script, as soon as its main chunk has finished, or after `patience`.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub async fn finished(&self, name: &str, patience: Duration) -> Result<ScriptView, ScriptError> {
        self.reached(name, patience, |phase| phase == Phase::Finished).await
    }

    /// One script, as soon as its main chunk has begun, or after `patience`.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`].
    pub async fn started(&self, name: &str, patience: Duration) -> Result<ScriptView, ScriptError> {
        self.reached(name, patience, |phase| phase != Phase::Ready).await
    }

    /// The text of a script's file.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Unreadable`].
    pub async fn source(&self, name: &str) -> Result<Vec<u8>, ScriptError> {
        let file = self.unit(name)?.spec().file.clone();
        Ok(self.read(&file).await?.code)
    }

    /// What `p_data[key]` of the running script is now.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::NoProperty`], [`ScriptError::Busy`].
    pub async fn property(&self, name: &str, key: &str) -> Result<Setting, ScriptError> {
        let value = self.ask(name, |answer| Job::Property { key: key.to_owned(), answer }).await?;
        let missing = || ScriptError::NoProperty { script: name.to_owned(), property: key.to_owned() };
        value.ok_or_else(missing)
    }

    /// Sets `p_data` of the running script; it sees them when this returns.
    ///
    /// # Errors
    ///
    /// [`ScriptError::Unknown`], [`ScriptError::Busy`].
    pub async fn set_properties(&self, name: &str, properties: Settings) -> Result<(), ScriptError> {
        self.ask(name, |answer| Job::Set { properties, answer }).await?;
        self.note_change();
        Ok(())
    }

    /// The global settings.
    #[must_use]
    pub fn globals(&self) -> Settings {
        self.0.globals.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One global setting as text.
    #[must_use]
    pub fn global(&self, key: &str) -> Option<String> {
        self.0.globals.read().unwrap_or_else(PoisonError::into_inner).get(key)?.as_text()
    }

    /// Sets global settings, for scripts that start from now on, and for calls to the EMS.
    pub fn set_globals(&self, globals: Settings) {
        self.0.globals.write().unwrap_or_else(PoisonError::into_inner).extend(globals);
        self.note_change();
    }

    /// Whether the gateway is asked in TLS: `rap_ssl`, which is on unless it says otherwise.
    pub(crate) fn asks_gateway_in_tls(&self) -> bool {
        is_on(self.global("rap_ssl"))
    }

    /// TLS towards the gateway.
    pub(crate) fn tls_towards_gateway(&self) -> Result<Client, ClientError> {
        self.0.outgoing.towards_gateway(|key| self.global(key).filter(|value| !value.is_empty()))
    }

    /// TLS towards whomever a script names.
    pub(crate) fn tls_towards_others(&self) -> Result<Client, ClientError> {
        self.0.outgoing.towards_others()
    }

    /// Looks at the file with the authorities of the gateway, if there is one and it is needed.
    ///
    /// # Errors
    ///
    /// It cannot be used; without it no request to the gateway would succeed.
    pub fn check_tls_towards_gateway(&self) -> Result<(), ClientError> {
        let named = self.global("rap_cert_file").is_some_and(|file| !file.is_empty());
        if named && self.asks_gateway_in_tls() {
            self.tls_towards_gateway()?;
        }
        Ok(())
    }

    /// Changes whenever something changed that is to be there again after a restart of the process: scripts added or
    /// removed at run time, settings of scripts, global ones (script resource notes, 1.3).
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
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
        let unit = self.unit(script).map_err(|_| CallError::NoScript)?;
        let stopped = || CallError::Stopped(script.to_owned());
        let door = unit.door().ok_or_else(stopped)?;
        let (answer, answered) = oneshot::channel();
        door.try_send(Job::Call { request, answer }).map_err(|error| match error {
            TrySendError::Full(_) => CallError::Busy(script.to_owned()),
            TrySendError::Closed(_) => stopped(),
        })?;
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            // Dropped with the life of the script.
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(CallError::Late(script.to_owned())),
        }
    }

    /// Every unit with its state; `None` if the tree has ended, or does not answer within 2 s.
    pub async fn tree(&self) -> Option<TreeNode> {
        tokio::time::timeout(TREE_PATIENCE, self.0.root.send(Inspect)).await.ok()?.ok()
    }

    /// Resolves when the tree has ended: a defect that restarts did not cure, or [`Host::stop`].
    pub async fn failed(&self) -> Exit {
        let mut failed = self.0.failed.clone();
        let exit = failed.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        exit.unwrap_or(Exit::Normal)
    }

    /// Stops all scripts: `p_data.run` becomes false in every one, sleepers wake, main chunks come to their end; what
    /// has not after `deadline` is cut. The router goes last.
    pub async fn stop(&self, deadline: Duration) -> StopReport {
        let began = clock::now();
        let units: Vec<_> = self.units().values().cloned().collect();
        let (router, others): (Vec<_>, Vec<_>) =
            units.into_iter().partition(|unit| unit.spec().name == ROUTER);
        for unit in &others {
            unit.stop();
        }
        let all_finished = async {
            // One between two lives is stopped with the tree.
            for unit in others.iter().filter(|unit| unit.door().is_some()) {
                let _ = unit.watch().wait_for(|seen| seen.phase == Phase::Finished).await;
            }
        };
        // Those that are late are cut with the tree.
        let _ = tokio::time::timeout(deadline.mul_f32(0.9), all_finished).await;
        for unit in &router {
            unit.stop();
        }
        let left = deadline.saturating_sub(clock::now().saturating_duration_since(began));
        let report = stop_tree(&self.0.root, left).await;
        for unit in others.iter().chain(&router) {
            unit.kill();
        }
        self.0.threads.stop();
        report
    }

    /// Follows what is seen of a script, beyond its removal.
    #[cfg(test)]
    pub(super) fn watch(&self, name: &str) -> watch::Receiver<super::unit::Seen> {
        self.unit(name).unwrap().watch()
    }

    pub(super) fn directory(&self) -> Arc<PathBuf> {
        Arc::clone(&self.0.directory)
    }

    pub(super) fn sandbox(&self) -> Option<&Sandbox> {
        self.0.sandbox.as_ref()
    }

    pub(super) fn memory_bytes(&self) -> Option<usize> {
        self.0.memory_bytes
    }

    async fn read(&self, file: &str) -> Result<search::Source, ScriptError> {
        let (directory, name) = (self.directory(), file.to_owned());
        let read = tokio::task::spawn_blocking(move || search::read(&directory, &name)).await;
        read.unwrap_or_else(|error| {
            Err(ScriptError::Unreadable { file: file.to_owned(), reason: error.to_string() })
        })
    }

    async fn reached(
        &self,
        name: &str,
        patience: Duration,
        phase: impl Fn(Phase) -> bool,
    ) -> Result<ScriptView, ScriptError> {
        let unit = self.unit(name)?;
        let mut seen = unit.watch();
        // Late is no error: then it is shown as it is.
        let _ = tokio::time::timeout(patience, seen.wait_for(|seen| phase(seen.phase))).await;
        Ok(unit.view())
    }

    /// Puts a job to the present life of a script and waits for its answer.
    async fn ask<T>(
        &self,
        name: &str,
        job: impl FnOnce(oneshot::Sender<T>) -> Job,
    ) -> Result<T, ScriptError> {
        let busy = || ScriptError::Busy(name.to_owned());
        let door = self.unit(name)?.door().ok_or_else(busy)?;
        let (answer, answered) = oneshot::channel();
        door.try_send(job(answer)).map_err(|_| busy())?;
        match tokio::time::timeout(JOB_PATIENCE, answered).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(busy()),
        }
    }

    fn note_change(&self) {
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn unit(&self, name: &str) -> Result<Arc<Unit>, ScriptError> {
        self.units().get(name).cloned().ok_or_else(|| ScriptError::Unknown(name.to_owned()))
    }

    fn units(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Unit>>> {
        self.0.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}

/// The script that leads requests for things to the scripts of the things (script resource notes, 2.3).
const ROUTER: &str = "Thingworx";
const REMOVAL: Duration = Duration::from_secs(10);
/// A script gives way after a millisecond, so this is for those that cannot be interrupted.
const JOB_PATIENCE: Duration = Duration::from_secs(10);
/// A tree answers within a second; this is for one that is being torn down.
const TREE_PATIENCE: Duration = Duration::from_secs(2);
