//! `edgebind status`: is the gateway, or the script resource, ready, and if not, why.

use std::process::ExitCode;

use clap::Args as ClapArgs;
use edgebind_kernel::clock;
use serde_json::Value;

use super::{
    inquiry::Which,
    table::{ago, ahead, at, span, text},
};

/// Says whether the running gateway is connected and all its things are bound; with --lsr, whether every script of the
/// script resource does its work.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Examples: edgebind status\n          edgebind status --state-dir /var/lib/edgebind --json\n          \
                  edgebind status --lsr\n\n\
                  Exit code 0 if it is ready, 1 if it is not or does not run."
)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Prints everything as JSON, the supervision tree included.
    #[arg(long)]
    json: bool,
}

/// Asks and prints.
pub(crate) fn run(args: &Args) -> ExitCode {
    let asked = args.which.ask("status").and_then(|status| Ok((status, args.which.ask("tree")?)));
    let (status, tree) = match asked {
        Ok(answers) => answers,
        Err(error) => {
            eprintln!("edgebind status: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ready = at(&status, "/health") == "ready";
    if args.json {
        println!("{:#}", serde_json::json!({ "status": status, "tree": tree }));
    } else {
        let lines = if at(&status, "/program") == "lsr" { script_lines } else { lines };
        print!("{}", lines(&status, &tree, clock::unix_millis()));
    }
    if ready { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The status for people.
fn lines(status: &Value, tree: &Value, now_unix_ms: i64) -> String {
    let (link, things) = (at(status, "/link"), at(status, "/things"));
    let mut lines = format!(
        "edgebind {}, process {}, since {}: {}\n",
        text(at(status, "/version")),
        at(status, "/pid"),
        ago(at(status, "/started_unix_ms"), now_unix_ms),
        text(at(status, "/health")),
    );
    let retry = ahead(at(link, "/next_retry_unix_ms"), now_unix_ms)
        .map_or(String::new(), |wait| format!(", again {wait}"));
    lines += &format!(
        "platform   {} {}, since {}{retry}\n",
        text(at(link, "/server")),
        text(at(link, "/state")),
        ago(at(link, "/since_unix_ms"), now_unix_ms),
    );
    if let Some(reason) = at(link, "/last_error").as_str() {
        lines += &format!("           {reason}\n");
    }
    lines += &format!("local      http://{}\n", text(at(status, "/http")));
    lines += &format!("things     {} of {} bound\n", at(things, "/bound"), at(things, "/total"));
    for (state, count) in at(things, "/by_state").as_object().into_iter().flatten() {
        if state != "bound" {
            lines += &format!("           {count} {state}\n");
        }
    }
    lines += &spool_lines(at(status, "/spool"), now_unix_ms);
    lines + &troubles(status, tree)
}

/// The status of a script resource for people.
fn script_lines(status: &Value, tree: &Value, now_unix_ms: i64) -> String {
    let mut lines = format!(
        "edgebind {}, script resource, process {}, since {}: {}\nlocal      http://{}\nscripts    {}\n",
        text(at(status, "/version")),
        at(status, "/pid"),
        ago(at(status, "/started_unix_ms"), now_unix_ms),
        text(at(status, "/health")),
        text(at(status, "/http")),
        at(status, "/scripts/total"),
    );
    for (state, count) in at(status, "/scripts/by_state").as_object().into_iter().flatten() {
        lines += &format!("           {count} {}\n", state.to_ascii_lowercase());
    }
    let failed = at(status, "/failed").as_array();
    for script in failed.into_iter().flatten().take(SHOWN) {
        let (name, result) = (text(at(script, "/name")), text(at(script, "/result")));
        lines += &format!("script     {name}: {}\n", result.replace('\n', "\n           "));
    }
    lines + &troubles(status, tree)
}

/// What is to be mended, and the units that fell.
fn troubles(status: &Value, tree: &Value) -> String {
    let mut lines = String::new();
    for reason in at(status, "/degraded").as_array().into_iter().flatten() {
        lines += &format!("to mend    {}\n", text(reason));
    }
    let mut troubled = Vec::new();
    collect_troubled(tree, "", &mut troubled);
    for (path, unit) in troubled.iter().take(SHOWN) {
        lines += &format!(
            "unit       {path}: {}, restarted {} times, last exit: {}\n",
            text(at(unit, "/state")),
            at(unit, "/restarts"),
            text(at(unit, "/last_exit")),
        );
    }
    if troubled.len() > SHOWN {
        lines += &format!("           and {} more: --json shows all\n", troubled.len() - SHOWN);
    }
    lines
}

/// What waits for the platform, for how long, and how fast it goes.
fn spool_lines(spool: &Value, now_unix_ms: i64) -> String {
    if spool.is_null() {
        // A gateway of an earlier version.
        return String::new();
    }
    let number = |name: &str| at(spool, name).as_u64().unwrap_or_default();
    let state = at(spool, "/state").as_str().unwrap_or("unknown");
    let records = number("/records");
    let mut lines = match (state, records) {
        ("open", 0) => "spool      open, nothing waits".to_owned(),
        (state, 0) => format!("spool      {state}"),
        (state, records) => format!(
            "spool      {state}, {records} records of {} entities wait, {} bytes",
            number("/entities"),
            number("/bytes")
        ),
    };
    if let Some(age) = at(spool, "/oldest_age_ms").as_i64() {
        lines += &format!(", the oldest for {}", span(age));
    }
    lines.push('\n');
    if let Some(rest) = at(spool, "/remaining_ms").as_i64() {
        let rate = at(spool, "/rate_per_s").as_f64().unwrap_or_default();
        lines += &format!("           {rate:.1} records a second, done in {}\n", span(rest));
    }
    if let Some(wait) = ahead(at(spool, "/halted_until_unix_ms"), now_unix_ms) {
        lines += &format!("           all wait: the platform refuses the key; again {wait}\n");
    }
    for waiting in at(spool, "/waiting").as_array().into_iter().flatten().take(SHOWN) {
        lines += &format!(
            "           {}: {} records, {}, again {}\n",
            text(at(waiting, "/entity")),
            at(waiting, "/records"),
            at(waiting, "/code").as_str().unwrap_or("no answer"),
            ahead(at(waiting, "/next_retry_unix_ms"), now_unix_ms).unwrap_or_else(|| "now".to_owned()),
        );
    }
    if number("/dead_records") > 0 {
        lines += &format!("           {} dead letters\n", number("/dead_records"));
    }
    lines
}

/// Units that do not run, or did not always. Things are told of by `edgebind things`.
fn collect_troubled<'t>(unit: &'t Value, above: &str, into: &mut Vec<(String, &'t Value)>) {
    let path = format!("{above}{}", text(at(unit, "/id")));
    let fell = at(unit, "/restarts").as_u64() > Some(0) || at(unit, "/state") != "running";
    if fell && at(unit, "/kind") != "thing" {
        into.push((path.clone(), unit));
    }
    for child in at(unit, "/children").as_array().into_iter().flatten() {
        collect_troubled(child, &format!("{path}/"), into);
    }
}

/// Units told of before the rest is counted.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_which_script_failed_where() {
        let status = json!({
            "program": "lsr", "version": "0.1.0", "pid": 7, "started_unix_ms": 0, "http": "127.0.0.1:8001",
            "health": "degraded", "degraded": [],
            "scripts": { "total": 3, "by_state": { "Finished": 1, "Running": 2 } },
            "failed": [{ "name": "pump", "file": "pump.lua", "result": "Error: pump.lua:3: no\nstack traceback" }]
        });
        let expected = "edgebind 0.1.0, script resource, process 7, since 1 min: degraded\n\
                        local      http://127.0.0.1:8001\nscripts    3\n           1 finished\n           2 running\n\
                        script     pump: Error: pump.lua:3: no\n           stack traceback\n";
        assert_eq!(script_lines(&status, &json!({ "state": "running" }), 62_000), expected);
    }

    #[test]
    fn people_read_what_is_wrong_and_when_it_is_tried_again() {
        let status = json!({
            "version": "0.1.0", "pid": 7, "started_unix_ms": 0, "http": "127.0.0.1:8000", "health": "degraded",
            "link": { "state": "waiting", "server": "p:80", "since_unix_ms": 60_000,
                      "last_error": "p:80: connection refused", "next_retry_unix_ms": 65_000 },
            "things": { "total": 3, "bound": 0, "by_state": { "waiting for the platform": 3 } },
            "spool": { "state": "open", "records": 40, "bytes": 8000, "entities": 2, "oldest_age_ms": 180_000,
                       "rate_per_s": 4.0, "remaining_ms": 10_000, "dead_records": 1, "waiting": [
                           { "entity": "Things/T", "records": 3, "code": "NOT_FOUND", "next_retry_unix_ms": 67_000 }] }
        });
        let tree = json!({
            "id": "gateway", "kind": "supervisor", "state": "running", "restarts": 0, "children": [
                { "id": "link", "kind": "link", "state": "backoff", "restarts": 2, "last_exit": "panicked: x" },
                { "id": "thing/T", "kind": "thing", "state": "backoff", "restarts": 9, "last_exit": "failed: y" },
            ]
        });
        let expected = "edgebind 0.1.0, process 7, since 1 min: degraded\n\
                        platform   p:80 waiting, since 2 s, again in 3 s\n           p:80: connection refused\n\
                        local      http://127.0.0.1:8000\nthings     0 of 3 bound\n           3 waiting for the platform\n\
                        spool      open, 40 records of 2 entities wait, 8000 bytes, the oldest for 3 min\n\
                        \u{20}          4.0 records a second, done in 10 s\n\
                        \u{20}          Things/T: 3 records, NOT_FOUND, again in 5 s\n           1 dead letters\n\
                        unit       gateway/link: backoff, restarted 2 times, last exit: panicked: x\n";
        assert_eq!(lines(&status, &tree, 62_000), expected);
    }
}
