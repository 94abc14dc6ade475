//! Paths and bodies of the requests, in the form of the script resource (EMS notes, 7 and 8).

use serde_json::{Map, Value, json};

use crate::update::{Kind, Update};

/// A request that carries updates: method, path and body.
pub(crate) fn carry(updates: &[Update]) -> Option<(&'static str, String, String)> {
    let first = updates.first()?;
    let thing = &first.thing;
    let number = json!({ "number": first.number });
    let (method, rest, body) = match first.kind {
        Kind::Push => ("POST", "Services/UpdateSubscribedPropertyValues".to_owned(), push(updates)),
        Kind::Write => ("PUT", format!("Properties/{}", first.name), json!({ &first.name: first.number })),
        Kind::Event => ("POST", format!("Events/{}", first.name), number),
        Kind::Call => ("POST", "Services/ProcessRemoteEvents".to_owned(), remote_event(first)),
    };
    Some((method, format!("/Thingworx/Things/{thing}/{rest}"), body.to_string()))
}

/// Body of AddEdgeThing.
pub(crate) fn registration(thing: &str, host: &str, port: u16, keepalive_ms: u128) -> String {
    json!({
        "name": thing,
        "host": host,
        "port": port.to_string(),
        "path": PATH,
        "proto": "http",
        "keepalive": u64::try_from(keepalive_ms).unwrap_or(u64::MAX),
        "timeout": 10_000,
    })
    .to_string()
}

/// The result of a service with one.
pub(crate) fn result(answer: &[u8]) -> Option<Value> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer.get("rows")?.get(0)?.get("result").cloned()
}

/// Answer of a service whose result is a text.
pub(crate) fn text(text: &str) -> String {
    let field = json!({ "name": "result", "baseType": "STRING", "description": "", "aspects": {} });
    json!({ "rows": [{ "result": text }], "dataShape": { "fieldDefinitions": { "result": field } } })
        .to_string()
}

/// A parameter by its name, of an object or of the first row of a table.
pub(crate) fn parameter(body: &[u8], name: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let object = body.get("rows").and_then(|rows| rows.get(0)).unwrap_or(&body);
    let object = object.get("_content_").unwrap_or(object);
    Some(object.get(name)?.as_str()?.to_owned())
}

/// Body of UpdateSubscribedPropertyValues (8.2).
fn push(rows: &[Update]) -> Value {
    let row = |row: &Update| {
        json!({
            "name": row.name,
            "time": row.time_ms,
            "quality": "GOOD",
            "value": { "baseType": "NUMBER", "value": row.number },
        })
    };
    let fields = [("name", "STRING"), ("time", "DATETIME"), ("quality", "STRING"), ("value", "VARIANT")];
    values(rows.iter().map(row).collect(), &fields)
}

/// Body of ProcessRemoteEvents with one event.
fn remote_event(update: &Update) -> Value {
    let data = table(json!([{ "number": update.number }]), &[("number", "NUMBER")]);
    let row = json!({ "name": update.name, "data": data });
    values(json!([row]), &[("name", "STRING"), ("data", "INFOTABLE")])
}

/// The table of parameters whose only column is the table `values`.
fn values(rows: Value, fields: &[(&str, &str)]) -> Value {
    table(json!([{ "values": table(rows, fields) }]), &[("values", "INFOTABLE")])
}

fn table(rows: Value, fields: &[(&str, &str)]) -> Value {
    let fields: Map<_, _> = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), json!({ "name": name, "baseType": kind, "aspects": [] })))
        .collect();
    json!({ "rows": rows, "dataShape": { "fieldDefinitions": fields } })
}

/// Where our endpoint serves its things.
pub(crate) const PATH: &str = "/scripts/Thingworx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_parameters_are_found() {
        assert_eq!(result(text("x").as_bytes()), Some(json!("x")));
        assert_eq!(result(b"{}"), None);
        for body in
            [r#"{"text":"t"}"#, r#"{"rows":[{"text":"t"}]}"#, r#"{"rows":[{"_content_":{"text":"t"}}]}"#]
        {
            assert_eq!(parameter(body.as_bytes(), "text").as_deref(), Some("t"), "{body}");
        }
    }
}
