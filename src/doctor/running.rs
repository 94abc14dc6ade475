//! What the running gateway says of itself.

use serde_json::Value;

use super::{Finding, Patient};

/// The connection, and each thing that is not bound with its reason.
pub(super) fn things(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(running) = &patient.running else {
        return vec![Finding::skipped("GATEWAY", "no gateway runs with this state directory")];
    };
    let text =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let number = |pointer: &str| running.status.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let mut found = Vec::new();
    let link = text(&running.status, "/link/state").unwrap_or_default();
    let server = text(&running.status, "/link/server").unwrap_or_default();
    found.push(if link == "online" {
        Finding::fine("GATEWAY", format!("process {} is online with {server}", number("/pid")))
    } else {
        let error = text(&running.status, "/link/last_error").unwrap_or_else(|| "no reason yet".to_owned());
        Finding::failure(
            "GATEWAY",
            format!("process {} is {link}: {error}", number("/pid")),
            "see the steps above; edgebind status tells the next attempt",
        )
    });
    let degraded = running.status.get("degraded").and_then(Value::as_array);
    for reason in degraded.into_iter().flatten().filter_map(Value::as_str) {
        found.push(Finding::warning("DEGRADED", reason, "mend what is named; the gateway runs meanwhile"));
    }
    let unbound: Vec<String> = running
        .things
        .get("things")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|thing| text(thing, "/state").as_deref() != Some("bound"))
        .map(|thing| {
            let reason =
                text(thing, "/refusal/reason").map_or_else(String::new, |reason| format!(", {reason}"));
            format!(
                "{} ({}{reason})",
                text(thing, "/name").unwrap_or_default(),
                text(thing, "/state").unwrap_or_default()
            )
        })
        .collect();
    let total = number("/things/total");
    found.push(if unbound.is_empty() {
        Finding::fine("THINGS", format!("all {total} things are bound"))
    } else {
        let shown = unbound.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
        let more = if unbound.len() > SHOWN {
            format!("; and {} more", unbound.len() - SHOWN)
        } else {
            String::new()
        };
        Finding::warning(
            "THINGS",
            format!("{} of {total} things are not bound: {shown}{more}", unbound.len()),
            "edgebind things --unbound shows all of them with the next attempt",
        )
    });
    found
}

/// Things that are named; the command shows all.
const SHOWN: usize = 5;
