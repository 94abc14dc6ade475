//! The program as a child that does not outlive its test, with what it says kept in files.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use super::wait::{wait_for, wait_until};

/// A running `edgebind`; killed when this is dropped, and its log is shown if the test failed.
pub(crate) struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

/// The program, to be run by hand; it sees nothing of our environment.
pub(crate) fn edgebind() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgebind"));
    command.env_clear();
    command
}

impl Process {
    /// Starts the program with what it says in files of `folder`.
    pub(crate) fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = edgebind();
        command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
        Self::spawn(folder, arguments.first().expect("a command"), command)
    }

    /// Starts `command`, whose standard input is as the caller has chosen.
    pub(crate) fn spawn(folder: &Path, name: &str, mut command: Command) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (stdout, stderr) = (folder.join(format!("{name}.out")), folder.join(format!("{name}.log")));
        let file = |path: &Path| File::create(path).expect("a file in the folder of the test");
        let child = command.stdout(file(&stdout)).stderr(file(&stderr)).spawn().expect("the program starts");
        Self { name, child, stdout, stderr }
    }

    /// Writes to its standard input, which was piped, and leaves it open.
    pub(crate) fn type_in(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("a piped standard input");
        input.write_all(text.as_bytes()).and_then(|()| input.flush()).expect("it reads");
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ended()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{} takes {signal}", self.name);
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        wait_until(&format!("the end of {}", self.name), || self.child.try_wait().expect("a child of ours"))
    }

    /// Whether it runs still.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything on its standard output so far.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.stdout).expect("a file in the folder of the test")
    }

    /// Everything on its standard error so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).expect("a file in the folder of the test"))
            .into_owned()
    }

    /// Waits until the log holds `text`.
    pub(crate) fn logs(&self, text: &str) {
        wait_for(&format!("{text:?} in the log of {}", self.name), || self.log(), |log| log.contains(text));
    }

    /// The whole lines of its standard output that are JSON.
    pub(crate) fn events(&self) -> Vec<Value> {
        let output = self.output();
        let whole = output.rfind('\n').map_or("", |end| &output[..end]);
        whole.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for a line of JSON on its standard output.
    pub(crate) fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_until(&format!("{what} from {}", self.name), || self.events().into_iter().find(&wanted))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for (what, path) in [("output", &self.stdout), ("log", &self.stderr)] {
                let text = fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
                let text = text.unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
                eprintln!("---- {what} of {} ----\n{}", self.name, last.join("\n"));
            }
        }
    }
}

/// Last lines of a process that are shown when a test fails.
const SHOWN_LINES: usize = 60;
