//! The table of script resource notes, 4.4, line by line, against the framework's `edgebind.push`.

use crate::host::testing::eval;

/// Whether a property with these fields, written in Lua, is pushed after a read; `prev` is the value before it.
fn pushed(fields: &str, prev: &str) -> bool {
    let code = format!(
        "local pt = {{{fields}}} pt.prev = {{value = {prev}}} return require 'edgebind.push'.due(pt)"
    );
    match eval(&code).as_deref() {
        Ok("true") => true,
        Ok("false") => false,
        other => panic!("{code}: {other:?}"),
    }
}

#[test]
fn always_is_pushed_with_each_read() {
    assert!(pushed("pushType = 'ALWAYS', baseType = 'TEXT', value = 1", "1"));
}

#[test]
fn a_number_is_pushed_when_it_moves_by_more_than_the_threshold() {
    let number = |new, prev, threshold| {
        let fields =
            format!("pushType = 'VALUE', baseType = 'NUMBER', pushThreshold = {threshold}, value = {new}");
        pushed(&fields, prev)
    };
    assert!(number("3", "1", "1"));
    assert!(number("-3", "1", "3"));
    assert!(!number("3", "1", "2"));
    assert!(!number("1", "1", "0"));
    // What is no number counts as 0.
    assert!(number("'x'", "2", "1"));
    assert!(!number("'x'", "'y'", "0"));
    assert!(number("'2.5'", "1", "1"));
}

#[test]
fn texts_booleans_times_and_tables_are_pushed_when_they_differ() {
    for base_type in ["STRING", "BOOLEAN", "DATETIME", "IMAGE", "JSON", "XML", "INFOTABLE"] {
        let fields = |value| format!("pushType = 'VALUE', baseType = '{base_type}', value = {value}");
        assert!(pushed(&fields("'a'"), "'b'"), "{base_type}");
        assert!(!pushed(&fields("'a'"), "'a'"), "{base_type}");
        // Tables are told apart by identity.
        assert!(pushed(&fields("{1}"), "{1}"), "{base_type}");
    }
}

#[test]
fn a_location_is_pushed_when_a_member_differs() {
    let location =
        |value, prev| pushed(&format!("pushType = 'VALUE', baseType = 'LOCATION', value = {value}"), prev);
    let place = "{latitude = 1, longitude = 2, elevation = 3}";
    assert!(!location(place, place));
    for other in [
        "{latitude = 9, longitude = 2, elevation = 3}",
        "{latitude = 1, longitude = 9, elevation = 3}",
        "{latitude = 1, longitude = 2}",
    ] {
        assert!(location(other, place), "{other}");
    }
}

#[test]
fn other_types_and_other_words_are_pushed_only_when_forced_or_never() {
    assert!(!pushed("pushType = 'VALUE', baseType = 'TEXT', value = 1", "2"));
    assert!(pushed("pushType = 'VALUE', baseType = 'TEXT', value = 1, forcePush = true", "2"));
    for word in ["NEVER", "DEADBAND", "sometimes"] {
        let fields = format!(
            "pushType = '{word}', baseType = 'NUMBER', pushThreshold = 0, value = 1, forcePush = true"
        );
        assert!(!pushed(&fields, "2"), "{word}");
    }
}

#[test]
fn a_mark_is_taken_with_the_push() {
    let code = "local pt = {pushType = 'VALUE', baseType = 'STRING', value = 'x', forcePush = true, prev = {value = 'x'}}
        local due = require 'edgebind.push'.due
        return due(pt), due(pt), pt.forcePush";
    assert_eq!(eval(code), Ok("true,false,nil".into()));
}
