//! The gateway's own services and its guards against callers who err or mean harm: every answer has the right status and
//! a sentence, nothing panics, and the neighbours are served as before.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use serde_json::{Value, json};
use support::{Answer, Process, Request, SOON, Site, remote_thing, result, wait_for};

#[test]
fn inputs_come_as_plain_json_and_as_an_infotable() {
    let house = House::new(|_| {});
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    for form in [plain, table] {
        let call = |service: &str, inputs: Value| house.call(service, &form(&inputs));
        let added = call(
            "AddEdgeThing",
            json!({ "name": "T1", "host": "127.0.0.1", "port": port, "keepalive": 60000 }),
        );
        assert_eq!((added.status, added.text().as_str()), (200, ""));
        assert_eq!(result(&call("HasEdgeThing", json!({ "name": "T1" }))), true);
        assert_eq!(result(&call("HasEdgeThing", json!({ "name": "t1" }))), true, "names have no case here");
        assert_eq!(call("TestPort", json!({ "host": "127.0.0.1", "port": port })).status, 200);
        let removed = call("RemoveEdgeThing", json!({ "name": "T1" }));
        assert_eq!((removed.status, removed.text().as_str()), (200, ""));
        assert_eq!(result(&call("HasEdgeThing", json!({ "name": "T1" }))), false);
        assert_eq!(
            call("StartFileLogging", json!({ "level": "debug", "directory": house.path("log") })).status,
            200
        );
        let log = house.site.folder().join("log/wsems_log1.log");
        wait_for(
            "lines in the log file",
            || fs::read_to_string(&log).unwrap_or_default(),
            |text| text.contains("[INFO ]"),
        );
        assert_eq!(call("StopFileLogging", json!({ "delete": true })).status, 200);
        assert!(!log.exists());
        let lines = call("GetLogData", json!({ "maxItems": 3 })).json();
        assert_eq!(lines["rows"].as_array().map(Vec::len), Some(3), "{lines}");
        assert!(lines["rows"][0]["content"].is_string() && lines["rows"][0]["timestamp"].is_number());
        assert_eq!(call("GetLogData", json!({ "startDate": 0, "endDate": 1 })).json()["rows"], json!([]));
        assert_eq!(call("GetMicroserverVersion", json!({})).status, 200);
    }
    house.stands();
}

