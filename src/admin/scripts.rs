//! What the admin interface of a script resource shows: its scripts instead of things. A script whose main chunk ended
//! with an error is shown with it, file and line included (script resource notes, 1.7).

use std::{collections::BTreeMap, net::SocketAddr};

use actix_web::{HttpResponse, http::StatusCode};
use edgebind_lsr::{Host, ScriptView};
use serde::Serialize;

use super::{Facts, problem};

/// What is looked at.
#[derive(Clone)]
pub(crate) struct ScriptSight {
    pub(crate) host: Host,
    pub(crate) facts: Facts,
}

/// The script resource in a few lines.
#[derive(Serialize)]
struct StatusView {
    /// Tells it from a gateway's answer.
    program: &'static str,
    version: &'static str,
    pid: u32,
    started_unix_ms: i64,
    http: SocketAddr,
    /// `ready`: no script has failed, nothing is to be mended; `degraded` else.
    health: &'static str,
    degraded: Vec<String>,
    scripts: ScriptsCount,
    failed: Vec<ScriptLine>,
}

#[derive(Serialize)]
struct ScriptsCount {
    total: usize,
    by_state: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct ScriptLine {
    name: String,
    file: String,
    state: &'static str,
    result: String,
    /// Whether it was added while the resource ran.
    added: bool,
}

impl ScriptSight {
    /// Answers `path` below `/edgebind/v1/`.
    pub(super) async fn answer(&self, path: &str) -> HttpResponse {
        match path {
            "status" => HttpResponse::Ok().json(self.status()),
            "scripts" => {
                let scripts: Vec<_> = self.host.scripts().into_iter().map(ScriptLine::from).collect();
                HttpResponse::Ok().json(serde_json::json!({ "scripts": scripts }))
            }
            "tree" => match self.host.tree().await {
                Some(tree) => HttpResponse::Ok().json(tree),
                None => problem(StatusCode::SERVICE_UNAVAILABLE, "the supervision tree does not answer"),
            },
            other => {
                let text = format!("{other} is none of status, tree and scripts below /edgebind/v1/");
                problem(StatusCode::NOT_FOUND, &text)
            }
        }
    }

    fn status(&self) -> StatusView {
        let scripts = self.host.scripts();
        let mut by_state = BTreeMap::new();
        for script in &scripts {
            *by_state.entry(script.phase.as_str()).or_default() += 1;
        }
        let total = scripts.len();
        let failed: Vec<_> = scripts.into_iter().filter(has_failed).map(ScriptLine::from).collect();
        let fine = failed.is_empty() && self.facts.degraded.is_empty();
        StatusView {
            program: "lsr",
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            started_unix_ms: self.facts.started_unix_ms,
            http: self.facts.http,
            health: if fine { "ready" } else { "degraded" },
            degraded: self.facts.degraded.clone(),
            scripts: ScriptsCount { total, by_state },
            failed,
        }
    }
}

impl From<ScriptView> for ScriptLine {
    fn from(script: ScriptView) -> Self {
        Self {
            name: script.name,
            file: script.file,
            state: script.phase.as_str(),
            result: script.result,
            added: script.at_run_time,
        }
    }
}

fn has_failed(script: &ScriptView) -> bool {
    script.result.starts_with("Error:")
}
