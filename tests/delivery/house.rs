//! A gateway between local callers and a platform that the test plays itself.

use std::thread::{self, JoinHandle};

use edgebind_alwayson::{Body, Code, Content, Message, Method, Request as Asked, Response, Value};
use serde_json::{Value as Json, json};

use crate::fake_platform::{Connection, FakePlatform};
use crate::support::{Answer, EDGE_GATEWAY, Local, Process, Request, Site, edgebind, wait_for};

/// A running gateway, and the place where it looks for its platform.
pub(crate) struct House {
    pub(crate) site: Site,
    pub(crate) platform: FakePlatform,
    pub(crate) gateway: Process,
}

/// A request that came up to the platform.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) message: Message,
    pub(crate) request: Asked,
}

impl House {
    /// A gateway whose platform does not answer yet; `ws_connection` is laid over the usual settings.
    pub(crate) fn offline(ws_connection: Json) -> Self {
        Self::with(ws_connection, |_| {})
    }

    /// The same with other changes of the configuration.
    pub(crate) fn with(ws_connection: Json, change: impl FnOnce(&mut Json)) -> Self {
        let mut site = Site::new([]);
        let settings = &mut site.config()["ws_connection"];
        settings["connect_retry_interval"] = json!(200);
        settings["ping_rate"] = json!(50_000);
        for (key, value) in ws_connection.as_object().unwrap() {
            settings[key] = value.clone();
        }
        change(site.config());
        let kept = site.config()["offline_msg_store"]["enabled"] != false;
        let platform = FakePlatform::at(site.platform_port);
        let gateway = site.gateway();
        site.ready(&gateway);
        let house = Self { site, platform, gateway };
        if kept {
            house.spool("the spool is open", |spool| spool["state"] == "open");
        }
        house
    }

    /// A gateway with its platform, everything bound.
    pub(crate) fn online(ws_connection: Json) -> (Self, Connection) {
        let house = Self::offline(ws_connection);
        let connection = house.connect();
        (house, connection)
    }

    /// Lets the gateway connect and bind.
    pub(crate) fn connect(&self) -> Connection {
        let connection = self.platform.welcome(&[EDGE_GATEWAY]);
        self.local().online(true);
        connection
    }

    pub(crate) fn local(&self) -> Local {
        self.site.local()
    }

    /// Ends the connection, and waits until the gateway knows.
    pub(crate) fn cut(&self, connection: Connection) {
        drop(connection);
        self.local().online(false);
    }

    /// `edgebind status --json`.
    pub(crate) fn status(&self) -> Json {
        let state = self.site.folder().join("state");
        let output = edgebind().args(["status", "--json", "--state-dir"]).arg(state).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
    }

    /// Waits for a state of the spool as the status shows it.
    pub(crate) fn spool(&self, what: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        wait_for(what, || self.status()["status"]["spool"].clone(), |spool| !spool.is_null() && wanted(spool))
    }

    /// Waits until that many records wait.
    pub(crate) fn waiting(&self, records: u64) {
        self.spool(&format!("{records} records wait"), |spool| spool["records"] == records);
    }

    pub(crate) fn push(&self, thing: &str, number: i64) -> Answer {
        push(thing, &[number]).send(&self.local().address).unwrap()
    }

    /// Pushes while the platform is away; the answer is 202.
    pub(crate) fn keep(&self, thing: &str, numbers: impl IntoIterator<Item = i64>) {
        for number in numbers {
            let answer = self.push(thing, number);
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    }

    /// Sends on a thread of its own.
    pub(crate) fn send(&self, request: Request) -> JoinHandle<Answer> {
        let address = self.local().address;
        thread::spawn(move || request.send(&address).unwrap())
    }

    /// Kills the gateway and starts it anew.
    pub(crate) fn restart(&mut self) {
        self.restart_in(&[]);
    }

    /// The same with variables in its environment.
    pub(crate) fn restart_in(&mut self, environment: &[(&str, &str)]) {
        if self.gateway.runs() {
            self.gateway.kill();
        }
        self.platform.forget_waiting();
        self.gateway = self.site.gateway_in(environment);
        self.site.ready(&self.gateway);
    }
}

impl Connection {
    /// The next request of the gateway that is no BIND; those are granted.
    pub(crate) fn arrives(&mut self) -> Arrived {
        loop {
            let message = self.message().expect("the connection stands");
            match &message.body {
                Body::Request(request) => return Arrived { request: request.clone(), message },
                _ => self.grant(&message),
            }
        }
    }

