//! The agents against a recording HTTP server that stands for the gateway.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::{Agents, Event, Names, Settings, What};

#[test]
fn a_thing_registers_asks_for_subscriptions_and_pushes_everything() {
    run(async {
        let gateway = Recorder::start(&["count", "temperature", "label", "running"]);
        let agents = start(&gateway, |_| {}).await;
        gateway.until(3).await;
        let seen = gateway.requests();
        let (_, address) = agents.addresses().next().unwrap();
        let registration = json!({"name": "T1", "host": "127.0.0.1", "port": address.port().to_string(),
            "path": "/scripts/Thingworx", "proto": "http", "keepalive": 60_000, "timeout": 15_000});
        assert_eq!(seen[0], ("POST LocalEms/Services/AddEdgeThing".to_owned(), registration));
        assert_eq!(seen[1], ("POST T1/Services/GetPropertySubscriptions".to_owned(), json!({})));
        assert_eq!(seen[2].0, "POST T1/Services/UpdateSubscribedPropertyValues");
        assert_eq!(shape_of_push(&seen[2].1), expected_shape());
        let names: Vec<_> =
            rows(&seen[2].1).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["temperature", "running", "count", "label"]);
        assert_eq!(rows(&seen[2].1)[2]["value"], json!({"baseType": "INTEGER", "value": 0}));
        assert_eq!(rows(&seen[2].1)[2]["quality"], "GOOD");
        assert_eq!(agents.stop(SOON).await, 0);
        assert_eq!(gateway.requests().last().unwrap().0, "POST LocalEms/Services/RemoveEdgeThing");
        assert_eq!(gateway.requests().last().unwrap().1, json!({"name": "T1"}));
        gateway.stop().await;
    });
}

#[test]
fn count_arrives_complete_and_in_order() {
    run(async {
        let gateway = Recorder::start(&["count"]);
        let agents = start(&gateway, |settings| settings.rate_per_s = 200.0).await;
        gateway.until(22).await;
        agents.stop(SOON).await;
        let counts: Vec<_> = gateway
            .requests()
            .iter()
            .filter(|(what, _)| what.ends_with("UpdateSubscribedPropertyValues"))
            .flat_map(|(_, body)| rows(body).to_vec())
            .map(|row| row["value"]["value"].as_i64().unwrap())
            .collect();
        let expected: Vec<_> = (0..).take(counts.len()).collect();
        assert!(counts.len() >= 20);
        assert_eq!(counts, expected);
        gateway.stop().await;
    });
}

