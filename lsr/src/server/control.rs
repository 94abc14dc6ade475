//! Script control and settings (script resource notes, 2.5).

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use bytes::Bytes;

use super::{
    answer::{text, with},
    form::{self, Pairs},
    handle::State,
    route::{About, Route},
    view::{self, Format},
};
use crate::{Host, Phase, ScriptError, ScriptSpec, ScriptView, Setting, Settings, log};

/// Answers what is no callback.
pub(super) async fn answer(state: &State, request: &HttpRequest, route: Route, body: &Bytes) -> HttpResponse {
    let host = &state.host;
    let query = form::pairs(request.query_string().as_bytes());
    let format = Format::parse(form::value(&query, "format"));
    let fields = form::pairs(body);
    match route {
        Route::Scripts => shown(format, view::list(&host.scripts(), format)),
        Route::About { script, what } => about(host, &script, what, format).await,
        Route::Globals { name } => globals(state, name.as_deref(), format),
        Route::Add => add(state, &fields).await,
        Route::Update { script } => update(state, script, &fields).await,
        Route::Remove { script } => match host.remove(&script).await {
            Ok(()) => kept(state, Settings::new(), nothing()).await,
            Err(ScriptError::Unknown(_)) => {
                text(StatusCode::NOT_FOUND, &format!("Script {script} not found"))
            }
            Err(error) => trouble(&error),
        },
        Route::SetProperties { script } => match host.set_properties(&script, settings(&fields)).await {
            Ok(()) => nothing(),
            Err(ScriptError::Unknown(_)) => text(StatusCode::NOT_FOUND, "Not Found"),
            Err(error) => trouble(&error),
        },
        Route::Restart { script } => match host.restart(&script).await {
            Ok(()) => see(&format!("/scripts/{}/status", percent(&script))),
            Err(ScriptError::Unknown(_)) => {
                text(StatusCode::NOT_FOUND, &format!("{script}: script nof found"))
            }
            Err(error) => trouble(&error),
        },
        Route::Cleanup => {
            host.clean_up().await;
            kept(state, Settings::new(), see("/scripts")).await
        }
        Route::BadCommand(command) => text(StatusCode::BAD_REQUEST, &format!("Bad command: {command}")),
        Route::SetGlobals => set_globals(state, &fields).await,
        // They were answered before.
        Route::Help | Route::NewScript | Route::Callback { .. } | Route::NotAllowed(_) => {
            text(StatusCode::NOT_FOUND, "Not Found")
        }
    }
}

async fn about(host: &Host, name: &str, what: About, format: Format) -> HttpResponse {
    let Ok(script) = host.script(name) else { return text(StatusCode::NOT_FOUND, "Not Found") };
    match what {
        About::Status => shown(format, view::one("ScriptStatus", name, script.phase.as_str(), format)),
        About::Result => shown(format, view::one("ScriptResult", name, &script.result, format)),
        About::Source => match host.source(name).await {
            Ok(source) => with(StatusCode::OK, "text/plain", source),
            Err(error) => trouble(&error),
        },
        About::Properties => shown(format, view::settings(&own_settings(script), format)),
        About::Property(property) => {
            let found = match own_settings(script).remove(&property) {
                Some(value) => Ok(value),
                None => host.property(name, &property).await,
            };
            match found {
                Ok(value) => {
                    let mut text = view::text(&value);
                    text.push(b'\n');
                    with(StatusCode::OK, "text/plain", text)
                }
                Err(ScriptError::Busy(_)) => trouble(&ScriptError::Busy(name.to_owned())),
                Err(_) => text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    &format!("Server Error - Error getting property{property} from ScriptProxy {name}"),
                ),
            }
        }
    }
}

/// The settings as they were given: a script that was added by a form has its name among them.
fn own_settings(script: ScriptView) -> Settings {
    let mut settings = script.settings;
    if script.at_run_time && settings.contains_key("filename") {
        settings.remove("file");
        settings.entry("name".to_owned()).or_insert_with(|| Setting::from(script.name));
    }
    settings
}

async fn add(state: &State, fields: &Pairs) -> HttpResponse {
    let name = form::value(fields, "name").unwrap_or_default();
    let file = form::value(fields, "filename").unwrap_or_default();
    if name.is_empty() || file.is_empty() {
        let content = form::value(fields, "content").is_some_and(|content| !content.is_empty());
        if content && !name.is_empty() {
            return text(StatusCode::INTERNAL_SERVER_ERROR, NOT_INITIALISED);
        }
        let reason = format!("Add script missing parameters. Name='{name}', File = '{file}'");
        return text(StatusCode::BAD_REQUEST, &reason);
    }
    if name.chars().any(char::is_control) || name.contains('/') {
        let reason =
            format!("Add script: {name:?} is no name for a script; leave out slashes and control characters");
        return text(StatusCode::BAD_REQUEST, &reason);
    }
    match state.host.add(spec(name, file, fields)).await {
        Ok(()) => kept(state, Settings::new(), started(&state.host, name).await).await,
        Err(ScriptError::Exists(_)) => {
            text(StatusCode::CONFLICT, &format!("Conflict - script {name} already exists"))
        }
        Err(ScriptError::Unreadable { .. }) => text(StatusCode::INTERNAL_SERVER_ERROR, NOT_INITIALISED),
        Err(error) => trouble(&error),
    }
}

