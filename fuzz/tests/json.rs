//! Any text as the body of an HTTP request.

use edgebind_alwayson::{
    BaseType, InfoTable,
    json::{self, Inputs, ShapeKey},
};
use edgebind_fuzz::Script;

const TYPES: &str = r#"{"dataShape":{"name":"S","fieldDefinitions":{"n":{"aspects":{"min":1.5,"u":"m"},"baseType":"NUMBER"},
 "i":{"baseType":"INTEGER","description":"d"},"L":{"baseType":"LONG","aspects":[]},"o":{"baseType":"BOOLEAN"},
 "t":{"baseType":"DATETIME"},"l":{"baseType":"LOCATION"},"b":{"baseType":"BLOB"},"g":{"baseType":"IMAGE"},"j":{"baseType":"JSON"},
 "q":{"baseType":"QUERY"},"s":{"baseType":"STRING"},"p":{"baseType":"THINGNAME"},"x":{"baseType":"NOTHING"},"v":{"baseType":"VARIANT"},
 "w":{"baseType":"TIMESPAN"}}},
 "rows":[{"n":20.5,"i":-7,"L":12345678901,"o":true,"t":1795304777000,"l":{"latitude":1.5,"longitude":-2,"elevation":3},"b":"AAEC/v8=",
 "g":"","j":{"k":[1,"x y",null]},"q":{"filters":{}},"s":"\u00e4 \"q\"","p":"T","x":null,"v":{"baseType":"NUMBER","value":5},"w":5},
 {"n":"1e3","i":"7","L":"7","o":"false","t":"2024-01-02T03:04:05.678+01:00","l":"1,2,3","v":{"value":"x","baseType":"STRING"}},
 {"v":[1,{"a":2}],"s":{"a":[]}},{"v":{"a":"b"}},{"v":7},{}]}"#;

const NESTED: &str = r#"{"rows":[{"values":{"rows":[{"value":{"baseType":"INFOTABLE","value":{"rows":[],"dataShape":{"fieldDefinitions":{}}}},
 "name":"temp","time":1795304777000,"quality":"GOOD"}],"datashape":{"fieldDefinitions":{"value":{"aspects":[],"baseType":"VARIANT"},
 "time":{"baseType":"DATETIME"},"name":{"baseType":"STRING"},"quality":{"baseType":"STRING"}}}}}],
 "datashape":{"fieldDefinitions":{"values":{"aspects":[],"name":"values","baseType":"INFOTABLE"}}}}"#;

const PLAIN: &str =
    r#"{"name":"T1","port":"8302","keepalive":6000,"persist":true,"config":{"a":[1,2.5e-3]}} xx"#;

/// Nothing panics, and a table that was written once is read and written without a change.
#[test]
fn json() {
    let seeds: Vec<Vec<u8>> =
        [TYPES, NESTED, PLAIN, "[[[[]]]]", "1.5", "\"t\""].map(|text| text.as_bytes().to_vec()).into();
    let inputs = bolero::produce::<Vec<u8>>().with().len(0..100_usize);
    bolero::check!().with_generator(inputs).with_iterations(8000).for_each(|input| {
        let mut script = Script::new(input);
        let text = script.spoiled(&seeds);
        if let Ok(content) = json::params_from_body(&text) {
            let _ = Inputs::from_content(&content);
        }
        if let Ok(text) = std::str::from_utf8(&text)
            && let Some(base_type) = script.choice(BaseType::ALL)
        {
            let _ = json::value_from_json(text, *base_type);
        }
        if let Ok(Some(table)) = json::table_from_json(&text) {
            // The first writing may change types: a VARIANT becomes its plain value, NaN becomes null.
            let plain = again(&table);
            assert_eq!(again(&plain), plain);
        }
    });
}

fn again(table: &InfoTable) -> InfoTable {
    let text = json::table_to_string(table, ShapeKey::Lower);
    match json::table_from_json(text.as_bytes()) {
        Ok(Some(table)) => table,
        other => panic!("{text} was read as {other:?}"),
    }
}