#[test]
fn wrong_inputs_of_the_gateways_services_are_refused_with_a_sentence() {
    let house = House::new(|_| {});
    let service = |name: &str, body: &str| {
        Request::new("POST", &format!("/Thingworx/Things/LocalEms/Services/{name}"))
            .header("Content-Type", "application/json")
            .body(body)
    };
    let before = house.file();
    let mut cases = vec![
        (400, "TestPort", json!({ "host": "", "port": 1 })),
        (400, "TestPort", json!({ "host": "127.0.0.1" })),
        (400, "TestPort", json!({ "host": "127.0.0.1", "port": 0 })),
        (400, "TestPort", json!({ "host": "127.0.0.1", "port": 65536 })),
        (400, "TestPort", json!({ "host": "127.0.0.1", "port": "http" })),
        (400, "TestPort", json!({ "host": ["127.0.0.1"], "port": 80 })),
        (504, "TestPort", json!({ "host": "no.such.host.invalid", "port": 80 })),
        (504, "TestPort", json!({ "host": "a b\r\nc", "port": 80 })),
        (504, "TestPort", json!({ "host": "no.such.host.invalid", "port": 80, "useSSL": true })),
        (400, "GetLogData", json!({ "maxItems": "many" })),
        (400, "GetLogData", json!({ "startDate": "yesterday" })),
        (400, "StartFileLogging", json!({ "level": "LOUD" })),
        (500, "StartFileLogging", json!({ "directory": "/proc/nowhere/log" })),
        (500, "StartFileLogging", json!({ "directory": "a\u{0}b" })),
        (400, "UpdateConfiguration", json!({})),
        (400, "UpdateConfiguration", json!({ "config": 5 })),
        (400, "UpdateConfiguration", json!({ "config": "{\"logger\":{}}" })),
        (400, "UpdateConfiguration", json!({ "config": [] })),
        (400, "UpdateConfiguration", json!({ "config": null })),
        (400, "UpdateConfiguration", json!({ "config": { "http_server": 7 } })),
        (400, "UpdateConfiguration", json!({ "config": { "http_server": { "port": 70000 } } })),
        (400, "UpdateConfiguration", json!({ "config": { "ws_servers": [] } })),
        (400, "ReplaceConfiguration", json!({ "config": {} })),
        (400, "ReplaceConfiguration", json!({ "config": { "a": 1 } })),
        (400, "ReplaceConfiguration", json!({ "config": "text" })),
        (402, "Restart", json!({})),
        (400, "AddEdgeThing", json!({ "persist": true })),
    ];
    for name in [
        "HasEdgeThing",
        "RemoveEdgeThing",
        "AddEdgeThing",
        "TestPort",
        "UpdateConfiguration",
        "ReplaceConfiguration",
    ] {
        for odd in [json!(5), json!("x"), json!([1]), json!({ "rows": [{}] }), json!({ "name": {} })] {
            cases.push((400, name, odd));
        }
    }
    for (status, name, body) in cases {
        house.refuses(status, &service(name, &body.to_string()));
    }
    for name in ["AddEdgeThing", "HasEdgeThing", "GetLogData", "TestPort", "UpdateConfiguration"] {
        house.refuses(400, &Request::new("POST", &format!("/Thingworx/Things/LocalEms/Services/{name}")));
        house.refuses(
            400,
            &service(
                name,
                r#"{"rows":[{"a":1}],"dataShape":{"fieldDefinitions":{"a":{"baseType":"SOMETHING"}}}} }"#
                    .trim_end_matches(" }"),
            ),
        );
        house.refuses(400, &service(name, "{\"name\":\"\\ud800\"}"));
        house.refuses(400, &service(name, &format!("{}{}", "{\"a\":".repeat(5_000), "1")));
    }
    house.refuses(404, &service("GetMetadata", "{}"));
    house.refuses(404, &service("Shutdown", "{}"));
    assert_eq!(house.file(), before, "no refusal touched the file");
    house.stands();
}

#[test]
fn a_port_that_nobody_can_dial_is_answered_as_by_the_original_and_registers_nothing() {
    let house = House::new(|_| {});
    for port in [json!(0), json!(-1), json!(70_000), json!("http"), json!(1e300), json!({})] {
        let answer = house.call("AddEdgeThing", &json!({ "name": "X", "port": port }));
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{port}");
        assert_eq!(result(&house.call("HasEdgeThing", &json!({ "name": "X" }))), false, "{port}");
    }
    assert!(house.processes[1].log().contains("it must be a port from 1 to 65535"), "the log tells it");
    house.stands();
}

#[test]
fn configuration_is_shown_without_secrets_and_changed_as_a_whole_or_not_at_all() {
    let house = House::new(|_| {});
    let shown = house.call("GetConfiguration", &json!({})).cell("result");
    assert_eq!(shown["auto_bind"][0]["name"], "EdgeGateway");
    assert!(shown["appKey"].is_string() && !shown.to_string().contains(&house.site.key), "{shown}");

    let change = json!({ "config": { "logger": { "level": "DEBUG" }, "extra": { "x": 1 } } });
    assert_eq!(house.call("UpdateConfiguration", &change).status, 200);
    let file = house.file();
    assert_eq!((&file["logger"]["level"], &file["extra"]["x"]), (&json!("DEBUG"), &json!(1)));
    assert_eq!(file["appKey"], house.site.key.as_str());
    assert!(house.site.folder().join("config.json.bak").exists());
    assert_eq!(house.call("GetConfiguration", &json!({})).cell("result")["logger"]["level"], "DEBUG");

    // What was shown can be given back: the asterisks mean the secret that is there.
    let mut whole = house.call("GetConfiguration", &json!({})).cell("result");
    whole["logger"]["level"] = json!("WARN");
    assert_eq!(house.call("ReplaceConfiguration", &json!({ "config": whole })).status, 200);
    let file = house.file();
    assert_eq!((&file["logger"]["level"], &file["appKey"]), (&json!("WARN"), &json!(house.site.key)));
    house.stands();
}

