//! `tw_http` and `tw_ems`: HTTP to anybody, and to the gateway (script resource notes, 3.6 and 3.7).
//!
//! Results are body, code and headers, in this order.

use std::{str::FromStr, time::Duration};

use awc::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use mlua::{Lua, MultiValue, Table, Value};

use super::{
    super::{Arity, Finish, Host, Natives, ScriptScope, answer},
    exchange::{Body, Reply, Request, Way, exchange},
    pairs,
};
use crate::outgoing::is_on;

pub(super) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    header_metatable(natives)?;
    let http = natives.table("tw_http")?;
    let ems = natives.table("tw_ems")?;
    for (name, method) in [("get", Method::GET), ("delete", Method::DELETE)] {
        let (host, verb) = (scope.host.clone(), method.clone());
        let function = natives.blocking(Arity::between(2, 5), move |_, arguments: Bare| {
            // The original takes a table of query parameters, too, and does not send it.
            let (place, port, path, headers, _) = arguments;
            Ok(send(Request { method: verb.clone(), ..anybody(&host, place, port, path, headers)? }))
        })?;
        http.raw_set(name, function)?;
        let host = scope.host.clone();
        let function =
            natives.blocking(Arity::between(1, 2), move |_, arguments: (Value, Option<Table>)| {
                let (path, headers) = arguments;
                Ok(send(Request { method: method.clone(), ..gateway(&host, &path, headers.as_ref())? }))
            })?;
        ems.raw_set(name, function)?;
    }
    for (name, method) in [("post", Method::POST), ("put", Method::PUT)] {
        let (host, verb) = (scope.host.clone(), method.clone());
        let function = natives.blocking(Arity::between(2, 5), move |_, arguments: Laden| {
            let (place, port, path, data, headers) = arguments;
            let body = body(&data);
            let request =
                Request { method: verb.clone(), body, ..anybody(&host, place, port, path, headers)? };
            Ok(send(request))
        })?;
        http.raw_set(name, function)?;
        let host = scope.host.clone();
        let function =
            natives.blocking(Arity::between(1, 3), move |_, arguments: (Value, Value, Option<Table>)| {
                let (path, data, headers) = arguments;
                let request = gateway(&host, &path, headers.as_ref())?;
                Ok(send(Request { method: method.clone(), body: body(&data), ..request }))
            })?;
        ems.raw_set(name, function)?;
    }
    for name in UNSUPPORTED {
        let refuse = move |_: &Lua, _: MultiValue| Ok((Value::Nil, format!("{name} is not supported")));
        ems.raw_set(*name, natives.plain(Arity::at_least(0), refuse)?)?;
    }
    Ok(())
}

/// Host, port, path, headers, query.
type Bare = (Value, Value, Value, Option<Table>, Value);
/// Host, port, path, data, headers.
type Laden = (Value, Value, Value, Value, Option<Table>);

async fn send(request: Request) -> Finish {
    let reply = exchange(request).await;
    Natives::finish(move |lua| results(lua, &reply))
}

fn results(lua: &Lua, reply: &Reply) -> mlua::Result<(mlua::LuaString, u16, Table)> {
    let Reply { code, headers, body } = reply;
    let table = lua.create_table()?;
    for (name, value) in headers {
        table.raw_set(name.as_str(), lua.create_string(value)?)?;
    }
    table.set_metatable(lua.named_registry_value(HEADERS)?)?;
    Ok((lua.create_string(body)?, *code, table))
}

/// Headers are looked up in any spelling: the original keeps the server's, and we know them in lower case only.
fn header_metatable(natives: &Natives<'_>) -> mlua::Result<()> {
    let lookup = |_: &Lua, (table, name): (Table, Value)| {
        let Value::String(name) = name else { return Ok(Value::Nil) };
        table.raw_get(name.to_string_lossy().to_ascii_lowercase())
    };
    let metatable = natives.lua().create_table()?;
    metatable.raw_set("__index", natives.plain(Arity::exactly(2), lookup)?)?;
    natives.lua().set_named_registry_value(HEADERS, metatable)
}

/// A request to whomever the script names.
fn anybody(
    host: &Host,
    place: Value,
    port: Value,
    path: Value,
    headers: Option<Table>,
) -> mlua::Result<Request> {
    let place = text(&place, "host")?;
    let port =
        number::<u16>(&port).ok_or_else(|| mlua::Error::runtime("port must be a number up to 65535"))?;
    let path = if path.is_nil() { b"/".to_vec() } else { text(&path, "path")? };
    Ok(Request {
        host: String::from_utf8_lossy(&place).into_owned(),
        port,
        way: if port == HTTPS { Way::tls(host.tls_towards_others()) } else { Way::Clear },
        path,
        headers: pairs::named(headers.as_ref()),
        patience: patience(host, "http_timeout"),
        ..Request::default()
    })
}

/// A request to the gateway that the settings name (script resource notes, 1.4).
fn gateway(host: &Host, path: &Value, headers: Option<&Table>) -> mlua::Result<Request> {
    let setting = |key: &str| host.global(key).filter(|value| !value.is_empty());
    let place = setting("rap_host").unwrap_or_else(|| "localhost".to_owned());
    let port = setting("rap_port").map_or(Some(8000), |port| port.trim().parse().ok());
    let port = port.ok_or_else(|| mlua::Error::runtime("rap_port must be a number up to 65535"))?;
    let mut headers = pairs::named(headers);
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    headers.push(("host".into(), place.clone().into_bytes()));
    if let Some(user) = setting("rap_userid").filter(|_| is_on(setting("rap_server_authenticate"))) {
        let password = setting("rap_password").unwrap_or_default();
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        headers.push(("authorization".into(), format!("Basic {credentials}").into_bytes()));
    }
    Ok(Request {
        host: place,
        port,
        way: if host.asks_gateway_in_tls() { Way::tls(host.tls_towards_gateway()) } else { Way::Clear },
        path: text(path, "path")?,
        headers,
        patience: patience(host, "rap_timeout"),
        ..Request::default()
    })
}

/// A text is sent as it is, a table as the fields of a form.
fn body(data: &Value) -> Body {
    match data {
        Value::Table(fields) => Body::Form(pairs::pairs(Some(fields))),
        other => answer::text(other).map_or(Body::None, Body::Text),
    }
}

/// The original waits for ever without a setting.
fn patience(host: &Host, key: &str) -> Duration {
    let millis = host.global(key).and_then(|value| value.trim().parse().ok()).filter(|millis| *millis > 0);
    millis.map_or(LONG, Duration::from_millis)
}

fn text(value: &Value, what: &str) -> mlua::Result<Vec<u8>> {
    answer::text(value).ok_or_else(|| mlua::Error::runtime(format!("{what} must be a text")))
}

fn number<T: FromStr>(value: &Value) -> Option<T> {
    String::from_utf8(answer::text(value)?).ok()?.trim().parse().ok()
}

const HEADERS: &str = "edgebind.headers";
const HTTPS: u16 = 443;
const LONG: Duration = Duration::from_secs(300);
/// Names of an older way to the platform; the original has them, too, without use.
const UNSUPPORTED: &[&str] = &[
    "getId",
    "sendMessage",
    "sendFile",
    "transferFile",
    "subscribeToFiles",
    "unsubscribeFromFiles",
    "subscribeToPresence",
    "unsubscribeFromPresence",
    "setPresence",
    "startTunnel",
];
