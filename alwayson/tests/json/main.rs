//! JSON forms of infotables and values (EMS notes, section 6).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by a panic")]

mod malformed;
mod read;
mod round_trip;
mod suite;
mod write;

use edgebind_alwayson::{BaseType, InfoTable, Value, json};

/// The table in `text`, which must be one.
fn table(text: &str) -> InfoTable {
    json::table_from_json(text.as_bytes()).unwrap().expect("an infotable")
}

/// The cell that `value` becomes in a field `v` of `base_type`, or the message that refuses it.
fn cell(base_type: &str, value: &str) -> Result<Value, String> {
    let text = format!(
        r#"{{"dataShape":{{"fieldDefinitions":{{"v":{{"baseType":"{base_type}"}}}}}},"rows":[{{"v":{value}}}]}}"#
    );
    match json::table_from_json(text.as_bytes()) {
        Ok(table) => Ok(table.unwrap().rows[0][0].clone()),
        Err(error) => Err(error.message().to_owned()),
    }
}

fn text(base_type: BaseType, text: &str) -> Value {
    Value::Text(base_type, text.to_owned())
}
