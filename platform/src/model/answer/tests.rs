use edgebind_alwayson::{BaseType, Code, Location};
use proptest::prelude::*;

use super::*;
use crate::model::{ConnectionId, Thing};

const MODEL: &str = r#"{"things": [
    {"name": "T", "properties": [
        {"name": "NUMBER", "baseType": "NUMBER"}, {"name": "INTEGER", "baseType": "INTEGER"},
        {"name": "BOOLEAN", "baseType": "BOOLEAN"}, {"name": "STRING", "baseType": "STRING"},
        {"name": "DATETIME", "baseType": "DATETIME"}, {"name": "LOCATION", "baseType": "LOCATION"},
        {"name": "VARIANT", "baseType": "VARIANT"}, {"name": "INFOTABLE", "baseType": "INFOTABLE"},
        {"name": "BLOB", "baseType": "BLOB"}
    ], "services": [{"name": "Run", "inputs": [{"name": "a", "baseType": "NUMBER"}]}]},
    {"name": "Learner", "learn": true}
]}"#;

const NAMES: [&str; 12] = [
    "NUMBER",
    "INTEGER",
    "BOOLEAN",
    "STRING",
    "DATETIME",
    "LOCATION",
    "VARIANT",
    "INFOTABLE",
    "BLOB",
    "name",
    "no",
    "*",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nothing),
        any::<f64>().prop_map(Value::Number),
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::Long),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Datetime),
        r#"[{}\[\]":,0-9a-z ]{0,12}"#.prop_map(Value::string),
        r#"[{}\[\]":,0-9a-z ]{0,12}"#.prop_map(Value::json),
        any::<f64>().prop_map(|longitude| Value::Location(Location { longitude, ..Location::default() })),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Blob),
        Just(Value::table(InfoTable::default())),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| inner.prop_map(Value::variant))
}

fn request() -> impl Strategy<Value = Request> {
    let method = prop::sample::select(vec![Method::Get, Method::Put, Method::Post, Method::Delete]);
    let kind = prop::sample::select(vec![
        Characteristic::Properties,
        Characteristic::Services,
        Characteristic::Events,
        Characteristic::Other(9),
    ]);
    let entity = prop::sample::select(vec!["T", "Learner", "Nobody", "*id"]);
    let name = prop::sample::select(
        [&NAMES[..], &["", "Run", "GetPropertyValues", GET_SUBSCRIPTIONS, PROCESS_EVENTS, PUSH_SERVICES[0]]]
            .concat(),
    );
    let table =
        prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..3).prop_map(|cells| {
            let fields = cells.iter().map(|(name, value)| Field::new(*name, value.base_type())).collect();
            Content::Table(InfoTable {
                fields,
                rows: vec![cells.into_iter().map(|(_, value)| value).collect()],
            })
        });
    let params = prop_oneof![
        Just(Content::Nothing),
        value().prop_map(Content::Bare),
        table,
        value().prop_map(|value| Content::Table(InfoTable::single("values", value))),
        r#"[{}\[\]":,0-9a-zN ]{0,20}"#.prop_map(|text| Content::Table(InfoTable::content(text))),
    ];
    (method, kind, entity, name, params)
        .prop_map(|(method, kind, entity, name, params)| Request::thing(method, entity, kind, name, params))
}

fn pushed(rows: Vec<(&str, Value)>) -> Request {
    let mut table =
        InfoTable::new(vec![Field::new("name", BaseType::String), Field::new("value", BaseType::Variant)]);
    table.rows =
        rows.into_iter().map(|(name, value)| vec![Value::string(name), Value::variant(value)]).collect();
    let params = Content::Table(InfoTable::single("values", Value::table(table)));
    Request::thing(Method::Post, "T", Characteristic::Services, PUSH_SERVICES[0], params)
}

fn here(access: Access<Response>) -> Response {
    match access {
        Access::Here(response) => response,
        Access::Remote(call) => panic!("unexpected {call:?}"),
    }
}

