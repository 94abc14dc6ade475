//! What stands in files and who may read it; addresses that nobody can dial.

use std::{fs, path::Path};

use super::{Finding, Patient};

/// Whether others may read what only the gateway should.
#[cfg(unix)]
pub(super) fn modes(patient: &Patient<'_>) -> Vec<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let open_to_others = |path: &Path, bits: u32| {
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        (mode & bits != 0).then_some(mode)
    };
    let mut found = Vec::new();
    let file = patient.file.display();
    match open_to_others(patient.file, 0o077) {
        Some(mode) if secrets_in_clear(patient) => found.push(Finding::warning(
            "FILE-MODE",
            format!("{file} holds secrets in clear and is {mode:o}: other users may read them"),
            format!("chmod 600 {file}; or keep them elsewhere: {{\"file\": ...}}, {{\"credential\": ...}}, edgebind encrypt"),
        )),
        _ => found.push(Finding::fine("FILE-MODE", format!("{file} gives no secret to other users"))),
    }
    if let Some(folder) = patient.state_dir
        && let Some(mode) = open_to_others(folder, 0o077)
    {
        found.push(Finding::warning(
            "STATE-MODE",
            format!("the state directory {} is {mode:o}: other users may look into it", folder.display()),
            format!("chmod 700 {}", folder.display()),
        ));
    }
    let server = &patient.loaded.config.http_server;
    let keys = [server.private_key.as_deref(), patient.loaded.config.certificates.key_file.as_deref()];
    for key in keys.into_iter().flatten() {
        match (fs::metadata(key), open_to_others(key, 0o077)) {
            (Err(error), _) => found.push(Finding::failure(
                "KEY-FILE",
                format!("the private key {} cannot be read: {error}", key.display()),
                "check the path and that the user of the gateway may read it",
            )),
            (Ok(_), Some(mode)) => found.push(Finding::warning(
                "KEY-MODE",
                format!("the private key {} is {mode:o}: other users may read it", key.display()),
                format!("chmod 600 {}", key.display()),
            )),
            (Ok(_), None) => {
                found.push(Finding::fine("KEY-MODE", format!("{} is closed to others", key.display())))
            }
        }
    }
    found
}

#[cfg(not(unix))]
pub(super) fn modes(_: &Patient<'_>) -> Vec<Finding> {
    vec![Finding::skipped("FILE-MODE", "this system has no file modes")]
}

/// Endpoints at 0.0.0.0: an address to listen at, not one to dial.
pub(super) fn addresses(patient: &Patient<'_>) -> Vec<Finding> {
    let nowhere = |host: &str| matches!(host, "0.0.0.0" | "::" | "[::]");
    let configured = patient.loaded.config.auto_bind.iter().filter(|entry| nowhere(&entry.host));
    let mut names: Vec<String> = configured.map(|entry| entry.name.to_string()).collect();
    let things = patient.running.as_ref().and_then(|running| running.things.get("things")?.as_array());
    for thing in things.into_iter().flatten() {
        let address = thing.pointer("/endpoint/address").and_then(|address| address.as_str());
        let name = thing.get("name").and_then(|name| name.as_str()).unwrap_or_default();
        let host = address.map(|address| address.split("://").last().unwrap_or_default());
        if host.is_some_and(|host| host.starts_with("0.0.0.0") || host.starts_with("[::]"))
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        return vec![Finding::fine("ENDPOINTS", "no thing is said to be at 0.0.0.0")];
    }
    vec![Finding::warning(
        "ENDPOINTS",
        format!("said to be at 0.0.0.0, which is this machine at best: {}", names.join(", ")),
        "give the address of the device: script_resource_host in its config.lua, host in auto_bind",
    )]
}

/// Whether the file itself has a secret, rather than a reference or a sealed one.
fn secrets_in_clear(patient: &Patient<'_>) -> bool {
    patient.loaded.text.holds_secrets_in_clear()
}
