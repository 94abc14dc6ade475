//! What is written is read back.

use edgebind_alwayson::{
    BaseType, Field, InfoTable, Location, Row, Value,
    json::{self, ShapeKey},
};
use proptest::prelude::*;

/// A base type and a cell of it that survives JSON: own type equal to the field's, finite numbers, compact JSON.
fn column() -> impl Strategy<Value = BaseType> {
    let types: Vec<BaseType> = BaseType::ALL
        .iter()
        .copied()
        .filter(|base_type| !matches!(base_type, BaseType::Nothing | BaseType::Timespan | BaseType::Variant))
        .collect();
    prop::sample::select(types)
}

fn number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("JSON has no NaN and no infinity", |number| number.is_finite())
}

fn value(base_type: BaseType, depth: u32) -> BoxedStrategy<Value> {
    let filled = match base_type {
        BaseType::Number => number().prop_map(Value::Number).boxed(),
        BaseType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        BaseType::Datetime => any::<i64>().prop_map(Value::Datetime).boxed(),
        BaseType::Integer => any::<i32>().prop_map(Value::Integer).boxed(),
        BaseType::Long => any::<i64>().prop_map(Value::Long).boxed(),
        BaseType::Blob => any::<Vec<u8>>().prop_map(Value::Blob).boxed(),
        BaseType::Image => any::<Vec<u8>>().prop_map(Value::Image).boxed(),
        BaseType::Location => (number(), number(), number())
            .prop_map(|(longitude, latitude, elevation)| {
                Value::Location(Location { longitude, latitude, elevation })
            })
            .boxed(),
        BaseType::Json | BaseType::Query => {
            prop::sample::select(vec!["{}", "[1,\"a b\"]", "5", "{\"k\":null}", "\"t\""])
                .prop_map(move |text| Value::Text(base_type, text.to_owned()))
                .boxed()
        }
        BaseType::Infotable if depth > 0 => table(depth - 1).prop_map(Value::table).boxed(),
        BaseType::Infotable => Just(Value::table(InfoTable::default())).boxed(),
        _ => any::<String>().prop_map(move |text| Value::Text(base_type, text)).boxed(),
    };
    prop_oneof![9 => filled, 1 => Just(Value::Nothing)].boxed()
}

fn table(depth: u32) -> BoxedStrategy<InfoTable> {
    prop::collection::btree_map(any::<String>(), (column(), any::<String>()), 0..5)
        .prop_flat_map(move |columns| {
            let fields: Vec<Field> = columns
                .into_iter()
                .map(|(name, (base_type, description))| Field { description, ..Field::new(name, base_type) })
                .collect();
            let row: Vec<_> = fields.iter().map(|field| value(field.base_type, depth)).collect();
            prop::collection::vec(row, 0..4)
                .prop_map(move |rows: Vec<Row>| InfoTable { fields: fields.clone(), rows })
        })
        .boxed()
}

proptest! {
    #[test]
    fn a_table_survives_json(table in table(2), key in prop::sample::select(vec![ShapeKey::Lower, ShapeKey::Camel])) {
        let text = json::table_to_string(&table, key);
        prop_assert_eq!(json::table_from_json(text.as_bytes()).unwrap(), Some(table));
    }

    #[test]
    fn what_is_written_is_json_that_others_read(table in table(1)) {
        let text = json::table_to_string(&table, ShapeKey::Lower);
        let tree: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(tree["rows"].as_array().map(Vec::len), Some(table.rows.len()));
    }
}
