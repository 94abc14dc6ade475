//! The supervised unit of a script: an actor that keeps one life going, on the thread it was given.
//!
//! The end of a main chunk is not the end of the unit: callbacks are answered until the script is removed (script
//! resource notes, 1.7). A defect of ours is: then the supervisor starts the script anew.

use std::{rc::Rc, sync::Arc, time::Duration};

use actix::{
    Actor, ActorContext, ActorFutureExt, ActorStreamExt, AsyncContext, Context, Handler, ResponseFuture,
    fut::{wrap_future, wrap_stream},
};
use edgebind_kernel::{ChildSpec, Failure, Lifeline, RestartPolicy, Stop};
use futures_util::stream;
use mlua::{Function, MultiValue, Value};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
};

use super::{
    CallError, CallbackAnswer, CallbackRequest, Phase, ScriptScope, answer,
    handle::Host,
    natives,
    routes::Routes,
    search,
    signals::Signals,
    switch::Outcome,
    unit::{Job, Seen, Unit},
    vm::{Killed, Vm},
};
use crate::log::{self, Level};

/// One life of a script.
pub(super) struct Script {
    lifeline: Lifeline,
    unit: Arc<Unit>,
    host: Host,
    signals: Arc<Signals>,
    life: Option<AbortHandle>,
    /// Becomes true when the life is over.
    over: watch::Sender<bool>,
}

impl Script {
    /// The child of the host's supervisor that keeps `unit` going.
    pub(super) fn child(host: Host, unit: Arc<Unit>) -> ChildSpec<Self> {
        let name = Self::id(&unit.spec().name);
        let policy = RestartPolicy::permanent().quarantine(QUARANTINE);
        ChildSpec::new(name, "script", policy, move |lifeline| Self {
            lifeline,
            unit: Arc::clone(&unit),
            host: host.clone(),
            signals: Arc::default(),
            life: None,
            over: watch::Sender::new(false),
        })
    }

    /// The name of a script's unit in the tree.
    pub(super) fn id(name: &str) -> String {
        format!("script/{name}")
    }
}

impl Actor for Script {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let jobs = self.unit.begin(Arc::clone(&self.signals));
        let life = Life {
            host: self.host.clone(),
            unit: Arc::clone(&self.unit),
            signals: Arc::clone(&self.signals),
        };
        let task = actix_rt::spawn(life.run(jobs));
        self.life = Some(task.abort_handle());
        ctx.spawn(wrap_future::<_, Self>(task).map(|end, actor, ctx| {
            actor.over.send_replace(true);
            let reason = match end {
                // It was told to stop; the supervisor's word is still to come, or waits for this.
                Ok(Ok(())) => return,
                Ok(Err(reason)) => reason,
                Err(error) => error.to_string(),
            };
            actor.lifeline.fail(Failure::defect(reason));
            ctx.stop();
        }));
        let seen = stream::unfold(self.unit.watch(), |mut seen| async move {
            seen.changed().await.ok()?;
            let report = report(&seen.borrow());
            Some((report, seen))
        });
        let reports = wrap_stream::<_, Self>(seen).map(|report, actor, _| actor.lifeline.report(report));
        ctx.spawn(reports.finish());
    }
}

impl Handler<Stop> for Script {
    type Result = ResponseFuture<()>;

    /// Done when the main chunk has come to its end; at the deadline the supervisor cuts.
    fn handle(&mut self, _: Stop, _: &mut Self::Context) -> Self::Result {
        self.signals.stop();
        let mut over = self.over.subscribe();
        Box::pin(async move {
            let _ = over.wait_for(|over| *over).await;
        })
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.signals.kill();
        if let Some(life) = &self.life {
            life.abort();
        }
        self.unit.end(&self.signals);
    }
}

fn report(seen: &Seen) -> String {
    match seen.phase {
        Phase::Ready => "loading".into(),
        Phase::Running => "running".into(),
        Phase::Finished if seen.result.is_empty() => "finished".into(),
        Phase::Finished => format!("finished: {}", seen.result),
    }
}

