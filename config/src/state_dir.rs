//! Where the gateway's own files are: what the configuration and the system say about the state directory.

use std::path::{Path, PathBuf};

use crate::model::Config;

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
