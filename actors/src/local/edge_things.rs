//! AddEdgeThing, RemoveEdgeThing, HasEdgeThing and GetEdgeThings (EMS notes, 7.3 to 7.6).

use std::{sync::Arc, time::Duration};

use edgebind_alwayson::{BaseType, Code, Field, InfoTable, Response, Value, json::Inputs};
use edgebind_config::edit::Edit;
use serde_json::Map;
use tracing::warn;

use super::{Caller, configuration, forbidden, missing_name, result, starting};
use crate::{
    Registration, Source, Units,
    registrar::{deregister, register},
};

/// Takes a thing in; with `persist` its entry goes into the configuration file.
pub(super) async fn add(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    let mut registration = match Registration::from_inputs(inputs) {
        Ok(registration) => registration,
        Err(error) if error.is_answered_ok() => {
            warn!(%error, "Nothing was registered, though the caller is told 200 as by the original.");
            return Response::success();
        }
        Err(error) => return Response::error(Code::BAD_REQUEST, error.to_string()),
    };
    let persist = inputs.boolean("persist").unwrap_or(false);
    if let Some(address) = caller.stranger(units) {
        if persist {
            return forbidden(address, "`persist` changes the configuration file");
        }
        if !registration.endpoint.is_at(address).await {
            let what = format!("{} is not its own address", registration.endpoint.host);
            return forbidden(address, &what);
        }
        // A host name could mean another machine tomorrow.
        registration.endpoint.host = address.to_string();
    }
    match register(units, registration).await {
        Ok(()) if persist => configuration::change(units, Edit::AddThing(entry(inputs))).await,
        Ok(()) => Response::success(),
        Err(error) => Response::error(error.code(), error.to_string()),
    }
}

/// Lets a thing go, also from the configuration file if it stands there.
pub(super) async fn remove(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    let Some(name) = inputs.text("name") else { return missing_name("RemoveEdgeThing") };
    let Some(thing) = units.registry.find_in_any_case(name) else { return Response::success() };
    let name = thing.name.as_str().to_owned();
    let is_listed = units.local.lists(&name);
    if let Some(address) = caller.stranger(units) {
        if is_listed || thing.source != Source::Dynamic {
            return forbidden(address, "the thing belongs to the configuration file");
        }
        if !thing.endpoint.is_at(address).await {
            return forbidden(address, "the thing is not at its own address");
        }
    }
    if deregister(units, name.clone()).await.is_err() {
        return starting();
    }
    if is_listed { configuration::change(units, Edit::RemoveThing(name)).await } else { Response::success() }
}

/// Looks in the registry only: also true while the platform is down or has refused the name.
pub(super) fn has(units: &Units, inputs: &Inputs) -> Response {
    match inputs.text("name") {
        Some(name) => result(Value::Boolean(units.registry.find_in_any_case(name).is_some())),
        None => missing_name("HasEdgeThing"),
    }
}

/// One row a thing, sorted by name; no password.
pub(super) fn all(things: &[Arc<Registration>]) -> Response {
    let fields = [
        ("name", BaseType::String),
        ("host", BaseType::String),
        ("port", BaseType::Number),
        ("path", BaseType::String),
        ("keepalive", BaseType::Number),
        ("timeout", BaseType::Number),
        ("proto", BaseType::String),
        ("user", BaseType::String),
        ("accept", BaseType::String),
    ];
    let mut table = InfoTable::new(fields.map(|(name, base_type)| Field::new(name, base_type)).into());
    let millis = |duration: Duration| Value::Number(duration.as_secs_f64() * 1_000.0);
    for thing in things {
        table.rows.push(vec![
            Value::string(thing.name.as_str()),
            Value::string(thing.endpoint.host.as_str()),
            Value::Number(f64::from(thing.endpoint.port)),
            Value::string(thing.path.as_str()),
            millis(thing.keepalive),
            millis(thing.timeout),
            Value::string(thing.proto.as_str()),
            Value::string(thing.user.as_str()),
            Value::string(thing.accept.as_str()),
        ]);
    }
    Response::table(table)
}

/// The entry for `auto_bind`: the keys that were sent and that belong there, numbers as numbers.
fn entry(inputs: &Inputs) -> Map<String, serde_json::Value> {
    let mut entry = Map::new();
    for key in ["name", "host", "path", "proto", "user", "password", "accept"] {
        if let Some(text) = inputs.text(key) {
            entry.insert(key.to_owned(), text.into());
        }
    }
    for key in ["port", "keepalive", "timeout"] {
        if let Some(number) = inputs.integer(key) {
            entry.insert(key.to_owned(), number.into());
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persisted_entry_has_what_was_sent_and_makes_no_second_gateway() {
        let inputs = Inputs::from_json(
            r#"{"name":"K1","port":"9480","persist":true,"gateway":true,"color":"red","path":"/s"}"#,
        );
        let entry = serde_json::Value::Object(entry(&inputs.unwrap()));
        assert_eq!(entry, serde_json::json!({ "name": "K1", "port": 9480, "path": "/s" }));
    }
}
