//! The programs that the page shows: platform, gateway, agents, each a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Opens the platform; must never be seen in the page.
pub(crate) const KEY: &str = "00000000-aaaa-bbbb-cccc-0000000000ff";

/// A child that does not outlive a test that failed.
pub(crate) struct Running(Child);

/// A platform and where its page is.
pub(crate) struct Platform {
    _child: Running,
    _folder: TempDir,
    pub(crate) address: String,
    pub(crate) page: String,
}

/// A gateway and where agents reach it.
pub(crate) struct Gateway {
    pub(crate) child: Running,
    _folder: TempDir,
    pub(crate) address: String,
}

impl Platform {
    pub(crate) fn start(things: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let model = folder.path().join("model.json");
        fs::write(&model, json!({ "things": things }).to_string()).expect("a file");
        let model = model.to_str().expect("a path");
        let arguments =
            ["platform", "--port", "0", "--json", "--log", "error", "--app-key", KEY, "--model", model];
        let mut child = start(&arguments, Stdio::piped());
        let mut output = BufReader::new(child.0.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let text = |name: &str| told[name].as_str().expect("a text").to_owned();
        Self { address: text("address"), page: text("page"), _child: child, _folder: folder }
    }
}

impl Gateway {
    pub(crate) fn start(platform: &Platform, gateway_thing: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (host, port) = platform.address.split_once(':').expect("host and port");
        let config = json!({
            "ws_servers": [{"host": host, "port": port.parse::<u16>().expect("a port")}],
            "appKey": KEY,
            "certificates": {"validate": false},
            "http_server": {"host": "127.0.0.1", "port": 0, "ssl": false, "authenticate": false},
            "ws_connection": {"encryption": "none"},
            "auto_bind": [{"name": gateway_thing, "gateway": true}],
        });
        let file = folder.path().join("config.json");
        fs::write(&file, config.to_string()).expect("a file");
        let state = folder.path().join("state");
        let arguments = ["run", "-cfg", path(&file), "--loglevel", "error", "--state-dir", path(&state)];
        let child = start(&arguments, Stdio::null());
        let address = ready(&state.join("ready.json"));
        Self { child, _folder: folder, address }
    }
}

impl Running {
    /// Agents behind the gateway.
    pub(crate) fn agents(gateway: &Gateway, more: &[&str]) -> Self {
        let mut arguments = vec!["agents", "--gateway", &gateway.address, "--retry-ms", "200"];
        arguments.extend(more);
        start(&arguments, Stdio::null())
    }

    /// Asks the process to end, as Ctrl-C does, and waits for it.
    pub(crate) fn stop(mut self) {
        let sent =
            Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
        self.0.wait().expect("the program ends");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or it is killed: both are fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str], output: Stdio) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_edgebind"))
        .args(arguments)
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    Running(child)
}

/// Where the gateway listens, once it does.
fn ready(file: &Path) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(file) {
            let ready: Value = serde_json::from_str(&text).expect("JSON");
            return ready["http"].as_str().expect("an address").to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "the gateway does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path")
}
