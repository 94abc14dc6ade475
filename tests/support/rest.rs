//! The two HTTP interfaces: the platform's REST with an application key, and the gateway's for local callers.

use std::io;

use serde_json::Value;

use super::{
    http::{Answer, Request},
    wait::{wait_for, wait_until},
};

/// The platform's REST interface.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) address: String,
    pub(crate) key: String,
}

/// The gateway's local interface.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) address: String,
}

/// The value of a service with one result.
pub(crate) fn result(answer: &Answer) -> Value {
    answer.cell("result")
}

impl Rest {
    /// Sends below `/Thingworx/Things`; `Err` only while nobody listens.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        let path = format!("/Thingworx/Things/{path}");
        let request = Request::new(method, &path).header("appKey", &self.key);
        body.map_or(request.clone(), |body| request.json(body)).send(&self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub(crate) fn put(&self, thing: &str, property: &str, value: &Value) -> Answer {
        let body = serde_json::json!({ property: value });
        let path = format!("{thing}/Properties/{property}");
        self.send("PUT", &path, Some(&body)).unwrap_or_else(|error| panic!("PUT {path}: {error}"))
    }

    pub(crate) fn call(&self, thing: &str, service: &str, body: &Value) -> Answer {
        let path = format!("{thing}/Services/{service}");
        self.send("POST", &path, Some(body)).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// Waits until the platform answers.
    pub(crate) fn up(&self) {
        wait_until("the platform answers", || {
            self.send("GET", "", None).ok().filter(|answer| answer.status == 200)
        });
    }

    /// What the platform shows of a thing; `Null` if nothing.
    pub(crate) fn thing(&self, name: &str) -> Value {
        self.send("GET", name, None).map_or(Value::Null, |answer| answer.json())
    }

    /// The newest value that the platform holds, without asking the edge.
    pub(crate) fn value(&self, thing: &str, property: &str) -> Value {
        let thing = self.thing(thing);
        let properties = thing["properties"].as_array().cloned().unwrap_or_default();
        let found = properties.into_iter().find(|found| found["name"] == property);
        found.map_or(Value::Null, |mut found| found["value"].take())
    }

    pub(crate) fn is_connected(&self, thing: &str) -> bool {
        self.thing(thing)["connected"] == true
    }

    /// Waits until the thing is bound, or is not any more.
    pub(crate) fn connected(&self, thing: &str, wanted: bool) {
        wait_for(
            &format!("{thing} is {}", if wanted { "connected" } else { "disconnected" }),
            || self.thing(thing)["connected"].clone(),
            |connected| *connected == wanted,
        );
    }

    /// Waits until a value arrives that differs from the one that is there.
    pub(crate) fn moves(&self, thing: &str, property: &str) {
        let before = self.value(thing, property);
        let what = format!("{property} of {thing} changes from {before}");
        wait_for(&what, || self.value(thing, property), |value| !value.is_null() && *value != before);
    }
}

impl Local {
    pub(crate) fn send(&self, request: &Request) -> Answer {
        request.send(&self.address).unwrap_or_else(|error| panic!("{request:?}: {error}"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(&format!("/Thingworx/Things/{path}")))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("PUT", &format!("/Thingworx/Things/{path}")).json(body))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("POST", &format!("/Thingworx/Things/{path}")).json(body))
    }

    /// Whether the gateway says that it is connected to the platform.
    pub(crate) fn is_online(&self) -> bool {
        self.get("LocalEms/Properties/isConnected").cell("isConnected") == true
    }

    /// Waits until the gateway is connected to the platform, or is not any more.
    pub(crate) fn online(&self, wanted: bool) {
        wait_for("isConnected of the gateway", || self.is_online(), |online| *online == wanted);
    }

    /// Waits until `thing` is registered.
    pub(crate) fn has(&self, thing: &str, wanted: bool) {
        let body = serde_json::json!({ "name": thing });
        wait_for(
            &format!("HasEdgeThing {thing}"),
            || self.post("LocalEms/Services/HasEdgeThing", &body).cell("result"),
            |known| *known == wanted,
        );
    }
}
