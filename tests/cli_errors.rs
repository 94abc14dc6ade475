//! What the commands say and how they end when they cannot start.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{fs, net::TcpListener, path::Path};

use serde_json::{Value, json};
use support::{Process, Site, free_port};
use tempfile::TempDir;

#[test]
fn a_missing_configuration_ends_with_78() {
    let (code, text) = Setting::new().run(&["run", "-cfg", "/nowhere/config.json"]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("/nowhere/config.json"), "{text}");
    assert!(text.contains("nothing was started"), "{text}");
}

#[test]
fn broken_json_ends_with_78_and_points_at_its_place() {
    let setting = Setting::new();
    let config = setting
        .file("config.json", "{\n  \"ws_servers\": [{ \"host\": \"localhost\" }]\n  \"appKey\": \"x\"\n}\n");
    let (code, text) = setting.run(&["run", "-cfg", &config]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("config.json:2:"), "line and column: {text}");
    assert!(text.contains("\"ws_servers\": [{ \"host\": \"localhost\" }]"), "the line itself: {text}");
    let caret = text.lines().any(|line| {
        let line = line.trim().trim_start_matches('|').trim();
        !line.is_empty() && line.chars().all(|c| c == '^')
    });
    assert!(caret, "a caret below it: {text}");
}

#[test]
fn values_that_cannot_be_are_all_named_at_once() {
    let setting = Setting::new();
    let config = setting.file(
        "config.json",
        "{\n  \"ws_servers\": [{ \"host\": \"localhost\", \"port\": 99999 }],\n  \"appKey\": \"k\",\n  \"http_server\": { \"host\": \"localhost\", \"port\": \"abc\", \"ssl\": false, \"authenticate\": false }\n}\n",
    );
    let (code, text) = setting.run(&["run", "-cfg", &config]);
    assert_eq!(code, 78, "{text}");
    assert!(text.contains("config.json:2:") && text.contains("99999"), "{text}");
    assert!(text.contains("config.json:4:") && text.contains("abc"), "{text}");
}

#[test]
fn what_cannot_be_done_as_it_is_written_ends_with_78_and_names_the_key() {
    let cases: [(&str, Change); 3] = [
        ("host", |config| config["proxy"] = json!({ "port": 3128 })),
        ("ssl", |config| config["http_server"]["ssl"] = json!(true)),
        ("authenticate", |config| config["http_server"]["authenticate"] = json!(true)),
    ];
    for (said, change) in cases {
        let mut site = Site::new([]);
        change(site.config());
        let mut gateway = site.gateway();
        let status = gateway.ended();
        assert_eq!(status.code(), Some(78), "{}", gateway.log());
        assert!(gateway.log().contains(said), "{said:?} in {}", gateway.log());
        assert!(!site.folder().join("state/ready.json").exists());
    }
}

#[test]
fn an_address_that_is_not_ours_does_not_start() {
    let mut site = Site::new([]);
    site.config()["http_server"]["host"] = json!("192.0.2.1");
    let mut gateway = site.gateway();
    let status = gateway.ended();
    assert_ne!(status.code(), Some(0));
    assert!(gateway.log().contains("192.0.2.1"), "{}", gateway.log());
}

