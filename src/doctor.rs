//! What an operator would look at one by one when a gateway does not do what it should: each look is a [`Finding`] with a
//! code, what was found and what to do. Works with the gateway running or not, and changes nothing.

mod files;
mod machine;
mod network;
mod running;

use std::{fmt, path::Path};

use edgebind_config::Loaded;
use serde::Serialize;
use serde_json::Value;

/// What is looked at.
pub(crate) struct Patient<'a> {
    /// The configuration file.
    pub(crate) file: &'a Path,
    /// What it says.
    pub(crate) loaded: &'a Loaded,
    /// The state directory; none if there is no place for one.
    pub(crate) state_dir: Option<&'a Path>,
    /// `status` and `things` of the gateway that runs with that directory.
    pub(crate) running: Option<Running>,
}

/// Answers of a running gateway.
pub(crate) struct Running {
    pub(crate) status: Value,
    pub(crate) things: Value,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// Stays the same over versions: for scripts and for searching.
    pub(crate) code: &'static str,
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What to do about it; none when it is fine.
    pub(crate) advice: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Fine,
    /// Could not be looked at, with the reason.
    Skipped,
    /// Works, and will not always.
    Warning,
    /// Does not work.
    Failure,
}

/// Looks at everything, what comes first in a connection first; `tell` hears each finding as it is made.
pub(crate) async fn examine(patient: &Patient<'_>, mut tell: impl FnMut(Finding)) {
    tell(machine::clock());
    tell(machine::descriptors(patient));
    machine::disk(patient).into_iter().for_each(&mut tell);
    files::modes(patient).into_iter().for_each(&mut tell);
    files::addresses(patient).into_iter().for_each(&mut tell);
    tell(network::local_port(patient));
    network::platform(patient, &mut tell).await;
    running::things(patient).into_iter().for_each(&mut tell);
}

impl Finding {
    fn fine(code: &'static str, found: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Fine, found: found.into(), advice: None }
    }

    fn skipped(code: &'static str, why: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Skipped, found: why.into(), advice: None }
    }

    fn warning(code: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Warning, found: found.into(), advice: Some(advice.into()) }
    }

    fn failure(code: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { code, verdict: Verdict::Failure, found: found.into(), advice: Some(advice.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Fine => "ok",
            Verdict::Skipped => "--",
            Verdict::Warning => "WARN",
            Verdict::Failure => "FAIL",
        };
        write!(f, "{verdict:4} {:12} {}", self.code, self.found)?;
        if let Some(advice) = &self.advice {
            write!(f, "\n     {:12} -> {advice}", "")?;
        }
        Ok(())
    }
}