#[test]
fn persisted_things_stand_in_the_file_until_they_are_removed() {
    let house = House::new(|_| {});
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    let thing = json!({ "name": "Kept", "host": "127.0.0.1", "port": port.to_string(), "persist": true,
        "gateway": true, "color": "red" });
    assert_eq!(house.call("AddEdgeThing", &thing).status, 200);
    let passing = json!({ "name": "Passing", "host": "127.0.0.1", "port": port });
    assert_eq!(house.call("AddEdgeThing", &passing).status, 200);
    let entries = house.file()["auto_bind"].clone();
    assert_eq!(entries[1], json!({ "name": "Kept", "host": "127.0.0.1", "port": port }));
    assert_eq!(entries.as_array().map(Vec::len), Some(2), "{entries}");
    assert_eq!(house.call("RemoveEdgeThing", &json!({ "name": "KEPT" })).status, 200);
    assert_eq!(house.file()["auto_bind"].as_array().map(Vec::len), Some(1));
    house.stands();
}

#[test]
fn a_configuration_file_that_cannot_be_changed_is_said_and_harms_nothing() {
    let house = House::new(|_| {});
    fs::write(house.site.folder().join("config.json"), "{ broken").unwrap();
    let kept = json!({ "name": "Kept", "host": "127.0.0.1", "port": 1, "persist": true });
    for (service, body) in [
        ("AddEdgeThing", kept),
        ("UpdateConfiguration", json!({ "config": { "logger": {} } })),
        ("GetConfiguration", json!({})),
    ] {
        let answer = house.call(service, &body);
        assert!([400, 500].contains(&answer.status) && answer.is_sentence(), "{service}: {}", answer.text());
    }
    assert_eq!(fs::read_to_string(house.site.folder().join("config.json")).unwrap(), "{ broken");
    house.stands();
}

#[test]
fn a_restart_keeps_what_was_registered_and_takes_the_changed_configuration() {
    let house = House::new(|config| config["edgebind"] = json!({ "allow_remote_admin": true }));
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    let thing = |name: &str| json!({ "name": name, "host": "127.0.0.1", "port": port });
    assert_eq!(house.call("AddEdgeThing", &thing("Dynamic")).status, 200);
    let mut entries = house.file()["auto_bind"].clone();
    entries.as_array_mut().unwrap().push(thing("Fixed"));
    assert_eq!(house.call("UpdateConfiguration", &json!({ "config": { "auto_bind": entries } })).status, 200);
    assert_eq!(
        result(&house.call("HasEdgeThing", &json!({ "name": "Fixed" }))),
        false,
        "not before the restart"
    );
    assert_eq!(house.call("Restart", &json!({})).status, 200);
    wait_for("the configured thing", || house.try_has("Fixed"), |known| *known == Some(true));
    wait_for("the registered thing", || house.try_has("Dynamic"), |known| *known == Some(true));
    house.site.local().online(true);
    house.site.rest().connected("Pump", true);
    house.stands();

    // A file that nobody could start with is no reason to end what runs.
    fs::write(house.site.folder().join("config.json"), "{ broken").unwrap();
    assert_eq!(house.call("Restart", &json!({})).status, 200);
    wait_for(
        "the second start",
        || house.processes[1].log(),
        |log| log.contains("starts anew with the one it had"),
    );
    wait_for("the configured thing", || house.try_has("Fixed"), |known| *known == Some(true));
    house.site.local().online(true);
    house.site.rest().connected("Pump", true);
    house.stands();
}

