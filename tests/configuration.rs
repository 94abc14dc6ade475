//! The configuration from outside: `check`, `encrypt`, and what `run` does with a file that cannot be read.
#![cfg(all(unix, feature = "dev"))]
#![allow(clippy::unwrap_used, reason = "what is missing fails the test, as it should")]

#[path = "support/all.rs"]
mod support;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;

use support::{Process, Site, edgebind, wait_until};

const GOOD: &str = r#"{
  "ws_servers": [{"host": "127.0.0.1", "port": 1}],
  "appKey": "very-secret",
  "http_server": {"host": "127.0.0.1", "port": 0, "ssl": false, "authenticate": false},
  "ws_connection": {"encryption": "none"},
  "offline_msg_store": {"enabled": false},
  "auto_bind": [{"name": "EdgeGateway", "gateway": true}, {"name": "Pump"}]
}"#;

#[test]
fn a_good_file_is_explained_and_its_secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "config.json", GOOD);
    let output = call(&["check", &file, "--state-dir", "/state"], "");
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "bound as the gateway itself",
        "http://localhost:8001/",
        "every program of this machine",
        "in /state,",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.ends_with("config.json: the gateway starts with it; 0 errors, 0 warnings.\n"), "{text}");
    let json = call(&["check", &file, "--json", "--strict"], "");
    assert_eq!(json.status.code(), Some(0));
    let json = stdout(&json);
    assert!(!json.contains("very-secret") && !text.contains("very-secret"));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["files"][0]["starts"], true);
    assert_eq!(json["files"][0]["explanation"]["things"][0]["role"], "gateway");
}

#[test]
fn the_exit_code_says_whether_the_gateway_starts() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.json", GOOD);
    let odd = write(folder.path(), "odd.json", &GOOD.replacen('{', "{ \"auto-bind\": [],", 1));
    let wrong = write(folder.path(), "wrong.json", &GOOD.replace("\"port\": 0", "\"port\": 70000"));
    let trust = "{ \"certificates\": { \"cert_chain\": \"/no/such.pem\" },";
    let tls = write(folder.path(), "tls.json", &GOOD.replace("none", "ssl").replacen('{', trust, 1));
    let code = |arguments: &[&str]| {
        let output = call(&[&["check"], arguments].concat(), "");
        (output.status.code(), stdout(&output))
    };
    assert_eq!(code(&[&good, &good]).0, Some(0));
    let (odd_code, text) = code(&[&good, &odd]);
    assert_eq!(odd_code, Some(0));
    assert!(text.contains("odd.json:1:3") && text.contains("the nearest known key is `auto_bind`"), "{text}");
    assert_eq!(code(&["--strict", &good, &odd]).0, Some(1));
    let (wrong_code, text) = code(&[&wrong]);
    assert_eq!(wrong_code, Some(78));
    assert!(text.contains("error[out-of-range]: `http_server.port`") && text.contains("^^^^^"), "{text}");
    let (tls_code, text) = code(&[&tls]);
    assert_eq!(tls_code, Some(78), "`run` would not start either");
    assert!(text.contains("`certificates.cert_chain`: /no/such.pem"), "{text}");
    let run = call(&["run", "-cfg", &tls, "--state-dir", &folder.path().display().to_string()], "");
    assert_eq!(run.status.code(), Some(78));
    assert_eq!(
        code(&["--migrate", &folder.path().display().to_string(), &good]).0,
        Some(2),
        "one or the other"
    );
}

