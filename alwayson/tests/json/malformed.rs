//! What is not JSON, not an infotable, or too much.

use edgebind_alwayson::json::{self, JsonError};
use proptest::prelude::*;

use super::cell;

fn error(text: &str) -> JsonError {
    json::params_from_body(text.as_bytes()).expect_err(text)
}

#[test]
fn what_is_not_json_is_refused() {
    for body in ["{", "hello", "{'a':1}", "{\"a\":1,}", "/*x*/{}", "[1", "\u{feff}{}", "{\"a\"}", "nul", "01"]
    {
        error(body);
    }
    assert!(json::params_from_body(b"{\"a\":\"\xff\"}").is_err());
}

#[test]
fn an_error_says_line_column_and_path() {
    let shape =
        "{\"fieldDefinitions\":{\"n\":{\"baseType\":\"STRING\"},\"temp\":{\"baseType\":\"INTEGER\"}}}";
    let rows = "[{\"temp\":1},\n {\"temp\":2,\n  \"n\":\"x\"}, {\"temp\":3000000000}]";
    // Rows behind the shape are read at once, rows before it a second time: the place must be the same.
    for text in [
        format!("{{\"dataShape\":{shape},\n\"rows\":{rows}}}"),
        format!("{{\n\"rows\":{rows},\"dataShape\":{shape}}}"),
    ] {
        let error = error(&text);
        assert_eq!(error.path(), "rows[2].temp");
        assert_eq!(error.message(), "3000000000 is outside the range of INTEGER");
        assert_eq!(error.line(), 4);
        assert_eq!(text.lines().nth(3).unwrap().as_bytes()[error.column() - 1], b'0', "{error}");
        assert_eq!(
            error.to_string(),
            format!(
                "rows[2].temp: 3000000000 is outside the range of INTEGER (line 4, column {})",
                error.column()
            )
        );
    }
}

#[test]
fn the_path_leads_through_nested_tables_and_variants() {
    let inner = r#"{"dataShape":{"fieldDefinitions":{"value":{"baseType":"VARIANT"}}},
        "rows":[{"value":{"baseType":"NUMBER","value":1}},{"value":{"value":"x","baseType":"NUMBER"}}]}"#;
    let text = format!(
        r#"{{"rows":[{{"values":{inner}}}],"dataShape":{{"fieldDefinitions":{{"values":{{"baseType":"INFOTABLE"}}}}}}}}"#
    );
    let error = error(&text);
    assert_eq!(error.path(), "rows[0].values.rows[1].value.value");
    assert_eq!((error.message(), error.line()), ("`x` cannot be taken for NUMBER", 2));
}

