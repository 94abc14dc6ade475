//! `edgebind demo`: what it tells, what stands while it runs, and that it leaves nothing behind.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use support::{Local, Process, Request, Rest, free_port, wait_for, wait_until};
use tempfile::TempDir;

#[test]
fn three_things_are_connected_values_arrive_and_services_run() {
    let demo = Demo::start(&[]);
    let text = demo.says("All 3 things are connected; their values arrive.");
    for thing in ["EdgeGateway", "Sensor-0001", "Machine-0002", "Notebook-0003"] {
        let line = format!("{thing} is connected.");
        assert_eq!(text.matches(&line).count(), 1, "one line when {thing} is connected: {text}");
    }
    demo.says("values arrived within the last second.");
    assert!(text.contains("Stop with Ctrl-C."), "{text}");
    let rest = demo.rest();
    for thing in THINGS {
        assert!(rest.is_connected(thing));
    }
    rest.moves("Sensor-0001", "level");
    assert_eq!(rest.call("Machine-0002", "Start", &json!({ "speed": 2 })).cell("result"), true);
    rest.moves("Machine-0002", "parts");
    assert_eq!(rest.call("Notebook-0003", "Write", &json!({ "text": "first" })).cell("result"), 1);
    assert_eq!(rest.call("Notebook-0003", "Read", &json!({})).cell("result"), "first\n");
    wait_for("the line", || rest.value("Notebook-0003", "last"), |last| last == "first");
}

#[test]
fn the_page_is_there_and_its_data_is_for_those_who_know_the_key() {
    let demo = Demo::start(&["--things", "1"]);
    let page = demo.word("Page");
    let (address, query) =
        page.strip_prefix("http://").and_then(|page| page.split_once('/')).expect("an address");
    assert_eq!(address, demo.word("Platform"));
    let answer = Request::get(&format!("/{query}")).send(address).unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{answer:?}");
    assert!(!answer.text().contains(&demo.rest().key), "the page itself holds no key");
    let text = answer.text();
    let files: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| text.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .filter(|file| file.contains(".js") || file.contains(".css"))
        .collect();
    assert!(files.len() > 1, "the page has a style and a script: {files:?}");
    for file in files {
        let path = format!("/{}", file.trim_start_matches('/'));
        assert_eq!(Request::get(&path).send(address).unwrap().status, 200, "{path}");
    }
    let live = |path: &str| {
        Request::get(path)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Origin", &format!("http://{address}"))
    };
    for (path, statuses) in [("/live", [401, 403]), ("/live?appKey=wrong", [401, 403])] {
        let answer = live(path).send(address).unwrap();
        assert!(statuses.contains(&answer.status), "{path}: {answer:?}");
        assert!(answer.is_sentence(), "{path}: {answer:?}");
    }
    for key in ["", "wrong"] {
        let rest = Rest { key: key.to_owned(), ..demo.rest() };
        assert_eq!(rest.get("Sensor-0001").status, 401, "{key:?}");
    }
    assert_eq!(demo.rest().get("Sensor-0001").status, 200);
}

#[test]
fn a_port_that_is_taken_is_said_and_the_next_is_used() {
    let (platform, gateway) = (free_port(), free_port());
    let taken = [platform, gateway].map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap());
    let demo = Demo::at(platform, gateway, &["--things", "1"]);
    let text = demo.says("All 1 things are connected");
    for (port, whose, line) in [(platform, "the platform", "Platform"), (gateway, "the gateway", "Gateway")] {
        let used = demo.word(line).rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).unwrap();
        assert!(used > port && used <= port + 50, "{text}");
        let said = format!("Port {port} for {whose} is taken; {used} is used instead.");
        assert!(text.contains(&said), "{said:?} in {text}");
    }
    drop(taken);
}