/// Every property holds a value of its declared type, or none.
fn keeps_its_types(model: &Model) -> Result<(), TestCaseError> {
    for property in model.things().flat_map(|thing| thing.properties()) {
        let value = &property.sample.value;
        prop_assert!(
            *value == Value::Nothing || value.base_type() == property.base_type,
            "{} is {value:?}",
            property.name
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_request_has_an_answer_and_leaves_values_of_the_declared_types(
        requests in prop::collection::vec(request(), 1..12),
    ) {
        let mut model = Model::parse(MODEL).unwrap();
        for request in requests {
            if let Access::Here(response) = model.answer(&request, 1) {
                prop_assert!(response.code.is_success() || response.reason.is_some_and(|reason| !reason.is_empty()));
            }
            keeps_its_types(&model)?;
        }
    }

    #[test]
    fn a_push_applies_what_fits_and_counts_the_rest(
        rows in prop::collection::vec((prop::sample::select(NAMES.to_vec()), value()), 0..8),
    ) {
        let mut model = Model::parse(MODEL).unwrap();
        let total = rows.len();
        let response = here(model.answer(&pushed(rows), 7));
        keeps_its_types(&model)?;
        let changed = model.take_changes().len();
        if changed == total {
            prop_assert_eq!(response, Response::success());
        } else {
            let reason = response.reason.unwrap();
            prop_assert!(reason.starts_with(&format!("{changed} of {total} values applied; ")), "{}", reason);
            prop_assert!(matches!(response.code, Code::NOT_FOUND | Code::BAD_REQUEST));
        }
    }
}

#[test]
fn a_thing_learns_no_more_than_its_limit() {
    let mut model = Model::parse(MODEL).unwrap();
    let names: Vec<String> = (0..=Thing::MAX_PROPERTIES).map(|number| format!("p{number}")).collect();
    let rows = names.iter().map(|name| (name.as_str(), Value::Boolean(true))).collect();
    let refusal = here(model.answer(&Request { entity: "Learner".to_owned(), ..pushed(rows) }, 1));
    let reason = "1000 of 1001 values applied; refused: p1000 (cannot be added)";
    assert_eq!(refusal, Response::error(Code::BAD_REQUEST, reason));
    assert_eq!(model.resolve("Learner").unwrap().properties().len(), Thing::MAX_PROPERTIES);
}

#[test]
fn reported_events_are_kept_up_to_the_limit() {
    let mut model = Model::parse(MODEL).unwrap();
    let mut table =
        InfoTable::new(vec![Field::new("name", BaseType::String), Field::new("time", BaseType::Datetime)]);
    table.rows = (0..70).map(|time| vec![Value::string("Alarm"), Value::Datetime(time)]).collect();
    let params = Content::Table(InfoTable::single("values", Value::table(table)));
    let report = Request::thing(Method::Post, "T", Characteristic::Services, PROCESS_EVENTS, params);
    assert_eq!(here(model.answer(&report, 1)), Response::success());
    let times: Vec<i64> = model.resolve("T").unwrap().events().map(|event| event.time).collect();
    assert_eq!(times, (6..70).collect::<Vec<i64>>());
}

#[test]
fn a_remote_call_uses_the_name_as_bound() {
    let mut model = Model::parse(
        r#"{"things": [{"name": "T", "identifier": "id", "services": [{"name": "Run", "remoteName": "Go"}]}]}"#,
    )
    .unwrap();
    let bind = edgebind_alwayson::Bind { unbind: false, gateway: None, names: vec!["*id".to_owned()] };
    model.bind(ConnectionId(3), &bind, 1).unwrap();
    let call = Request::thing(Method::Post, "T", Characteristic::Services, "Run", Content::Nothing);
    match model.answer(&call, 2) {
        Access::Remote(remote) => {
            assert_eq!((remote.thing.as_str(), remote.connection), ("T", ConnectionId(3)));
            assert_eq!((remote.request.entity.as_str(), remote.request.name.as_str()), ("*id", "Go"));
        }
        Access::Here(response) => panic!("unexpected {response:?}"),
    }
}
