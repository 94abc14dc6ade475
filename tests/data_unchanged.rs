//! The acceptance data is what was recorded: nobody mends a vector to make a test pass.
//!
//! Two guards: a list of checksums beside the data, and, on the machines that have it, the folder that the
//! data was copied from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Folders of recorded data, below `tests/data`.
const FOLDERS: [&str; 3] = ["ems-conformance", "lua-conformance", "vectors"];

#[test]
fn the_data_has_the_checksums_of_the_list() {
    let list = fs::read_to_string(data().join("SHA256SUMS")).expect("the list of checksums is there");
    let listed: BTreeMap<_, _> = list
        .lines()
        .map(|line| line.split_once("  ").expect("a line is a checksum, two blanks and a path"))
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect();
    assert!(listed.len() > 10, "the list is not empty");
    assert_same(&listed, &checksums(&data()), "tests/data/SHA256SUMS");
}

#[test]
fn the_data_is_what_it_was_copied_from_where_that_exists() {
    let origin = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    // A clone alone has no such folder: there the list above is the guard.
    if origin.join("vectors").is_dir() {
        assert_same(&checksums(&origin), &checksums(&data()), "../shared");
    }
}

#[test]
fn a_changed_missing_or_added_file_would_be_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in FOLDERS {
        fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    let file = folder.path().join("vectors/a.json");
    fs::write(&file, "{}").expect("a file");
    let before = checksums(folder.path());
    assert_eq!(
        before.get("vectors/a.json").map(String::as_str),
        Some("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
    );
    fs::write(&file, "{} ").expect("a file");
    assert_eq!(differences(&before, &checksums(folder.path())), ["vectors/a.json is changed"]);
    fs::rename(&file, folder.path().join("vectors/b.json")).expect("a file");
    let moved = differences(&before, &checksums(folder.path()));
    assert_eq!(moved, ["vectors/a.json is missing", "vectors/b.json is surplus"]);
}

fn assert_same(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>, origin: &str) {
    let wrong = differences(expected, found);
    assert!(
        wrong.is_empty(),
        "tests/data differs from {origin}: {wrong:#?}\nIf the recorded data itself was mended, copy it and write the \
         list anew: (cd tests/data && sha256sum $(git ls-files {}) > SHA256SUMS)",
        FOLDERS.join(" ")
    );
}

fn differences(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let lost = expected.iter().filter_map(|(path, sum)| match found.get(path) {
        None => Some(format!("{path} is missing")),
        Some(other) if other != sum => Some(format!("{path} is changed")),
        Some(_) => None,
    });
    let surplus =
        found.keys().filter(|path| !expected.contains_key(*path)).map(|path| format!("{path} is surplus"));
    lost.chain(surplus).collect()
}

/// Relative path, with slashes, to SHA-256 in hexadecimal.
fn checksums(base: &Path) -> BTreeMap<String, String> {
    let mut sums = BTreeMap::new();
    for folder in FOLDERS {
        add(base, folder, &mut sums);
    }
    sums
}

fn add(base: &Path, relative: &str, sums: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(base.join(relative)).expect("a folder of data") {
        let entry = entry.expect("an entry of a folder");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        // Left behind by a run of the suites.
        if name == "__pycache__" {
            continue;
        }
        let path = format!("{relative}/{name}");
        if entry.file_type().expect("the type of an entry").is_dir() {
            add(base, &path, sums);
        } else {
            let bytes = fs::read(entry.path()).expect("a file of data");
            let sum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            sums.insert(path, sum);
        }
    }
}

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}
