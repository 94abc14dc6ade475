//! GetConfiguration, UpdateConfiguration, ReplaceConfiguration and Restart (EMS notes, 7.7, 7.8 and 7.11).

use edgebind_alwayson::{Code, Response, Value, json::Inputs};
use edgebind_config::edit::{Applied, Edit, EditError};
use serde_json::Map;
use tracing::{error, info};

use super::{Caller, forbidden, result};
use crate::Units;

/// The configuration as it stands in the file, secrets as asterisks.
pub(super) async fn show(units: &Units) -> Response {
    match on_disk(units, |local| local.masked()).await {
        Ok(text) => result(Value::json(text)),
        Err(error) => refused(&error),
    }
}

/// Lays `config` over the file, key by key; it takes effect with the next restart.
pub(super) async fn update(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    put(units, inputs, caller, Edit::Merge).await
}

/// Puts `config` in place of the file, if the gateway could start with it.
pub(super) async fn replace(units: &Units, inputs: &Inputs, caller: Caller) -> Response {
    put(units, inputs, caller, Edit::Replace).await
}

async fn put(
    units: &Units,
    inputs: &Inputs,
    caller: Caller,
    edit: fn(Map<String, serde_json::Value>) -> Edit,
) -> Response {
    if let Some(address) = caller.stranger(units) {
        return forbidden(address, "the configuration is not open to it");
    }
    let config = inputs.json("config").and_then(|text| serde_json::from_str(&text).ok());
    match config {
        Some(serde_json::Value::Object(config)) => change(units, edit(config)).await,
        _ => Response::error(Code::BAD_REQUEST, "the input 'config' must be a JSON object"),
    }
}

/// Changes the configuration file.
pub(super) async fn change(units: &Units, edit: Edit) -> Response {
    match on_disk(units, move |local| local.change(&edit)).await {
        Ok(Applied::Written) => {
            info!("The configuration file was changed; the old one stays beside it.");
            Response::success()
        }
        Ok(Applied::Unchanged) => Response::success(),
        Err(error) => refused(&error),
    }
}

/// Starts the gateway anew with its configuration; registered things are forgotten until they come again.
///
/// Over HTTP only where `edgebind.allow_remote_admin` opens it: the original refuses every local caller.
pub(super) fn restart(units: &Units, caller: Caller) -> Response {
    if caller != Caller::Platform && !units.allow_remote_admin {
        return Response::error(
            Code::FORBIDDEN,
            "Restart is open to the platform only; edgebind.allow_remote_admin opens it to local callers",
        );
    }
    if units.local.restart() {
        info!(?caller, "A restart was asked for.");
        Response::success()
    } else {
        Response::error(Code::NOT_IMPLEMENTED, "this process cannot start its gateway anew")
    }
}

/// Disks are slow, and this thread serves everybody.
async fn on_disk<T: Send + 'static>(
    units: &Units,
    work: impl FnOnce(&super::LocalSettings) -> Result<T, EditError> + Send + 'static,
) -> Result<T, EditError> {
    let local = std::sync::Arc::clone(&units.local);
    match tokio::task::spawn_blocking(move || work(&local)).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn refused(error: &EditError) -> Response {
    let code = match error {
        EditError::NoFile => Code::NOT_IMPLEMENTED,
        EditError::Io { source, .. } => {
            error!(%error, %source, "The configuration file cannot be used.");
            Code::INTERNAL_SERVER_ERROR
        }
        _ => Code::BAD_REQUEST,
    };
    Response::error(code, error.to_string())
}
