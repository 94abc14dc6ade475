//! The JSON that an agent and a gateway exchange, in the form of the script resource (EMS notes, 7 and 8).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::thing::{Property, PushType};

/// One row of the answer to GetPropertySubscriptions (protocol notes, section 10.2).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscription {
    pub(super) edge_name: String,
    #[serde(default)]
    pub(super) push_type: String,
    #[serde(default)]
    pub(super) push_threshold: f64,
}

/// What AddEdgeThing says about a thing.
#[derive(Clone, Debug)]
pub(super) struct Registration<'a> {
    pub(super) name: &'a str,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) keepalive_ms: u64,
    pub(super) timeout_ms: u64,
}

impl Subscription {
    /// ON and OFF become VALUE; DEADBAND and unknown types are never pushed (script resource notes, 5.2).
    pub(super) fn push_type(&self) -> PushType {
        match self.push_type.as_str() {
            "ALWAYS" => PushType::Always,
            "VALUE" | "ON" | "OFF" => PushType::Value,
            _ => PushType::Never,
        }
    }
}

impl Registration<'_> {
    /// Body of AddEdgeThing; the port is a string, as the script resource sends it (7.3).
    pub(super) fn body(&self) -> Value {
        json!({
            "name": self.name,
            "host": self.host,
            "port": self.port.to_string(),
            "path": PATH,
            "proto": "http",
            "keepalive": self.keepalive_ms,
            "timeout": self.timeout_ms,
        })
    }
}

/// Body of UpdateSubscribedPropertyValues (8.2).
pub(super) fn push(rows: &[Property]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "time": row.time_ms,
                "quality": "GOOD",
                "value": {"baseType": row.base_type.name(), "value": row.value},
            })
        })
        .collect();
    let fields = [("name", "STRING"), ("time", "DATETIME"), ("quality", "STRING"), ("value", "VARIANT")];
    let fields: Map<_, _> =
        fields.iter().map(|(name, kind)| ((*name).to_owned(), field(name, kind))).collect();
    let values = json!({"rows": rows, "dataShape": {"fieldDefinitions": fields}});
    json!({
        "rows": [{"values": values}],
        "dataShape": {"fieldDefinitions": {"values": field("values", "INFOTABLE")}},
    })
}

/// Answer to a read of `rows`: one row with a column for each, and a column `time` (script resource notes, 4.6).
pub(super) fn read(property: &Property) -> Value {
    let (name, kind) = (property.name.as_str(), property.base_type.name());
    let mut time = field("time", "DATETIME");
    let mut column = field(name, kind);
    for definition in [&mut time, &mut column] {
        if let Some(definition) = definition.as_object_mut() {
            definition.insert("description".to_owned(), json!(""));
        }
    }
    let mut row = Map::new();
    row.insert("time".to_owned(), json!(property.time_ms));
    row.insert(name.to_owned(), property.value.clone());
    let mut fields = Map::new();
    fields.insert("time".to_owned(), time);
    fields.insert(name.to_owned(), column);
    json!({"rows": [row], "dataShape": {"fieldDefinitions": fields}})
}

/// Answer of a service with one result (script resource notes, 6).
pub(super) fn result(base_type: &str, value: &Value) -> Value {
    let field = json!({
        "name": "result",
        "baseType": base_type,
        "description": "",
        "aspects": {"persist": false},
    });
    json!({"rows": [{"result": value}], "dataShape": {"fieldDefinitions": {"result": field}}})
}

/// The parameters in a request's body: the first row of an infotable, what `_content_` in it holds, or the
/// object itself (EMS notes, 9.1).
///
/// # Errors
///
/// The decoder's text if this is not JSON.
pub(super) fn parameters(body: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let Value::Object(mut object) = serde_json::from_slice(body)? else {
        return Ok(Map::new());
    };
    if !object.get("rows").is_some_and(Value::is_array) {
        return Ok(object);
    }
    let first = object.remove("rows").and_then(|rows| match rows {
        Value::Array(rows) => rows.into_iter().next(),
        _ => None,
    });
    match first {
        Some(Value::Object(mut row)) => match row.remove("_content_") {
            Some(Value::Object(content)) => Ok(content),
            Some(other) => Ok(Map::from_iter([("value".to_owned(), other)])),
            None => Ok(row),
        },
        _ => Ok(Map::new()),
    }
}

/// The rows of the answer to GetPropertySubscriptions; an empty body means none (8.1).
///
/// # Errors
///
/// The decoder's text if this is no infotable of subscriptions.
pub(super) fn subscriptions(body: &[u8]) -> Result<Vec<Subscription>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        rows: Vec<Subscription>,
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_slice::<Answer>(body)?.rows)
}

