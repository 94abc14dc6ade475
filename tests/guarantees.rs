//! The page of guarantees names a test for each line, and each of these tests is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_test_that_the_guarantees_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/guarantees.md")).expect("the page is text");
    let (_, index) = page.split_once("## Which test holds what").expect("the index of tests");
    let named: BTreeSet<&str> =
        index.split('`').skip(1).step_by(2).filter(|name| is_sentence(name)).collect();
    assert!(named.len() > 40, "the index is read: {named:?}");
    let known = tests(root);
    let missing: Vec<_> = named.iter().filter(|name| !known.contains(**name)).collect();
    assert!(missing.is_empty(), "named in docs/guarantees.md, and nowhere in the sources: {missing:#?}");
}

/// Names of tests are sentences; paths and variables are not.
fn is_sentence(name: &str) -> bool {
    name.matches('_').count() > 2
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Every function that stands behind `#[test]`, or in a `proptest!`, anywhere in the workspace.
fn tests(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let is_ours = !name.to_string_lossy().starts_with('.') && name != "target";
            if path.is_dir() && is_ours {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source is text");
                let mut lines = text.lines().map(str::trim);
                while lines.any(|line| line == "#[test]") {
                    let function = lines.find_map(|line| line.strip_prefix("fn ")).unwrap_or_default();
                    found.extend(function.split('(').next().map(str::to_owned));
                }
            }
        }
    }
    found
}