    /// The same, and confirms it.
    pub(crate) fn takes(&mut self) -> Asked {
        let arrived = self.arrives();
        self.confirm(&arrived);
        arrived.request
    }

    pub(crate) fn confirm(&self, arrived: &Arrived) {
        self.respond(&arrived.message, Response::success());
    }

    pub(crate) fn refuse(&self, arrived: &Arrived, code: Code) {
        self.respond(&arrived.message, Response::error(code, "as the test wants it"));
    }
}

/// A request of a local caller: a push of numbers in this order.
pub(crate) fn push(thing: &str, numbers: &[i64]) -> Request {
    push_with(thing, numbers, "")
}

/// The same with a text that makes it large.
pub(crate) fn push_with(thing: &str, numbers: &[i64], ballast: &str) -> Request {
    let field = |name: &str, base_type: &str| json!({ "name": name, "baseType": base_type, "aspects": {} });
    let rows: Vec<Json> = numbers
        .iter()
        .map(|number| {
            json!({ "name": "p", "time": 1_795_304_777_000_i64 + number, "quality": format!("GOOD{ballast}"),
                    "value": { "baseType": "INTEGER", "value": number } })
        })
        .collect();
    let values = json!({
        "dataShape": { "fieldDefinitions": {
            "name": field("name", "STRING"), "value": field("value", "VARIANT"),
            "time": field("time", "DATETIME"), "quality": field("quality", "STRING") } },
        "rows": rows
    });
    let body = json!({
        "dataShape": { "fieldDefinitions": { "values": field("values", "INFOTABLE") } },
        "rows": [{ "values": values }]
    });
    post(&format!("{thing}/Services/UpdateSubscribedPropertyValues"), &body)
}

pub(crate) fn post(path: &str, body: &Json) -> Request {
    Request::new("POST", &format!("/Thingworx/Things/{path}")).json(body)
}

pub(crate) fn put(path: &str, body: &Json) -> Request {
    Request::new("PUT", &format!("/Thingworx/Things/{path}")).json(body)
}

pub(crate) fn get(path: &str) -> Request {
    Request::get(&format!("/Thingworx/Things/{path}"))
}

/// Every kind of request about a thing, with what it is called in the contract.
pub(crate) fn every_kind(thing: &str) -> [(&'static str, Request); 5] {
    [
        ("push", push(thing, &[1])),
        ("write", put(&format!("{thing}/Properties/p"), &json!({ "p": 1 }))),
        ("event", post(&format!("{thing}/Events/e"), &json!({ "a": 1 }))),
        ("call", post(&format!("{thing}/Services/s"), &json!({ "a": 1 }))),
        ("read", get(&format!("{thing}/Properties/p"))),
    ]
}

/// The numbers that a push carries, in the order of its rows.
pub(crate) fn numbers(request: &Asked) -> Vec<i64> {
    assert_eq!(request.name, "UpdateSubscribedPropertyValues", "{request:?}");
    let Content::Table(params) = &request.params else { panic!("{request:?}") };
    let values = params.cell(0, "values").and_then(Value::as_table).unwrap();
    let column = values.column("value").unwrap();
    let number = |row: &Vec<Value>| match &row[column] {
        Value::Variant(inner) => match **inner {
            Value::Integer(number) => i64::from(number),
            ref other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    values.rows.iter().map(number).collect()
}

/// Method, entity and name, to compare with.
pub(crate) fn target(request: &Asked) -> (Method, &str, &str) {
    (request.method, &request.entity, &request.name)
}