/// What one life needs.
struct Life {
    host: Host,
    unit: Arc<Unit>,
    signals: Arc<Signals>,
}

/// What a context of this life has come to.
enum Done {
    Main(Result<Outcome, Killed>),
    Call,
}

impl Life {
    /// Loads the script, runs its main chunk, and answers jobs until it is told to stop and the main chunk has ended.
    async fn run(self, mut jobs: mpsc::Receiver<Job>) -> Result<(), String> {
        let vm = self.load().await?;
        let mut contexts = JoinSet::new();
        match vm.1 {
            Ok(main) => {
                self.unit.turn(Phase::Running, String::new());
                let vm = Rc::clone(&vm.0);
                contexts.spawn_local(async move { Done::Main(vm.run(&main, MultiValue::new()).await) });
            }
            Err(error) => self.fail(&natives::message(&error), "")?,
        }
        let vm = vm.0;
        let mut told = false;
        let mut end = None;
        loop {
            let finished = self.unit.watch().borrow().phase == Phase::Finished;
            if told && finished && end.is_none() {
                end = Some(tokio::time::Instant::now() + LAST_CALLBACKS);
            }
            if end.is_some() && contexts.is_empty() {
                return Ok(());
            }
            tokio::select! {
                () = self.signals.stopping(), if !told => {
                    told = true;
                    vm.say_stop();
                }
                () = tokio::time::sleep_until(end.unwrap_or_else(tokio::time::Instant::now)), if end.is_some() => {
                    return Ok(());
                }
                done = contexts.join_next(), if !contexts.is_empty() => match done {
                    Some(Ok(Done::Main(outcome))) => self.ended(outcome)?,
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(Done::Call)) | None => {}
                },
                Some(job) = jobs.recv() => self.serve(job, &vm, &mut contexts),
            }
        }
    }

    /// The state, and the compiled main chunk or what is wrong with it.
    async fn load(&self) -> Result<(Rc<Vm>, mlua::Result<Function>), String> {
        let spec = self.unit.spec();
        let (directory, file) = (self.host.directory(), spec.file.clone());
        let source = tokio::task::spawn_blocking(move || search::read(&directory, &file)).await;
        let source = source.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let scope = ScriptScope {
            name: spec.name.as_str().into(),
            directory: self.host.directory(),
            host: self.host.clone(),
            signals: Arc::clone(&self.signals),
        };
        let mut settings = self.host.globals();
        settings.extend(self.unit.view().settings);
        let vm = Vm::new(&scope, &settings, self.host.sandbox(), &self.signals, self.host.memory_bytes());
        let vm = vm.map_err(|error| error.to_string())?;
        let main = vm.load(&source);
        Ok((vm, main))
    }

    /// The main chunk has ended.
    fn ended(&self, outcome: Result<Outcome, Killed>) -> Result<(), String> {
        match outcome {
            Ok(Outcome::Returned(values)) => {
                self.unit.turn(Phase::Finished, answer::result_text(&values));
                Ok(())
            }
            Ok(Outcome::Failed { error, traceback }) => {
                let text = answer::text(&error).unwrap_or_default();
                self.fail(&String::from_utf8_lossy(&text), &traceback)
            }
            Err(Killed) => Ok(()),
        }
    }

    /// The main chunk failed: said in the log and in the status. A script with `edgebind_restart = "on-failure"` is
    /// started anew, within the bounds of its policy.
    fn fail(&self, text: &str, traceback: &str) -> Result<(), String> {
        let spec = self.unit.spec();
        let separator = if traceback.is_empty() { "" } else { "\n" };
        log::write(Level::Error, &spec.name, format_args!("{text}{separator}{traceback}"));
        self.unit.turn(Phase::Finished, format!("Error: {text}"));
        let restart = spec.settings.get(RESTART).and_then(crate::Setting::as_text);
        if restart.as_deref() == Some(ON_FAILURE) && !self.signals.is_stopping() {
            return Err(text.to_owned());
        }
        Ok(())
    }

    fn serve(&self, job: Job, vm: &Rc<Vm>, contexts: &mut JoinSet<Done>) {
        match job {
            Job::Call { request, answer } => self.call(request, answer, vm, contexts),
            Job::Property { key, answer } => {
                let value = vm.p_data().raw_get::<Value>(key);
                // The caller may have given up.
                let _ = answer.send(value.ok().and_then(|value| crate::Setting::copied(&value).ok()?));
            }
            Job::Set { properties, answer } => {
                for (key, setting) in &properties {
                    let set =
                        setting.to_lua(vm.lua()).and_then(|value| vm.p_data().raw_set(key.as_str(), value));
                    if let Err(error) = set {
                        log::write(Level::Error, &self.unit.spec().name, format_args!("{key}: {error}"));
                    }
                }
                self.unit.note(&properties);
                let _ = answer.send(());
            }
        }
    }

    fn call(
        &self,
        request: CallbackRequest,
        answer: oneshot::Sender<Result<CallbackAnswer, CallError>>,
        vm: &Rc<Vm>,
        contexts: &mut JoinSet<Done>,
    ) {
        let name = &self.unit.spec().name;
        let function = match target(name, &request, vm) {
            Ok(function) => function,
            // Whoever asked may have given up: then nobody hears it.
            Err(error) => return drop(answer.send(Err(error))),
        };
        let (vm, script) = (Rc::clone(vm), name.clone());
        contexts.spawn_local(async move {
            let answered = match answer::arguments(vm.lua(), &request) {
                Ok(arguments) => vm.run(&function, arguments).await,
                Err(error) => {
                    let error = vm.lua().create_string(error.to_string()).map_or(Value::Nil, Value::String);
                    Ok(Outcome::Failed { error, traceback: String::new() })
                }
            };
            let answered = answered.map_err(|Killed| CallError::Stopped(script.clone())).map(|outcome| {
                note_failure(&script, &request, &outcome);
                answer::answer(&outcome)
            });
            let _ = answer.send(answered);
            Done::Call
        });
    }
}

