//! What a configuration may ask for and this version does not do: `run` and `check` say the same about it.

use edgebind_config::Config;
use serde::Serialize;

/// A wish of the configuration that is not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Unserved {
    /// The key that asks for it.
    pub(crate) key: &'static str,
    /// What happens instead.
    pub(crate) text: &'static str,
}

/// Everything that `config` asks for in vain. Nothing of it is less safe than what was asked for.
pub(crate) fn unserved(config: &Config) -> Vec<Unserved> {
    let connection = &config.ws_connection;
    [
        (
            config.file.is_some(),
            note("file", "file services are answered NOT_IMPLEMENTED and do not stand in GetMetadata"),
        ),
        (
            config.tunnel.is_some(),
            note("tunnel", "tunnels are answered NOT_IMPLEMENTED and do not stand in GetMetadata"),
        ),
        (
            config.fips.enabled,
            note("fips.enabled", "true: the gateway runs, without a FIPS 140 validated module"),
        ),
        (connection.verbose, note("ws_connection.verbose", "true: messages are not dumped into the log")),
        (!config.logger.auto_flush, note("logger.auto_flush", "false: every line is written at once")),
        (
            config.logger.audit_target.is_some(),
            note("logger.audit_target", "audit events stand in the ordinary log only"),
        ),
    ]
    .into_iter()
    .filter_map(|(asked, unserved)| asked.then_some(unserved))
    .collect()
}

const fn note(key: &'static str, text: &'static str) -> Unserved {
    Unserved { key, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_that_is_not_fulfilled_is_named_by_its_key() {
        let mut config = Config::default();
        let keys = |config: &Config| -> Vec<&'static str> {
            unserved(config).iter().map(|found| found.key).collect()
        };
        assert!(keys(&config).is_empty());
        config.fips.enabled = true;
        config.ws_connection.verbose = true;
        assert_eq!(keys(&config), ["fips.enabled", "ws_connection.verbose"]);
    }
}
