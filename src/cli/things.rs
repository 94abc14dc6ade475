//! `edgebind things`: where each thing stands.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use edgebind_kernel::clock;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{
    inquiry::Which,
    table::{ago, ahead, aligned, at, text},
};

/// Shows the things of the running gateway: bound or not, since when, why not, and when it is tried again.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples: edgebind things --unbound\n          edgebind things Pump-0007 --json\n\n\
                  Exit code 0 if the gateway answered.")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Only this thing.
    name: Option<String>,
    /// Only things that are not bound.
    #[arg(long, conflicts_with = "name")]
    unbound: bool,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(crate) fn run(args: &Args) -> ExitCode {
    let path = match &args.name {
        Some(name) => format!("things/{}", utf8_percent_encode(name, NON_ALPHANUMERIC)),
        None => format!("things?unbound={}", args.unbound),
    };
    let answer = match args.which.ask(&path) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("edgebind things: {error}");
            return ExitCode::FAILURE;
        }
    };
    let one = std::slice::from_ref(&answer);
    let things = at(&answer, "/things").as_array().map_or(one, Vec::as_slice);
    if args.json {
        println!("{answer:#}");
    } else if things.is_empty() {
        println!("{}", if args.unbound { "Every thing is bound." } else { "No thing is registered." });
    } else {
        print!("{}", lines(things, clock::unix_millis()));
    }
    ExitCode::SUCCESS
}

/// A line a thing, and one more for the reason where it is not bound.
fn lines(things: &[Value], now_unix_ms: i64) -> String {
    let mut rows =
        vec![["NAME", "STATE", "SINCE", "ENDPOINT", "LAST SEEN", "WHY"].map(str::to_owned).to_vec()];
    rows.extend(things.iter().map(|thing| {
        let endpoint = match at(thing, "/endpoint") {
            Value::Null => "the gateway".to_owned(),
            endpoint => match at(endpoint, "/state").as_str() {
                Some(state @ ("suspect" | "dead")) => format!("{} ({state})", text(at(endpoint, "/address"))),
                _ => text(at(endpoint, "/address")).to_owned(),
            },
        };
        vec![
            text(at(thing, "/name")).to_owned(),
            state(thing),
            ago(at(thing, "/since_unix_ms"), now_unix_ms),
            endpoint,
            ago(at(thing, "/last_seen_unix_ms"), now_unix_ms),
            why(thing, now_unix_ms),
        ]
    }));
    aligned(&rows)
}

/// The state, and whether its agent has yet to be heard of since the restart.
fn state(thing: &Value) -> String {
    let restored = if at(thing, "/restored") == true { ", restored" } else { "" };
    format!("{}{restored}", text(at(thing, "/state")))
}

/// Why a thing is not bound, and when it is tried again; for a bound one only what is odd.
fn why(thing: &Value, now_unix_ms: i64) -> String {
    let mut parts = Vec::new();
    if at(thing, "/state") != "bound"
        && let Some(code) = at(thing, "/refusal/code").as_str()
    {
        parts.push(format!("{code} {}", text(at(thing, "/refusal/reason"))).trim_end().to_owned());
    }
    if let Some(wait) = ahead(at(thing, "/next_retry_unix_ms"), now_unix_ms) {
        parts.push(format!("again {wait}"));
    }
    if at(thing, "/is_connected") == false {
        parts.push("the platform says it is not connected".to_owned());
    }
    if let Some(loser) = at(thing, "/conflict/loser").as_str() {
        parts.push(format!("also claimed by {loser}"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refused_thing_shows_reason_and_next_attempt() {
        let things = [
            json!({ "name": "GW", "state": "bound", "since_unix_ms": 0, "endpoint": null, "refusal": null,
                    "last_seen_unix_ms": null, "next_retry_unix_ms": null }),
            json!({ "name": "Old", "state": "bound", "since_unix_ms": 0, "endpoint": null, "refusal": null,
                    "last_seen_unix_ms": null, "next_retry_unix_ms": null, "restored": true }),
            json!({ "name": "Pump", "state": "refused", "since_unix_ms": 60_000, "last_seen_unix_ms": 119_000,
                    "endpoint": { "address": "http://h:1", "state": "suspect" },
                    "refusal": { "code": "84 NOT_FOUND", "reason": "unknown: Pump" }, "next_retry_unix_ms": 124_000 }),
        ];
        let expected = "NAME  STATE            SINCE  ENDPOINT              LAST SEEN  WHY\n\
                        GW    bound            2 min  the gateway           -\n\
                        Old   bound, restored  2 min  the gateway           -\n\
                        Pump  refused          1 min  http://h:1 (suspect)  1 s        84 NOT_FOUND unknown: Pump; again in 4 s\n";
        assert_eq!(lines(&things, 120_000), expected);
    }
}
