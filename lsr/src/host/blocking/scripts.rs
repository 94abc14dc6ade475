//! `tw_script`: one script looks at others, starts, stops and calls them (script resource notes, 3.8).

use std::{sync::Arc, time::Duration};

use mlua::{Lua, Table, Value};

use super::{
    super::{
        Arity, CallError, CallbackAnswer, CallbackData, CallbackRequest, Host, Natives, ScriptError,
        ScriptScope, ScriptSpec, ScriptView,
    },
    pairs,
};
use crate::{
    Setting, Settings,
    log::{self, Level},
};

pub(super) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    looking(natives, scope)?;
    starting(natives, scope)?;
    settings(natives, scope)?;
    calling(natives, scope)
}

fn looking(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let table = natives.table("tw_script")?;
    let host = scope.host.clone();
    let list = natives.plain(Arity::exactly(0), move |lua, ()| {
        let list = lua.create_table()?;
        for view in host.scripts() {
            list.raw_set(view.name, view.phase.as_str())?;
        }
        Ok(list)
    })?;
    table.raw_set("getScriptList", list)?;
    let looks: [(&str, &str, fn(ScriptView) -> String); 3] = [
        ("getStatus", "Error getting script status", |view| view.phase.as_str().to_owned()),
        ("getResult", "Error getting script result", |view| view.result),
        ("getFilename", "Error getting script filename", |view| view.file),
    ];
    for (name, error, look) in looks {
        let host = scope.host.clone();
        let function = natives.plain(Arity::exactly(1), move |_, script: String| {
            host.script(&script).map(look).map_err(|_| mlua::Error::runtime(error))
        })?;
        table.raw_set(name, function)?;
    }
    Ok(())
}

/// Name, file, content, greatest run time, settings.
type Start = (String, Option<String>, Value, Value, Option<Table>);

fn starting(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let table = natives.table("tw_script")?;
    let (host, own) = (scope.host.clone(), Arc::clone(&scope.name));
    let add = natives.blocking(Arity::between(2, 5), move |_, start: Start| {
        let (host, own, spec) = (host.clone(), Arc::clone(&own), specification(start));
        Ok(async move {
            let added = match host.add(spec).await {
                Err(ScriptError::Exists(name)) => {
                    log::write(Level::Warn, &own, format_args!("script {name} exists already"));
                    Ok(())
                }
                added => added,
            };
            done(added, "Error creating new script", &own)
        })
    })?;
    table.raw_set("addScript", add)?;
    let (host, own) = (scope.host.clone(), Arc::clone(&scope.name));
    let update = natives.blocking(Arity::between(2, 5), move |_, start: Start| {
        let (host, own, spec) = (host.clone(), Arc::clone(&own), specification(start));
        Ok(async move { done(host.update(spec).await, "Error updating script", &own) })
    })?;
    table.raw_set("updateScript", update)?;
    let (host, own) = (scope.host.clone(), Arc::clone(&scope.name));
    let remove = natives.blocking(Arity::exactly(1), move |_, name: String| {
        let (host, own) = (host.clone(), Arc::clone(&own));
        Ok(async move {
            if *own == *name {
                // It would wait for its own end.
                drop(actix_rt::spawn(async move { host.remove(&name).await }));
                return Natives::finish(|_| Ok(0));
            }
            done(host.remove(&name).await, "Error removing script", &own)
        })
    })?;
    table.raw_set("removeScript", remove)?;
    let host = scope.host.clone();
    let clean_up = natives.blocking(Arity::exactly(0), move |_, ()| {
        let host = host.clone();
        Ok(async move {
            host.clean_up().await;
            Natives::finish(|_| Ok(0))
        })
    })?;
    table.raw_set("cleanupFinishedScripts", clean_up)
}

