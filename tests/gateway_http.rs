//! The gateway's local HTTP interface as programs meet it: its own services, the way up to the platform, Basic
//! authentication, and input that no program should send.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
};

use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Request, SOON, Site, exchange, remote_thing, result, wait_for};

#[test]
fn services_of_the_gateway_answer_as_the_original_does() {
    let site = Site::new([remote_thing("Pump")]);
    let _running = site.running();
    let local = site.local();
    let version = local.post("LocalEms/Services/GetMicroserverVersion", &json!({}));
    assert_eq!((version.status, result(&version)), (200, json!("5.4.0.114")));
    let shape = &version.json()["datashape"]["fieldDefinitions"]["result"];
    assert_eq!((&shape["name"], &shape["baseType"]), (&json!("result"), &json!("STRING")));

    // A target that accepts, so that no probe ends the registration.
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = target.local_addr().unwrap().port();
    // The port as a text, as a script resource sends it; names of services have no case.
    let body = json!({ "name": "Pump", "port": port.to_string(), "host": "127.0.0.1", "proto": "http",
        "path": "/scripts/Thingworx", "keepalive": 60000, "timeout": 3000 });
    let added = local.post("LocalEms/Services/addedgething", &body);
    assert_eq!((added.status, added.text().as_str()), (200, ""));
    site.rest().connected("Pump", true);
    local.has("Pump", true);

    let known = local.post("LocalEms/Services/GetEdgeThings", &json!({})).json();
    let fields: Vec<&String> = known["datashape"]["fieldDefinitions"].as_object().unwrap().keys().collect();
    for field in ["name", "host", "port", "path", "keepalive", "timeout", "proto", "user", "accept"] {
        assert!(fields.iter().any(|known| *known == field), "{field} in {fields:?}");
    }
    assert_eq!(fields.len(), 9, "and no password: {fields:?}");
    assert_eq!(known["rows"][0]["name"], EDGE_GATEWAY);
    let expected = json!({ "name": "Pump", "host": "127.0.0.1", "port": port, "path": "/scripts/Thingworx",
        "keepalive": 60000, "timeout": 3000, "proto": "http", "user": "", "accept": "application/json" });
    assert_eq!(known["rows"][1], expected);

    let removed = local.post("LocalEms/Services/RemoveEdgeThing", &json!({ "name": "Pump" }));
    assert_eq!((removed.status, removed.text().as_str()), (200, ""));
    // The answer waits for the platform's: nothing is left to wait for.
    assert!(!site.rest().is_connected("Pump"));
    local.has("Pump", false);
    assert_eq!(local.post("LocalEms/Services/RemoveEdgeThing", &json!({ "name": "Pump" })).status, 200);
}

#[test]
fn requests_of_local_callers_reach_the_platform() {
    let site = Site::new([json!({ "name": "Site", "properties": [
        { "name": "note", "baseType": "STRING" }, { "name": "level", "baseType": "NUMBER" }
    ]})]);
    let (_platform, gateway) = site.running();
    let (local, rest) = (site.local(), site.rest());

    let written = local.put("Site/Properties/note", &json!({ "note": "grün \"q\"" }));
    assert_eq!((written.status, written.text().as_str()), (200, "{}"));
    assert_eq!(rest.value("Site", "note"), "grün \"q\"");
    let read = local.get("Site/Properties/note");
    assert_eq!((read.status, read.header("content-type")), (200, Some("application/json")));
    assert_eq!(read.json()["rows"], json!([{ "note": "grün \"q\"" }]));
    assert_eq!(read.json()["datashape"]["fieldDefinitions"]["note"]["baseType"], "STRING");
    let all = local.get("Site/Properties");
    assert_eq!((all.cell("note"), all.cell("name")), (json!("grün \"q\""), json!("Site")));
    let by_method = Request::get("/Thingworx/Things/Site/Services/GetPropertyValues?method=POST");
    assert_eq!(local.send(&by_method).cell("name"), "Site");
    let called = local.post("Site/Services/GetPropertyValues", &json!({}));
    assert_eq!((called.status, called.cell("name")), (200, json!("Site")));

    // A push in the form of the script resource, rows first and shapes last.
    let field = |name: &str, base_type: &str| json!({ "name": name, "baseType": base_type, "aspects": [] });
    let values = json!({
        "rows": [{ "name": "level", "time": 1_795_304_777_000_i64, "quality": "GOOD",
                   "value": { "baseType": "NUMBER", "value": 20.5 } }],
        "dataShape": { "fieldDefinitions": { "name": field("name", "STRING"), "time": field("time", "DATETIME"),
            "quality": field("quality", "STRING"), "value": field("value", "VARIANT") } }
    });
    let push = json!({ "rows": [{ "values": values }],
        "dataShape": { "fieldDefinitions": { "values": field("values", "INFOTABLE") } } });
    let pushed = local.post("Site/Services/UpdateSubscribedPropertyValues", &push);
    assert_eq!((pushed.status, pushed.text().as_str()), (200, ""));
    assert_eq!(rest.value("Site", "level"), 20.5);

    let fired = local.post("Site/Events/Alarm", &json!({ "message": "hot" }));
    assert_eq!((fired.status, fired.text().as_str()), (200, ""));

    for (answer, named) in [
        (local.get("Site/Properties/nope"), "nope"),
        (local.get("Nobody/Properties/nope"), "Nobody"),
        (local.post("Site/Services/Nope", &json!({})), "Nope"),
        (local.get("LocalEms/Properties/nope"), "nope"),
        (local.post("LocalEms/Services/Nope", &json!({})), "Nope"),
    ] {
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert!(answer.is_sentence() && answer.text().contains(named), "{}", answer.text());
    }
    assert!(!gateway.log().contains("ERROR"));
}

