//! Who gets in: every service of the gateway and every route of its admin interface, tried with no, wrong, other and right
//! credentials, from this machine and from another address. The tables come from the gateway itself.
#![cfg(all(unix, feature = "dev"))]
#![allow(clippy::indexing_slicing, reason = "what is missing fails the test, as it should")]

#[path = "support/all.rs"]
mod support;

use std::{fs, net::UdpSocket};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Answer, EDGE_GATEWAY, Process, Request, Site, remote_thing};

/// What administers, or looks into the network behind the gateway (design 3.5).
const ADMINISTER: &[&str] = &[
    "UpdateConfiguration",
    "ReplaceConfiguration",
    "Restart",
    "TestPort",
    "StartFileLogging",
    "StopFileLogging",
];

/// A gateway that listens at every address of the machine.
fn site(authenticate: bool) -> (Site, Process, Process) {
    let mut site = Site::new([remote_thing("Pump")]);
    let server = &mut site.config()["http_server"];
    server["host"] = json!("0.0.0.0");
    if authenticate {
        server["authenticate"] = json!(true);
        server["user"] = json!("admin");
        server["password"] = json!("open sesame");
    }
    site.config()["edgebind"] = json!({ "admin_port": 0 });
    let (platform, gateway) = (site.platform(), site.gateway());
    site.is_up(&gateway);
    site.rest().connected(EDGE_GATEWAY, true);
    (site, platform, gateway)
}

/// Names of the gateway's services, as it tells the platform.
fn services(site: &Site) -> Vec<String> {
    let metadata = site.rest().call(EDGE_GATEWAY, "GetMetadata", &json!({})).json();
    let text = metadata.to_string();
    let names: Vec<String> = all_keys(&metadata, "serviceDefinitions");
    assert!(names.len() > 8, "the table of services: {text}");
    names
}

/// Keys of every object that is called `name`, also inside texts that are JSON.
fn all_keys(value: &Value, name: &str) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, inner)| match inner {
                Value::Object(found) if key == name => found.keys().cloned().collect(),
                inner => all_keys(inner, name),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| all_keys(item, name)).collect(),
        Value::String(text) if text.contains(name) => {
            serde_json::from_str(text).map_or_else(|_| Vec::new(), |inner: Value| all_keys(&inner, name))
        }
        _ => Vec::new(),
    }
}

/// Another address of this machine: a connection to it comes from it.
fn elsewhere() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing: it only chooses the address that would be used.
    socket.connect("198.51.100.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then(|| address.to_string())
}

fn addresses(site: &Site) -> Vec<(bool, String)> {
    let port = site.gateway_port;
    let mut found = vec![(true, format!("127.0.0.1:{port}"))];
    match elsewhere() {
        Some(address) => found.push((false, format!("{address}:{port}"))),
        None => eprintln!("this machine has one address only: nothing is tried from another one"),
    }
    found
}

fn send(address: &str, request: &Request) -> Answer {
    request.send(address).unwrap_or_else(|error| panic!("{request:?} at {address}: {error}"))
}

/// A call of a service with inputs that change nothing.
fn call(service: &str) -> Request {
    Request::new("POST", &format!("/Thingworx/Things/LocalEms/Services/{service}"))
        .json(&json!({ "host": 7 }))
}

/// What local callers may ask for beside the services.
fn relays() -> Vec<Request> {
    let things = "/Thingworx/Things";
    vec![
        Request::get(&format!("{things}/Pump/Properties/temperature")),
        Request::new("PUT", &format!("{things}/Pump/Properties/label")).json(&json!({ "label": "x" })),
        Request::new("POST", &format!("{things}/Pump/Services/Add")).json(&json!({ "a": 1, "b": 2 })),
        Request::new("POST", &format!("{things}/Pump/Events/Heartbeat")).json(&json!({})),
        Request::get(&format!("{things}/LocalEms/Properties/isConnected")),
        Request::get("/Thingworx/Things"),
        Request::get("/"),
        Request::get("/edgebind/v1/status"),
        Request::get("/nowhere"),
    ]
}

