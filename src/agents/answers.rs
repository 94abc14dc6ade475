//! How a simulated thing answers the platform's requests: texts and statuses of the script resource
//! (script resource notes, 2.3, 4.6 and 6). Decides only; waiting and sending are the endpoint's.

use std::time::Duration;

use serde_json::{Value, json};

use super::agent::Agent;
use super::event::What;
use super::messages::{self, decode};
use super::metadata;
use super::thing::WriteError;

/// A request to the endpoint, without its transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// Method in upper case.
    pub(super) method: &'a str,
    /// Whether the body is declared as JSON.
    pub(super) is_json: bool,
    /// The body.
    pub(super) body: &'a [u8],
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The thing's name, or `*identifier`.
    pub(super) thing: String,
    characteristic: Characteristic,
}

/// An answer to send, perhaps after a while.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Body,
    /// How long to wait before it is sent.
    pub(super) after: Duration,
}

/// The body with its content type.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    Json(Value),
    Text(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Characteristic {
    Itself,
    Properties,
    Property(String),
    Services,
    Service(String),
    Other,
}

impl Target {
    /// Reads the path of a request; `None` if it names no thing.
    pub(super) fn parse(path: &str) -> Option<Self> {
        // A configured thing without a `path` is asked below the root (EMS notes, 3.7 and 9.1).
        let rest = path
            .strip_prefix(messages::PATH)
            .unwrap_or(path)
            .trim_start_matches('/')
            .strip_prefix("Things/")?;
        let mut segments = rest.split('/').map(decode);
        let thing = segments.next().filter(|name| !name.is_empty())?;
        let (kind, name, more) = (segments.next(), segments.next(), segments.next());
        let name = name.filter(|name| !name.is_empty());
        let characteristic = match (kind.as_deref(), name, more) {
            (None | Some(""), None, None) => Characteristic::Itself,
            (Some("Properties"), None, None) => Characteristic::Properties,
            (Some("Properties"), Some(name), None) => Characteristic::Property(name),
            (Some("Services"), None, None) => Characteristic::Services,
            (Some("Services"), Some(name), None) => Characteristic::Service(name),
            _ => Characteristic::Other,
        };
        Some(Self { thing, characteristic })
    }
}

impl Answer {
    /// Text of a refusal.
    pub(super) fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, body: Body::Text(text.into()), after: Duration::ZERO }
    }

    /// Answer to a path that names no thing of this endpoint.
    pub(super) fn unknown_thing() -> Self {
        Self::text(404, "Script not found")
    }

    fn json(value: Value) -> Self {
        Self { status: 200, body: Body::Json(value), after: Duration::ZERO }
    }

    fn result(base_type: &str, value: &Value) -> Self {
        Self::json(messages::result(base_type, value))
    }
}

/// Answers one request of the platform to `agent`.
pub(super) fn answer(agent: &Agent, target: &Target, request: Request<'_>) -> Answer {
    if matches!(request.method, "POST" | "PUT") && !request.is_json {
        return Answer::text(415, "Unsupported Media Type");
    }
    match (&target.characteristic, request.method) {
        (Characteristic::Itself, "POST") => Answer::json(describe(agent)),
        (Characteristic::Itself, _) => Answer::text(400, "Service invocation requires JSON data"),
        (Characteristic::Properties, "GET") => Answer::json(all_properties(agent)),
        (Characteristic::Properties, method) => {
            Answer::text(405, format!("The method {method} is not supported"))
        }
        (Characteristic::Property(name), "GET") => {
            let thing = agent.thing();
            let unknown = || Answer::text(404, format!("Property '{name}' not found"));
            thing.property(name).map_or_else(unknown, |property| Answer::json(messages::read(property)))
        }
        (Characteristic::Property(name), "PUT") => write(agent, name, request.body),
        (Characteristic::Services, "GET") => Answer::json(metadata::services().collect()),
        (Characteristic::Services, "POST") => Answer::text(404, "A service name must be specified"),
        (Characteristic::Service(name), "POST") => call(agent, name, request.body),
        (Characteristic::Property(_) | Characteristic::Services | Characteristic::Service(_), _) => {
            Answer::text(405, "Method not allowed")
        }
        (Characteristic::Other, _) => Answer::text(404, "Not found"),
    }
}

fn describe(agent: &Agent) -> Value {
    metadata::of(agent.bound_name(), agent.thing().properties())
}

/// Not an infotable but an object of all properties, as the script resource answers it.
fn all_properties(agent: &Agent) -> Value {
    let thing = agent.thing();
    let properties = thing.properties().iter().map(|property| {
        let value = json!({
            "name": property.name,
            "baseType": property.base_type.name(),
            "value": property.value,
            "time": property.time_ms,
            "quality": "GOOD",
        });
        (property.name.clone(), value)
    });
    Value::Object(properties.collect())
}