#[test]
fn callers_must_know_user_and_password_when_the_configuration_says_so() {
    let mut site = Site::new([remote_thing("Pump")]);
    let server = &mut site.config()["http_server"];
    server["authenticate"] = json!(true);
    server["user"] = json!("agents");
    server["password"] = json!("p:w ü");
    let _platform = site.platform();
    let gateway = site.gateway();
    site.ready(&gateway);
    let local = site.local();
    let path = "/Thingworx/Things/LocalEms/Properties/isConnected";
    let with = |credentials: &str| Request::get(path).header("Authorization", credentials);
    let wrong = [
        Request::get(path),
        Request::get("/"),
        Request::get(path).header("appKey", &site.key),
        with("Basic"),
        with("Basic !!!"),
        // agents:wrong, agents, and nobody:p:w ü
        with("Basic YWdlbnRzOndyb25n"),
        with("Basic YWdlbnRz"),
        with("Basic bm9ib2R5OnA6dyDDvA=="),
        with("Bearer YWdlbnRzOnA6dyDDvA=="),
    ];
    for request in wrong {
        let answer = local.send(&request);
        assert_eq!(answer.status, 401, "{request:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Basic"));
        assert!(answer.is_sentence(), "{}", answer.text());
    }
    assert_eq!(local.send(&with("Basic YWdlbnRzOnA6dyDDvA==")).status, 200);
    let _stranger =
        site.agents(&["--name", "Pump", "--gateway-user", "agents", "--gateway-password", "wrong"]);
    _stranger.event("the refusal", |event| event["event"] == "unregistered");
    assert!(!site.rest().is_connected("Pump"));
    let _agent = site.agents(&["--name", "Pump", "--gateway-user", "agents", "--gateway-password", "p:w ü"]);
    site.rest().connected("Pump", true);
    assert!(!gateway.log().contains("p:w ü"), "a password is a secret");
}