fn settings(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let table = natives.table("tw_script")?;
    let host = scope.host.clone();
    let all = natives.plain(Arity::exactly(1), move |lua, script: String| {
        let view =
            host.script(&script).map_err(|_| mlua::Error::runtime("Error getting script properties"))?;
        let table = lua.create_table()?;
        for (key, setting) in &view.settings {
            table.raw_set(key.as_str(), setting.to_lua(lua)?)?;
        }
        Ok(table)
    })?;
    table.raw_set("getProperties", all)?;
    let host = scope.host.clone();
    let one = natives.blocking(Arity::exactly(2), move |_, (script, key): (String, String)| {
        let host = host.clone();
        Ok(async move {
            let property = host.property(&script, &key).await;
            Natives::finish(move |lua| match property {
                Ok(setting) => setting.to_lua(lua),
                Err(ScriptError::NoProperty { script, property }) => Err(mlua::Error::runtime(format!(
                    "Server Error - Error getting property{property} from ScriptProxy {script}"
                ))),
                Err(_) => Err(mlua::Error::runtime("Error getting script property")),
            })
        })
    })?;
    table.raw_set("getProperty", one)?;
    let (host, own) = (scope.host.clone(), Arc::clone(&scope.name));
    let set = natives.blocking(Arity::exactly(2), move |_, (script, properties): (String, Table)| {
        let (host, own, properties) = (host.clone(), Arc::clone(&own), texts(Some(&properties)));
        Ok(async move {
            done(host.set_properties(&script, properties).await, "Error setting script properties", &own)
        })
    })?;
    table.raw_set("setProperties", set)
}

/// Script, method, path, headers, query, data.
type Call = (String, String, mlua::LuaString, Option<Table>, Option<Table>, Option<Table>);

fn calling(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    let host = scope.host.clone();
    let execute = natives.blocking(Arity::between(3, 6), move |_, call: Call| {
        let (script, method, path, headers, query, data) = call;
        let request = CallbackRequest {
            method,
            path: segments(&path.as_bytes()),
            headers: pairs::named(headers.as_ref()),
            query: pairs::pairs(query.as_ref()),
            data: data.map_or(CallbackData::Empty, |data| CallbackData::Fields(pairs::pairs(Some(&data)))),
        };
        Ok(execute(host.clone(), script, request))
    })?;
    natives.table("tw_script")?.raw_set("executeCallback", execute)
}

async fn execute(host: Host, script: String, request: CallbackRequest) -> super::super::Finish {
    let given = request.headers.clone();
    let answer = host.call(&script, request, PATIENCE).await.unwrap_or_else(|error: CallError| {
        // What was handed over comes back.
        CallbackAnswer { code: error.code(), headers: given, body: error.to_string().into_bytes() }
    });
    Natives::finish(move |lua: &Lua| {
        let headers = lua.create_table()?;
        for (name, value) in &answer.headers {
            headers.raw_set(name.as_str(), lua.create_string(value)?)?;
        }
        Ok((answer.code, lua.create_string(&answer.body)?, headers))
    })
}

/// The segments of a path as it is given: a leading slash makes an empty one, and misses what is registered.
fn segments(path: &[u8]) -> Vec<Vec<u8>> {
    let mut segments: Vec<_> = path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect();
    if segments.last().is_some_and(Vec::is_empty) {
        segments.pop();
    }
    segments
}

/// A script of the run time; its run time is not limited, as the original's is not.
fn specification((name, file, _, max_run_time, properties): Start) -> ScriptSpec {
    let file = file.unwrap_or_default();
    let mut settings = texts(properties.as_ref());
    let run_time = super::super::answer::text(&max_run_time).unwrap_or_else(|| b"20".to_vec());
    settings.insert("max_run_time".into(), Setting::Text(run_time));
    settings.insert("file".into(), Setting::from(file.as_str()));
    ScriptSpec { name, file, settings, at_run_time: true }
}

/// Settings as they cross from one script to another: as text, without tables in them.
fn texts(table: Option<&Table>) -> Settings {
    pairs::named(table).into_iter().map(|(name, value)| (name, Setting::Text(value))).collect()
}

/// 0, or the error of the original; ours goes into the log.
fn done(result: Result<(), ScriptError>, error: &'static str, script: &str) -> super::super::Finish {
    if let Err(reason) = &result {
        log::write(Level::Warn, script, format_args!("{error}: {reason}"));
    }
    Natives::finish(move |_| result.map(|()| 0).map_err(|_| mlua::Error::runtime(error)))
}

/// The original waits for ever; as long as the server's own callers.
const PATIENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_slash_makes_an_empty_segment_and_a_trailing_one_none() {
        assert_eq!(segments(b"a/b"), [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(segments(b"/a"), [Vec::new(), b"a".to_vec()]);
        assert_eq!(segments(b"a/"), [b"a".to_vec()]);
        assert!(segments(b"").is_empty());
    }
}
