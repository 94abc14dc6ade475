//! Changes of the configuration file: what they leave, what they refuse, and that nothing is lost on the way.

use edgebind_config::Sources;
use edgebind_config::edit::{Applied, Edit, EditError, MASK, apply, backup_of, changed, masked};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const FILE: &str = r#"{
	// The platform.
	"ws_servers": [{"host": "a", "port": 1}],
	"appKey": "very-secret",
	"http_server": {"host": "127.0.0.1", "port": 8000, "ssl": false, "authenticate": false}, /* here */
	"Auto_Bind": [
		{"name": "One", "password": "one-secret"}, // first
		{"name": "Two"}
	]
}
"#;

#[test]
fn an_added_thing_stands_behind_the_others_and_comments_stay() {
    let new = changed(FILE, &Edit::AddThing(table(json!({"name": "Three", "port": "9480"}))))
        .expect("it takes the entry")
        .expect("it changes");
    assert!(
        new.contains("// The platform.") && new.contains("/* here */") && new.contains("// first"),
        "{new}"
    );
    assert!(new.contains("\t\t{\n\t\t\t\"name\": \"Three\",\n\t\t\t\"port\": \"9480\"\n\t\t}\n\t]"), "{new}");
    assert_eq!(names(&new), ["One", "Two", "Three"]);
    let again = changed(&new, &Edit::AddThing(table(json!({"port": "9480", "name": "Three"}))));
    assert_eq!(again.expect("it takes the entry"), None, "nothing changes the second time");
}

#[test]
fn a_thing_added_again_takes_the_place_of_its_old_entry() {
    let new = changed(FILE, &Edit::AddThing(table(json!({"name": "One", "host": "b"})))).expect("taken");
    let new = new.expect("it changes");
    assert_eq!(names(&new), ["One", "Two"]);
    assert_eq!(plain(&new)["Auto_Bind"][0], json!({"name": "One", "host": "b"}));
}

#[test]
fn a_removed_thing_is_gone_and_an_unknown_one_changes_nothing() {
    let new = changed(FILE, &Edit::RemoveThing("Two".to_owned())).expect("taken").expect("it changes");
    assert_eq!(names(&new), ["One"]);
    let none = changed(&new, &Edit::RemoveThing("One".to_owned())).expect("taken").expect("it changes");
    assert!(names(&none).is_empty(), "{none}");
    assert_eq!(changed(FILE, &Edit::RemoveThing("two".to_owned())).expect("taken"), None);
    assert_eq!(changed("{}", &Edit::RemoveThing("One".to_owned())).expect("taken"), None);
}

#[test]
fn a_first_thing_makes_the_list() {
    for text in ["{}", "{\"auto_bind\": null}", "{\"auto_bind\": []}", "{\n\t\"a\": 1,\n}"] {
        let new =
            changed(text, &Edit::AddThing(table(json!({"name": "One"})))).expect("taken").expect("changes");
        assert_eq!(plain(&new)["auto_bind"], json!([{"name": "One"}]), "{new}");
    }
    let one = changed(r#"{"auto_bind": {"name": "One"}}"#, &Edit::AddThing(table(json!({"name": "Two"}))));
    assert_eq!(names(&one.expect("taken").expect("changes")), ["One", "Two"]);
}

#[test]
fn tables_are_merged_key_by_key_and_lists_replaced() {
    let over = json!({"HTTP_SERVER": {"port": 8100}, "extra": {"x": 1}, "auto_bind": [{"name": "New"}]});
    let new = changed(FILE, &Edit::Merge(table(over))).expect("taken").expect("changes");
    let plain = plain(&new);
    assert_eq!(plain["http_server"]["port"], 8100);
    assert_eq!(plain["http_server"]["host"], "127.0.0.1");
    assert_eq!(plain["extra"], json!({"x": 1}));
    assert_eq!(names(&new), ["New"]);
    assert!(new.contains("// The platform."));
}

#[test]
fn secrets_go_out_as_asterisks_and_asterisks_leave_them_as_they_are() {
    let shown = masked(FILE).expect("it parses");
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert_eq!(shown["appKey"], MASK);
    let Value::Object(table) = shown else { panic!("a table") };
    assert_eq!(changed(FILE, &Edit::Merge(table.clone())).expect("taken"), None);
    assert_eq!(changed(FILE, &Edit::Replace(table)).expect("taken"), None);
    let foreign = Edit::Merge(self::table(json!({"proxy": {"host": "p", "password": MASK}})));
    assert!(matches!(changed(FILE, &foreign), Err(EditError::Masked(key)) if key == "proxy.password"));
    let references =
        r#"{"appKey": {"file": "a"}, "observability": {"otlp_headers": {"k": "v"}}, "x_pwd": 5}"#;
    let shown = masked(references).expect("it parses");
    assert_eq!(
        shown,
        json!({"appKey": {"file": "a"}, "observability": {"otlp_headers": {"k": MASK}}, "x_pwd": MASK})
    );
}

#[test]
fn a_replaced_file_is_indented_by_tabs() {
    let new = changed(FILE, &Edit::Replace(table(json!({"appKey": MASK, "a": {"b": 1}}))));
    let new = new.expect("taken").expect("changes");
    assert_eq!(new, "{\n\t\"a\": {\n\t\t\"b\": 1\n\t},\n\t\"appKey\": \"very-secret\"\n}\n");
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let thing = Edit::AddThing(table(json!({"name": "One"})));
    for text in ["", "[]", "{broken", "{\"auto_bind\": 5}", "{\"auto_bind\": \"x\"}"] {
        assert!(changed(text, &thing).is_err(), "{text}");
    }
    for entry in [json!({}), json!({"name": ""}), json!({"name": 5})] {
        assert!(matches!(changed("{}", &Edit::AddThing(table(entry))), Err(EditError::NoName)));
    }
}

#[cfg(unix)]
#[test]
fn the_file_is_replaced_whole_with_a_backup_and_its_permissions() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("config.json");
    std::fs::write(&file, FILE).expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("permissions");
    let link = directory.path().join("link.json");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    let edit = Edit::AddThing(table(json!({"name": "Three"})));
    assert_eq!(apply(&Sources::path(&link), &edit).expect("it is written"), Applied::Written);
    assert_eq!(apply(&Sources::path(&link), &edit).expect("it is there"), Applied::Unchanged);
    let file = std::fs::canonicalize(&file).expect("a file");
    assert!(link.is_symlink(), "the link still is one");
    assert_eq!(
        names(&std::fs::read_to_string(&file).expect("text")).last().map(String::as_str),
        Some("Three")
    );
    assert_eq!(std::fs::read_to_string(backup_of(&file)).expect("a backup"), FILE);
    for path in [file.clone(), backup_of(&file)] {
        assert_eq!(std::fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o640);
    }
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 3, "no draft is left");
}