#[test]
fn what_a_request_must_not_say_is_refused_with_a_sentence() {
    let house = House::new(|_| {});
    let service = |service: &str, body: &str| {
        Request::new("POST", &format!("/Thingworx/Things/LocalEms/Services/{service}"))
            .header("Content-Type", "application/json")
            .body(body)
    };
    let typed = |content_type: &str| {
        Request::new("POST", ADD).header("Content-Type", content_type).body(r#"{"name":"X"}"#)
    };
    let add = |body: Value| service("AddEdgeThing", &body.to_string());
    let has = |body: &str| service("HasEdgeThing", body);
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    let nested_tables = (0..60).fold("null".to_owned(), |inner, _| {
        format!(r#"{{"rows":[{{"t":{inner}}}],"dataShape":{{"fieldDefinitions":{{"t":{{"name":"t","baseType":"INFOTABLE"}}}}}}}}"#)
    });
    let cases = [
        // Not JSON at all.
        (400, has(r#"{"name":"#)),
        (400, has("\u{feff}{\"name\":\"a\"}")),
        (400, has("nothing")),
        (400, has("{\"name\":\"a\u{1}\"}")),
        (400, service("HasEdgeThing", "").header("X", "1").body(vec![0xff, 0xfe, 0x00])),
        (400, has(&deep)),
        (400, has(&nested_tables)),
        // JSON of another form.
        (400, has("{}")),
        (400, has("[]")),
        (400, has("\"x\"")),
        (400, has("17")),
        (400, has(r#"{"name":5}"#)),
        (400, has(r#"{"rows":[{"name":"a"}]}"#)),
        (400, has(r#"{"rows":{},"dataShape":{"fieldDefinitions":{}}}"#)),
        (400, has(r#"{"rows":[17],"dataShape":{"fieldDefinitions":{}}}"#)),
        (400, has(r#"{"rows":[{"name":"a"}],"dataShape":"GenericStringList"}"#)),
        (400, has(r#"{"rows":[{"name":"a"}],"dataShape":{"fieldDefinitions":{"name":7}}}"#)),
        (400, Request::new("POST", ADD)),
        // Registrations that cannot be.
        (400, add(json!({ "host": "127.0.0.1" }))),
        (400, add(json!({ "name": "" }))),
        (400, add(json!({ "name": "*" }))),
        (400, add(json!({ "name": "x".repeat(2000) }))),
        (400, add(json!({ "name": "a\u{0}b" }))),
        (400, add(json!({ "name": "a\r\nb" }))),
        (400, add(json!({ "name": "X", "host": "a b" }))),
        (400, add(json!({ "name": "X", "host": "evil/../x" }))),
        (400, add(json!({ "name": "X", "proto": "go\npher" }))),
        (400, add(json!({ "name": "X", "keepalive": -5 }))),
        (400, add(json!({ "name": "X", "timeout": 1e300 }))),
        // Content types.
        (415, typed("text/plain")),
        (415, typed("Application/JSON")),
        (415, Request::new("POST", ADD).body(r#"{"name":"X"}"#)),
        // Paths and methods.
        (404, Request::get("/")),
        (404, Request::get("/thingworx/Things/T/Properties/p")),
        (403, Request::get("/Thingworx")),
        (403, Request::get("/Thingworx/Things/T/Properties/a%2Fb")),
        (400, Request::get("/Thingworx/Things/T/Metadata")),
        (400, Request::get("/Thingworx/Things/%FF/Properties/p")),
        (400, Request::get(ADD)),
        (400, Request::new("DELETE", "/Thingworx/Things/T/Properties/p")),
        (405, Request::new("PATCH", "/Thingworx/Things/T/Properties/p")),
        (405, Request::new("BREW", "/Thingworx/Things/T/Services/Coffee")),
    ];
    let mut wrong = Vec::new();
    for (status, request) in cases {
        let answer = house.site.local().send(&request);
        if answer.status != status || !answer.is_sentence() || answer.text().len() > 1000 {
            let short = |text: String| text.chars().take(300).collect::<String>();
            wrong.push(format!(
                "{status} for {}: {} {:?}",
                short(format!("{request:?}")),
                answer.status,
                short(answer.text())
            ));
        }
        house.stands();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known = house.site.local().post("LocalEms/Services/GetEdgeThings", &json!({})).json();
    assert_eq!(known["rows"].as_array().map(Vec::len), Some(2), "nothing was registered: {known}");
}

#[test]
fn what_the_original_tolerates_is_tolerated() {
    let house = House::new(|_| {});
    let path = "/Thingworx/Things/LocalEms/Services/HasEdgeThing";
    let post = |path: &str, content_type: &str, body: &str| {
        Request::new("POST", path).header("Content-Type", content_type).body(body)
    };
    for request in [
        post(path, "application/json; charset=utf-8", r#"{"name":"Pump"}"#),
        post(path, "application/json", r#" {"name":"Pump"} and more"#),
        post(path, "text/xml", r#"{"name":"Pump","more":[1,null]}"#),
        post(&path.replace('/', "//"), "application/json", r#"{"name":"Pump"}"#),
        post(
            path,
            "application/json",
            r#"{"rows":[{"name":"Pump"}],"dataShape":{"fieldDefinitions":{"name":{"baseType":"STRING","aspects":[]}}}}"#,
        ),
    ] {
        let answer = house.site.local().send(&request);
        assert_eq!((answer.status, result(&answer)), (200, json!(true)), "{request:?}: {}", answer.text());
    }
    let form = post(
        "/Thingworx/Things/LocalEms/Services/GetMicroserverVersion",
        "application/x-www-form-urlencoded",
        "a=b",
    );
    assert_eq!(result(&house.site.local().send(&form)), "5.4.0.114");
    let absolute = format!("GET http://x{path}?method=POST HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(
        exchange(&house.site.local().address, absolute.as_bytes()).unwrap().status,
        400,
        "no name, but understood"
    );
    house.stands();
}

#[test]
fn names_with_control_characters_go_nowhere() {
    let house = House::new(|_| {});
    for path in [
        "/Thingworx/Things/a%0D%0AX%3A%201/Properties/p",
        "/Thingworx/Things/T/Properties/p%00q",
        "/Thingworx/Things/T/Services/s%1F",
    ] {
        let verb = if path.contains("Services") { "POST" } else { "GET" };
        let answer = house.site.local().send(&Request::new(verb, path));
        assert!([400, 404].contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        assert!(answer.is_sentence(), "{path}: {:?}", answer.text());
        house.stands();
    }
}

#[test]
fn a_huge_body_is_too_large() {
    let house = House::new(|_| {});
    let body = vec![b' '; 17 * 1024 * 1024];
    let request = Request::new("POST", ADD).header("Content-Type", "application/json").body(body);
    let answer = house.site.local().send(&request);
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    house.stands();
    // What fits into a body need not fit into a message to the platform.
    let text = "x".repeat(2 * 1024 * 1024);
    let answer = house.site.local().put("Pump/Properties/label", &json!({ "label": text }));
    assert_eq!(answer.status, 412, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    house.stands();
}

#[test]
fn half_a_body_ends_with_its_time() {
    let house = House::new(|config| config["http_server"]["content_read_timeout"] = json!(500));
    let head = format!(
        "POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    );
    let half = head + r#"{"name":"Half"#;
    // The caller waits.
    let answer = exchange(&house.site.local().address, half.as_bytes()).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.is_sentence(), "{}", answer.text());
    house.stands();
    // The caller goes.
    let mut stream = TcpStream::connect(&house.site.local().address).unwrap();
    stream.write_all(half.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    // An answer or none: what counts is that the connection ends.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    house.stands();
    let known = house.site.local().post("LocalEms/Services/HasEdgeThing", &json!({ "name": "Half" }));
    assert_eq!(result(&known), false);
}

#[test]
fn what_is_no_http_is_refused_and_closed() {
    let house = House::new(|config| config["http_server"]["content_read_timeout"] = json!(500));
    let long_path = format!("GET /Thingworx/{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(300_000));
    let long_header = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(300_000));
    let post = format!("POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    let inputs: Vec<(&str, Vec<u8>)> = vec![
        ("zeros", vec![0; 100]),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a WebSocket frame", vec![0x82, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("a line of nonsense", b"hello there\r\n\r\n".to_vec()),
        ("a version from the future", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec()),
        ("a long path", long_path.into_bytes()),
        ("a long header", long_header.into_bytes()),
        ("a header without a colon", b"GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n".to_vec()),
        ("a negative length", format!("{post}Content-Length: -1\r\n\r\n").into_bytes()),
        ("two lengths", format!("{post}Content-Length: 2\r\nContent-Length: 30\r\n\r\n{{}}").into_bytes()),
        (
            "a length and chunks",
            format!("{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes(),
        ),
        (
            "a broken chunk",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n").into_bytes(),
        ),
        ("an unknown coding", format!("{post}Transfer-Encoding: shuffled\r\n\r\n{{}}").into_bytes()),
        ("nothing", Vec::new()),
        ("half a head", b"POST /Thingworx HTTP/1.1\r\nHos".to_vec()),
    ];
    for (what, bytes) in inputs {
        let mut stream = TcpStream::connect(&house.site.local().address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        // The gateway may have closed before everything was written.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let closed = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let reset = closed.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        assert!(closed.is_ok() || reset, "{what}: not closed: {closed:?}, {answer:?}");
        let statuses: Vec<&str> = answer.lines().filter(|line| line.starts_with("HTTP/1.")).collect();
        assert!(statuses.len() <= 1, "{what}: one request, {statuses:?}");
        assert!(
            statuses.iter().all(|status| status.split(' ').nth(1).unwrap().starts_with('4')),
            "{what}: {answer}"
        );
        house.stands();
    }
}

#[test]
fn a_hundred_callers_at_once_are_all_answered() {
    let house = House::new(|config| config["http_server"]["max_clients"] = json!(100));
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..100)
            .map(|number| {
                let local = house.site.local();
                scope.spawn(move || match number % 4 {
                    0 => local.get("Pump/Properties/label").status,
                    1 => local.get("LocalEms/Properties/isConnected").status,
                    2 => local.put("Pump/Properties/label", &json!({ "label": "x" })).status,
                    _ => local.post("LocalEms/Services/GetMicroserverVersion", &json!({})).status,
                })
            })
            .collect();
        for caller in callers {
            assert_eq!(caller.join().unwrap(), 200);
        }
    });
    house.stands();
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
        wait_for("the first value", || site.rest().value("Pump", "label"), |label| label.is_string());
        Self { site, processes: [platform, gateway, agent] }
    }

    /// Fails unless gateway and thing answer, each over a new connection.
    fn stands(&self) {
        let version = self.site.local().post("LocalEms/Services/GetMicroserverVersion", &json!({}));
        assert_eq!(result(&version), "5.4.0.114");
        let sum = self.site.rest().call("Pump", "Add", &json!({ "a": 1, "b": 2 }));
        assert_eq!((sum.status, result(&sum)), (200, json!(3)), "{}", sum.text());
        assert!(!self.processes[1].log().contains("panicked"));
    }
}

const ADD: &str = "/Thingworx/Things/LocalEms/Services/AddEdgeThing";