#[test]
fn more_connections_than_max_clients_admits_are_told_so_at_once() {
    let house = House::new(|config| config["http_server"]["max_clients"] = json!(3));
    let address = &house.site.local().address;
    let ask = "GET /Thingworx/Things/LocalEms/Properties/isConnected HTTP/1.1\r\nHost: x\r\n\r\n";
    let status = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(ask.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).map(|()| String::from_utf8_lossy(&head).into_owned()).unwrap_or_default()
    };
    // The agent may hold one of the six for a moment.
    let mut open: Vec<TcpStream> = Vec::new();
    let mut refused = wait_for(
        "a refused connection",
        || {
            let mut stream = TcpStream::connect(address).unwrap();
            let status = status(&mut stream);
            if status == "HTTP/1.1 200" {
                open.push(stream);
                return None;
            }
            Some((status, stream))
        },
        Option::is_some,
    )
    .unwrap();
    assert_eq!(refused.0, "HTTP/1.1 503");
    assert!((5..=6).contains(&open.len()), "{} were served", open.len());
    let mut rest = String::new();
    refused.1.read_to_string(&mut rest).expect("the refused connection is closed");
    assert!(
        rest.to_ascii_lowercase().contains("connection: close") && rest.contains("max_clients"),
        "{rest}"
    );
    // Those that are served are served still, and a free place is taken again.
    assert_eq!(status(&mut TcpStream::connect(address).unwrap()), "HTTP/1.1 503");
    drop(open);
    wait_for(
        "a free place",
        || status(&mut TcpStream::connect(address).unwrap()),
        |status| status == "HTTP/1.1 200",
    );
    house.stands();
}

#[test]
fn tokens_against_forged_requests_are_given_and_demanded() {
    let mut site = Site::new([remote_thing("Pump")]);
    site.config()["http_server"]["enable_csrf_tokens"] = json!(true);
    let _platform = site.platform();
    let gateway = site.gateway();
    site.ready(&gateway);
    let path = "/Thingworx/Things/LocalEms/Services/GetMicroserverVersion";
    let ask = |token: Option<&str>| {
        let request = Request::new("POST", path).json(&json!({}));
        site.local().send(&token.map_or(request.clone(), |token| request.header("X-CSRF-Token", token)))
    };
    let refused = ask(None);
    assert_eq!(refused.status, 401);
    assert!(refused.is_sentence());
    let token = refused.header("x-csrf-token").expect("the token for the next request").to_owned();
    assert_eq!(token.len(), 32);
    for wrong in ["", "0", "00000000000000000000000000000000", &token[1..]] {
        assert_eq!(ask(Some(wrong)).status, 401, "{wrong:?}");
    }
    let answer = ask(Some(&token));
    assert_eq!((answer.status, result(&answer)), (200, json!("5.4.0.114")));
    assert_eq!(
        answer.header("x-csrf-token"),
        Some(token.as_str()),
        "it changes with time, not with each request"
    );
}

#[test]
fn wrong_passwords_lock_nobody_out_who_shares_the_address() {
    let mut site = Site::new([remote_thing("Pump")]);
    let server = &mut site.config()["http_server"];
    server["authenticate"] = json!(true);
    server["user"] = json!("agents");
    server["password"] = json!("secret");
    server["enable_csrf_tokens"] = json!(true);
    let _platform = site.platform();
    let gateway = site.gateway();
    site.ready(&gateway);
    let path = "/Thingworx/Things/LocalEms/Properties/isConnected";
    let with = |credentials: &str| Request::get(path).header("Authorization", credentials);
    for _ in 0..11 {
        let refused = site.local().send(&with("Basic YWdlbnRzOndyb25n"));
        assert_eq!(refused.status, 401);
        assert_eq!(refused.header("x-csrf-token"), None, "who did not pass learns no token");
    }
    // agents:secret
    let right = with("Basic YWdlbnRzOnNlY3JldA==");
    let first = site.local().send(&right);
    let token = first.header("x-csrf-token").expect("a token for who knows the password").to_owned();
    assert_eq!(site.local().send(&right.header("x-csrf-token", &token)).status, 200);
}

