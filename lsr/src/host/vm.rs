//! One life of a script: its state with everything installed, and its contexts.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::{
    Natives, Sandbox, ScriptScope, blocking,
    routes::Routes,
    search::Source,
    signals::Signals,
    switch::{Context, Machine, Outcome, Pause, Step},
};
use crate::{Setting, Settings, library, modules};

/// The state of a script and what its contexts share.
pub(super) struct Vm {
    machine: Rc<Machine>,
    p_data: Table,
    routes: Rc<Routes>,
    contexts: Cell<usize>,
}

/// A context was thrown away because its script was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Killed;

impl Vm {
    /// A new state with `settings` as `p_data`.
    ///
    /// # Errors
    ///
    /// Not enough memory.
    pub(super) fn new(
        scope: &ScriptScope,
        settings: &Settings,
        sandbox: Option<&Sandbox>,
        signals: &Arc<Signals>,
        memory_bytes: Option<usize>,
    ) -> mlua::Result<Rc<Self>> {
        let machine = Machine::new(Arc::clone(signals), memory_bytes)?;
        let lua = machine.lua();
        let natives = Natives::new(lua);
        let p_data = p_data(lua, &scope.name, settings)?;
        lua.globals().raw_set("p_data", &p_data)?;
        name_tables(&natives)?;
        search_paths(&natives, &scope.directory)?;
        let routes = Rc::new(Routes::new(Arc::clone(&scope.name)));
        blocking::install(&natives, scope, &routes)?;
        library::install(&natives, scope)?;
        #[cfg(test)]
        super::testing::install(&natives)?;
        if let Some(sandbox) = sandbox {
            take_out(lua, sandbox)?;
        }
        Ok(Rc::new(Self { machine, p_data, routes, contexts: Cell::new(0) }))
    }

    /// Compiles a script file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with file and line.
    pub(super) fn load(&self, source: &Source) -> mlua::Result<Function> {
        self.lua().load(source.code.as_slice()).set_name(&source.chunk).into_function()
    }

    /// Runs `function` as a context of its own to its end.
    ///
    /// # Errors
    ///
    /// [`Killed`]; what goes wrong in Lua is an [`Outcome::Failed`].
    pub(super) async fn run(&self, function: &Function, arguments: MultiValue) -> Result<Outcome, Killed> {
        let _counted = Counted::new(&self.contexts);
        let signals = self.machine.signals();
        let mut context = match Context::new(&self.machine, function, arguments) {
            Ok(context) => context,
            Err(error) => {
                let error = self.lua().create_string(error.to_string()).map_or(Value::Nil, Value::String);
                return Ok(Outcome::Failed { error, traceback: String::new() });
            }
        };
        loop {
            if signals.is_killed() {
                return Err(Killed);
            }
            if signals.is_stopping() {
                self.say_stop();
            }
            match context.resume() {
                Step::Done(outcome) => return Ok(outcome),
                Step::Paused(Pause::Breathe) => tokio::task::yield_now().await,
                Step::Paused(Pause::Sleep(span)) => self.sleep(span).await,
                Step::Paused(Pause::Wait(wait)) => tokio::select! {
                    finish = wait => context.resolve(finish),
                    () = signals.killed() => return Err(Killed),
                },
            }
        }
    }

    /// Sets `p_data.run` to false; a script polls it.
    pub(super) fn say_stop(&self) {
        // Fails only for want of memory; then the script is killed at its deadline.
        let _ = self.p_data.raw_set("run", false);
    }

    /// The state.
    pub(super) fn lua(&self) -> &Lua {
        self.machine.lua()
    }

    /// The script's settings, which are also its thing (trap 3).
    pub(super) const fn p_data(&self) -> &Table {
        &self.p_data
    }

    /// What it has registered.
    pub(super) fn routes(&self) -> &Routes {
        &self.routes
    }

    /// How many contexts run, sleep or wait.
    pub(super) fn contexts(&self) -> usize {
        self.contexts.get()
    }

    /// Sleeps, until the script is told to stop: from then on sleeps are short, because scripts poll `p_data.run` between
    /// them, but not so short that one that does not look burns the processor.
    async fn sleep(&self, span: Duration) {
        let signals = self.machine.signals();
        if span.is_zero() {
            tokio::task::yield_now().await;
        } else if signals.is_stopping() {
            tokio::time::sleep(span.min(SLEEP_WHILE_STOPPING)).await;
        } else {
            tokio::select! {
                () = tokio::time::sleep(span) => {}
                () = signals.stopping() => {}
            }
        }
    }
}

