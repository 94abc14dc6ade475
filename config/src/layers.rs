//! The three layers, file, environment and flags, and their merging by the `config` crate.

use std::fmt;

use config::{ConfigError, Map, Source, Value};

use crate::diagnostic::Code;
use crate::document;
use crate::node::{Entry, Node, NodeValue, Place};
use crate::report::Report;
use crate::schema::{self, Key, Kind};

/// Prefix of the variables that are configuration; `__` stands between group and key.
pub(crate) const PREFIX: &str = "EDGEBIND_";

/// One layer in the schema's shape, a source for the `config` crate.
#[derive(Clone)]
pub(crate) struct Layer(pub(crate) Map<String, Value>);

impl fmt::Debug for Layer {
    /// Shows the groups only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Lays each layer over the ones before it; lists are replaced as a whole.
pub(crate) fn merge(layers: Vec<Layer>) -> Result<Value, ConfigError> {
    let mut builder = config::Config::builder();
    for layer in layers {
        builder = builder.add_source(layer);
    }
    Ok(builder.build()?.cache)
}

/// Reads the variables that are ours, each into a table of its own; an empty one counts as not set.
pub(crate) fn environment(variables: &[(String, String)], report: &mut Report) -> Vec<Vec<Entry>> {
    let mut ours: Vec<(&String, &String, &str)> = variables
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| Some((name, value, name.strip_prefix(PREFIX)?)))
        .collect();
    ours.sort();
    ours.iter()
        .filter_map(|(name, value, rest)| {
            let place = Place::Environment((*name).clone());
            let path: Vec<&str> = rest.splitn(2, "__").collect();
            nested(&path, value, &place, report)
        })
        .collect()
}

/// Reads the overrides, keys like `http_server.port`, each into a table of its own.
pub(crate) fn overrides(overrides: &[(String, String)], report: &mut Report) -> Vec<Vec<Entry>> {
    overrides
        .iter()
        .filter_map(|(key, value)| {
            let place = Place::Flag(key.clone());
            let path: Vec<&str> = key.splitn(2, '.').collect();
            nested(&path, value, &place, report)
        })
        .collect()
}

/// Builds the table that has `value` at `path`.
fn nested(path: &[&str], value: &str, place: &Place, report: &mut Report) -> Option<Vec<Entry>> {
    let (first, rest) = path.split_first()?;
    let key = alike(schema::ROOT, first);
    let name = key.map_or(*first, |key| key.name).to_owned();
    let (kind, inner) = match (rest.first(), key.map(|key| &key.kind)) {
        (None, kind) => (kind, None),
        (Some(second), Some(Kind::Group(keys))) => {
            let key = alike(keys, second);
            (key.map(|key| &key.kind), Some(key.map_or(*second, |key| key.name)))
        }
        (Some(_), Some(_)) => {
            let message = format!("`{name}` has no keys below it that can be set one by one");
            report
                .error(Code::WrongType, &name, place, message)
                .help("give the whole value as JSON, for a list: [{\"name\": \"…\"}]");
            return None;
        }
        (Some(second), None) => (None, Some(*second)),
    };
    let leaf = node(value, kind, place, &name, report)?;
    let node = match inner {
        None => leaf,
        Some(inner) => Node::new(
            place.clone(),
            NodeValue::Table(vec![Entry { name: inner.to_owned(), place: place.clone(), node: leaf }]),
        ),
    };
    Some(vec![Entry { name, place: place.clone(), node }])
}

/// Reads a text for a key of `kind`: as JSON where a table or list belongs, else as it stands.
fn node(value: &str, kind: Option<&Kind>, place: &Place, key: &str, report: &mut Report) -> Option<Node> {
    let structured = matches!(
        kind,
        Some(
            Kind::Group(_)
                | Kind::Records(_)
                | Kind::Texts
                | Kind::Pairs { .. }
                | Kind::Raw
                | Kind::StrictBool
        )
    );
    let looks_like_json =
        value.trim_start().starts_with(['{', '[']) || matches!(value.trim(), "true" | "false");
    if structured && looks_like_json {
        return match document::parse(value) {
            Ok(node) => node.map(|node| node.placed(place)),
            Err(error) => {
                report.error(Code::Syntax, key, place, format!("the value is not JSON: {}", error.message));
                None
            }
        };
    }
    Some(Node::new(place.clone(), NodeValue::Text(value.to_owned())))
}

/// Finds a key without regard to case and underscores: `EDGEBIND_APP_KEY` is `appKey`.
fn alike<'k>(keys: &'k [Key], name: &str) -> Option<&'k Key> {
    let squeeze = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    schema::find(keys, name).or_else(|| keys.iter().find(|key| squeeze(key.name) == squeeze(name)))
}