#[test]
fn an_installation_of_the_original_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    write(folder.path(), "etc/config.json", GOOD);
    write(folder.path(), "etc/config.lua", "scripts.rap_port = 8000\n");
    let root = folder.path().display().to_string();
    let fine = call(&["check", "--migrate", &root], "");
    assert_eq!(fine.status.code(), Some(0), "{}", stdout(&fine));
    write(folder.path(), "etc/config.json", &GOOD.replace("very-secret", "AES:AAAAAAAAAAAAAAAAAAAAAA=="));
    let must = call(&["check", "--migrate", &root, "--json"], "");
    assert_eq!(must.status.code(), Some(78));
    let json: Value = serde_json::from_str(&stdout(&must)).unwrap();
    assert_eq!(json["migration"]["differences"][0]["subject"], "appKey");
    assert_eq!(call(&["check", "--migrate", "/nowhere/at/all"], "").status.code(), Some(1));
}

#[test]
fn a_sealed_secret_opens_here_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    let (here, there) = (here.display().to_string(), there.display().to_string());
    let sealed = call(&["encrypt", "--state-dir", &here], "very-secret\n");
    assert_eq!(sealed.status.code(), Some(0));
    let value = stdout(&sealed);
    assert!(value.starts_with("EB1:") && value.lines().count() == 1, "{value}");
    let said = String::from_utf8_lossy(&sealed.stderr).into_owned();
    assert!(
        said.contains("install.key") && !said.contains("very-secret") && !said.contains("history"),
        "{said}"
    );
    let file = write(folder.path(), "config.json", &GOOD.replace("very-secret", value.trim()));
    assert_eq!(call(&["check", &file, "--state-dir", &here], "").status.code(), Some(0));
    let refused = call(&["check", &file, "--state-dir", &there], "");
    assert_eq!(refused.status.code(), Some(78));
    assert!(stdout(&refused).contains("there is no key"), "{}", stdout(&refused));

    let argued = call(&["encrypt", "other-secret", "--state-dir", &here], "");
    assert!(String::from_utf8_lossy(&argued.stderr).contains("history"));
    assert_eq!(call(&["encrypt", "--state-dir", &here], "\n").status.code(), Some(2), "nothing to seal");
}

#[test]
fn a_file_that_breaks_is_replaced_by_the_last_good_one() {
    let site = Site::new([]);
    let (_platform, mut gateway) = site.running();
    let path = |name: &str| site.folder().join(name);
    let (file, booted, own) = (path("config.json"), path("config.json.booted"), path("state/last-good.json"));
    let copies = || Some((fs::read(&booted).ok()?, fs::read(&own).ok()?));
    let (copy, _) = wait_until("both copies of the configuration", copies);
    assert_eq!(copy, fs::read(&file).unwrap(), "byte for byte");
    assert!(gateway.terminate().success());

    fs::write(&file, "{ \"ws_servers\": [").unwrap();
    let mut degraded = start(&site);
    site.ready(&degraded);
    site.local().online(true);
    let ready: Value = serde_json::from_str(&fs::read_to_string(path("state/ready.json")).unwrap()).unwrap();
    assert!(ready["degraded"][0].as_str().unwrap().contains("last good configuration"), "{ready}");
    assert!(degraded.terminate().success());
    assert_eq!(fs::read_to_string(&file).unwrap(), "{ \"ws_servers\": [", "the file is left as it is");
    assert_eq!(fs::read(&booted).unwrap(), copy, "and so is the copy");

    fs::remove_file(&booted).unwrap();
    let mut degraded = start(&site);
    site.ready(&degraded);
    site.local().online(true);
    assert!(degraded.terminate().success(), "the copy in the state directory serves as well");

    fs::remove_file(&own).unwrap();
    assert_eq!(start(&site).ended().code(), Some(78), "without a copy there is nothing to run");
}

/// Starts the gateway with the file as it is.
fn start(site: &Site) -> Process {
    let path = |name: &str| site.folder().join(name).display().to_string();
    let arguments = ["run", "-cfg", &path("config.json"), "--state-dir", &path("state")];
    Process::start(site.folder(), &arguments, &[])
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Runs the program to its end with a text on its standard input.
fn call(arguments: &[&str], input: &str) -> Output {
    let mut child = edgebind()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read ends the pipe early.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
