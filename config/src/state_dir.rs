//! Where the gateway's own files are: what the configuration and the system say about the state directory.

use std::path::{Path, PathBuf};

use config::{Value, ValueKind};

use crate::document;
use crate::load::Sources;
use crate::model::Config;
use crate::node::{Entry, NodeValue};

impl Config {
    /// The state directory: `given` (a flag of the command line), else `edgebind.state_dir`, else
    /// `offline_msg_store.directory`, else what the environment offers, see [`usual_state_dir`].
    pub fn state_dir(&self, given: Option<&Path>, environment: &[(String, String)]) -> Option<PathBuf> {
        let configured = self.edgebind.state_dir.as_deref().or(self.offline_msg_store.directory.as_deref());
        given.or(configured).map(Path::to_path_buf).or_else(|| usual_state_dir(environment))
    }
}

/// The state directory when nobody chose one: `$STATE_DIRECTORY` (systemd; of several the first), `edgebind` in
/// `$XDG_STATE_HOME`, or in `~/.local/state`.
pub fn usual_state_dir(environment: &[(String, String)]) -> Option<PathBuf> {
    let variable = |wanted: &str| {
        let value = environment.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    };
    // The XDG specification ignores paths that are not absolute.
    let absolute = |wanted: &str| variable(wanted).map(PathBuf::from).filter(|path| path.is_absolute());
    let service = variable("STATE_DIRECTORY").and_then(|list| list.split(':').next()).map(PathBuf::from);
    let own = || absolute("XDG_STATE_HOME").map(|home| home.join(NAME));
    let home = || absolute("HOME").map(|home| home.join(".local/state").join(NAME));
    service.or_else(own).or_else(home)
}

/// The state directory that a configuration file names, read from nothing but these keys: for commands that need the
/// directory although the rest may be wrong.
pub fn configured_state_dir(text: &str) -> Option<PathBuf> {
    let find = |entries: Vec<Entry>, name: &str| {
        entries.into_iter().rfind(|entry| entry.name.eq_ignore_ascii_case(name)).map(|entry| entry.node.value)
    };
    let NodeValue::Table(top) = document::parse(text.trim_start_matches('\u{feff}')).ok()??.value else {
        return None;
    };
    NAMED.iter().find_map(|(group, key)| match find(top.clone(), group)? {
        NodeValue::Table(inner) => match find(inner, key)? {
            NodeValue::Text(path) if !path.is_empty() => Some(PathBuf::from(path)),
            _ => None,
        },
        _ => None,
    })
}

/// The state directory of a configuration that is not complete yet: its secrets lie there.
pub(crate) fn of_merged(merged: &Value, sources: &Sources<'_>) -> Option<PathBuf> {
    let table = |value: &Value, key: &str| match &value.kind {
        ValueKind::Table(table) => table.get(key).cloned(),
        _ => None,
    };
    let configured = || {
        NAMED.iter().find_map(|(group, key)| match table(&table(merged, group)?, key)?.kind {
            ValueKind::String(path) => Some(PathBuf::from(path)),
            _ => None,
        })
    };
    sources.state_dir.clone().or_else(configured).or_else(|| usual_state_dir(&sources.environment))
}

/// Keys that name the state directory, the first one first.
const NAMED: [(&str, &str); 2] = [("edgebind", "state_dir"), ("offline_msg_store", "directory")];
const NAME: &str = "edgebind";

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        given: Option<&str>,
        own: Option<&str>,
        store: Option<&str>,
        environment: &[(&str, &str)],
    ) -> String {
        let mut config = Config::default();
        config.edgebind.state_dir = own.map(PathBuf::from);
        config.offline_msg_store.directory = store.map(PathBuf::from);
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let chosen = config.state_dir(given.map(Path::new), &environment);
        chosen.map_or_else(|| "none".to_owned(), |path| path.display().to_string())
    }

    #[test]
    fn a_text_with_mistakes_still_names_its_directory() {
        let text =
            r#"{"HTTP_server": 5, "Offline_msg_store": {"Directory": "/d"}, "edgebind": {"state_dir": ""},}"#;
        assert_eq!(configured_state_dir(text), Some(PathBuf::from("/d")));
        assert_eq!(configured_state_dir("{broken"), None);
    }

    #[test]
    fn the_nearest_wish_counts() {
        let all = [("STATE_DIRECTORY", "/s:/t"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(chosen(Some("flag"), Some("own"), Some("store"), &all), "flag");
        assert_eq!(chosen(None, Some("own"), Some("store"), &all), "own");
        assert_eq!(chosen(None, None, Some("store"), &all), "store");
        assert_eq!(chosen(None, None, None, &all), "/s");
        assert_eq!(chosen(None, None, None, &all[1..]), "/x/edgebind");
        assert_eq!(chosen(None, None, None, &all[2..]), "/h/.local/state/edgebind");
        assert_eq!(chosen(None, None, None, &[("XDG_STATE_HOME", "x"), ("HOME", "")]), "none");
    }
}
