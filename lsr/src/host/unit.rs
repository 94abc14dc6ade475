//! What outlives the lives of a script: its specification, what is seen of it, and the door to its present life.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{CallError, CallbackAnswer, CallbackRequest, Phase, ScriptSpec, ScriptView, signals::Signals};
use crate::{Setting, Settings};

/// One script, whichever life it is in.
#[derive(Debug)]
pub(super) struct Unit {
    spec: ScriptSpec,
    seen: watch::Sender<Seen>,
    present: Mutex<Option<Present>>,
    /// Whether it was told to stop: a life that begins only now is told, too.
    stopping: AtomicBool,
}

/// What is seen of a main chunk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) phase: Phase,
    pub(super) result: String,
    /// Own settings, with what was set since.
    pub(super) settings: Settings,
}

/// The present life.
#[derive(Clone, Debug)]
struct Present {
    door: mpsc::Sender<Job>,
    signals: Arc<Signals>,
}

/// What a life is asked for.
#[derive(Debug)]
pub(super) enum Job {
    Call { request: CallbackRequest, answer: oneshot::Sender<Result<CallbackAnswer, CallError>> },
    Property { key: String, answer: oneshot::Sender<Option<Setting>> },
    Set { properties: Settings, answer: oneshot::Sender<()> },
}

impl Unit {
    pub(super) fn new(spec: ScriptSpec) -> Self {
        let seen = Seen { phase: Phase::Ready, result: String::new(), settings: spec.settings.clone() };
        Self {
            spec,
            seen: watch::Sender::new(seen),
            present: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    /// A life begins; what was set since the script was started is kept.
    pub(super) fn begin(&self, signals: Arc<Signals>) -> mpsc::Receiver<Job> {
        let (door, jobs) = mpsc::channel(WAITING_JOBS);
        *self.present() = Some(Present { door, signals: Arc::clone(&signals) });
        if self.stopping.load(Ordering::SeqCst) {
            signals.stop();
        }
        self.turn(Phase::Ready, String::new());
        jobs
    }

    /// The life with these signals is over.
    pub(super) fn end(&self, signals: &Arc<Signals>) {
        let mut present = self.present();
        if present.as_ref().is_some_and(|present| Arc::ptr_eq(&present.signals, signals)) {
            *present = None;
        }
    }

    /// The main chunk has come so far.
    pub(super) fn turn(&self, phase: Phase, result: String) {
        self.seen.send_modify(|seen| (seen.phase, seen.result) = (phase, result));
    }

    /// Remembers settings that were set from outside.
    pub(super) fn note(&self, properties: &Settings) {
        self.seen.send_modify(|seen| {
            seen.settings.extend(properties.iter().map(|(key, value)| (key.clone(), value.clone())));
        });
    }

    /// Tells the script to come to its end.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(present) = &*self.present() {
            present.signals.stop();
        }
    }

    /// Tells the present life that it is dead.
    pub(super) fn kill(&self) {
        if let Some(present) = &*self.present() {
            present.signals.kill();
        }
    }

    pub(super) fn spec(&self) -> &ScriptSpec {
        &self.spec
    }

    /// Where jobs go, unless the script is between two lives.
    pub(super) fn door(&self) -> Option<mpsc::Sender<Job>> {
        self.present().as_ref().map(|present| present.door.clone())
    }

    /// Follows what is seen.
    pub(super) fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    pub(super) fn view(&self) -> ScriptView {
        let Seen { phase, result, settings } = self.seen.borrow().clone();
        let ScriptSpec { name, file, at_run_time, .. } = &self.spec;
        ScriptView {
            name: name.clone(),
            file: file.clone(),
            phase,
            result,
            settings,
            at_run_time: *at_run_time,
        }
    }

    fn present(&self) -> MutexGuard<'_, Option<Present>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Jobs that wait for a script which does not give way; the next are refused.
const WAITING_JOBS: usize = 256;