fn write(agent: &Agent, name: &str, body: &[u8]) -> Answer {
    // The name is looked up first.
    if agent.thing().property(name).is_none() {
        return Answer::text(404, WriteError::Unknown(name.to_owned()).to_string());
    }
    if body.is_empty() {
        return Answer::text(400, "Property update requires JSON data");
    }
    let parameters = match messages::parameters(body) {
        Ok(parameters) => parameters,
        Err(error) => return Answer::text(500, error.to_string()),
    };
    let Some(value) = parameters.get(name).or_else(|| parameters.get("value")) else {
        return Answer::text(400, format!("Request to set property {name} did not contain valid data"));
    };
    match agent.write(name, value) {
        Ok(()) => Answer::text(200, ""),
        Err(error @ WriteError::Unknown(_)) => Answer::text(404, error.to_string()),
        Err(error @ WriteError::Type { .. }) => Answer::text(400, error.to_string()),
    }
}

fn call(agent: &Agent, name: &str, body: &[u8]) -> Answer {
    let parameters = match messages::parameters(body) {
        Ok(parameters) => parameters,
        Err(error) => return Answer::text(500, format!("Error: {error}")),
    };
    let number = |name: &str| parameters.get(name).and_then(Value::as_f64);
    let answer = match name {
        "Add" => match (number("a"), number("b")) {
            (Some(a), Some(b)) => Answer::result("NUMBER", &json!(a + b)),
            _ => Answer::text(500, "Service 'Add' takes two numbers, a and b"),
        },
        "Echo" => match parameters.get("text") {
            Some(Value::String(text)) => Answer::result("STRING", &json!(text)),
            Some(other) => Answer::result("STRING", &json!(other.to_string())),
            None => Answer::text(500, "Service 'Echo' takes a text"),
        },
        "Slow" => match number("ms").map(|ms| Duration::try_from_secs_f64(ms / 1000.0)) {
            Some(Ok(wait)) if wait <= LONGEST_WAIT => {
                let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                Answer { after: wait, ..Answer::result("INTEGER", &json!(ms)) }
            }
            _ => Answer::text(500, "Service 'Slow' takes ms from 0 to 60000"),
        },
        "Fail" => Answer::text(500, "it failed"),
        "GetMetadata" => Answer::json(describe(agent)),
        "NotifyPropertyUpdate" => {
            agent.notify();
            Answer::text(200, "")
        }
        _ => return Answer::text(404, format!("Service '{name}' not found")),
    };
    agent.report(What::Called { service: name.to_owned() });
    answer
}