#[test]
fn nothing_is_pushed_that_is_not_subscribed() {
    run(async {
        let gateway = Recorder::start(&[]);
        let agents = start(&gateway, |settings| {
            settings.rate_per_s = 200.0;
            settings.keepalive = Duration::from_millis(100);
        })
        .await;
        // By the time of the second check some twenty pushes would have been due.
        gateway.until_seen("POST LocalEms/Services/HasEdgeThing", 2).await;
        assert_eq!(gateway.count("POST T1/Services/UpdateSubscribedPropertyValues"), 0);
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_thing_that_the_gateway_forgot_registers_again_and_pushes_everything() {
    run(async {
        let gateway = Recorder::start(&["label"]);
        gateway.answer("POST LocalEms/Services/HasEdgeThing", 200, &result(false));
        let agents = start(&gateway, |settings| settings.keepalive = Duration::from_millis(20)).await;
        gateway.until_seen("POST LocalEms/Services/AddEdgeThing", 2).await;
        gateway.answer("POST LocalEms/Services/HasEdgeThing", 200, &result(true));
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 2).await;
        assert_eq!(gateway.count("POST T1/Services/GetPropertySubscriptions"), 1);
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_refused_registration_is_repeated_until_it_succeeds() {
    run(async {
        let gateway = Recorder::start(&["count"]);
        gateway.answer("POST LocalEms/Services/AddEdgeThing", 503, "");
        let agents = start(&gateway, |settings| settings.retry = Duration::from_millis(20)).await;
        let mut events = agents.events();
        gateway.until_seen("POST LocalEms/Services/AddEdgeThing", 3).await;
        assert_eq!(gateway.requests().len(), gateway.count("POST LocalEms/Services/AddEdgeThing"));
        gateway.answer("POST LocalEms/Services/AddEdgeThing", 200, "");
        until(&mut events, |what| *what == What::Registered).await;
        assert_eq!(agents.totals().registered, 1);
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_gateway_that_was_gone_gets_registration_and_values_again() {
    run(async {
        let gateway = Recorder::start(&["count"]);
        let agents = start(&gateway, |settings| {
            settings.retry = Duration::from_millis(20);
            settings.rate_per_s = 100.0;
        })
        .await;
        let mut events = agents.events();
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 1).await;
        let gone = gateway.go_away().await;
        until(&mut events, |what| matches!(what, What::Unregistered { .. })).await;
        assert_eq!(agents.totals().registered, 0);
        let gateway = gone.come_back(&["count"]);
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 1).await;
        assert_eq!(gateway.requests()[0].0, "POST LocalEms/Services/AddEdgeThing");
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_refused_push_asks_for_the_gateway_and_keeps_the_registration() {
    run(async {
        let gateway = Recorder::start(&["count"]);
        gateway.answer("POST T1/Services/UpdateSubscribedPropertyValues", 503, "");
        let agents = start(&gateway, |settings| settings.rate_per_s = 100.0).await;
        let mut events = agents.events();
        until(&mut events, |what| matches!(what, What::Pushed { status: 503, .. })).await;
        gateway.until_seen("GET LocalEms/Properties/isConnected", 1).await;
        gateway.answer("POST T1/Services/UpdateSubscribedPropertyValues", 202, "");
        until(&mut events, |what| matches!(what, What::Pushed { status: 202, .. })).await;
        let totals = agents.totals();
        assert_eq!((totals.registered, totals.failed), (1, 0));
        assert!(totals.accepted >= 1 && totals.refused >= 1, "{totals:?}");
        agents.stop(SOON).await;
        assert_eq!(gateway.count("POST LocalEms/Services/AddEdgeThing"), 1);
        gateway.stop().await;
    });
}

#[test]
fn a_value_that_the_platform_writes_is_pushed_at_once() {
    run(async {
        let gateway = Recorder::start(&["label"]);
        let agents = start(&gateway, |settings| settings.rate_per_s = 0.0).await;
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 1).await;
        let body = json!({"rows": [{"label": "written"}], "datashape": {"fieldDefinitions": {}}});
        let (status, text) = ask(&agents, "PUT", "T1/Properties/label", Some(&body)).await;
        assert_eq!((status, text.as_str()), (200, ""));
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 2).await;
        let last = gateway.requests().pop().unwrap().1;
        assert_eq!(rows(&last).len(), 1);
        assert_eq!(rows(&last)[0]["value"], json!({"baseType": "STRING", "value": "written"}));
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_notification_fetches_the_subscriptions_again() {
    run(async {
        let gateway = Recorder::start(&[]);
        let agents = start(&gateway, |settings| settings.rate_per_s = 0.0).await;
        gateway.until_seen("POST T1/Services/GetPropertySubscriptions", 1).await;
        gateway.answer("POST T1/Services/GetPropertySubscriptions", 200, &subscriptions(&["label"]));
        let (status, text) = ask(&agents, "POST", "T1/Services/NotifyPropertyUpdate", Some(&json!({}))).await;
        assert_eq!((status, text.as_str()), (200, ""));
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 1).await;
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn without_registration_it_pushes_but_says_neither_hello_nor_goodbye() {
    run(async {
        let gateway = Recorder::start(&[]);
        let agents = start(&gateway, |settings| settings.register = false).await;
        gateway.until_seen("POST T1/Services/UpdateSubscribedPropertyValues", 2).await;
        agents.stop(SOON).await;
        assert!(gateway.requests().iter().all(|(what, _)| !what.contains("LocalEms")));
        gateway.stop().await;
    });
}

#[test]
fn an_identifier_stands_for_the_name_everywhere() {
    run(async {
        let gateway = Recorder::start(&["count"]);
        let agents = start(&gateway, |settings| settings.identifier = Some("SN-1".to_owned())).await;
        gateway.until_seen("POST *SN-1/Services/UpdateSubscribedPropertyValues", 1).await;
        assert_eq!(gateway.requests()[0].1["name"], "*SN-1");
        assert_eq!(ask(&agents, "GET", "*SN-1/Properties/label", None).await.0, 200);
        assert_eq!(
            ask(&agents, "GET", "T1/Properties/label", None).await,
            (404, "Script not found".to_owned())
        );
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn on_ports_of_their_own_things_answer_only_for_themselves() {
    run(async {
        let gateway = Recorder::start(&[]);
        let names = || Names::Numbered { prefix: "T".to_owned(), count: 2 };
        let agents = start(&gateway, |settings| settings.names = names()).await;
        let ports: Vec<_> = agents.addresses().map(|(_, address)| address.port()).collect();
        assert_ne!(ports[0], ports[1]);
        // `ask` goes to the first thing's port.
        assert_eq!(ask(&agents, "GET", "T-0001/Properties/label", None).await.0, 200);
        assert_eq!(ask(&agents, "GET", "T-0002/Properties/label", None).await.0, 404);
        agents.stop(SOON).await;
        let shared = start(&gateway, |settings| {
            settings.names = names();
            settings.shared_port = true;
        })
        .await;
        assert_eq!(ask(&shared, "GET", "T-0002/Properties/label", None).await.0, 200);
        shared.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn events_are_fired_at_their_interval() {
    run(async {
        let gateway = Recorder::start(&[]);
        let agents = start(&gateway, |settings| settings.event_every = Some(Duration::from_millis(20))).await;
        gateway.until_seen("POST T1/Events/Heartbeat", 2).await;
        let numbers: Vec<_> = gateway
            .requests()
            .iter()
            .filter(|(what, _)| what == "POST T1/Events/Heartbeat")
            .map(|(_, body)| body["number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers[..2], [1, 2]);
        agents.stop(SOON).await;
        gateway.stop().await;
    });
}

#[test]
fn a_gateway_that_hangs_does_not_hold_up_the_end() {
    run(async {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = Settings {
            gateway: silent.local_addr().unwrap().to_string(),
            names: Names::Exact("T1".to_owned()),
            ..Settings::default()
        };
        let agents = super::start(settings).await.unwrap();
        let stopped = agents.stop(Duration::from_millis(50));
        assert_eq!(tokio::time::timeout(SOON, stopped).await, Ok(0), "it was never registered");
    });
}

#[test]
fn a_taken_port_is_named() {
    run(async {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let settings = Settings { port, ..Settings::default() };
        let error = super::start(settings).await.err().unwrap();
        assert_eq!(error.to_string(), format!("127.0.0.1:{port} cannot be listened on"));
    });
}

/// Stands for the gateway: keeps what it was sent, answers what it was told to.
struct Recorder {
    port: u16,
    state: Arc<Mutex<Recording>>,
    length: Arc<watch::Sender<usize>>,
    server: ServerHandle,
    /// Keeps the port while no server listens.
    listener: TcpListener,
}

/// A recorder that closes every connection at once, as a gateway that is gone; it keeps the port.
struct Gone {
    listener: TcpListener,
    refusal: actix_rt::task::JoinHandle<()>,
}

#[derive(Default)]
struct Recording {
    requests: Vec<(String, Value)>,
    answers: HashMap<String, (u16, String)>,
}

impl Recorder {
    fn start(subscribed: &[&str]) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), subscribed)
    }

    fn start_on(listener: TcpListener, subscribed: &[&str]) -> Self {
        let state = Arc::new(Mutex::new(Recording::default()));
        let length = Arc::new(watch::channel(0).0);
        let shared = (Arc::clone(&state), Arc::clone(&length), subscriptions(subscribed));
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(shared.clone())).default_service(web::to(record))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener.try_clone().unwrap())
        .unwrap()
        .run();
        let handle = server.handle();
        actix_rt::spawn(server);
        let port = listener.local_addr().unwrap().port();
        Self { port, state, length, server: handle, listener }
    }

    /// From now on answers `what` so.
    fn answer(&self, what: &str, status: u16, body: &str) {
        self.state.lock().unwrap().answers.insert(what.to_owned(), (status, body.to_owned()));
    }

    fn requests(&self) -> Vec<(String, Value)> {
        self.state.lock().unwrap().requests.clone()
    }

    fn count(&self, what: &str) -> usize {
        self.requests().iter().filter(|(seen, _)| seen == what).count()
    }

    async fn until(&self, length: usize) {
        let mut seen = self.length.subscribe();
        tokio::time::timeout(SOON, seen.wait_for(|seen| *seen >= length))
            .await
            .expect("requests arrive")
            .unwrap();
    }

    async fn until_seen(&self, what: &str, times: usize) {
        let mut seen = self.length.subscribe();
        let enough = seen.wait_for(|_| self.count(what) >= times);
        let seen = tokio::time::timeout(SOON, enough).await.map(|_| ());
        assert!(seen.is_ok(), "{what} comes {times} times, not only in {:?}", self.requests());
    }

    async fn stop(self) {
        self.server.stop(false).await;
    }

    async fn go_away(self) -> Gone {
        self.server.stop(false).await;
        let refusing = self.listener.try_clone().unwrap();
        refusing.set_nonblocking(true).unwrap();
        let refusing = tokio::net::TcpListener::from_std(refusing).unwrap();
        let refusal = actix_rt::spawn(async move { while refusing.accept().await.is_ok() {} });
        Gone { listener: self.listener, refusal }
    }
}

impl Gone {
    fn come_back(self, subscribed: &[&str]) -> Recorder {
        self.refusal.abort();
        Recorder::start_on(self.listener, subscribed)
    }
}

type Shared = (Arc<Mutex<Recording>>, Arc<watch::Sender<usize>>, String);

async fn record(request: HttpRequest, shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    let (state, length, subscriptions) = shared.get_ref();
    let path = request.path().strip_prefix("/Thingworx/Things/").unwrap_or("elsewhere");
    let what = format!("{} {path}", request.method());
    let answer = {
        let mut state = state.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        state.requests.push((what.clone(), body));
        length.send_replace(state.requests.len());
        state.answers.get(&what).cloned()
    };
    let (status, body) = answer.unwrap_or_else(|| match what.rsplit('/').next() {
        Some("GetPropertySubscriptions") => (200, subscriptions.clone()),
        Some("HasEdgeThing" | "isConnected") => (200, result(true)),
        _ => (200, String::new()),
    });
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type("application/json").body(body)
}

async fn start(gateway: &Recorder, change: impl FnOnce(&mut Settings)) -> Agents {
    let mut settings = Settings {
        gateway: format!("127.0.0.1:{}", gateway.port),
        names: Names::Exact("T1".to_owned()),
        ..Settings::default()
    };
    change(&mut settings);
    super::start(settings).await.unwrap()
}

/// Sends a request to the endpoint of the first thing, as a gateway does.
async fn ask(agents: &Agents, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
    let (_, address) = agents.addresses().next().unwrap();
    let url = format!("http://{address}/scripts/Thingworx/Things/{path}");
    let request = awc::Client::default()
        .request(method.parse().unwrap(), url)
        .insert_header(("content-type", "application/json"));
    let mut response = match body {
        Some(body) => request.send_body(body.to_string()).await.unwrap(),
        None => request.send().await.unwrap(),
    };
    let body = response.body().await.unwrap();
    (response.status().as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

async fn until(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&What) -> bool) {
    let found = async { while !wanted(&events.recv().await.unwrap().what) {} };
    tokio::time::timeout(SOON, found).await.expect("the event comes");
}

fn rows(push: &Value) -> &[Value] {
    push["rows"][0]["values"]["rows"].as_array().unwrap()
}

/// A push without its rows.
fn shape_of_push(push: &Value) -> Value {
    let mut push = push.clone();
    push["rows"][0]["values"]["rows"] = json!([]);
    push
}

/// What EMS notes, 8.2 record.
fn expected_shape() -> Value {
    let text = r#"{"dataShape":{"fieldDefinitions":{"values":{"aspects":[],"name":"values","baseType":"INFOTABLE"}}},
        "rows":[{"values":{"dataShape":{"fieldDefinitions":{
        "value":{"aspects":[],"name":"value","baseType":"VARIANT"},"time":{"aspects":[],"name":"time","baseType":"DATETIME"},
        "name":{"aspects":[],"name":"name","baseType":"STRING"},"quality":{"aspects":[],"name":"quality","baseType":"STRING"}}},
        "rows":[]}}]}"#;
    serde_json::from_str(text).unwrap()
}

fn subscriptions(names: &[&str]) -> String {
    let rows: Vec<_> =
        names.iter().map(|name| json!({"edgeName": name, "pushType": "VALUE", "pushThreshold": 0})).collect();
    json!({"rows": rows, "datashape": {"fieldDefinitions": {}}}).to_string()
}

fn result(value: bool) -> String {
    json!({"rows": [{"result": value}], "datashape": {"fieldDefinitions": {}}}).to_string()
}

fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

const SOON: Duration = Duration::from_secs(20);