#[test]
fn a_change_the_gateway_could_not_start_with_leaves_the_file_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("config.json");
    std::fs::write(&file, FILE).expect("a file");
    for edit in [
        Edit::Merge(table(json!({"http_server": {"port": 70_000}}))),
        Edit::Replace(table(json!({"a": 1}))),
        Edit::Merge(table(json!({"appKey": "AES:AAAAAAAAAAAAAAAAAAAAAA=="}))),
    ] {
        let error = apply(&Sources::path(&file), &edit).expect_err("it would not load");
        assert!(matches!(error, EditError::WouldNotLoad(_)), "{error}");
        assert_eq!(std::fs::read_to_string(&file).expect("text"), FILE);
    }
    assert!(!backup_of(&file).exists());
    let text = Sources::text("config.json", FILE.as_bytes());
    assert!(matches!(apply(&text, &Edit::RemoveThing("One".to_owned())), Err(EditError::NoFile)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn merging_into_any_text_gives_what_merging_the_values_gives(old in any_table(), new in any_table()) {
        let text = serde_json::to_string_pretty(&old).expect("JSON");
        let merged = changed(&text, &Edit::Merge(new.clone())).expect("taken").unwrap_or(text);
        let mut wanted = Value::Object(old);
        merge(&mut wanted, &Value::Object(new));
        prop_assert_eq!(plain(&merged), wanted, "{}", merged);
    }

    #[test]
    fn no_text_and_no_entry_makes_an_edit_panic_or_lie(
        text in prop_oneof![".{0,40}", Just(FILE.to_owned())],
        at in 0..FILE.len(), name in ".{1,12}", entry in any_table()
    ) {
        let cut: String = text.chars().take(at).collect();
        let mut entry = entry;
        entry.insert("name".to_owned(), name.clone().into());
        for text in [&text, &cut] {
            if let Ok(Some(new)) = changed(text, &Edit::AddThing(entry.clone())) {
                prop_assert!(names(&new).contains(&name), "{}", new);
                let gone = changed(&new, &Edit::RemoveThing(name.clone())).expect("taken").expect("changes");
                prop_assert!(!names(&gone).contains(&name), "{}", gone);
            }
        }
    }
}

fn any_table() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[^*]{0,8}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c\"\\\\\n]{0,3}", inner, 0..4)
                .prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map("[a-c\"\\\\\n]{0,3}", value, 0..4)
        .prop_map(|table| table.into_iter().collect())
}

fn merge(old: &mut Value, new: &Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in new {
                match old.get_mut(name) {
                    Some(inner) => merge(inner, value),
                    None => drop(old.insert(name.clone(), value.clone())),
                }
            }
        }
        (old, new) => *old = new.clone(),
    }
}

fn table(value: Value) -> Map<String, Value> {
    let Value::Object(table) = value else { panic!("a table") };
    table
}

/// The text without comments and trailing commas, as the crate itself reads it; none of these texts holds a secret key.
fn plain(text: &str) -> Value {
    masked(text).unwrap_or_else(|| panic!("it parses: {text}"))
}

fn names(text: &str) -> Vec<String> {
    let plain = plain(text);
    let list = plain.as_object().and_then(|table| {
        table
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case("auto_bind"))
            .map(|(_, list)| list)
            .next_back()
    });
    let entries = list.and_then(Value::as_array).cloned().unwrap_or_default();
    entries.iter().filter_map(|entry| entry["name"].as_str().map(str::to_owned)).collect()
}