async fn update(state: &State, name: String, fields: &Pairs) -> HttpResponse {
    let file = form::value(fields, "filename").unwrap_or_default();
    if file.is_empty() {
        let reason = format!("Update script missing parameters. Name='{name}', File = ''");
        return text(StatusCode::BAD_REQUEST, &reason);
    }
    match state.host.update(spec(&name, file, fields)).await {
        Ok(()) => kept(state, Settings::new(), started(&state.host, &name).await).await,
        Err(ScriptError::Unknown(_)) => text(StatusCode::NOT_FOUND, "Not Found"),
        Err(ScriptError::Unreadable { .. }) => {
            kept(state, Settings::new(), text(StatusCode::INTERNAL_SERVER_ERROR, NOT_INITIALISED)).await
        }
        Err(error) => trouble(&error),
    }
}

fn spec(name: &str, file: &str, fields: &Pairs) -> ScriptSpec {
    let mut settings = settings(fields);
    settings.remove("name");
    ScriptSpec { name: name.to_owned(), file: file.to_owned(), settings, at_run_time: true }
}

fn settings(fields: &Pairs) -> Settings {
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    fields.iter().map(|(key, value)| (name(key), Setting::Text(value.clone()))).collect()
}

/// What a script that was just started has come to: a short one has finished by then.
async fn started(host: &Host, name: &str) -> HttpResponse {
    match host.finished(name, SHORT_SCRIPT).await {
        Ok(script) if script.phase == Phase::Finished => {
            text(StatusCode::OK, &format!("Finished Result = {}", script.result))
        }
        Ok(script) => text(StatusCode::OK, script.phase.as_str()),
        Err(error) => trouble(&error),
    }
}

fn globals(state: &State, name: Option<&str>, format: Format) -> HttpResponse {
    let mut all = state.host.globals();
    let folder = |sub: &str| Setting::from(state.directory.join(sub).display().to_string());
    for (name, value) in [
        ("config_file_path", Setting::from(state.directory.display().to_string())),
        ("script_directory", folder("custom/scripts")),
        ("script_library_path", folder("custom/lua")),
        ("script_clib_path", folder("custom/clibs")),
        ("script_resource_version", Setting::from(VERSION)),
    ] {
        all.entry(name.to_owned()).or_insert(value);
    }
    for (name, value) in &mut all {
        if SECRETS.contains(&name.as_str()) {
            *value = Setting::from(MASK);
        }
    }
    let Some(name) = name else { return shown(format, view::settings(&all, format)) };
    match all.get(name) {
        Some(value) => with(StatusCode::OK, "text/plain", view::text(value)),
        None => text(StatusCode::NOT_FOUND, &format!("Error getting Property: {name} Property not found")),
    }
}

async fn set_globals(state: &State, fields: &Pairs) -> HttpResponse {
    let mut changed = settings(fields);
    // A mask that was read and is sent back means the value that is there.
    changed.retain(|name, value| !(SECRETS.contains(&name.as_str()) && *value == Setting::from(MASK)));
    let mut all = state.host.globals();
    all.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
    state.host.set_globals(all);
    kept(state, changed, nothing()).await
}

/// Keeps what was changed for the next start; a disk that refuses is said in the log, for the change is in force.
async fn kept(state: &State, changed: Settings, answer: HttpResponse) -> HttpResponse {
    let (persisted, host) = (Arc::clone(&state.persisted), state.host.clone());
    let saved = actix_web::rt::task::spawn_blocking(move || {
        // Asked for under the lock: a later change must not be overwritten by what an earlier one saw.
        let mut persisted = persisted.lock().unwrap_or_else(PoisonError::into_inner);
        persisted.change_globals(&changed);
        persisted.change_scripts(host.scripts().into_iter().map(ScriptSpec::from));
        persisted.save()
    });
    if let Ok(Err(error)) = saved.await {
        log::write(log::Level::Error, "server", error);
    }
    answer
}

fn shown(format: Format, body: String) -> HttpResponse {
    with(StatusCode::OK, format.content_type(), body.into_bytes())
}

fn nothing() -> HttpResponse {
    text(StatusCode::OK, "")
}

fn see(path: &str) -> HttpResponse {
    let mut answer = text(StatusCode::SEE_OTHER, &format!("See {path}\n"));
    if let Ok(path) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(header::LOCATION, path);
    }
    answer
}

fn percent(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What has no case in the original.
fn trouble(error: &ScriptError) -> HttpResponse {
    let status = match error {
        ScriptError::Exists(_) => StatusCode::CONFLICT,
        ScriptError::Unknown(_) | ScriptError::NoProperty { .. } => StatusCode::NOT_FOUND,
        ScriptError::Busy(_) | ScriptError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    text(status, &error.to_string())
}

/// Wording of the original, which programs look for.
const NOT_INITIALISED: &str = "Internal Server Error - failed initalizing ScriptProxy";
/// What the original of this version calls itself.
const VERSION: &str = "5.4.0.114";
/// How long an answer waits for a script that was just started.
const SHORT_SCRIPT: Duration = Duration::from_secs(1);
/// Settings that nobody needs to see.
const SECRETS: &[&str] = &["rap_password", "script_resource_password", "script_resource_passphrase"];
const MASK: &str = "********";