#[test]
fn with_authentication_nothing_is_answered_without_the_right_credentials() {
    let (site, _platform, _gateway) = site(true);
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let token = fs::read_to_string(site.folder().join("state/admin.token")).expect("the admin token");
    let mut requests = relays();
    requests.extend(services(&site).iter().map(|service| call(service)));
    for (_, address) in addresses(&site) {
        for request in &requests {
            let answer = send(&address, request);
            assert_eq!(answer.status, 401, "{request:?} without credentials at {address}");
        }
        // The platform's key and the admin token open other doors.
        for request in relays().into_iter().take(4) {
            let others =
                [("appKey", site.key.clone()), ("Authorization", format!("Bearer {}", token.trim()))];
            for (name, value) in others {
                let answer = send(&address, &request.clone().header(name, &value));
                assert_eq!(answer.status, 401, "{request:?} with {name} at {address}");
            }
        }
        for wrong in ["admin:open", "nobody:open sesame", "admin:", ":"] {
            let answer = send(&address, &relays()[0].clone().header("Authorization", &basic(wrong)));
            assert_eq!(answer.status, 401, "{wrong} at {address}");
        }
        let right = basic("admin:open sesame");
        for request in requests.iter().filter(|request| !format!("{request:?}").contains("Restart")) {
            let answer = send(&address, &request.clone().header("Authorization", &right));
            assert_ne!(answer.status, 401, "{request:?} with the right credentials at {address}");
        }
    }
}

#[test]
fn without_authentication_who_is_elsewhere_neither_administers_nor_looks_around() {
    let (site, _platform, mut gateway) = site(false);
    let services = services(&site);
    for service in ADMINISTER {
        assert!(services.iter().any(|known| known == service), "{service} stands in the table");
    }
    for (here, address) in addresses(&site) {
        for service in services.iter().filter(|service| !(here && *service == "Restart")) {
            let answer = send(&address, &call(service));
            let refused = answer.status == 403;
            let expected = !here && ADMINISTER.contains(&service.as_str());
            assert_eq!(refused, expected, "{service} at {address}: {} {}", answer.status, answer.text());
        }
        // The admin interface never stands here.
        let admin = send(&address, &Request::get("/edgebind/v1/status"));
        assert!(!admin.text().contains("started_unix_ms"), "{}", admin.text());
    }
    assert!(gateway.runs());
}

#[test]
fn the_admin_interface_wants_its_token_for_every_route_and_changes_nothing() {
    let (site, _platform, _gateway) = site(false);
    let text = |file: &str| {
        fs::read_to_string(site.folder().join("state").join(file)).expect("a file of the gateway")
    };
    let ready: Value = serde_json::from_str(&text("ready.json")).expect("JSON");
    let address = ready["admin"].as_str().expect("an admin listener").to_owned();
    let bearer = format!("Bearer {}", text("admin.token").trim());
    let index = send(&address, &Request::get("/edgebind/v1/").header("Authorization", &bearer)).json();
    let routes = index["routes"].as_array().expect("the table of routes");
    assert!(routes.len() > 8, "{index}");
    for route in routes {
        let (method, path) = (route["method"].as_str().expect("text"), route["path"].as_str().expect("text"));
        let path = format!("/edgebind/v1/{}", path.replace("{name}", "Pump").replace("{number}", "1"));
        let request = Request::new(method, &path);
        let basic = format!("Basic {}", STANDARD.encode(&bearer));
        for wrong in ["Bearer wrong", "Bearer ", basic.as_str(), text("admin.token").trim()] {
            let answer = send(&address, &request.clone().header("Authorization", wrong));
            assert_eq!(answer.status, 401, "{method} {path} with {wrong:?}");
        }
        assert_eq!(
            send(&address, &request.clone().header("appKey", &site.key)).status,
            401,
            "{method} {path}"
        );
        let right = request.clone().header("Authorization", &bearer);
        let foreign = send(&address, &right.clone().header("Origin", "http://elsewhere.example"));
        assert_eq!(foreign.status, 403, "{method} {path} from a page of another origin");
        let answer = send(&address, &right);
        let known = [200, 404].contains(&answer.status);
        assert_eq!(
            known,
            route["socket_only"] == false,
            "{method} {path}: {} {}",
            answer.status,
            answer.text()
        );
    }
    // Not even from this machine by another of its addresses.
    if let Some(other) = elsewhere() {
        let port = address.rsplit(':').next().expect("a port");
        assert!(Request::get("/edgebind/v1/status").send(&format!("{other}:{port}")).is_err());
    }
}
