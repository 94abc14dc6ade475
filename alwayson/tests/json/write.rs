//! Writing.

use edgebind_alwayson::{
    Aspect, BaseType, Field, InfoTable, Location, Value,
    json::{self, ShapeKey},
};

use super::text;

fn written(value: &Value) -> String {
    let mut out = Vec::new();
    json::write_value(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn rows_come_first_and_the_shape_is_spelled_as_asked() {
    let table = InfoTable::single("v", Value::Number(1.0));
    assert_eq!(
        json::table_to_string(&table, ShapeKey::Lower),
        r#"{"rows":[{"v":1}],"datashape":{"fieldDefinitions":{"v":{"name":"v","description":"","baseType":"NUMBER","aspects":{}}}}}"#
    );
    let camel = json::table_to_string(&table, ShapeKey::Camel);
    assert!(camel.contains(r#"],"dataShape":{"fieldDefinitions""#), "{camel}");
}

#[test]
fn values_are_written_by_their_own_type() {
    let cases = [
        (Value::Nothing, "null"),
        (Value::Number(5.0), "5"),
        (Value::Number(-5.0), "-5"),
        (Value::Number(0.1), "0.1"),
        (Value::Number(123_456_789_012.0), "123456789012"),
        (Value::Number(1.25e-7), "1.25e-7"),
        (Value::Number(2.5e-300), "2.5e-300"),
        (Value::Number(-0.0), "-0.0"),
        (Value::Number(f64::NAN), "null"),
        (Value::Number(f64::INFINITY), "null"),
        (Value::Integer(-70000), "-70000"),
        (Value::Long(9_007_199_254_740_991), "9007199254740991"),
        (Value::Boolean(true), "true"),
        (Value::Datetime(-1000), "-1000"),
        (Value::Datetime(253_402_300_799_999), "253402300799999"),
        (Value::string("text ü \"q\" \\ \n\u{1}/"), r#""text ü \"q\" \\ \n\u0001/""#),
        (text(BaseType::Schedule, "0 0 * * * ?"), r#""0 0 * * * ?""#),
        (text(BaseType::ThingName, "T"), r#""T""#),
        (Value::json("{ \"a\": [1, \"x y\"] }"), r#"{"a":[1,"x y"]}"#),
        (text(BaseType::Query, "5"), "5"),
        (Value::json("{nope"), "null"),
        (Value::Blob(vec![0, 1, 2, 254, 255]), r#""AAEC/v8=""#),
        (Value::Image(vec![]), r#""""#),
        (Value::variant(Value::Number(3.0)), "3"),
        (Value::variant(Value::string("x")), r#""x""#),
        (
            Value::Location(Location { latitude: 51.5, longitude: -0.25, elevation: 11.0 }),
            r#"{"elevation":11,"latitude":51.5,"longitude":-0.25}"#,
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(written(&value), expected, "{value:?}");
    }
    let huge: f64 = written(&Value::Number(1.5e300)).parse().unwrap();
    assert_eq!(huge.to_bits(), 1.5e300_f64.to_bits());
}

#[test]
fn a_json_cell_that_is_no_json_is_left_out() {
    let table = InfoTable {
        fields: vec![
            Field::new("u", BaseType::Json),
            Field::new("v", BaseType::Json),
            Field::new("w", BaseType::Number),
        ],
        rows: vec![
            vec![Value::json("{nope"), Value::json("1 2"), Value::Number(1.0)],
            vec![Value::Nothing, Value::json(""), Value::Nothing],
            vec![Value::json("["), Value::json("[1]"), Value::Nothing],
        ],
    };
    let written = json::table_to_string(&table, ShapeKey::Lower);
    assert!(written.starts_with(r#"{"rows":[{"w":1},{"u":null,"w":null},{"v":[1],"w":null}],"#), "{written}");
}

#[test]
fn aspects_are_an_object_of_plain_values() {
    let mut field = Field::new("f", BaseType::Number);
    field.description = "with aspects".to_owned();
    let aspect = |name: &str, value| Aspect { name: name.to_owned(), value };
    field.aspects = vec![
        aspect("isPrimaryKey", Value::Boolean(true)),
        aspect("bad", Value::json("{")),
        aspect("units", Value::string("psi")),
        aspect("ordinal", Value::Integer(3)),
    ];
    let written = json::table_to_string(&InfoTable::new(vec![field]), ShapeKey::Lower);
    assert!(written.contains(r#""description":"with aspects","baseType":"NUMBER","aspects":{"isPrimaryKey":true,"units":"psi","ordinal":3}}"#), "{written}");
}

#[test]
fn nested_tables_use_the_same_spelling() {
    let table = InfoTable::single("t", Value::table(InfoTable::single("x", Value::string("deep"))));
    let written = json::table_to_string(&table, ShapeKey::Camel);
    assert_eq!(written.matches("dataShape").count(), 2, "{written}");
    assert_eq!(written.matches("datashape").count(), 0, "{written}");
}

#[test]
fn the_order_of_fields_is_kept() {
    let table = InfoTable::new(["b", "a", "c"].map(|name| Field::new(name, BaseType::String)).to_vec());
    let written = json::table_to_string(&table, ShapeKey::Lower);
    let places: Vec<_> =
        ["\"b\":{", "\"a\":{", "\"c\":{"].iter().map(|key| written.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{written}");
}