#[test]
fn faults_of_the_shape_are_named() {
    let unknown = error(r#"{"rows":[],"dataShape":{"fieldDefinitions":{"a":{"baseType":"NOSUCHTYPE"}}}}"#);
    assert_eq!(unknown.path(), "dataShape.fieldDefinitions.a.baseType");
    assert!(unknown.message().contains("`NOSUCHTYPE` is no base type"), "{unknown}");
    let missing = error(r#"{"rows":[],"dataShape":{"fieldDefinitions":{"a":{}}}}"#);
    assert_eq!(
        (missing.path(), missing.message()),
        ("dataShape.fieldDefinitions.a", "missing field `baseType`")
    );
    error(r#"{"rows":[],"dataShape":5}"#);
    error(r#"{"rows":5,"dataShape":{"fieldDefinitions":{}}}"#);
    error(r#"{"rows":{"a":1},"dataShape":{"fieldDefinitions":{}}}"#);
    error(r#"{"rows":[5],"dataShape":{"fieldDefinitions":{}}}"#);
    error(r#"{"rows":[[1]],"dataShape":{"fieldDefinitions":{}}}"#);
    error(r#"{"rows":[],"dataShape":{"fieldDefinitions":[1]}}"#);
}

#[test]
fn what_does_not_fit_its_type_is_refused_with_the_value() {
    for (base_type, value, message) in [
        ("NUMBER", "\"abc\"", "`abc` cannot be taken for NUMBER"),
        ("NUMBER", "[]", "an array cannot be taken for NUMBER"),
        ("NUMBER", "{}", "an object cannot be taken for NUMBER"),
        ("INTEGER", "2147483648", "2147483648 is outside the range of INTEGER"),
        ("INTEGER", "\"-2147483649\"", "-2147483649 is outside the range of INTEGER"),
        ("INTEGER", "1e300", "is outside the range of INTEGER"),
        ("INTEGER", "\"NaN\"", "NaN is outside the range of INTEGER"),
        ("LONG", "9223372036854775808", "is outside the range of LONG"),
        ("BOOLEAN", "\"yes\"", "`yes` cannot be taken for BOOLEAN"),
        ("DATETIME", "\"yesterday\"", "`yesterday` cannot be taken for DATETIME"),
        ("DATETIME", "true", "true cannot be taken for DATETIME"),
        ("BLOB", "\"%%%\"", "`%%%` cannot be taken for BLOB"),
        ("BLOB", "5", "5 cannot be taken for BLOB"),
        ("LOCATION", "true", "true cannot be taken for LOCATION"),
        ("VARIANT", r#"{"baseType":"NOPE","value":1}"#, "`NOPE` is no base type"),
    ] {
        let refused = cell(base_type, value).expect_err(value);
        assert!(refused.contains(message), "{base_type} {value}: {refused}");
    }
}

#[test]
fn long_values_are_shortened_in_messages() {
    let refused = cell("NUMBER", &format!("\"{}\"", "€".repeat(10_000))).unwrap_err();
    assert!(refused.len() < 200, "{refused}");
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    const DEEP: usize = 100_000;
    error(&"[".repeat(DEEP));
    error(&format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP)));
    error(&format!("{}1{}", "{\"a\":".repeat(DEEP), "}".repeat(DEEP)));
    assert!(json::params_from_body(format!("{}{}", "[".repeat(100), "]".repeat(100)).as_bytes()).is_ok());
    let shape = r#""dataShape":{"fieldDefinitions":{"t":{"baseType":"INFOTABLE"}}}"#;
    // Tables before and behind their shape, and variants, each of which starts a new reader.
    for (open, close) in [
        (format!("{{{shape},\"rows\":[{{\"t\":"), "}]}".to_owned()),
        ("{\"rows\":[{\"t\":".to_owned(), format!("}}],{shape}}}")),
    ] {
        let nested = |depth| format!("{}null{}", open.repeat(depth), close.repeat(depth));
        assert!(json::params_from_body(nested(20).as_bytes()).is_ok());
        error(&nested(2_000));
    }
    let variants =
        |depth| format!("{}1{}", r#"{"baseType":"VARIANT","value":"#.repeat(depth), "}".repeat(depth));
    assert!(cell("VARIANT", &variants(20)).is_ok());
    assert!(cell("VARIANT", &variants(2_000)).is_err());
    let reversed =
        |depth| format!("{}1{}", r#"{"value":"#.repeat(depth), r#","baseType":"VARIANT"}"#.repeat(depth));
    assert!(cell("VARIANT", &reversed(2_000)).is_err());
    assert!(cell("JSON", &"[".repeat(DEEP)).is_err());
}

#[test]
fn empty_rows_under_a_wide_shape_do_not_take_memory_without_end() {
    let fields: Vec<String> =
        (0..2_000).map(|index| format!(r#""c{index}":{{"baseType":"STRING"}}"#)).collect();
    let rows = vec!["{}"; 10_000].join(",");
    let text = format!(r#"{{"dataShape":{{"fieldDefinitions":{{{}}}}},"rows":[{rows}]}}"#, fields.join(","));
    assert!(error(&text).message().contains("cells"));
}

const SAMPLE: &str = r#"{"dataShape":{"name":"S","fieldDefinitions":{"v":{"aspects":{"a":1},"baseType":"VARIANT"},
 "t":{"description":"d","baseType":"DATETIME"},"l":{"baseType":"LOCATION"},"b":{"baseType":"BLOB"},"j":{"baseType":"JSON"},
 "i":{"baseType":"INFOTABLE"}}},"rows":[{"v":{"baseType":"NUMBER","value":20.5},"t":"2024-01-02T03:04:05Z",
 "l":{"latitude":1,"longitude":2},"b":"AAEC","j":{"k":[1,2]},
 "i":{"rows":[{"x":"\u00e4"}],"datashape":{"fieldDefinitions":{"x":{"baseType":"STRING"}}}}}]}"#;

#[test]
fn no_cut_of_a_table_is_taken_for_one() {
    assert!(json::table_from_json(SAMPLE.as_bytes()).unwrap().is_some());
    for end in 0..SAMPLE.len() {
        assert!(json::table_from_json(&SAMPLE.as_bytes()[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((0..SAMPLE.len(), prop::sample::select(b"{}[]\",:019eE.-nt\\\x00\xff ".to_vec())), 1..8),
    ) {
        let mut text = SAMPLE.as_bytes().to_vec();
        for (place, byte) in changes {
            text[place] = byte;
        }
        let _ = json::params_from_body(&text);
        let _ = json::table_from_json(&text);
    }

    #[test]
    fn any_text_never_panics(text in any::<String>(), number in 0..edgebind_alwayson::BaseType::ALL.len()) {
        let _ = json::params_from_body(text.as_bytes());
        let _ = json::value_from_json(&text, edgebind_alwayson::BaseType::ALL[number]);
    }
}
