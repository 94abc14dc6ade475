//! `edgebind wire`: messages in and out by arguments, files and standard input, and its exit codes.
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "support/all.rs"]
mod support;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

#[test]
fn vectors_decode_to_their_notation_and_encode_to_their_bytes() {
    let vectors = vectors();
    // Every kind of message once and again; the library's tests take all of them.
    let some: Vec<&Value> = vectors.iter().step_by(9).collect();
    assert!(some.len() >= 15, "{}", vectors.len());
    for vector in some {
        let hex = vector["hex"].as_str().unwrap();
        let decoded = success(&wire(&["decode", "--json", hex]), &vector["name"]);
        assert_eq!(serde_json::from_str::<Value>(&decoded).unwrap(), vector["decoded"], "{}", vector["name"]);
        let canonical = vector.get("canonical").unwrap_or(&vector["hex"]);
        let encoded = success(&wire(&["encode", &decoded]), &vector["name"]);
        assert_eq!(encoded.trim(), canonical.as_str().unwrap(), "{}", vector["name"]);
    }
}

#[test]
fn the_text_for_people_names_what_is_said_and_masks_the_key() {
    let text = success(&wire(&["decode", &hex_of("auth_appkey")]), "auth");
    assert!(text.contains("AUTH") && text.contains("appKey"), "{text}");
    assert!(!text.contains("00000000-aaaa"), "{text}");
    let text = success(&wire(&["decode", &hex_of("put_number")]), "put");
    assert!(text.contains("PUT") && text.contains("Properties"), "{text}");
}

#[test]
fn digits_may_come_in_either_case_with_blanks_from_a_file_or_from_standard_input() {
    let hex = hex_of("get_property");
    let expected = success(&wire(&["decode", "--json", &hex]), "as an argument");
    let spaced: String =
        hex.as_bytes().chunks(2).map(|two| format!("{} ", String::from_utf8_lossy(two))).collect();
    assert_eq!(success(&wire(&["decode", "--json", &spaced.to_uppercase()]), "with blanks"), expected);

    let folder = TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let raw: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    for path in [file("digits.txt", format!("{spaced}\n").as_bytes()), file("message.bin", &raw)] {
        assert_eq!(success(&wire(&["decode", "--json", &path]), &path), expected);
    }
    for bytes in [hex.as_bytes(), &raw] {
        assert_eq!(success(&wire_with(&["decode", "--json", "-"], bytes), "standard input"), expected);
    }
    let notation = file("message.json", expected.as_bytes());
    assert_eq!(success(&wire(&["encode", &notation]), "a file").trim(), hex);
    assert_eq!(success(&wire_with(&["encode", "-"], expected.as_bytes()), "standard input").trim(), hex);
}

#[test]
fn what_is_no_message_fails_with_a_sentence_and_code_1() {
    let whole = hex_of("put_number");
    let cases: Vec<(Vec<&str>, &[u8], &str)> = vec![
        (vec!["decode", "01 0"], b"", "edgebind wire: "),
        (vec!["decode", "not hex"], b"", "neither a message nor a file"),
        (vec!["decode", "/nowhere/at/all"], b"", "neither a message nor a file"),
        (vec!["decode", ""], b"", "edgebind wire: "),
        (vec!["decode", "-"], b"", "edgebind wire: "),
        (vec!["decode", "-"], &[0xff; 40], "edgebind wire: "),
        (vec!["decode", &whole[..whole.len() - 4]], b"", "ends too early"),
        (vec!["decode", "--json", &whole[..20]], b"", "ends too early"),
        (vec!["encode", "{"], b"", "not JSON"),
        (vec!["encode", "{}"], b"", "expected"),
        (vec!["encode", "[1]"], b"", "edgebind wire: "),
        (vec!["encode", "-"], b"\xff\xfe", "not text"),
    ];
    for (arguments, input, said) in cases {
        let output = wire_with(&arguments, input);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
        assert!(text.starts_with("edgebind wire: ") && text.contains(said), "{arguments:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_truncated_message_is_told_where_it_ends() {
    let whole = hex_of("put_number");
    let output = wire(&["decode", &whole[..whole.len() - 4]]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count();
    assert!(numbers >= 2, "an offset and a length in {text}");
}

#[test]
fn a_command_that_does_not_exist_is_wrong_usage() {
    for arguments in [&["translate", "00"][..], &["decode"], &["encode"], &["decode", "--hex", "00"], &[]] {
        assert_eq!(wire(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

fn wire(arguments: &[&str]) -> Output {
    wire_with(arguments, b"")
}

fn wire_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = support::edgebind()
        .arg("wire")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn success(output: &Output, what: impl std::fmt::Display) -> String {
    assert_eq!(output.status.code(), Some(0), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors/alwayson.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn hex_of(name: &str) -> String {
    let vectors = vectors();
    let vector =
        vectors.iter().find(|vector| vector["name"] == name).unwrap_or_else(|| panic!("vector {name}"));
    vector["hex"].as_str().unwrap().to_owned()
}