/// Counts a context as long as it lives.
struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// The table `p_data` (script resource notes, 1.3): the only real boolean is `run`.
fn p_data(lua: &Lua, name: &str, settings: &Settings) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (key, setting) in settings {
        table.raw_set(key.as_str(), setting.to_lua(lua)?)?;
    }
    table.raw_set("name", name)?;
    table.raw_set("run", true)?;
    Ok(table)
}

/// The tables of 3.1 of the notes, one under each of its names.
fn name_tables(natives: &Natives<'_>) -> mlua::Result<()> {
    const NAMES: &[&[&str]] = &[
        &["log", "logger", "tw_logger"],
        &["tw_http", "ps_http"],
        &["tw_utils", "ps_utils"],
        &["tw_mutex", "ps_mutex"],
        &["tw_dir", "ps_dir"],
        &["tw_script", "ps_script"],
        &["tw_ems", "tw_rap", "ps_rap"],
        &["tw_convert", "ps_convert"],
        &["tw_datashape"],
        &["tw_infotable"],
    ];
    let globals = natives.lua().globals();
    for names in NAMES {
        let table = natives.lua().create_table()?;
        for name in *names {
            globals.raw_set(*name, &table)?;
        }
    }
    Ok(())
}

/// `package.path`, `package.cpath` and the searcher of the modules in the binary (script resource notes, 1.5).
fn search_paths(natives: &Natives<'_>, directory: &Path) -> mlua::Result<()> {
    let package: Table = natives.lua().globals().raw_get("package")?;
    for (key, ours) in [("path", module_path(directory)), ("cpath", library_path(directory))] {
        let stock: String = package.raw_get(key)?;
        package.raw_set(key, format!("{ours};{stock}"))?;
    }
    let searcher = natives.plain(super::Arity::at_least(1), |lua, name: String| {
        Ok(match modules::module(&name) {
            Some(module) => Value::Function(lua.load(module.source).set_name(module.chunk).into_function()?),
            None => Value::String(lua.create_string(format!("\n\tno module '{name}' in the program"))?),
        })
    })?;
    // Behind package.preload, which only a script itself fills, and before every file.
    let loaders: Table = package.raw_get("loaders")?;
    for index in (2..=loaders.raw_len()).rev() {
        loaders.raw_set(index + 1, loaders.raw_get::<Value>(index)?)?;
    }
    loaders.raw_set(2, searcher)
}

/// Where `require` looks for Lua files, before the stock path.
pub(super) fn module_path(directory: &Path) -> String {
    joined(directory, &["", "thingworx", "thingworx/lua", "custom", "custom/lua", "community/lua"], "?.lua")
}

/// Where `require` looks for C libraries, before the stock path.
pub(super) fn library_path(directory: &Path) -> String {
    joined(directory, CLIB_FOLDERS, "?.so")
}

/// Folders of C libraries and of the programs that scripts start (script resource notes, 1.5).
pub(super) fn clib_folders(directory: &Path) -> Vec<PathBuf> {
    CLIB_FOLDERS.iter().map(|folder| directory.join(folder)).collect()
}

fn joined(directory: &Path, folders: &[&str], pattern: &str) -> String {
    let paths = folders.iter().map(|folder| directory.join(folder).join(pattern).display().to_string());
    paths.collect::<Vec<_>>().join(";")
}

/// Makes the names of `sandbox` nil, after everything else is in place.
fn take_out(lua: &Lua, sandbox: &Sandbox) -> mlua::Result<()> {
    for path in &sandbox.removed {
        let mut table = lua.globals();
        let mut steps = path.split('.').peekable();
        while let Some(step) = steps.next() {
            if steps.peek().is_none() {
                table.raw_set(step, Value::Nil)?;
                break;
            }
            let Value::Table(next) = table.raw_get(step)? else { break };
            table = next;
        }
    }
    Ok(())
}

/// The settings under which other parts find the search paths (script resource notes, 1.3).
pub(super) fn path_settings(directory: &Path) -> Settings {
    let shown = |path: &Path| Setting::from(path.display().to_string());
    Settings::from([
        ("config_file_path".into(), shown(directory)),
        ("script_directory".into(), shown(&directory.join("custom/scripts"))),
        ("script_library_path".into(), Setting::from(module_path(directory))),
        ("script_clib_path".into(), Setting::from(library_path(directory))),
    ])
}

const CLIB_FOLDERS: &[&str] = &["thingworx/clibs", "custom/clibs", "community/clibs"];
const SLEEP_WHILE_STOPPING: Duration = Duration::from_millis(5);