#[test]
fn a_head_request_and_pipelined_ones_leave_the_connection_in_order() {
    let house = House::new(|_| {});
    let path = "/Thingworx/Things/LocalEms/Properties/isConnected";
    let mut stream = TcpStream::connect(&house.site.local().address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let requests = format!(
        "HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\nGET {path} HTTP/1.1\r\nHost: x\r\n\r\n\
         GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(requests.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["400", "200", "200"], "{answers}");
    house.stands();
}

#[test]
fn bodies_above_a_megabyte_are_taken_a_few_at_a_time_and_all_are_answered() {
    let house = House::new(|_| {});
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..12)
            .map(|_| {
                let local = house.site.local();
                scope.spawn(move || {
                    let body = format!("{}{{\"name\":\"Pump\"}}", " ".repeat(4 * 1024 * 1024));
                    let request = Request::new("POST", "/Thingworx/Things/LocalEms/Services/HasEdgeThing")
                        .header("Content-Type", "application/json")
                        .body(body);
                    result(&local.send(&request))
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), true);
        }
    });
    house.stands();
}

/// Inputs as a script resource sends them.
fn plain(inputs: &Value) -> Value {
    inputs.clone()
}

/// The same inputs as the guide of the original shows them.
fn table(inputs: &Value) -> Value {
    let fields: serde_json::Map<String, Value> = inputs
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let base_type = match value {
                Value::Bool(_) => "BOOLEAN",
                Value::Number(_) if name == "port" => "INTEGER",
                Value::Number(_) => "NUMBER",
                _ => "STRING",
            };
            (name.clone(), json!({ "name": name, "baseType": base_type, "description": "", "aspects": {} }))
        })
        .collect();
    json!({ "rows": [inputs], "dataShape": { "fieldDefinitions": fields } })
}

/// An installation with one thing that is served, to see that nothing disturbs it.
struct House {
    site: Site,
    processes: [Process; 3],
}

impl House {
    fn new(change: impl FnOnce(&mut Value)) -> Self {
        let mut site = Site::new([remote_thing("Pump")]);
        change(site.config());
        let (platform, gateway) = site.running();
        let agent = site.agents(&["--name", "Pump"]);
        site.rest().connected("Pump", true);
        Self { site, processes: [platform, gateway, agent] }
    }

    fn call(&self, service: &str, body: &Value) -> Answer {
        self.site.local().post(&format!("LocalEms/Services/{service}"), body)
    }

    /// HasEdgeThing; `None` while nobody listens.
    fn try_has(&self, name: &str) -> Option<bool> {
        let request = Request::new("POST", "/Thingworx/Things/LocalEms/Services/HasEdgeThing");
        let answer = request.json(&json!({ "name": name })).send(&self.site.local().address).ok()?;
        answer.cell("result").as_bool()
    }

    fn path(&self, name: &str) -> String {
        self.site.folder().join(name).display().to_string()
    }

    /// The configuration file as it stands.
    fn file(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.site.folder().join("config.json")).unwrap()).unwrap()
    }

    fn refuses(&self, status: u16, request: &Request) {
        let answer = self.site.local().send(request);
        assert_eq!(answer.status, status, "{:.300?}: {}", format!("{request:?}"), answer.text());
        assert!(answer.is_sentence() && answer.text().len() < 1000, "{:?}", answer.text());
    }

    /// Fails unless gateway and thing answer, each over a new connection.
    fn stands(&self) {
        let version = wait_for(
            "the gateway answers",
            || self.call("GetMicroserverVersion", &json!({})).status,
            |status| *status == 200,
        );
        assert_eq!(version, 200);
        let sum = wait_for(
            "the thing answers",
            || result(&self.site.rest().call("Pump", "Add", &json!({ "a": 1, "b": 2 }))),
            |sum| *sum == 3,
        );
        assert_eq!(sum, 3);
        assert!(!self.processes[1].log().contains("panicked"), "{}", self.processes[1].log());
    }
}
