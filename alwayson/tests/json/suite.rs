//! The recorded exchanges of the conformance suite, as far as they are about JSON.

use edgebind_alwayson::{BaseType, Content, InfoTable, Value, json};
use serde_json::Value as Tree;

/// Bodies of HTTP requests in `types.json` and the parameters that went up for them, or should have.
#[test]
fn recorded_bodies_go_up_as_recorded() {
    let suite = include_str!("../../../tests/data/ems-conformance/cases/types.json");
    let suite: Tree = serde_json::from_str(suite).unwrap();
    let mut compared = 0;
    for case in suite["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        if !name.starts_with("in-") || name.starts_with("in-mismatch") {
            continue;
        }
        let http = &case["steps"][0]["http"];
        let body =
            http.get("json").map(Tree::to_string).or(http["body"].as_str().map(str::to_owned)).unwrap();
        let wanted = wanted(case);
        let got = json::params_from_body(body.as_bytes());
        if wanted.is_empty() {
            assert!(got.is_err(), "{name}");
        } else {
            let Ok(Content::Table(table)) = got else { panic!("{name}: {got:?}") };
            let got = notation(&table);
            assert!(wanted.iter().any(|wanted| same(wanted, &got)), "{name}: wanted {wanted:?}\n got {got}");
        }
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}

/// Parameters of the one recorded request, by `want` where there is one; empty if nothing went up.
fn wanted(case: &Tree) -> Vec<Tree> {
    let wants = match &case["want"] {
        Tree::Array(wants) => wants.clone(),
        Tree::Null => vec![case["expect"].clone()],
        want => vec![want.clone()],
    };
    let expected = &case["expect"];
    wants
        .iter()
        .filter_map(|want| match &want["wire"] {
            Tree::Array(wire) => wire.first().map(|message| message["params"].clone()),
            any @ Tree::Object(_) => Some(any.clone()),
            _ => expected["wire"].get(0).map(|message| message["params"].clone()),
        })
        .collect()
}

/// The table as the suite writes it: `{"fields": [[name, type, {..}]], "rows": [[..]]}`.
fn notation(table: &InfoTable) -> Tree {
    let fields = table.fields.iter().map(|field| {
        let mut entry = vec![Tree::from(field.name.as_str()), Tree::from(field.base_type.name())];
        let mut extra = serde_json::Map::new();
        if !field.description.is_empty() {
            extra.insert("description".to_owned(), field.description.as_str().into());
        }
        let aspects: serde_json::Map<String, Tree> = field
            .aspects
            .iter()
            .map(|aspect| {
                (
                    aspect.name.clone(),
                    Tree::from(vec![aspect.value.base_type().name().into(), plain(&aspect.value)]),
                )
            })
            .collect();
        if !aspects.is_empty() {
            extra.insert("aspects".to_owned(), aspects.into());
        }
        if !extra.is_empty() {
            entry.push(extra.into());
        }
        Tree::from(entry)
    });
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().zip(&table.fields).map(|(value, field)| match value.base_type() {
            BaseType::Nothing => Tree::Null,
            base_type if base_type == field.base_type && base_type != BaseType::Variant => plain(value),
            base_type => serde_json::json!({"t": base_type.name(), "v": plain(value)}),
        });
        cells.collect::<Tree>()
    });
    serde_json::json!({"fields": fields.collect::<Tree>(), "rows": rows.collect::<Tree>()})
}

fn plain(value: &Value) -> Tree {
    match value {
        Value::Table(table) => notation(table),
        Value::Text(BaseType::Json | BaseType::Query, text) => {
            serde_json::json!({"json": serde_json::from_str::<Tree>(text).unwrap()})
        }
        Value::Variant(value) => serde_json::json!({"t": value.base_type().name(), "v": plain(value)}),
        value => {
            let mut text = Vec::new();
            json::write_value(value, &mut text);
            serde_json::from_slice(&text).unwrap()
        }
    }
}

/// Equality of the suite: numbers by value, a cell of the same family as its field as if it had the field's type.
fn same(wanted: &Tree, got: &Tree) -> bool {
    match (wanted, got) {
        (Tree::Object(any), _) if any.contains_key("$any") => true,
        (Tree::Number(wanted), Tree::Number(got)) => {
            (wanted.as_f64().unwrap() - got.as_f64().unwrap()).abs() <= 1e-9 * wanted.as_f64().unwrap().abs()
        }
        (Tree::Array(wanted), Tree::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| same(wanted, got))
        }
        (Tree::Object(wanted), Tree::Object(got)) if wanted.len() == got.len() => {
            wanted.iter().all(|(key, wanted)| got.get(key).is_some_and(|got| same(wanted, got)))
        }
        (Tree::Object(cell), got) => match cell.get("t").and_then(Tree::as_str) {
            Some("STRING" | "JSON" | "IMAGE") => same(&cell["v"], got),
            _ => wanted == got,
        },
        _ => wanted == got,
    }
}
