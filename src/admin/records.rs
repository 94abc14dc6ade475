//! The spool over the admin interface: anybody who gets in may look, and who may open the socket may change.

use std::path::{Path, PathBuf};

use actix_web::{HttpResponse, http::StatusCode, web};
use edgebind_actors::Units;
use edgebind_store::StoreError;
use serde::{Deserialize, Serialize};

use super::{problem, unknown};
use crate::spool::{Access, ChangeError, Cut, Overview, Page, RecordView, RescueError, rescue};

/// What `salvage` is told.
#[derive(Deserialize, Serialize)]
pub(crate) struct Salvage {
    /// The file, absolute: the gateway stands in a folder of its own.
    pub(crate) file: PathBuf,
}

/// Answers `spool`, `spool/records` and `spool/records/<number>`.
pub(super) async fn look(folder: &Path, path: &str, query: &str) -> HttpResponse {
    let folder = folder.to_owned();
    match path {
        "" => answer(read(move || Overview::of(&folder)).await),
        "/records" => match web::Query::<Cut>::from_query(query) {
            Ok(cut) => answer(read(move || Page::of(&folder, &cut)).await),
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        path => match path.strip_prefix("/records/").map(str::parse) {
            Some(Ok(id)) => match read(move || RecordView::of(&folder, id)).await {
                Ok(None) => problem(StatusCode::NOT_FOUND, &format!("no record has the number {id}")),
                found => answer(found),
            },
            _ => unknown(&format!("spool{path}")),
        },
    }
}

/// Carries out `spool/retry`, `spool/drop` and `spool/salvage`.
pub(super) async fn change(units: &Units, folder: &Path, path: &str, body: &[u8]) -> HttpResponse {
    let access = Access::Running(units);
    match path {
        "/retry" | "/drop" => {
            let wanted = match serde_json::from_slice(body) {
                Ok(wanted) => wanted,
                Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
            };
            let changed = if path == "/retry" {
                access.retry(folder, &wanted).await
            } else {
                access.discard(folder, &wanted).await
            };
            match changed {
                Ok(changed) => HttpResponse::Ok().json(changed),
                Err(ChangeError::Store(error)) => refused(&error),
                Err(error @ ChangeError::Nothing) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
            }
        }
        "/salvage" => match serde_json::from_slice::<Salvage>(body) {
            Ok(Salvage { file }) => match rescue(&access, folder, &file).await {
                Ok(rescued) => HttpResponse::Ok().json(rescued),
                Err(RescueError::Store(error)) => refused(&error),
                Err(error) => problem(StatusCode::CONFLICT, &error.to_string()),
            },
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        path => unknown(&format!("spool{path}")),
    }
}

/// Reads beside the thread that serves everybody.
async fn read<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    web::block(read).await.unwrap_or(Err(StoreError::Stopped))
}

fn answer<T: Serialize>(found: Result<T, StoreError>) -> HttpResponse {
    match found {
        Ok(found) => HttpResponse::Ok().json(found),
        Err(error) => refused(&error),
    }
}

fn refused(error: &StoreError) -> HttpResponse {
    problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
