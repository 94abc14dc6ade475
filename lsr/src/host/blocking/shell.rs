//! Commands that scripts run: `os.execute`, and the processes behind `io.popen`.

use std::{env, ffi::OsString, io, os::unix::process::ExitStatusExt, process::Stdio, rc::Rc};

use tokio::process::Command;

use super::{
    super::{Arity, Natives, ScriptScope, vm},
    stream::Kind,
};

/// Starts commands with the search path of scripts: folders of C libraries first (script resource notes, 1.5).
#[derive(Debug)]
pub(super) struct Shell {
    path: Option<OsString>,
}

impl Shell {
    pub(super) fn new(scope: &ScriptScope) -> Self {
        let own = env::var_os("PATH").unwrap_or_default();
        let folders = vm::clib_folders(&scope.directory).into_iter().chain(env::split_paths(&own));
        // A folder with a colon in its name cannot stand in a path.
        Self { path: env::join_paths(folders).ok() }
    }

    /// A process whose output is read, or whose input is written.
    pub(super) fn open(&self, command: &[u8], write: bool) -> io::Result<Kind> {
        let mut command = self.command(command);
        if write {
            let mut child = command.stdin(Stdio::piped()).spawn()?;
            let pipe = child.stdin.take();
            Ok(Kind::Input(child, pipe))
        } else {
            let mut child = command.stdout(Stdio::piped()).spawn()?;
            let pipe = child.stdout.take().ok_or_else(|| io::Error::other("no output to read"))?;
            Ok(Kind::Output(child, pipe))
        }
    }

    fn command(&self, text: &[u8]) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(os_string(text)).stdin(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command
    }
}

/// The bytes of a script as a name or argument for the system.
pub(super) fn os_string(text: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(text.to_vec())
}

pub(super) fn install(natives: &Natives<'_>, shell: &Rc<Shell>) -> mlua::Result<()> {
    let shell = Rc::clone(shell);
    let execute = natives.blocking(Arity::between(0, 1), move |_, command: Option<mlua::LuaString>| {
        let running = command.map(|command| shell.command(&command.as_bytes()).status());
        Ok(async move {
            let status = match running {
                // As Lua 5.1: the wait status as it is, so an exit with 1 reads 256.
                Some(running) => running.await.map_or(-1, ExitStatusExt::into_raw),
                // Whether there is a shell.
                None => 1,
            };
            Natives::finish(move |_| Ok(status))
        })
    })?;
    natives.table("os")?.raw_set("execute", execute)
}
