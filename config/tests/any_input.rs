//! No input makes the reader panic, and none makes a diagnostic that cannot be shown.

use edgebind_config::explain::Explanation;
use edgebind_config::{Sources, load};
use proptest::prelude::*;

const EVERY_KEY: &str = include_str!("data/good/every-key.json");

fn read(text: &[u8], environment: Vec<(String, String)>) {
    let outcome = load(&Sources::text("config.json", text).environment(environment));
    let diagnostics = match outcome {
        Ok(loaded) => {
            let told = Explanation::of(&loaded).to_string();
            assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
            loaded.diagnostics
        }
        Err(error) => {
            assert!(!error.diagnostics.is_empty());
            error.diagnostics
        }
    };
    for found in diagnostics {
        assert!(found.to_string().chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()), "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes, Vec::new());
    }

    #[test]
    fn any_truncation_and_change_of_a_good_text_is_answered(
        at in 0..EVERY_KEY.len(),
        cut in 0..40_usize,
        piece in prop_oneof![
            Just("\"".to_owned()), Just("{".to_owned()), Just("]".to_owned()), Just("null".to_owned()),
            Just("-1".to_owned()), Just("1e999".to_owned()), Just("\\u0000".to_owned()), Just("/*".to_owned()),
            Just("//".to_owned()), Just("\r".to_owned()), Just("\u{1b}[31m".to_owned()), ".{0,6}",
        ],
        truncated in any::<bool>(),
    ) {
        let bytes = EVERY_KEY.as_bytes();
        let mut text = bytes[..at].to_vec();
        text.extend(piece.as_bytes());
        if !truncated {
            text.extend(&bytes[(at + cut).min(bytes.len())..]);
        }
        read(&text, Vec::new());
    }

    #[test]
    fn any_value_under_any_key_is_answered(
        key in "[a-zA-Z_.]{0,12}",
        group in prop_oneof![
            Just("http_server"), Just("auto_bind"), Just("ws_servers"), Just("ws_connection"), Just("appKey"),
            Just("observability"), Just("certificates"), Just("file"), Just("nonsense.a[0]"), Just("")
        ],
        value in value(),
    ) {
        let text = serde_json::json!({ group: { key.clone(): value.clone() }, "auto_bind": [value.clone()], key: value });
        read(text.to_string().as_bytes(), Vec::new());
    }

    #[test]
    fn any_environment_is_answered(
        name in "EDGEBIND_(HTTP_SERVER__|AUTO_BIND|APPKEY|OBSERVABILITY__OTLP_HEADERS|FILE|.{0,5})[A-Z_]{0,8}",
        value in ".{0,30}",
    ) {
        read(EVERY_KEY.as_bytes(), vec![(name, value)]);
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":", "{\"file\":["] {
        read(open.repeat(100_000).as_bytes(), Vec::new());
        read(format!("{{\"file\":{}1", open.repeat(300)).as_bytes(), Vec::new());
    }
    let closed = format!("{{\"file\":{}{}}}", "[".repeat(400), "]".repeat(400));
    read(closed.as_bytes(), Vec::new());
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,20}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-z.]{0,6}", inner, 0..4)
                .prop_map(|table| serde_json::Value::Object(table.into_iter().collect())),
        ]
    })
}
