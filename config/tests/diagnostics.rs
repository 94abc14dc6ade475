//! What people read: the diagnostics of good and broken configurations, as snapshots.

use std::path::{Path, PathBuf};

use edgebind_config::{Severity, Sources, load};

#[test]
fn good_configurations_load_and_say_what_is_odd() {
    for file in files("good") {
        let text = std::fs::read(&file).expect("a fixture");
        let name = stem(&file);
        let sources = Sources::text("config.json", &text).environment(environment());
        let loaded = load(&sources).unwrap_or_else(|error| panic!("{name}:\n{error}"));
        assert!(loaded.diagnostics.iter().all(|found| found.severity < Severity::Error));
        let mut shown = joined(&loaded.diagnostics);
        if name != "scenario-a" {
            shown = format!("{shown}\n\n{:#?}", loaded.config);
        } else {
            assert!(loaded.diagnostics.is_empty(), "{shown}");
        }
        insta::assert_snapshot!(format!("good-{name}"), shown);
    }
}

#[test]
fn broken_configurations_are_refused_with_place_and_remedy() {
    let files = files("broken");
    assert!(files.len() >= 15);
    for file in files {
        let text = std::fs::read(&file).expect("a fixture");
        let error = load(&Sources::text("config.json", &text)).expect_err("it is broken");
        assert!(error.diagnostics.iter().any(|found| found.severity == Severity::Error));
        let shown = error.to_string();
        for secret in ["very-secret", "another-secret", "AAAAAA"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        insta::assert_snapshot!(format!("broken-{}", stem(&file)), shown);
    }
}

#[test]
fn a_file_that_is_not_there_or_not_utf8_is_unreadable() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("config.json");
    let error = load(&Sources::path(&missing)).expect_err("it is missing");
    assert!(error.is_unreadable());
    assert!(error.to_string().contains("cannot read the file"), "{error}");
    let error = load(&Sources::text("config.json", b"{\n \"appKey\": \"\xff\"}")).expect_err("no UTF-8");
    assert!(error.is_unreadable());
    assert_eq!((error.diagnostics[0].line, error.diagnostics[0].column), (Some(2), Some(13)));
}

#[test]
fn a_wrong_value_is_no_reason_for_the_last_good_configuration() {
    let error = load(&Sources::text("config.json", b"{\"ws_servers\": 5}")).expect_err("it is wrong");
    assert!(!error.is_unreadable());
}

#[test]
fn a_byte_order_mark_is_warned_about() {
    let text =
        format!("\u{feff}{}", std::fs::read_to_string(data("good/scenario-a.json")).expect("a fixture"));
    let loaded = load(&Sources::text("config.json", text.as_bytes())).expect("it loads");
    assert_eq!(loaded.diagnostics.len(), 1);
    assert!(loaded.diagnostics[0].message.contains("byte-order mark"));
}

fn environment() -> Vec<(String, String)> {
    [("PLATFORM_KEY", "from-environment"), ("TENANT", "seven"), ("HOME", "/root")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

fn joined(diagnostics: &[edgebind_config::Diagnostic]) -> String {
    let texts: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    texts.join("\n\n")
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data(folder)).expect("fixtures");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn stem(file: &Path) -> String {
    file.file_stem().expect("a name").to_string_lossy().into_owned()
}