#[test]
fn a_taken_port_of_the_gateway_is_said_and_the_next_is_used() {
    let site = Site::new([]);
    let taken = TcpListener::bind(("127.0.0.1", site.gateway_port)).unwrap();
    let gateway = site.gateway();
    gateway.logs("The port of the local HTTP server is taken.");
    let ready = support::wait_until("ready.json", || {
        let text = fs::read_to_string(site.folder().join("state/ready.json")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    });
    let used: u16 = ready["http"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    assert!(used > site.gateway_port && used <= site.gateway_port + 10, "{ready}");
    drop(taken);
}

#[test]
fn wrong_usage_ends_with_2_and_names_what_is_wrong() {
    let setting = Setting::new();
    for (arguments, said) in [
        (&["run", "--conifg", "x"][..], "--conifg"),
        (&["fly"], "fly"),
        (&["platform", "--port", "99999"], "99999"),
        (&["agents", "--count", "-1"], "-1"),
        (&["agents", "--name", "a", "--count", "2"], "--count"),
        (&["agents", "--gateway-user", "u"], "--gateway-password"),
        (&["agents", "--keepalive-ms", "0"], "0"),
    ] {
        let (code, text) = setting.run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(said) && text.contains("--help"), "{arguments:?}: {text}");
    }
}

#[test]
fn a_misspelt_option_is_told_the_right_one() {
    let (_, text) = Setting::new().run(&["platform", "--prot", "1"]);
    assert!(text.contains("--port"), "{text}");
}

#[test]
fn help_and_version_are_no_errors() {
    let setting = Setting::new();
    for arguments in [&["--help"][..], &["run", "--help"], &["demo", "--help"], &["--version"]] {
        assert_eq!(setting.run(arguments).0, 0, "{arguments:?}");
    }
}

#[test]
fn a_broken_model_ends_with_78_and_points_at_its_place() {
    let setting = Setting::new();
    let cases = [
        ("{\n  \"things\": [ { \"name\": \"A\" \n", &["line 3", "3:"][..]),
        ("{\n  \"things\": [\n    { \"name\": \"A\", \"colour\": \"red\" }\n  ]\n}", &["line 3", "3:"]),
        ("{\n  \"things\": [\n    { \"name\": \"A\" },\n    { \"name\": \"A\" }\n  ]\n}", &["line 4", "4:"]),
        (
            "{\n  \"things\": [\n    { \"name\": \"A\", \"properties\": [ { \"name\": \"p\", \"baseType\": \"FLOAT\" } ] }\n  ]\n}",
            &["line 3", "3:"],
        ),
        ("", &["line 1", "1:"]),
    ];
    for (text, places) in cases {
        let model = setting.file("model.json", text);
        let (code, said) = setting.run(&["platform", "--port", "0", "--model", &model]);
        assert_eq!(code, 78, "{text}: {said}");
        assert!(said.contains("model.json"), "{text}: {said}");
        assert!(places.iter().any(|place| said.contains(place)), "line in {said:?} for {text}");
        assert!(said.contains("column") || said.matches(':').count() >= 3, "column in {said:?} for {text}");
    }
    let (code, said) = setting.run(&["platform", "--port", "0", "--model", "/nowhere/model.json"]);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("/nowhere/model.json"), "{said}");
}

#[test]
fn a_taken_port_of_the_platform_ends_with_1_and_a_sentence() {
    let setting = Setting::new();
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (code, text) = setting.run(&["platform", "--port", &port.to_string(), "--app-key", "k"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("edgebind platform: ") && text.contains(&port.to_string()), "{text}");
    drop(taken);
}

#[test]
fn a_state_directory_that_cannot_be_made_ends_with_1_and_a_sentence() {
    let site = Site::new([]);
    let config = site.file("config.json", &json!({
        "ws_servers": [{ "host": "localhost", "port": site.platform_port }], "appKey": "k",
        "http_server": { "host": "localhost", "port": site.gateway_port, "ssl": false, "authenticate": false },
        "ws_connection": { "encryption": "none" }
    }).to_string());
    let file = site.file("occupied", "");
    let state = Path::new(&file).join("state").display().to_string();
    let mut gateway = Process::start(site.folder(), &["run", "-cfg", &config, "--state-dir", &state], &[]);
    assert_eq!(gateway.ended().code(), Some(1), "{}", gateway.log());
    assert!(gateway.log().contains("state directory"), "{}", gateway.log());
}

/// A mistake in a configuration that is right otherwise.
type Change = fn(&mut Value);

/// A folder for files, and the program run in it to its end.
struct Setting(TempDir);

impl Setting {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Exit code and standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut process = Process::start(self.0.path(), arguments, &[]);
        let status = process.ended();
        (status.code().unwrap_or(-1), process.log())
    }
}

#[cfg(unix)]
#[test]
fn under_the_original_s_name_it_takes_the_original_s_arguments() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let link = folder.path().join("wsems");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_edgebind"), &link).expect("a link");
    let called = |arguments: &[&str]| {
        let output = std::process::Command::new(&link).args(arguments).current_dir(folder.path()).output();
        let output = output.expect("it ends");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), said(&output.stdout), said(&output.stderr))
    };
    let (code, said, _) = called(&["-version"]);
    assert!(code == Some(0) && said.starts_with("Version 5.4.0.114\n"), "{said}");
    let (code, said, complaint) = called(&["-h"]);
    assert!(code == Some(1) && said.contains("-cfg FILE") && complaint.contains("-h"), "{said} {complaint}");
    let (code, _, complaint) = called(&["-cfg", "nowhere.json", "-service"]);
    assert!(code == Some(78) && complaint.contains("nowhere.json"), "{complaint}");
}