#[test]
fn ctrl_c_stops_in_order_and_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.says("All 3 things are connected");
    let known = demo.local().post("LocalEms/Services/GetEdgeThings", &json!({})).json();
    let rows: Vec<Value> = known["rows"].as_array().cloned().unwrap();
    for thing in THINGS {
        assert!(rows.iter().any(|row| row["name"] == thing), "{known}");
    }
    let addresses = ["Platform", "Gateway", "Scripts"].map(|title| demo.word(title));
    let folder = std::path::PathBuf::from(demo.word("Things").rsplit(' ').next().unwrap());
    assert!(folder.join("custom/templates/sensor.lua").exists(), "{}", folder.display());
    for address in &addresses {
        TcpStream::connect(address).unwrap_or_else(|error| panic!("{address} before the end: {error}"));
    }
    assert_eq!(children(demo.process.id()), 0, "the demo is one process");

    demo.process.signal("-INT");
    let status = demo.process.ended();
    let text = demo.process.output();
    assert_eq!(status.code(), Some(0), "{text}\n{}", demo.process.log());
    // Things say goodbye before the gateway goes, and all of it before the end.
    let mut last = text.find("Stopping").expect("the stop is told");
    for line in ["Sensor-0001 is disconnected.", "EdgeGateway is disconnected.", "Stopped."] {
        let place = text.find(line).unwrap_or_else(|| panic!("{line:?} in {text}"));
        assert!(place > last, "{line:?} in its order: {text}");
        last = if line.starts_with("Sensor") { last } else { place };
    }
    for thing in ["Machine-0002", "Notebook-0003"] {
        let goodbye = text.find(&format!("{thing} is disconnected.")).expect("every thing says goodbye");
        assert!(goodbye < text.find("EdgeGateway is disconnected.").unwrap(), "{text}");
    }
    for address in &addresses {
        wait_until(&format!("{address} is free"), || TcpListener::bind(address.as_str()).ok());
    }
    assert!(!folder.exists(), "{} is cleared away", folder.display());
    assert_eq!(demo.process.log(), "", "nothing went wrong on the way");
}

#[test]
fn it_ends_by_itself_after_the_seconds_that_were_asked_for() {
    let mut demo = Demo::start(&["--things", "2", "--seconds", "2"]);
    demo.says("All 2 things are connected");
    assert_eq!(demo.process.ended().code(), Some(0), "{}", demo.process.log());
    assert!(demo.process.output().trim_end().ends_with("Stopped."), "{}", demo.process.output());
}

#[test]
fn a_number_of_things_that_cannot_be_is_wrong_usage() {
    for things in ["0", "1001", "three"] {
        let output = support::edgebind().args(["demo", "--things", things]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{things}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(things));
    }
}

/// The things of a demo that was not told how many.
const THINGS: [&str; 3] = ["Sensor-0001", "Machine-0002", "Notebook-0003"];

/// A running demo at ports of its own.
struct Demo {
    process: Process,
    _folder: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        Self::at(free_port(), free_port(), arguments)
    }

    fn at(platform: u16, gateway: u16, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let (platform, gateway, scripts) =
            (platform.to_string(), gateway.to_string(), free_port().to_string());
        let fixed =
            ["demo", "--platform-port", &platform, "--gateway-port", &gateway, "--script-port", &scripts];
        let process = Process::start(folder.path(), &[&fixed, arguments].concat(), &[]);
        Self { process, _folder: folder }
    }

    /// Waits until it says `text`, and answers everything that it has said.
    fn says(&self, text: &str) -> String {
        wait_for(&format!("{text:?}"), || self.process.output(), |output| output.contains(text))
    }

    /// The word that follows `title` at the begin of a line.
    fn word(&self, title: &str) -> String {
        wait_until(&format!("the line {title}"), || {
            let output = self.process.output();
            // Whole lines only.
            let whole = &output[..output.rfind('\n')?];
            let line = whole.lines().find_map(|line| line.strip_prefix(title)?.strip_prefix(' '))?;
            Some(line.trim().to_owned())
        })
    }

    fn rest(&self) -> Rest {
        let page = self.word("Page");
        let (_, key) = page.split_once("appKey=").expect("a key in the address");
        Rest { address: self.word("Platform"), key: key.to_owned() }
    }

    fn local(&self) -> Local {
        Local { address: self.word("Gateway") }
    }
}

/// How many child processes a process has; 0 where the system does not tell.
fn children(id: u32) -> usize {
    std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"))
        .map_or(0, |children| children.split_whitespace().count())
}
