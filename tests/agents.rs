//! `edgebind agents` as a process: what it prints, and how it ends.
#![cfg(all(unix, feature = "dev"))]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

#[test]
fn sigterm_deregisters_and_ends_with_success() {
    let gateway = Gateway::start();
    let (mut child, lines) = agents(&["--gateway", &gateway.address, "--name", "T1", "--json"]);
    let listening = until(&lines, "listening");
    assert_eq!(listening["thing"], "T1");
    assert_eq!(until(&lines, "pushed")["status"], 200);
    // The probe of a gateway: the port accepts.
    let address = listening["address"].as_str().expect("an address").to_owned();
    TcpStream::connect(address).expect("the endpoint accepts");
    signal(&child, "-TERM");
    assert_eq!(until(&lines, "removed")["thing"], "T1");
    assert!(wait(&mut child, &lines).success());
    let seen = gateway.seen();
    assert_eq!(seen.first().map(String::as_str), Some("/Thingworx/Things/LocalEms/Services/AddEdgeThing"));
    assert_eq!(seen.last().map(String::as_str), Some("/Thingworx/Things/LocalEms/Services/RemoveEdgeThing"));
}

#[test]
fn a_setting_that_cannot_be_ends_with_a_sentence() {
    let output = Command::new(env!("CARGO_BIN_EXE_edgebind"))
        .args(["agents", "--count", "0"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(text, "edgebind agents: count 0 simulates nothing: 1 or more is needed\n");
}

/// Answers every request with 200 and keeps the paths.
struct Gateway {
    address: String,
    paths: Receiver<String>,
}

impl Gateway {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, paths) = channel();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                // A caller that breaks off is no matter here: the test waits for what should come.
                let _ = answer(stream, &sender);
            }
        });
        Self { address, paths }
    }

    fn seen(&self) -> Vec<String> {
        self.paths.try_iter().collect()
    }
}

fn answer(stream: TcpStream, paths: &Sender<String>) -> Option<()> {
    stream.set_read_timeout(Some(SOON)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut path = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? <= 2 {
            break;
        }
        if path.is_none() {
            path = line.split(' ').nth(1).map(str::to_owned);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let path = path?;
    let body = if path.ends_with("/GetPropertySubscriptions") {
        json!({"rows": [{"edgeName": "count", "pushType": "VALUE", "pushThreshold": 0}]}).to_string()
    } else {
        String::new()
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    // Kept before it is answered, so that it is there when the caller goes on.
    paths.send(path).ok()?;
    reader.get_mut().write_all((head + &body).as_bytes()).ok()
}

/// A child that does not outlive a test that failed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, or it is killed: both are fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn agents(arguments: &[&str]) -> (Running, Receiver<Value>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_edgebind"))
        .arg("agents")
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let output = child.stdout.take().expect("a pipe");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            let Ok(line) = line else { return };
            let value =
                serde_json::from_str(&line).unwrap_or_else(|_| json!({"event": "not JSON", "line": line}));
            if sender.send(value).is_err() {
                return;
            }
        }
    });
    (Running(child), lines)
}

fn until(lines: &Receiver<Value>, event: &str) -> Value {
    loop {
        let line = lines.recv_timeout(SOON).unwrap_or_else(|error| panic!("waiting for {event}: {error}"));
        if line.get("event").is_some_and(|found| found == event) {
            return line;
        }
    }
}

fn signal(child: &Running, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.0.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// Waits for the end of the output, and then for that of the process.
fn wait(child: &mut Running, lines: &Receiver<Value>) -> ExitStatus {
    loop {
        match lines.recv_timeout(SOON) {
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return child.0.wait().expect("the program ends"),
            Err(RecvTimeoutError::Timeout) => panic!("the program still runs"),
        }
    }
}

const SOON: Duration = Duration::from_secs(20);
