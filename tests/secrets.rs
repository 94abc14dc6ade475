//! Secrets go in by every way there is, and come out nowhere: not in logs, answers, status, metrics, errors, files.
#![cfg(all(unix, feature = "dev"))]
#![allow(clippy::indexing_slicing, reason = "what is missing fails the test, as it should")]

#[path = "support/all.rs"]
mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use support::{Process, Request, Site, edgebind, remote_thing, wait_until};

/// The words that must not be seen, each by where it goes in.
struct Secrets {
    app_key: String,
    user_password: &'static str,
    auto_bind_password: &'static str,
    registration_password: &'static str,
    wrong_password: &'static str,
    header_key: &'static str,
    collector_header: &'static str,
    passphrase: &'static str,
    typed: &'static str,
}

impl Secrets {
    fn all(&self) -> Vec<(&'static str, String)> {
        let basic = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
        vec![
            ("the application key", self.app_key.clone()),
            ("http_server.password", self.user_password.to_owned()),
            ("http_server.password in base64", basic("admin", self.user_password)),
            ("auto_bind[].password", self.auto_bind_password.to_owned()),
            ("auto_bind[].password in base64", basic("device", self.auto_bind_password)),
            ("the password of a registration", self.registration_password.to_owned()),
            ("the password of a registration in base64", basic("agent", self.registration_password)),
            ("a wrong password", self.wrong_password.to_owned()),
            ("a wrong password in base64", basic("admin", self.wrong_password)),
            ("a key in a header of a caller", self.header_key.to_owned()),
            ("a header for the collector", self.collector_header.to_owned()),
            ("a passphrase", self.passphrase.to_owned()),
            ("what was typed for encrypt", self.typed.to_owned()),
        ]
    }

    /// Fails if one of them stands in `text`.
    fn are_not_in(&self, place: &str, text: &[u8]) {
        for (what, secret) in self.all() {
            let found = text.windows(secret.len()).position(|part| part == secret.as_bytes());
            if let Some(at) = found {
                let begin = at.saturating_sub(200);
                let around = String::from_utf8_lossy(&text[begin..at]).into_owned();
                panic!("{what} stands in {place}, behind: {around}");
            }
        }
    }
}

/// Every file below a folder, without the user's own configuration files.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder of the test") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).expect("a file of the test")));
        }
    }
}

#[test]
fn what_is_secret_comes_out_nowhere() {
    let mut site = Site::new([remote_thing("Pump"), remote_thing("Fan")]);
    let secrets = Secrets {
        app_key: site.key.clone(),
        user_password: "hunter2-of-the-front",
        auto_bind_password: "hunter2-of-the-device",
        registration_password: "hunter2-of-the-agent",
        wrong_password: "hunter2-mistyped",
        header_key: "hunter2-in-a-header",
        collector_header: "hunter2-for-the-collector",
        passphrase: "hunter2-of-a-key",
        typed: "hunter2-to-be-sealed",
    };
    let logs = site.folder().join("published").display().to_string();
    let config = site.config();
    // From the environment; the file says nothing.
    config.as_object_mut().expect("a table").remove("appKey");
    config["logger"] = json!({ "level": "TRACE", "publish_directory": logs, "publish_level": "TRACE" });
    config["http_server"]["authenticate"] = json!(true);
    config["http_server"]["user"] = json!("admin");
    config["http_server"]["password"] = json!(secrets.user_password);
    config["certificates"]["key_passphrase"] = json!(secrets.passphrase);
    config["observability"] = json!({
        "otlp_endpoint": "http://127.0.0.1:9/", "otlp_headers": { "authorization": secrets.collector_header }
    });
    config["auto_bind"].as_array_mut().expect("a list").push(json!({
        "name": "Pump", "host": "127.0.0.1", "port": 1, "user": "device", "password": secrets.auto_bind_password
    }));
    config["edgebind"] = json!({ "admin_port": 0 });
    let key = [("EDGEBIND_APPKEY", secrets.app_key.as_str())];
    let platform = site.platform();
    site.serves(&platform);
    let gateway = site.gateway_in(&key);
    site.ready(&gateway);
    site.rest().connected("Pump", true);

    let mut said: Vec<(String, Vec<u8>)> = Vec::new();
    for request in requests(&secrets) {
        let answer = site.local().send(&request);
        said.push((format!("the answer to {request:?}"), format!("{answer:?}").into_bytes()));
    }
    site.rest().connected("Fan", true);
    // The gateway calls the agents with their passwords; nobody listens.
    for thing in ["Pump", "Fan"] {
        let answer = site.rest().get(&format!("{thing}/Properties/temperature"));
        said.push((format!("the platform's read of {thing}"), format!("{answer:?}").into_bytes()));
    }
    commands(&site, &secrets, &key, &mut said);
    metrics_and_status(&site, &mut said);
    stop(gateway, &mut said);
    drop(platform);

    let mut kept = Vec::new();
    files(site.folder(), &mut kept);
    // The user's file and its copies for the day it is broken (ADR 5), closed to others, and what the platform says.
    let copy = |path: &str| path.contains("config.json") || path.ends_with("last-good.json");
    for (path, _) in kept.iter().filter(|(path, _)| path.ends_with("last-good.json")) {
        assert_eq!(
            fs::metadata(path).expect("a file").permissions().mode() & 0o077,
            0,
            "{path} is closed to others"
        );
    }
    let own = |path: &str| !copy(path) && !path.contains("platform-");
    assert!(kept.iter().any(|(path, _)| path.contains("published")), "log files are among what is searched");
    assert!(kept.iter().any(|(path, _)| path.contains("state/")), "so is the state directory");
    said.extend(kept.into_iter().filter(|(path, _)| own(path)));
    for (place, text) in &said {
        secrets.are_not_in(place, text);
    }
}

