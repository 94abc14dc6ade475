//! A script resource with a folder of its own: config.lua, scripts and templates, state directory.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    http::{Answer, Request},
    process::{Process, edgebind},
    wait::wait_until,
};

/// The files of a script resource; nothing runs until it is started.
pub(crate) struct Scripts {
    folder: TempDir,
}

impl Scripts {
    /// A resource at any free port of this machine, whose `config.lua` goes on with `lines`.
    pub(crate) fn new(lines: &str) -> Self {
        Self::bare(&format!(
            "scripts.script_resource_host = '127.0.0.1'\nscripts.script_resource_port = 0\n\
             scripts.script_resource_ssl = false\nscripts.script_resource_authenticate = false\n{lines}\n"
        ))
    }

    /// A resource with exactly this `config.lua`.
    pub(crate) fn bare(config: &str) -> Self {
        let scripts = Self { folder: TempDir::new().expect("a folder for the test") };
        scripts.file("config.lua", config);
        scripts
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below `etc`, where the configuration is.
    pub(crate) fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder().join("etc").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder in the folder of the test");
        fs::write(&path, text).expect("a file in the folder of the test");
        path
    }

    /// Starts it.
    pub(crate) fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// Starts it with further arguments.
    pub(crate) fn start_with(&self, further: &[&str]) -> Process {
        let mut command = Self::command();
        command.args(further);
        self.spawn(command)
    }

    /// Starts it with variables in its environment.
    pub(crate) fn start_in(&self, environment: &[(&str, &str)]) -> Process {
        let mut command = Self::command();
        command.envs(environment.iter().copied());
        self.spawn(command)
    }

    fn command() -> Command {
        let mut command = edgebind();
        command.arg("lsr").args(["-cfg", "etc/config.lua", "--state-dir", "state"]);
        command
    }

    /// Starts it by the name and with the arguments of the original.
    pub(crate) fn start_as_original(&self, arguments: &[&str]) -> Process {
        let link = self.folder().join("luaScriptResource");
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_edgebind"), &link).expect("a link");
        }
        let mut command = Command::new(link);
        command.env_clear().env("HOME", self.folder()).args(arguments);
        self.spawn(command)
    }

    fn spawn(&self, mut command: Command) -> Process {
        command.current_dir(self.folder()).stdin(Stdio::piped());
        Process::spawn(self.folder(), "lsr", command)
    }

    /// Waits until it listens and answers where.
    pub(crate) fn address(&self, process: &Process) -> String {
        self.address_in("state", process)
    }

    /// The same with another state directory.
    pub(crate) fn address_in(&self, state: &str, process: &Process) -> String {
        let file = self.folder().join(state).join("ready.json");
        wait_until("ready.json of the script resource", || {
            let ready: Value = serde_json::from_str(&fs::read_to_string(&file).ok()?).ok()?;
            (ready["pid"] == process.id()).then(|| ready["http"].as_str().map(str::to_owned))?
        })
    }

    /// Waits until the script has come so far.
    pub(crate) fn phase(&self, address: &str, script: &str, wanted: &str) {
        wait_until(&format!("{script} is {wanted}"), || {
            let answer = Request::get(&format!("/scripts/{script}/status")).send(address).ok()?;
            (answer.status == 200 && answer.text().trim() == wanted).then_some(())
        });
    }

    /// Sends a request; fails the test when there is no answer.
    pub(crate) fn send(&self, address: &str, request: &Request) -> Answer {
        request.send(address).unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }
}
