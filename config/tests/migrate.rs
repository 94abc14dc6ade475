//! Installations of the original, and what `check --migrate` says of them, as snapshots.

use std::path::Path;

use edgebind_config::migrate::{Difference, Installation, Weight, differences};

const PLAIN: &str = r#"{"ws_servers": [{"host": "platform.example", "port": 443}], "appKey": "very-secret",
"http_server": {"host": "127.0.0.1", "port": 8000, "ssl": false, "authenticate": false, "ports_to_try": 0},
"offline_msg_store": {"enabled": false}, "certificates": {"validate": false}}"#;

#[test]
fn a_plain_installation_needs_nothing() {
    let found = found(&[("etc/config.json", PLAIN), ("wsems", "")]);
    assert!(found.iter().all(|difference| difference.weight == Weight::Note), "{found:#?}");
}

#[test]
fn an_installation_with_everything_is_listed() {
    let config = r#"{
	"ws_servers": [{"host": "a", "port": 443}, {"host": "b", "port": 40443}],
	"appKey": "very-secret",
	"nonsense": 1,
	"http_server": {"host": "0.0.0.0", "port": 8000, "ssl": false, "authenticate": false},
	"certificates": {"validate": true, "cert_chain": "etc/ca.pem"},
	"offline_msg_store": {"enabled": true, "max_size": 65535},
	"proxy": {"host": "p", "port": 3128, "user": "DOMAIN\\me", "password": "very-secret"},
	"fips": {"enabled": true},
	"file": {"virtual_dirs": []},
	"tunnel": {},
	"auto_bind": [{"name": "Pump", "proto": "https"}, {"port": 8001}]
}"#;
    let lua = r#"-- The script resource.
scripts.rap_host = "10.0.0.1"
scripts.rap_port = 8001
scripts.rap_password = "AES:AAAAAAAAAAAAAAAAAAAAAA=="
scripts.script_resource_host = "0.0.0.0"
scripts.script_resource_ssl = true
scripts.script_resource_authenticate = false
scripts.script_resource_use_default_certificate = "true"
scripts.fips_enabled = true
scripts.Pump = {
    file = "pump.lua", -- runs every second
    password = "AES:AAAAAAAAAAAAAAAAAAAAAA=="
}
"#;
    let found = found(&[
        ("etc/config.json", config),
        ("etc/config.json.booted", config),
        ("etc/config.lua", lua),
        ("etc/config.lua.p_data", "scripts={}"),
        ("etc/.setup.lua", ""),
        ("etc/thingworx/scripts/thing.lua", ""),
        ("etc/thingworx/lua/utils.lua", ""),
        ("etc/custom/clibs/serial.so", ""),
        ("etc/custom/scripts/pump.lua", ""),
    ]);
    insta::assert_snapshot!(shown(&found));
    let json = serde_json::to_value(&found).expect("JSON");
    assert_eq!(json[0]["weight"], "must");
}

#[test]
fn values_only_the_original_can_read_are_named_with_their_key() {
    let config = PLAIN.replace("very-secret", "AES:AAAAAAAAAAAAAAAAAAAAAA==");
    let found = found(&[("config.json", &config)]);
    let first = found.first().expect("a difference");
    assert_eq!(
        (first.weight, first.subject.as_str(), first.place.as_str()),
        (Weight::Must, "appKey", "config.json:1")
    );
    assert!(first.help.as_deref().is_some_and(|help| help.contains("edgebind encrypt")));
}

#[test]
fn a_built_in_certificate_is_replaced_by_one_of_the_installation() {
    let config = PLAIN.replace(r#""ssl": false"#, r#""ssl": true, "use_default_certificate": true"#);
    let found = found(&[("config.json", &config)]);
    assert!(
        found
            .iter()
            .any(|found| found.weight == Weight::Change && found.subject.contains("use_default_certificate")),
        "{found:#?}"
    );
}

#[test]
fn a_file_the_original_cannot_read_comes_into_force_only_now() {
    let commented = PLAIN.replacen('{', "{ // the platform\n", 1);
    let other = PLAIN.replace("platform.example", "old.example");
    let about = |booted: &str| {
        let found = found(&[("etc/config.json", &commented), ("etc/config.json.booted", booted)]);
        found.into_iter().find(|found| found.text.contains("cannot read this file")).expect("it is said").text
    };
    assert!(about(&other).contains("which says something else"));
    assert!(about(PLAIN).contains("says the same"));
}

#[test]
fn a_broken_or_missing_file_with_a_booted_copy_is_run_on_the_copy() {
    for files in [
        vec![("etc/config.json", "{broken"), ("etc/config.json.booted", PLAIN)],
        vec![("etc/config.json.booted", PLAIN)],
    ] {
        let found = found(&files);
        assert!(
            found.iter().any(|found| found.text.contains("config.json.booted, ")
                || found.text.contains("config.json.booted; ")),
            "{found:#?}"
        );
    }
}

#[test]
fn nothing_of_an_installation_reaches_the_terminal_as_it_is() {
    let found = found(&[("config.json", PLAIN), ("config.lua", "rap_port = '\u{1b}[31m'\nrap_host='\u{7}'")]);
    let shown = shown(&found);
    assert!(shown.contains("rap_port") && shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_an_empty_one_a_note() {
    assert!(Installation::read(Path::new("/nowhere/at/all")).is_err());
    let found = found(&[]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].weight, Weight::Note);
}

fn found(files: &[(&str, &str)]) -> Vec<Difference> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let found = differences(&Installation::read(folder.path()).expect("it can be read"));
    let shown = shown(&found);
    assert!(!shown.contains("very-secret") && !shown.contains("AAAAAA"), "no secret is shown: {shown}");
    found
}

fn shown(found: &[Difference]) -> String {
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    texts.join("\n\n")
}