/// Requests of local callers, good and bad ones.
fn requests(secrets: &Secrets) -> Vec<Request> {
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("admin:{password}")));
    let (right, wrong) = (basic(secrets.user_password), basic(secrets.wrong_password));
    let things = "/Thingworx/Things";
    let ours = format!("{things}/LocalEms/Services");
    let with =
        |request: Request| request.header("Authorization", &right).header("appKey", secrets.header_key);
    let registration = json!({
        "name": "Fan", "host": "127.0.0.1", "port": 2, "path": "/scripts/Thingworx", "keepalive": 60000,
        "user": "agent", "password": secrets.registration_password
    });
    let broken = format!("{{\"name\": \"Fan\", \"password\": \"{}\", ", secrets.registration_password);
    let wrong_kind = json!({ "name": "Fan", "port": "no port", "password": secrets.registration_password });
    let mut requests = vec![
        Request::get(&format!("{things}/Pump/Properties/temperature")).header("Authorization", &wrong),
        with(Request::new("POST", &format!("{ours}/AddEdgeThing")).json(&registration)),
        with(Request::new("POST", &format!("{ours}/AddEdgeThing")).json(&wrong_kind)),
        with(
            Request::new("POST", &format!("{ours}/AddEdgeThing"))
                .header("Content-Type", "application/json")
                .body(broken),
        ),
        with(Request::get(&format!("{things}/Pump/Properties/temperature"))),
        with(Request::get("/nowhere")),
    ];
    for service in ["GetConfiguration", "GetEdgeThings", "GetLogData", "GetMetadata"] {
        requests
            .push(with(Request::new("POST", &format!("{ours}/{service}")).json(&json!({ "maxItems": 512 }))));
    }
    requests
}

/// Everything that the commands print about this installation.
fn commands(site: &Site, secrets: &Secrets, key: &[(&str, &str)], said: &mut Vec<(String, Vec<u8>)>) {
    let state = site.folder().join("state").display().to_string();
    let file = site.config_file();
    let which = ["-cfg", file.as_str(), "--state-dir", state.as_str()];
    for command in ["status", "things", "spool", "doctor", "reload"] {
        let arguments: &[&str] = if command == "spool" { &["ls"] } else { &[] };
        for json in [&["--json"][..], &[]] {
            let output = edgebind()
                .arg(command)
                .args(arguments)
                .args(which)
                .args(json)
                .envs(key.iter().copied())
                .output()
                .expect("the command ends");
            assert_ne!(output.status.code(), Some(2), "{command} is used right: {output:?}");
            said.push((format!("edgebind {command} {json:?}"), [output.stdout, output.stderr].concat()));
        }
    }
    // A file that is wrong right beside its secrets.
    let broken = fs::read_to_string(&file).expect("the file").replace("\"user\":\"admin\"", "\"user\":17,,");
    let broken = site.file("broken.json.txt", &broken);
    for file in [&file, &broken] {
        for json in [&["--json"][..], &[]] {
            let output = edgebind().args(["check", file]).args(json).output().expect("the command ends");
            said.push((format!("edgebind check {file}"), [output.stdout, output.stderr].concat()));
        }
    }
    fs::remove_file(&broken).expect("a file of the test");
    let mut sealed = edgebind();
    sealed.args(["encrypt", "--state-dir", &state, secrets.typed]);
    let sealed = sealed.output().expect("the command ends");
    assert!(sealed.stdout.starts_with(b"EB1:"), "{sealed:?}");
    said.push(("edgebind encrypt".to_owned(), [sealed.stdout, sealed.stderr].concat()));
}

/// The admin listener, with its token.
fn metrics_and_status(site: &Site, said: &mut Vec<(String, Vec<u8>)>) {
    let ready = fs::read_to_string(site.folder().join("state/ready.json")).expect("the gateway is ready");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    let address = ready["admin"].as_str().expect("there is an admin listener").to_owned();
    let token = fs::read_to_string(site.folder().join("state/admin.token")).expect("its token");
    for path in ["status", "things", "tree", "things/Pump", "things/Fan", "spool", "metrics"] {
        let request = Request::get(&format!("/edgebind/v1/{path}"))
            .header("Authorization", &format!("Bearer {}", token.trim()));
        let answer = request.send(&address).expect("the admin listener answers");
        assert_ne!(answer.status, 401, "the token opens {path}");
        said.push((format!("/edgebind/v1/{path}"), format!("{answer:?}").into_bytes()));
    }
}

fn stop(mut gateway: Process, said: &mut Vec<(String, Vec<u8>)>) {
    assert!(gateway.terminate().success());
    let log = wait_until("the end of the log", || {
        let log = gateway.log();
        log.contains("Stopping in order").then_some(log)
    });
    assert!(log.contains("TRACE"), "everything is logged");
    said.push(("the log".to_owned(), log.into_bytes()));
    said.push(("standard output".to_owned(), gateway.output().into_bytes()));
}
