//! What a configuration says, key by key: to tell what has changed between two of them, without showing a secret.

use std::{collections::BTreeMap, fmt};

use config::{Value, ValueKind};
use secrecy::{ExposeSecret as _, SecretString};

use crate::mask::sounds_secret;

/// Every value that was given, by its key (`http_server.port`); entries of `auto_bind` go by their name
/// (`auto_bind[Pump].host`), other lists by position. Keys that are left to their defaults are absent.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<String, Given>);

#[derive(Clone, Debug)]
enum Given {
    Plain(String),
    Secret(SecretString),
}

/// A key whose value is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The key, as in [`Settings`].
    pub key: String,
    /// What was said before; `None` when it was left to the default. A secret is shown as asterisks.
    pub before: Option<String>,
    /// What is said now.
    pub after: Option<String>,
}

impl Settings {
    pub(crate) fn of(merged: &Value) -> Self {
        let mut settings = Self::default();
        settings.add("", "", merged);
        settings
    }

    /// What is different in `after`, in the order of the keys.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let keys: std::collections::BTreeSet<&String> = self.0.keys().chain(after.0.keys()).collect();
        keys.into_iter()
            .filter_map(|key| {
                let (before, after) = (self.0.get(key), after.0.get(key));
                let same = before.map(Given::value) == after.map(Given::value);
                let shown = |given: Option<&Given>| given.map(ToString::to_string);
                (!same).then(|| Difference { key: key.clone(), before: shown(before), after: shown(after) })
            })
            .collect()
    }

    fn add(&mut self, path: &str, name: &str, value: &Value) {
        match &value.kind {
            ValueKind::Table(table) => {
                for (inner, value) in table {
                    let path = if path.is_empty() { inner.clone() } else { format!("{path}.{inner}") };
                    self.add(&path, inner, value);
                }
            }
            ValueKind::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let entry = named(item).unwrap_or_else(|| index.to_string());
                    self.add(&format!("{path}[{entry}]"), name, item);
                }
            }
            // Names of headers are keys here, and their values as secret as their group.
            kind => {
                let text = kind.to_string();
                let secret = sounds_secret(name) || path.contains("headers");
                let given = if secret { Given::Secret(text.into()) } else { Given::Plain(text) };
                self.0.insert(path.to_owned(), given);
            }
        }
    }
}

impl Given {
    fn value(&self) -> (bool, &str) {
        match self {
            Self::Plain(text) => (false, text),
            Self::Secret(text) => (true, text.expose_secret()),
        }
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => f.write_str(text),
            Self::Secret(_) => f.write_str("****"),
        }
    }
}

/// The name of an entry of a list of tables.
fn named(item: &Value) -> Option<String> {
    let ValueKind::Table(table) = &item.kind else { return None };
    match &table.get("name")?.kind {
        ValueKind::String(name) => Some(name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Sources, load};

    use super::*;

    fn settings(text: &str) -> Settings {
        load(&Sources::text("config.json", text.as_bytes())).unwrap().settings
    }

    fn text(key: &str, port: u16, things: &str) -> String {
        format!(
            r#"{{ "ws_servers": [{{ "host": "h", "port": 80 }}], "appKey": "{key}",
                "http_server": {{ "port": {port}, "ssl": false, "authenticate": false }},
                "ws_connection": {{ "encryption": "none" }}, "auto_bind": [{things}] }}"#
        )
    }

    #[test]
    fn what_has_changed_is_told_by_its_key_and_secrets_are_not_shown() {
        let before = settings(&text("old-key", 8000, r#"{ "name": "A" }, { "name": "B", "port": 1 }"#));
        let after = settings(&text("new-key", 8001, r#"{ "name": "C" }, { "name": "B", "port": 2 }"#));
        assert!(before.differences(&before).is_empty());
        let told: Vec<(String, Option<String>, Option<String>)> = before
            .differences(&after)
            .into_iter()
            .map(|found| (found.key, found.before, found.after))
            .collect();
        let said = |key: &str, before: Option<&str>, after: Option<&str>| {
            (key.to_owned(), before.map(str::to_owned), after.map(str::to_owned))
        };
        assert_eq!(
            told,
            [
                said("appKey", Some("****"), Some("****")),
                said("auto_bind[A].name", Some("A"), None),
                said("auto_bind[B].port", Some("1"), Some("2")),
                said("auto_bind[C].name", None, Some("C")),
                said("http_server.port", Some("8000"), Some("8001")),
            ]
        );
    }

    #[test]
    fn the_order_of_entries_is_no_change() {
        let before = settings(&text("k", 8000, r#"{ "name": "A" }, { "name": "B" }"#));
        let after = settings(&text("k", 8000, r#"{ "name": "B" }, { "name": "A" }"#));
        assert!(before.differences(&after).is_empty());
    }
}
