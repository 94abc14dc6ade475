//! Pages that say which test holds what name only what exists; `docs/ems-coverage.md` has a line for each section of the
//! notes on the gateway.
#![allow(clippy::indexing_slicing, reason = "what is missing in the data fails the test, as it should")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Sections that describe and demand nothing.
const WITHOUT_A_LINE: &[&str] = &["18", "19"];

#[test]
fn every_section_has_a_line_with_something_that_shows_it() {
    let page = read("docs/ems-coverage.md");
    let shown: BTreeSet<&str> = lines(&page)
        .filter(|(_, conformance, tests)| conformance.contains('`') || tests.contains('`'))
        .map(|(section, ..)| section)
        .collect();
    let notes = read("docs/protocol/ems.md");
    let missing: Vec<&str> = sections(&notes)
        .filter(|section| !shown.contains(section) && !WITHOUT_A_LINE.contains(section))
        // A section of which every part has a line needs none of its own.
        .filter(|section| !shown.iter().any(|part| part.starts_with(&format!("{section}."))))
        .collect();
    assert!(
        missing.is_empty(),
        "sections of docs/protocol/ems.md without a line that shows them: {missing:?}"
    );
}

#[test]
fn every_test_that_is_named_exists() {
    let page = read("docs/ems-coverage.md");
    let named: Vec<&str> =
        lines(&page).flat_map(|(_, _, tests)| quoted(tests)).filter(|name| name.contains(".rs")).collect();
    assert!(named.len() > 60, "the page is read: {} tests", named.len());
    let gone: Vec<&&str> = named.iter().filter(|name| !test_exists(name)).collect();
    assert!(gone.is_empty(), "docs/ems-coverage.md names tests that do not exist: {gone:#?}");
    assert!(!test_exists("tests/coverage_page.rs::a_test_that_nobody_wrote"));
}

#[test]
fn the_threat_model_names_tests_that_exist() {
    let page = read("docs/threat-model.md");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let named: Vec<&str> = rows.flat_map(quoted).filter(|name| name.contains(".rs")).collect();
    assert!(named.len() > 10, "the page is read: {} tests", named.len());
    let gone: Vec<&&str> = named.iter().filter(|name| !test_exists(name)).collect();
    assert!(gone.is_empty(), "docs/threat-model.md names tests that do not exist: {gone:#?}");
}

#[test]
fn every_conformance_case_that_is_named_exists() {
    let page = read("docs/ems-coverage.md");
    let cases = cases();
    let gone: Vec<&str> = lines(&page)
        .flat_map(|(_, conformance, _)| quoted(conformance))
        .filter(|name| !cases.contains(*name))
        .collect();
    assert!(gone.is_empty(), "docs/ems-coverage.md names cases that do not exist: {gone:?}");
}

/// Section, conformance and tests of each row of the table.
fn lines(page: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let (section, conformance, tests) = (cells.next()?, cells.next()?, cells.next()?);
        section.starts_with(|c: char| c.is_ascii_digit()).then_some((section, conformance, tests))
    })
}

/// Numbers of the headings.
fn sections(notes: &str) -> impl Iterator<Item = &str> {
    notes.lines().filter_map(|line| {
        let heading = line.strip_prefix("## ").or_else(|| line.strip_prefix("### "))?;
        let number = heading.split_whitespace().next()?.trim_end_matches('.');
        number.starts_with(|c: char| c.is_ascii_digit()).then_some(number)
    })
}

fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn test_exists(name: &str) -> bool {
    match name.split_once("::") {
        Some((file, test)) => {
            fs::read_to_string(root().join(file)).is_ok_and(|text| text.contains(&format!("fn {test}(")))
        }
        None => root().join(name).is_file(),
    }
}

/// Groups, and `group/case`.
fn cases() -> BTreeSet<String> {
    let folder = root().join("tests/data/ems-conformance/cases");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("the cases are there") {
        let text = fs::read_to_string(file.expect("the folder is readable").path()).expect("a case file");
        let group: Value = serde_json::from_str(&text).expect("a case file is JSON");
        let name = group["group"].as_str().expect("a group has a name");
        names.insert(name.to_owned());
        for case in group["cases"].as_array().expect("a group has cases") {
            names.insert(format!("{name}/{}", case["name"].as_str().expect("a case has a name")));
        }
    }
    names
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("the page is there")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}
