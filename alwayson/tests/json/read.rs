//! Reading: bodies, shapes, cells.

use edgebind_alwayson::{
    Aspect, BaseType, Content, Field, InfoTable, Location, Value,
    json::{self, Inputs},
};

use super::{cell, table, text};

fn content(body: &str) -> String {
    match json::params_from_body(body.as_bytes()).unwrap() {
        Content::Table(table) => table.as_content().expect("a table of `_content_`").to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_body_is_no_content() {
    assert_eq!(json::params_from_body(b"").unwrap(), Content::Nothing);
}

#[test]
fn a_body_of_blanks_is_an_error() {
    assert!(json::params_from_body(b"  ").is_err());
}

#[test]
fn plain_json_becomes_its_compact_text_with_every_digit() {
    assert_eq!(content(" {\"a\" : [ 1.50, 1e-07 ],\n\"b\": \"x y\"} "), r#"{"a":[1.50,1e-07],"b":"x y"}"#);
    assert_eq!(content("[1, \"two\", [3]]"), r#"[1,"two",[3]]"#);
    assert_eq!(content(" 5 "), "5");
    assert_eq!(content("\"abc\""), "\"abc\"");
    assert_eq!(content("null"), "null");
    assert_eq!(content(r#"{"a":123456789012345678901234567890}"#), r#"{"a":123456789012345678901234567890}"#);
}

#[test]
fn rows_or_a_shape_alone_are_plain_json() {
    for body in [r#"{"rows":[{"a":1}]}"#, r#"{"dataShape":{"fieldDefinitions":{}}}"#, r#"{"dataShape":5}"#] {
        assert_eq!(content(body), body);
    }
}

#[test]
fn text_behind_an_object_is_ignored_and_behind_a_number_refused() {
    assert_eq!(content(r#"{"name":"T1"} xx"#), r#"{"name":"T1"}"#);
    assert!(json::params_from_body(b"5 xx").is_err());
}

#[test]
fn rows_may_stand_before_or_behind_the_shape_in_either_spelling() {
    let expected = InfoTable {
        fields: vec![Field::new("a", BaseType::Number), Field::new("b", BaseType::String)],
        rows: vec![vec![Value::Number(1.0), Value::string("x")]],
    };
    let shape =
        r#"{"fieldDefinitions":{"a":{"name":"a","baseType":"NUMBER"},"b":{"name":"b","baseType":"STRING"}}}"#;
    for key in ["dataShape", "datashape"] {
        let before = format!(r#"{{"{key}":{shape},"rows":[{{"b":"x","a":1}}],"other":[1]}}"#);
        let behind = format!(r#"{{"rows":[{{"a":1,"b":"x"}}],"name":"n","{key}":{shape}}}"#);
        assert_eq!(table(&before), expected);
        assert_eq!(table(&behind), expected);
    }
}

#[test]
fn empty_lists_and_objects_may_be_written_as_each_other() {
    let shape = r#"{"fieldDefinitions":{"a":{"aspects":[],"baseType":"NUMBER"}}}"#;
    let expected = InfoTable::new(vec![Field::new("a", BaseType::Number)]);
    assert_eq!(table(&format!(r#"{{"dataShape":{shape},"rows":[]}}"#)), expected);
    assert_eq!(table(&format!(r#"{{"dataShape":{shape},"rows":{{}}}}"#)), expected);
    assert_eq!(table(r#"{"dataShape":{"fieldDefinitions":[]},"rows":[]}"#), InfoTable::default());
    assert_eq!(table(r#"{"dataShape":[],"rows":[[]]}"#).rows, [vec![]]);
}

#[test]
fn a_push_of_a_script_resource_is_read_as_it_goes_on_the_wire() {
    let body = r#"{"dataShape":{"fieldDefinitions":{"values":{"aspects":[],"name":"values","baseType":"INFOTABLE"}}},
 "rows":[{"values":{"dataShape":{"fieldDefinitions":{
   "value":{"aspects":[],"name":"value","baseType":"VARIANT"},"time":{"aspects":[],"name":"time","baseType":"DATETIME"},
   "name":{"aspects":[],"name":"name","baseType":"STRING"},"quality":{"aspects":[],"name":"quality","baseType":"STRING"}}},
  "rows":[{"value":{"baseType":"NUMBER","value":20.5},"name":"temp","time":1795304777000,"quality":"GOOD"},
          {"value":{"baseType":"BOOLEAN","value":true},"name":"on","time":1795304777000,"quality":"GOOD"}]}}]}"#;
    let table = table(body);
    let values = table.cell(0, "values").and_then(Value::as_table).unwrap();
    let row = |value, name| {
        vec![
            Value::variant(value),
            Value::Datetime(1_795_304_777_000),
            Value::string(name),
            Value::string("GOOD"),
        ]
    };
    assert_eq!(values.rows, [row(Value::Number(20.5), "temp"), row(Value::Boolean(true), "on")]);
}

#[test]
fn descriptions_and_aspects_are_kept_in_order_and_the_last_of_two_counts() {
    let table = table(
        r#"{"rows":[],"dataShape":{"fieldDefinitions":{"a":{"baseType":"number","description":"d","ordinal":3,
           "aspects":{"isReadOnly":true,"units":"m","min":1.5,"max":3e9,"isReadOnly":false,"x":null,"o":{"k":[1]}}}}}}"#,
    );
    let [field] = table.fields.as_slice() else { panic!("{table:?}") };
    let aspect = |name: &str, value| Aspect { name: name.to_owned(), value };
    assert_eq!((field.base_type, field.description.as_str()), (BaseType::Number, "d"));
    assert_eq!(
        field.aspects,
        [
            aspect("isReadOnly", Value::Boolean(false)),
            aspect("units", Value::string("m")),
            aspect("min", Value::Integer(1)),
            aspect("max", Value::Number(3e9)),
            aspect("x", Value::Nothing),
            aspect("o", Value::json(r#"{"k":[1]}"#)),
        ]
    );
}

#[test]
fn a_field_defined_twice_keeps_its_place_and_takes_the_last_definition() {
    let table = table(
        r#"{"dataShape":{"fieldDefinitions":{"a":{"baseType":"STRING"},"b":{"baseType":"NUMBER"},"a":{"baseType":"INTEGER"}}},
            "rows":[{"a":1,"b":2}]}"#,
    );
    assert_eq!(table.fields, [Field::new("a", BaseType::Integer), Field::new("b", BaseType::Number)]);
    assert_eq!(table.rows, [[Value::Integer(1), Value::Number(2.0)]]);
}

#[test]
fn a_wide_table_finds_its_columns_in_any_order() {
    let names: Vec<String> = (0..100).map(|index| format!("c{index}")).collect();
    let fields: Vec<String> =
        names.iter().map(|name| format!(r#""{name}":{{"baseType":"STRING"}}"#)).collect();
    let cells: Vec<String> = names.iter().rev().map(|name| format!(r#""{name}":"{name}""#)).collect();
    let text = format!(
        r#"{{"dataShape":{{"fieldDefinitions":{{{}}}}},"rows":[{{{}}}]}}"#,
        fields.join(","),
        cells.join(",")
    );
    let expected: Vec<Value> = names.into_iter().map(Value::string).collect();
    assert_eq!(table(&text).rows, [expected]);
}

#[test]
fn missing_and_null_cells_are_nothing_and_unknown_keys_are_ignored() {
    let table = table(
        r#"{"dataShape":{"fieldDefinitions":{"a":{"baseType":"NUMBER"},"b":{"baseType":"STRING"}}},
            "rows":[{"a":null,"zz":{"deep":[1]}},{}]}"#,
    );
    let nothing = vec![Value::Nothing, Value::Nothing];
    assert_eq!(table.rows, [nothing.clone(), nothing]);
}

#[test]
fn text_types_keep_their_type() {
    for base_type in BaseType::ALL.iter().copied().filter(|base_type| base_type.is_text()) {
        let expected = match base_type {
            BaseType::Json | BaseType::Query => text(base_type, r#""t""#),
            _ => text(base_type, "t"),
        };
        assert_eq!(cell(base_type.name(), r#""t""#), Ok(expected), "{base_type}");
    }
}

#[test]
fn what_fits_is_converted() {
    let cases = [
        ("NUMBER", "\"12.5\"", Value::Number(12.5)),
        ("NUMBER", "true", Value::Number(1.0)),
        ("NUMBER", "7", Value::Number(7.0)),
        ("INTEGER", "41", Value::Integer(41)),
        ("INTEGER", "\"7\"", Value::Integer(7)),
        ("INTEGER", "7.9", Value::Integer(7)),
        ("INTEGER", "-7.9", Value::Integer(-7)),
        ("INTEGER", "-2147483648", Value::Integer(i32::MIN)),
        ("LONG", "12345678901", Value::Long(12_345_678_901)),
        ("LONG", "\"-9223372036854775808\"", Value::Long(i64::MIN)),
        ("BOOLEAN", "false", Value::Boolean(false)),
        ("BOOLEAN", "1", Value::Boolean(true)),
        ("BOOLEAN", "0.0", Value::Boolean(false)),
        ("BOOLEAN", "\"True\"", Value::Boolean(true)),
        ("DATETIME", "1700000000123", Value::Datetime(1_700_000_000_123)),
        ("DATETIME", "-1000", Value::Datetime(-1000)),
        ("DATETIME", "1.7e12", Value::Datetime(1_700_000_000_000)),
        ("DATETIME", "\"1700000000123\"", Value::Datetime(1_700_000_000_123)),
        ("DATETIME", "\"2024-01-02T03:04:05.678Z\"", Value::Datetime(1_704_164_645_678)),
        ("STRING", "12.5", Value::string("12.5")),
        ("STRING", "5.0", Value::string("5")),
        ("STRING", "true", Value::string("true")),
        ("STRING", "{\"a\": [1, {}]}", Value::string(r#"{"a":[1,{}]}"#)),
        ("STRING", "[ ]", Value::string("[]")),
        ("STRING", "null", Value::Nothing),
        ("NOTHING", "[1]", Value::Nothing),
        ("NOTHING", "{\"a\":1}", Value::Nothing),
        ("TIMESPAN", "5", Value::Number(5.0)),
        ("JSON", "{ \"k\": [1, {\"z\": \"y\"}] }", Value::json(r#"{"k":[1,{"z":"y"}]}"#)),
        ("JSON", "null", Value::Nothing),
        ("QUERY", "{}", text(BaseType::Query, "{}")),
        ("BLOB", "\"AAEC/v8=\"", Value::Blob(vec![0, 1, 2, 254, 255])),
        ("IMAGE", "\"AAEC\\n/v8\"", Value::Image(vec![0, 1, 2, 254, 255])),
        ("BLOB", "\"\"", Value::Blob(vec![])),
    ];
    for (base_type, value, expected) in cases {
        assert_eq!(cell(base_type, value), Ok(expected), "{base_type} {value}");
    }
}

#[test]
fn a_location_comes_as_object_or_text() {
    let place = |elevation| Value::Location(Location { latitude: 1.25, longitude: 2.5, elevation });
    for (value, elevation) in [
        (r#"{"latitude":1.25,"longitude":2.5,"elevation":-3,"units":"WGS84"}"#, -3.0),
        (r#"{"longitude":"2.5","latitude":"1.25"}"#, 0.0),
        (r#"{"longitude":2.5,"latitude":1.25,"elevation":null}"#, 0.0),
        (r#""1.25, 2.5, 7""#, 7.0),
        (r#""1.25,2.5""#, 0.0),
    ] {
        assert_eq!(cell("LOCATION", value), Ok(place(elevation)), "{value}");
    }
    assert_eq!(cell("LOCATION", r#"{"latitude":null,"longitude":2}"#), Ok(Value::Nothing));
    assert!(cell("LOCATION", r#"{"latitude":1}"#).is_err());
    assert!(cell("LOCATION", r#""1,2,3,4""#).is_err());
}

#[test]
fn a_variant_names_its_type_in_any_field_and_order() {
    let five = Value::variant(Value::Number(5.0));
    for value in [
        r#"{"baseType":"NUMBER","value":5}"#,
        r#"{"baseType":"number","value":"5","time":1}"#,
        r#"{"value":5,"baseType":"NUMBER"}"#,
        r#"{"x":1,"baseType":"NUMBER","value":5}"#,
        r#"{"baseType":"NUMBER","x":1,"value":5}"#,
        r#"{"baseType":"\u004eUMBER","value":5}"#,
    ] {
        assert_eq!(cell("VARIANT", value), Ok(five.clone()), "{value}");
    }
    let integer = r#"{"baseType":"INTEGER","value":9}"#;
    assert_eq!(cell("VARIANT", integer), Ok(Value::variant(Value::Integer(9))));
    assert_eq!(cell("VARIANT", r#"{"baseType":"NOTHING"}"#), Ok(Value::variant(Value::Nothing)));
    let table = r#"{"baseType":"INFOTABLE","value":{"rows":[],"dataShape":{"fieldDefinitions":{}}}}"#;
    assert_eq!(cell("VARIANT", table), Ok(Value::variant(Value::table(InfoTable::default()))));
}

#[test]
fn plain_json_in_a_variant_field_has_the_type_that_fits() {
    let cases = [
        ("5", Value::Number(5.0)),
        ("\"s\"", Value::string("s")),
        ("true", Value::Boolean(true)),
        ("null", Value::Nothing),
        ("[1, 2]", Value::json("[1,2]")),
        ("{}", Value::json("{}")),
        (r#"{"a" : "\u00e4"}"#, Value::json(r#"{"a":"\u00e4"}"#)),
        (r#"{"baseType":5,"value":1}"#, Value::json(r#"{"baseType":5,"value":1}"#)),
        (r#"{"value":1}"#, Value::json(r#"{"value":1}"#)),
    ];
    for (value, expected) in cases {
        assert_eq!(cell("VARIANT", value), Ok(expected), "{value}");
    }
}

#[test]
fn nested_tables_are_read_in_either_spelling() {
    let inner = |key| {
        format!(r#"{{"rows":[{{"a":1}}],"{key}":{{"fieldDefinitions":{{"a":{{"baseType":"NUMBER"}}}}}}}}"#)
    };
    let expected = InfoTable::single("a", Value::Number(1.0));
    for key in ["dataShape", "datashape"] {
        assert_eq!(cell("INFOTABLE", &inner(key)), Ok(Value::table(expected.clone())));
    }
    assert!(cell("INFOTABLE", r#"{"rows":[]}"#).is_err());
    assert!(cell("INFOTABLE", "5").is_err());
}

#[test]
fn a_single_value_is_read_by_its_declared_type() {
    assert_eq!(json::value_from_json(" 5 ", BaseType::Integer).unwrap(), Value::Integer(5));
    assert_eq!(json::value_from_json(r#"{"a": 1}"#, BaseType::Json).unwrap(), Value::json(r#"{"a":1}"#));
    assert!(json::value_from_json("5 5", BaseType::Integer).is_err());
    assert!(json::value_from_json("", BaseType::String).is_err());
}

#[test]
fn inputs_are_the_same_from_plain_json_and_from_an_infotable() {
    let plain =
        r#"{"name":"T1","port":"8302","keepalive":6000,"persist":true,"config":{"a":[1]},"none":null}"#;
    let fields = vec![
        Field::new("name", BaseType::String),
        Field::new("port", BaseType::Integer),
        Field::new("keepalive", BaseType::Number),
        Field::new("persist", BaseType::Boolean),
        Field::new("config", BaseType::Json),
        Field::new("none", BaseType::Nothing),
    ];
    let row = vec![
        Value::string("T1"),
        Value::Integer(8302),
        Value::Number(6000.0),
        Value::Boolean(true),
        Value::json(r#"{"a": [1]}"#),
        Value::Nothing,
    ];
    let typed = Content::Table(InfoTable { fields, rows: vec![row] });
    for content in [json::params_from_body(plain.as_bytes()).unwrap(), typed] {
        let inputs = Inputs::from_content(&content).unwrap();
        assert_eq!(inputs.text("name"), Some("T1"));
        assert_eq!((inputs.integer("port"), inputs.integer("keepalive")), (Some(8302), Some(6000)));
        assert_eq!(inputs.boolean("persist"), Some(true));
        assert_eq!(inputs.json("config").as_deref(), Some(r#"{"a":[1]}"#));
        assert!(inputs.text("config").is_none());
        assert!(inputs.has("none") && !inputs.has("nome"));
        assert_eq!(inputs.names().count(), 6);
    }
}

#[test]
fn inputs_of_a_wrong_kind_are_absent() {
    let inputs = Inputs::from_json(r#"{"name":5,"port":1.5,"on":"maybe","name2":{"a":1}}"#).unwrap();
    assert_eq!((inputs.text("name"), inputs.integer("port"), inputs.boolean("on")), (None, None, None));
    assert_eq!(inputs.text("name2"), None);
    assert!(Inputs::from_content(&Content::Table(InfoTable::content("[1]"))).is_err());
    assert!(Inputs::from_content(&Content::Table(InfoTable::content("5"))).is_err());
    for empty in
        [Content::Nothing, Content::Table(InfoTable::content("[]")), Content::Table(InfoTable::default())]
    {
        assert_eq!(Inputs::from_content(&empty).unwrap(), Inputs::default());
    }
}