/// The function that the request is for.
fn target(script: &str, request: &CallbackRequest, vm: &Vm) -> Result<Function, CallError> {
    let Some(function) = vm.routes().find(&request.path) else {
        return Err(CallError::NoCallback(Routes::shown(script, &request.path)));
    };
    if vm.contexts() >= MAX_CONTEXTS {
        return Err(CallError::Busy(script.to_owned()));
    }
    let function = vm.lua().create_string(&function).and_then(|name| vm.lua().globals().raw_get(name));
    match function {
        Ok(Value::Function(function)) => Ok(function),
        _ => Err(CallError::NotAFunction),
    }
}

/// An error in a callback is answered, and logged with the place it comes from.
fn note_failure(script: &str, request: &CallbackRequest, outcome: &Outcome) {
    if let Outcome::Failed { error, traceback } = outcome {
        let text = answer::text(error).unwrap_or_default();
        let (text, path) = (String::from_utf8_lossy(&text), Routes::shown(script, &request.path));
        log::write(Level::Error, script, format_args!("{} {path}: {text}\n{traceback}", request.method));
    }
}

/// Contexts of one script at a time; requests beyond are refused.
const MAX_CONTEXTS: usize = 4096;
/// What callbacks get to finish when the main chunk has come to its end.
const LAST_CALLBACKS: Duration = Duration::from_millis(500);
/// A script that fails again and again is tried anew so often.
const QUARANTINE: Duration = Duration::from_secs(60);
/// Setting of a script that wants to be started anew when its main chunk fails.
const RESTART: &str = "edgebind_restart";
const ON_FAILURE: &str = "on-failure";