/// The single BOOLEAN `result` of an answer such as HasEdgeThing's; `None` if there is none.
pub(super) fn truth(body: &[u8]) -> Option<bool> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    answer.get("rows")?.get(0)?.get("result")?.as_bool()
}

/// Percent-encodes everything but unreserved characters, for one segment of a path.
pub(super) fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Undoes percent-encoding; what is not a valid escape stays as it is.
pub(super) fn decode(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| tail.get(..2)).flatten().and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn field(name: &str, base_type: &str) -> Value {
    json!({"name": name, "baseType": base_type, "aspects": []})
}

/// Where the endpoint of a script resource serves its things.
pub(super) const PATH: &str = "/scripts/Thingworx";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::thing::Thing;

    #[test]
    fn a_push_has_the_form_of_the_script_resource() {
        let mut thing = Thing::new(0, "A", 4, 1_795_304_777_000);
        let rows: Vec<_> = thing
            .take_due()
            .into_iter()
            .filter(|row| row.name == "temperature" || row.name == "running")
            .collect();
        let expected = r#"{"dataShape":{"fieldDefinitions":{"values":{"aspects":[],"name":"values","baseType":"INFOTABLE"}}},
            "rows":[{"values":{"dataShape":{"fieldDefinitions":{
            "value":{"aspects":[],"name":"value","baseType":"VARIANT"},"time":{"aspects":[],"name":"time","baseType":"DATETIME"},
            "name":{"aspects":[],"name":"name","baseType":"STRING"},"quality":{"aspects":[],"name":"quality","baseType":"STRING"}}},
            "rows":[{"value":{"baseType":"NUMBER","value":20.0},"name":"temperature","time":1795304777000,"quality":"GOOD"},
            {"value":{"baseType":"BOOLEAN","value":true},"name":"running","time":1795304777000,"quality":"GOOD"}]}}]}"#;
        assert_eq!(push(&rows), serde_json::from_str::<Value>(expected).unwrap());
    }

    #[test]
    fn a_read_has_the_form_of_the_recorded_answers() {
        let thing = Thing::new(0, "A", 4, 1_795_304_949_000);
        let expected = json!({"rows": [{"time": 1_795_304_949_000_i64, "running": true}],
            "dataShape": {"fieldDefinitions": {
                "time": {"aspects": [], "baseType": "DATETIME", "name": "time", "description": ""},
                "running": {"aspects": [], "baseType": "BOOLEAN", "name": "running", "description": ""}}}});
        assert_eq!(read(thing.property("running").unwrap()), expected);
    }

    #[test]
    fn parameters_come_from_an_infotable_its_content_or_a_plain_object() {
        let get = |body: &str| parameters(body.as_bytes()).unwrap().get("a").cloned();
        assert_eq!(get(r#"{"rows":[{"a":2.0,"b":1}],"datashape":{}}"#), Some(json!(2.0)));
        assert_eq!(get(r#"{"rows":[{"_content_":{"a":3}}],"datashape":{}}"#), Some(json!(3)));
        assert_eq!(get(r#"{"a":4}"#), Some(json!(4)));
        for empty in ["", " ", "[]", "5", r#"{"rows":[]}"#, r#"{"rows":[7]}"#] {
            assert_eq!(get(empty), None, "{empty}");
        }
        assert!(parameters(b"{").is_err());
    }

    #[test]
    fn subscriptions_are_read_leniently_but_not_blindly() {
        let rows =
            r#"{"rows":[{"edgeName":"count","pushType":"ON","pushThreshold":0,"more":1},{"edgeName":"x"}]}"#;
        let rows = subscriptions(rows.as_bytes()).unwrap();
        assert_eq!(rows[0].push_type(), PushType::Value);
        assert_eq!(rows[1].push_type(), PushType::Never);
        assert!(subscriptions(b"").unwrap().is_empty());
        assert!(subscriptions(b"{}").unwrap().is_empty());
        assert!(subscriptions(b"<html>").is_err());
        assert!(subscriptions(br#"{"rows":[{"pushType":"VALUE"}]}"#).is_err());
    }

    #[test]
    fn names_survive_the_way_through_a_url() {
        for name in ["Agent-0001", "*SN 1", "a/b?c%d", "Pumpe Süd", "%zz+%4"] {
            let encoded = encode(name);
            assert!(encoded.is_ascii() && !encoded.contains(['/', '?', ' ']), "{encoded}");
            assert_eq!(decode(&encoded), name);
        }
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("a%+1b"), "a%+1b");
    }

    #[test]
    fn truth_is_only_what_is_said() {
        assert_eq!(truth(br#"{"rows":[{"result":false}],"datashape":{}}"#), Some(false));
        assert_eq!(truth(br#"{"rows":[{"result":true}]}"#), Some(true));
        assert_eq!(truth(br#"{"rows":[]}"#), None);
        assert_eq!(truth(b""), None);
    }
}
