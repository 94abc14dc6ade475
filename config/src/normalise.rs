//! Brings one layer into the schema's shape: canonical keys, right types, values in their ranges.

mod value;

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

use crate::diagnostic::{Code, Severity};
use crate::node::{Entry, Node, NodeValue, Place, shorten};
use crate::report::Report;
use crate::schema::{self, Key, Kind, Records};

/// Reads a layer's tree against the schema.
pub(crate) struct Normaliser<'r> {
    report: &'r mut Report,
    /// Places of the groups' keys; merging keeps those of values only.
    groups: BTreeMap<String, Place>,
}

impl<'r> Normaliser<'r> {
    pub(crate) fn new(report: &'r mut Report) -> Self {
        Self { report, groups: BTreeMap::new() }
    }

    /// Reads a whole layer. What is wrong is reported and left out.
    pub(crate) fn layer(&mut self, entries: Vec<Entry>) -> Map<String, Value> {
        self.table(entries, schema::ROOT, "")
    }

    pub(crate) fn into_groups(self) -> BTreeMap<String, Place> {
        self.groups
    }

    fn table(&mut self, entries: Vec<Entry>, keys: &'static [Key], path: &str) -> Map<String, Value> {
        let mut table = Map::new();
        for entry in entries {
            let Some(key) = schema::find(keys, &entry.name) else {
                self.unknown(&entry, keys, path);
                continue;
            };
            let path = join(path, key.name);
            if table.contains_key(key.name) {
                self.report.warning(
                    Code::DuplicateKey,
                    &path,
                    &entry.place,
                    "stands here a second time; the last one counts".to_owned(),
                );
            }
            match key.kind {
                // A group is where the file has it, whatever other layers add to it; a list is replaced as a whole.
                Kind::Group(_) => drop(self.groups.entry(path.clone()).or_insert(entry.place.clone())),
                Kind::Records(_) | Kind::Raw => drop(self.groups.insert(path.clone(), entry.place.clone())),
                _ => {}
            }
            let origin = entry.node.place.encode();
            match self.value(entry.node, key, &path) {
                Some(kind) => {
                    table.insert(key.name.to_owned(), Value::new(Some(&origin), kind));
                }
                None => {
                    table.remove(key.name);
                }
            }
        }
        table
    }

    fn value(&mut self, node: Node, key: &'static Key, path: &str) -> Option<ValueKind> {
        match (&key.kind, node.value) {
            (_, NodeValue::Null) => None,
            (Kind::Group(keys), NodeValue::Table(entries)) => {
                Some(ValueKind::Table(self.table(entries, keys, path)))
            }
            (Kind::Records(records), NodeValue::List(items)) => {
                Some(ValueKind::Array(self.records(items, records, path)))
            }
            (Kind::Records(records), NodeValue::Table(entries)) if records.single => {
                self.report
                    .warning(
                        Code::WrongType,
                        path,
                        &node.place,
                        "found one table where a list belongs; taken as a list of one".to_owned(),
                    )
                    .help("write the table in brackets: [ { … } ]; the original takes no entry from this");
                let item = Node::new(node.place, NodeValue::Table(entries));
                Some(ValueKind::Array(self.records(vec![item], records, path)))
            }
            (_, value) => self.leaf(&Node::new(node.place, value), key, path),
        }
    }

    fn records(&mut self, items: Vec<Node>, records: &'static Records, path: &str) -> Vec<Value> {
        let mut list = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            let origin = item.place.encode();
            let NodeValue::Table(entries) = item.value else {
                let found = Node::new(item.place, item.value);
                self.wrong_type(&found, &path, "a table in braces", false);
                continue;
            };
            if let Some(message) = self.reason_to_skip(&entries, records) {
                self.report
                    .warning(Code::Skipped, &path, &item.place, message)
                    .help("the entry is left out, as the original does");
                // An empty table holds the place, so that the others keep their numbers; the last look drops it.
                list.push(Value::new(Some(&origin), ValueKind::Table(Map::new())));
                continue;
            }
            let table = self.table(entries, records.keys, &path);
            list.push(Value::new(Some(&origin), ValueKind::Table(table)));
        }
        list
    }

    /// Says why an entry cannot be used, when it can be left out for that.
    fn reason_to_skip(&mut self, entries: &[Entry], records: &'static Records) -> Option<String> {
        records.skip_on.iter().find_map(|name| {
            let key = schema::find(records.keys, name)?;
            let given = entries
                .iter()
                .rev()
                .find(|entry| entry.name.eq_ignore_ascii_case(name))
                .map(|entry| &entry.node)
                .filter(|node| node.value != NodeValue::Null);
            match (&key.kind, given) {
                (Kind::Text, None) => Some(format!("`{name}` is missing")),
                (Kind::Text, Some(node)) => match &node.value {
                    NodeValue::Text(text) if text.is_empty() => Some(format!("`{name}` is empty")),
                    NodeValue::Text(text) if text.chars().any(char::is_control) => {
                        Some(format!("`{name}` holds a control character: \"{}\"", shorten(text)))
                    }
                    NodeValue::Text(_) => None,
                    _ => Some(format!("`{name}`: found {}, allowed is a text", node.describe(false))),
                },
                (Kind::Integer { least, most, .. }, Some(node)) => {
                    let number = match &node.value {
                        NodeValue::Number(text) | NodeValue::Text(text) => value::whole(text),
                        _ => None,
                    };
                    (!number.is_some_and(|number| (*least..=*most).contains(&number))).then(|| {
                        format!("`{name}`: found {}, allowed is {least} to {most}", node.describe(false))
                    })
                }
                _ => None,
            }
        })
    }

    fn unknown(&mut self, entry: &Entry, keys: &'static [Key], path: &str) {
        let severity =
            if matches!(entry.place, Place::Flag(_)) { Severity::Error } else { Severity::Warning };
        let full = join(path, &shorten(&entry.name));
        let diagnostic = self.report.add(
            severity,
            Code::UnknownKey,
            &full,
            &entry.place,
            "nobody knows this key; it has no effect".to_owned(),
        );
        if let Some(nearest) = schema::nearest(keys, &entry.name) {
            diagnostic.help(format!("the nearest known key is `{}`", join(path, nearest)));
        } else if let Some(home) = schema::home(&entry.name) {
            diagnostic.help(format!("it belongs into the group `{home}`"));
        }
    }

    fn wrong_type(&mut self, node: &Node, path: &str, allowed: &str, secret: bool) {
        let message = format!("found {}, allowed is {allowed}", node.describe(secret));
        self.report.error(Code::WrongType, path, &node.place, message);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