const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::broadcast;

    use super::*;
    use crate::agents::settings::{Settings, ThingName};

    fn agent() -> Agent {
        let name = ThingName { name: "T1".to_owned(), bound: "T1".to_owned() };
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 8001));
        Agent::new(0, name, address, Arc::new(Settings::default()), broadcast::channel(16).0)
    }

    fn ask(agent: &Agent, method: &str, path: &str, body: &str) -> (u16, String) {
        let target = Target::parse(&format!("/scripts/Thingworx/Things/T1{path}")).unwrap();
        let request = Request { method, is_json: true, body: body.as_bytes() };
        let answer = answer(agent, &target, request);
        let body = match answer.body {
            Body::Json(value) => value.to_string(),
            Body::Text(text) => text,
        };
        (answer.status, body)
    }

    #[test]
    fn refusals_have_the_texts_of_the_script_resource() {
        let agent = agent();
        let table = [
            ("GET", "/Properties/nope", "", 404, "Property 'nope' not found"),
            ("PUT", "/Properties/nope", "", 404, "Property 'nope' not found"),
            ("PUT", "/Properties/*", "{}", 404, "Property '*' not found"),
            ("PUT", "/Properties/label", "", 400, "Property update requires JSON data"),
            (
                "PUT",
                "/Properties/label",
                "{}",
                400,
                "Request to set property label did not contain valid data",
            ),
            ("POST", "/Properties/label", "{}", 405, "Method not allowed"),
            ("PUT", "/Properties", "{}", 405, "The method PUT is not supported"),
            ("GET", "", "", 400, "Service invocation requires JSON data"),
            ("POST", "/Services/Nope", "{}", 404, "Service 'Nope' not found"),
            ("POST", "/Services", "{}", 404, "A service name must be specified"),
            ("GET", "/Services/Add", "", 405, "Method not allowed"),
            ("POST", "/Services/Fail", "{}", 500, "it failed"),
            ("GET", "/Events/x", "", 404, "Not found"),
            ("GET", "/Properties/a/b", "", 404, "Not found"),
        ];
        for (method, path, body, status, text) in table {
            assert_eq!(ask(&agent, method, path, body), (status, text.to_owned()), "{method} {path}");
        }
        assert_eq!(ask(&agent, "PUT", "/Properties/label", "{").0, 500);
        assert_eq!(ask(&agent, "POST", "/Services/Slow", r#"{"ms":60001}"#).0, 500);
        assert_eq!(ask(&agent, "POST", "/Services/Slow", r#"{"ms":-1}"#).0, 500);
    }

    #[test]
    fn a_post_that_is_not_json_is_refused() {
        let agent = agent();
        let target = Target::parse("/scripts/Thingworx/Things/T1/Services/Add").unwrap();
        let request = Request { method: "POST", is_json: false, body: b"{}" };
        assert_eq!(answer(&agent, &target, request).status, 415);
    }

    #[test]
    fn a_written_value_is_read_back_in_both_spellings_of_the_shape() {
        let agent = agent();
        for (body, text) in [
            (r#"{"rows":[{"label":"a"}],"datashape":{"fieldDefinitions":{}}}"#, "a"),
            (r#"{"rows":[{"label":"b"}],"dataShape":{"fieldDefinitions":{}}}"#, "b"),
            (r#"{"rows":[{"_content_":{"label":"c"}}],"datashape":{}}"#, "c"),
            (r#"{"rows":[{"_content_":"d"}],"datashape":{}}"#, "d"),
            (r#"{"label":"e"}"#, "e"),
            (r#"{"value":"f"}"#, "f"),
        ] {
            assert_eq!(ask(&agent, "PUT", "/Properties/label", body), (200, String::new()));
            let (status, read) = ask(&agent, "GET", "/Properties/label", "");
            let read: Value = serde_json::from_str(&read).unwrap();
            assert_eq!((status, &read["rows"][0]["label"]), (200, &json!(text)));
        }
    }

    #[test]
    fn services_answer_with_a_typed_result() {
        let agent = agent();
        let (status, body) =
            ask(&agent, "POST", "/Services/Add", r#"{"rows":[{"a":2,"b":3.5}],"datashape":{}}"#);
        assert_eq!(status, 200);
        let expected = json!({"rows": [{"result": 5.5}], "dataShape": {"fieldDefinitions": {"result":
            {"aspects": {"persist": false}, "baseType": "NUMBER", "name": "result", "description": ""}}}});
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        let (_, body) = ask(&agent, "POST", "/Services/Echo", r#"{"text":"x \"q\""}"#);
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["rows"][0]["result"], "x \"q\"");
    }

    #[test]
    fn slow_answers_later_and_says_how_long_it_took() {
        let agent = agent();
        let target = Target::parse("/scripts/Thingworx/Things/T1/Services/Slow").unwrap();
        let request = Request { method: "POST", is_json: true, body: br#"{"ms":250}"# };
        assert_eq!(answer(&agent, &target, request).after, Duration::from_millis(250));
    }

    #[test]
    fn metadata_names_every_property_and_service_that_answers() {
        let agent = agent();
        let (status, by_service) = ask(&agent, "POST", "/Services/GetMetadata", "{}");
        assert_eq!((status, &by_service), (200, &ask(&agent, "POST", "", "{}").1));
        let metadata: Value = serde_json::from_str(&by_service).unwrap();
        for (name, definition) in metadata["propertyDefinitions"].as_object().unwrap() {
            let (status, read) = ask(&agent, "GET", &format!("/Properties/{name}"), "");
            let read: Value = serde_json::from_str(&read).unwrap();
            assert_eq!(status, 200);
            assert_eq!(read["dataShape"]["fieldDefinitions"][name]["baseType"], definition["baseType"]);
        }
        let services = metadata["serviceDefinitions"].as_object().unwrap();
        for name in services.keys() {
            assert_ne!(ask(&agent, "POST", &format!("/Services/{name}"), "{}").0, 404, "{name}");
        }
        let listed: Vec<String> = serde_json::from_str(&ask(&agent, "GET", "/Services", "").1).unwrap();
        assert_eq!(listed.len(), services.len());
    }

    #[test]
    fn a_path_names_a_thing_or_nothing() {
        let thing = |path: &str| Target::parse(path).map(|target| target.thing);
        assert_eq!(thing("/scripts/Thingworx/Things/T%201/Properties/p").as_deref(), Some("T 1"));
        assert_eq!(thing("/scripts/Thingworx/Things/*SN1").as_deref(), Some("*SN1"));
        assert_eq!(thing("//Things/T1/Services/Add").as_deref(), Some("T1"));
        for path in
            ["/", "/scripts/Thingworx", "/scripts/Thingworx/Things", "/scripts/Thingworx/Things/", "/x"]
        {
            assert_eq!(thing(path), None, "{path}");
        }
    }
}
