//! Every configuration of the conformance suite loads, but for those the original ends on and for which there is no
//! better answer either.

use std::path::{Path, PathBuf};

use edgebind_config::{LoadError, Loaded, Sources, load};
use serde_json::{Value, json};

#[test]
fn configurations_of_the_conformance_suite_load_unless_they_are_fatal() {
    let mut loaded = 0;
    let mut refused = Vec::new();
    for file in case_files() {
        let text = std::fs::read_to_string(&file).expect("the suite is readable");
        let suite: Value = serde_json::from_str(&text).expect("the suite is JSON");
        let base = merged(basic(), &suite["config"]);
        if suite["autostart"] != json!(false) {
            assert_loads(&base, &file.display().to_string());
            loaded += 1;
        }
        for case in suite["cases"].as_array().expect("cases") {
            for phase in ["setup", "steps"] {
                let steps = case[phase].as_array().map(Vec::as_slice).unwrap_or_default();
                for (index, step) in steps.iter().enumerate() {
                    let Some(gateway) = step.get("gateway").filter(|gateway| gateway.get("stop").is_none())
                    else {
                        continue;
                    };
                    let outcome = outcome(&base, gateway);
                    let name = format!("{}: {}", file.display(), case["name"]);
                    match expected(case, phase, index) {
                        Expected::Started => {
                            assert_loads_outcome(outcome, &name);
                            loaded += 1;
                        }
                        Expected::Ended => {
                            assert!(outcome.is_err(), "{name} is fatal");
                            refused.push(case["name"].as_str().expect("a name").to_owned());
                        }
                        Expected::Either => {}
                    }
                }
            }
        }
    }
    assert!(loaded > 30, "{loaded} configurations were tried");
    assert_eq!(
        refused,
        [
            "no-servers",
            "servers-empty",
            "servers-object",
            "no-http-server",
            "port-as-text",
            "ssl-no-certificate",
            "authenticate-no-user"
        ]
    );
}

#[test]
fn entries_the_original_skips_are_skipped_and_the_others_stay() {
    let mut config = basic();
    config["auto_bind"] = json!([
        {"host": "127.0.0.1"},
        {"name": "P0", "port": 0},
        {"name": "Pm", "port": -4},
        {"name": "Good", "port": 9461},
        {"name": "Good2", "port": "9462"},
        {"name": "L1", "port": 70000},
        {"name": "Good", "port": 9463}
    ]);
    let loaded = load_json(&config).expect("the gateway starts");
    let bound: Vec<(&str, u16)> =
        loaded.config.auto_bind.iter().map(|entry| (entry.name.as_str(), entry.port)).collect();
    assert_eq!(bound, [("Good2", 9462), ("Good", 9463)]);
    let keys: Vec<&str> = loaded.diagnostics.iter().map(|found| found.key.as_str()).collect();
    assert_eq!(
        keys,
        ["auto_bind[0]", "auto_bind[1]", "auto_bind[2]", "auto_bind[3]", "auto_bind[4].port", "auto_bind[5]"],
        "the numbers are those of the file"
    );
}

#[test]
fn the_last_gateway_counts_and_text_makes_none() {
    let mut config = basic();
    config["auto_bind"] = json!([{"name": "G1", "gateway": true}, {"name": "G2", "gateway": true}, {"name": "G3", "gateway": "true"}]);
    let loaded = load_json(&config).expect("the gateway starts");
    let marks: Vec<bool> = loaded.config.auto_bind.iter().map(|entry| entry.gateway).collect();
    assert_eq!(marks, [false, true, false]);
    assert_eq!(loaded.config.gateway().map(|entry| entry.name.as_str()), Some("G2"));
    assert_eq!(loaded.diagnostics.len(), 2, "{:?}", loaded.diagnostics);
}

enum Expected {
    Started,
    Ended,
    Either,
}

fn expected(case: &Value, phase: &str, index: usize) -> Expected {
    let ends = phase == "steps" && case.pointer(&format!("/expect/steps/{index}/exit")).is_some();
    if ends && !case["want"].to_string().contains("running") {
        Expected::Ended
    } else if case["may_exit"] == json!(true) {
        Expected::Either
    } else {
        Expected::Started
    }
}

fn outcome(base: &Value, gateway: &Value) -> Result<Loaded, LoadError> {
    // A broken text with a good `.booted` file beside it runs on that one.
    if let Some(booted) = gateway.get("booted") {
        return load_json(&merged(base.clone(), booted));
    }
    match gateway["text"].as_str() {
        Some(text) => load(&Sources::text("config.json", expanded_text(text).as_bytes())),
        None => load_json(&merged(base.clone(), &gateway["config"])),
    }
}

fn assert_loads(config: &Value, name: &str) {
    assert_loads_outcome(load_json(config), name);
}

fn assert_loads_outcome(outcome: Result<Loaded, LoadError>, name: &str) {
    if let Err(error) = outcome {
        panic!("{name} must load:\n{error}");
    }
}

fn load_json(config: &Value) -> Result<Loaded, LoadError> {
    let text = serde_json::to_string_pretty(&expanded(config.clone())).expect("JSON");
    load(&Sources::text("config.json", text.as_bytes()))
}

/// The basic configuration of the suite's runner.
fn basic() -> Value {
    json!({
        "ws_servers": [{"host": "127.0.0.1", "port": "${platform}"}],
        "appKey": "0f0f0f0f-aaaa-bbbb-cccc-0123456789ab",
        "logger": {"level": "INFO"},
        "http_server": {"host": "127.0.0.1", "port": "${http}", "ssl": false, "authenticate": false},
        "ws_connection": {"encryption": "none"},
        "certificates": {"validate": false},
        "offline_msg_store": {"directory": "${dir}/store"}
    })
}

/// Merges as the runner does: tables key by key, null removes.
fn merged(mut base: Value, over: &Value) -> Value {
    match (&mut base, over) {
        (_, Value::Null) => base,
        (Value::Object(base_table), Value::Object(over_table)) => {
            for (key, value) in over_table {
                if value.is_null() {
                    base_table.remove(key);
                } else {
                    let old = base_table.remove(key).unwrap_or(Value::Null);
                    let new =
                        if old.is_object() && value.is_object() { merged(old, value) } else { value.clone() };
                    base_table.insert(key.clone(), new);
                }
            }
            base
        }
        (_, other) => other.clone(),
    }
}

/// Puts ports where the runner puts them.
fn expanded(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("${") && text.ends_with('}') && text != "${appkey}" => {
            json!(12_345)
        }
        Value::String(text) => Value::String(expanded_text(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(expanded).collect()),
        Value::Object(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, expanded(value))).collect())
        }
        other => other,
    }
}

fn expanded_text(text: &str) -> String {
    text.replace("${platform}", "12345")
        .replace("${http}", "12346")
        .replace("${dir}", "/tmp/x")
        .replace("${appkey}", "k")
}

fn case_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/ems-conformance/cases");
    let entries = std::fs::read_dir(directory).expect("the suite is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}
