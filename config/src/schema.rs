//! Every key the gateway knows, with its spelling, its kind and its range (EMS notes, 3 and 17).
//!
//! Defaults stand in the model, and only there.

/// A key of a group.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A table with these keys.
    Group(&'static [Key]),
    /// A list of tables with these keys.
    Records(Records),
    /// Any text.
    Text,
    /// True or false.
    Bool,
    /// True or false where text counts as false: `auto_bind[].gateway`.
    StrictBool,
    /// A whole number in a range; `text` says whether a number in quotes is understood.
    Integer { least: i64, most: i64, text: bool },
    /// Milliseconds in a range.
    Millis { least: i64, most: i64 },
    /// A number in a range.
    Fraction { least: f64, most: f64 },
    /// One of some words; another is taken as the word given, or refused.
    Word { words: &'static [&'static str], otherwise: Option<&'static str> },
    /// A value nobody may see, or a reference to one.
    Secret,
    /// A text or a list of texts.
    Texts,
    /// A table of names and texts, or `name=value,name=value`.
    Pairs { secret: bool },
    /// Anything; its presence counts.
    Raw,
}

/// A list of tables.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) keys: &'static [Key],
    /// Whether one table is understood as a list of one.
    pub(crate) single: bool,
    /// Keys whose mistakes cost the entry, not the start (EMS notes, 3.7).
    pub(crate) skip_on: &'static [&'static str],
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind }
}

const fn integer(name: &'static str, least: i64, most: i64) -> Key {
    key(name, Kind::Integer { least, most, text: true })
}

/// A time that may not be nothing.
const fn time(name: &'static str) -> Key {
    key(name, Kind::Millis { least: 1, most: DAY_MS })
}

/// A time that may be nothing.
const fn pause(name: &'static str) -> Key {
    key(name, Kind::Millis { least: 0, most: DAY_MS })
}

const fn word(name: &'static str, words: &'static [&'static str], otherwise: Option<&'static str>) -> Key {
    key(name, Kind::Word { words, otherwise })
}

const DAY_MS: i64 = 86_400_000;
const MIB: i64 = 1024 * 1024;
const LEVELS: &[&str] = &["FORCE", "AUDIT", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "VERBOSE"];

/// The whole of `config.json`.
pub(crate) const ROOT: &[Key] = &[
    key("ws_servers", Kind::Records(Records { keys: SERVER, single: false, skip_on: &[] })),
    key("resource", Kind::Text),
    key("appKey", Kind::Secret),
    key("logger", Kind::Group(LOGGER)),
    key("http_server", Kind::Group(HTTP_SERVER)),
    key("ws_connection", Kind::Group(WS_CONNECTION)),
    key("auto_bind", Kind::Records(Records { keys: AUTO_BIND, single: true, skip_on: &["name", "port"] })),
    key("offline_msg_store", Kind::Group(OFFLINE_MSG_STORE)),
    key("certificates", Kind::Group(CERTIFICATES)),
    key("proxy", Kind::Group(PROXY)),
    key("file", Kind::Raw),
    key("tunnel", Kind::Raw),
    key("fips", Kind::Group(&[key("enabled", Kind::Bool)])),
    key("observability", Kind::Group(OBSERVABILITY)),
    key("edgebind", Kind::Group(EDGEBIND)),
];

const SERVER: &[Key] = &[key("host", Kind::Text), integer("port", 1, 65_535)];

const LOGGER: &[Key] = &[
    word("level", LEVELS, Some("WARN")),
    key("audit_target", Kind::Text),
    key("publish_directory", Kind::Text),
    word("publish_level", LEVELS, Some("WARN")),
    integer("max_file_storage", 1024, 1024 * MIB),
    key("auto_flush", Kind::Bool),
    integer("flush_chunk_size", 1, 16 * MIB),
    integer("buffer_size", 64, MIB),
];

const HTTP_SERVER: &[Key] = &[
    key("host", Kind::Text),
    key("port", Kind::Integer { least: 0, most: 65_535, text: false }),
    key("ssl", Kind::Bool),
    key("certificate", Kind::Text),
    key("private_key", Kind::Text),
    key("passphrase", Kind::Secret),
    key("use_default_certificate", Kind::Bool),
    key("authenticate", Kind::Bool),
    key("user", Kind::Text),
    key("password", Kind::Secret),
    time("content_read_timeout"),
    integer("ports_to_try", 0, 1000),
    integer("max_clients", 1, 100_000),
    key("enable_csrf_tokens", Kind::Bool),
    integer("csrf_token_rotation_period", 1, 10_080),
];

const WS_CONNECTION: &[Key] = &[
    word("encryption", &["ssl", "none"], Some("ssl")),
    key("verbose", Kind::Bool),
    key("binary_mode", Kind::Bool),
    time("msg_timeout"),
    time("ping_rate"),
    time("pingpong_timeout"),
    time("connect_period"),
    integer("duty_cycle", 1, 100),
    pause("message_idle_time"),
    integer("max_msg_size", 1024, 64 * MIB),
    integer("message_chunk_size", 256, MIB),
    integer("max_frame_size", 256, MIB),
    integer("max_messages", 1, 100_000),
    key("connect_on_demand", Kind::Bool),
    time("connect_timeout"),
    time("connect_retry_interval"),
    integer("max_threads", 1, 500),
    pause("max_connect_delay"),
    pause("socket_read_timeout"),
    time("frame_read_timeout"),
    pause("ssl_read_timeout"),
    integer("connect_retries", -1, 2_147_483_647),
];

const AUTO_BIND: &[Key] = &[
    key("name", Kind::Text),
    key("host", Kind::Text),
    integer("port", 1, 65_535),
    key("path", Kind::Text),
    time("timeout"),
    pause("keepalive"),
    word("proto", &["http", "https"], Some("http")),
    word("protocol", &["http", "https"], Some("http")),
    key("user", Kind::Text),
    key("password", Kind::Secret),
    key("accept", Kind::Text),
    key("gateway", Kind::StrictBool),
];

const OFFLINE_MSG_STORE: &[Key] =
    &[key("enabled", Kind::Bool), key("directory", Kind::Text), integer("max_size", 0, 1024 * 1024 * MIB)];

const CERTIFICATES: &[Key] = &[
    key("validate", Kind::Bool),
    key("allow_self_signed", Kind::Bool),
    key("deny_self_signed", Kind::Bool),
    key("cert_chain", Kind::Texts),
    key("client_cert", Kind::Text),
    key("key_file", Kind::Text),
    key("key_passphrase", Kind::Secret),
    key("validation_criteria", Kind::Raw),
    key("cipher_suite", Kind::Text),
    key("disable_hostname_validation", Kind::Bool),
    key("fingerprint_allowlist", Kind::Texts),
    key("http_client_ca_certs", Kind::Texts),
];

const PROXY: &[Key] = &[
    key("host", Kind::Text),
    integer("port", 1, 65_535),
    key("user", Kind::Text),
    key("password", Kind::Secret),
];

const OBSERVABILITY: &[Key] = &[
    key("otlp_endpoint", Kind::Text),
    key("otlp_headers", Kind::Pairs { secret: true }),
    key("otlp_timeout", Kind::Millis { least: 1, most: 600_000 }),
    key("service_name", Kind::Text),
    key("resource_attributes", Kind::Pairs { secret: false }),
    word("log_format", &["text", "json"], None),
    key("log_filter", Kind::Text),
    key("traces_sample_ratio", Kind::Fraction { least: 0.0, most: 1.0 }),
    key("metrics_interval", Kind::Millis { least: 100, most: DAY_MS }),
];

const EDGEBIND: &[Key] = &[
    key("allow_remote_admin", Kind::Bool),
    word("name_conflict", &["last", "first"], None),
    key("auto_bind_probe", Kind::Bool),
    integer("admin_port", 0, 65_535),
    key("read_back", Kind::Bool),
    key("store_services", Kind::Texts),
    integer("store_max_bytes", MIB, 1024 * 1024 * MIB),
    key("store_max_age", Kind::Millis { least: 60_000, most: 3650 * DAY_MS }),
    integer("replay_rate", 1, 100_000),
    key("state_dir", Kind::Text),
];

/// Finds a key by its name, without regard to case.
pub(crate) fn find<'k>(keys: &'k [Key], name: &str) -> Option<&'k Key> {
    keys.iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

/// Names the known key that looks most like `name`, when one looks alike at all.
pub(crate) fn nearest(keys: &[Key], name: &str) -> Option<&'static str> {
    let squeeze = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
    let wanted = squeeze(name);
    keys.iter()
        .map(|key| (strsim::damerau_levenshtein(&squeeze(key.name), &wanted), key.name))
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Names the group that has a key `name`, for keys that were written one level off.
pub(crate) fn home(name: &str) -> Option<&'static str> {
    let mut homes = ROOT.iter().filter(|group| match &group.kind {
        Kind::Group(keys) => find(keys, name).is_some(),
        _ => false,
    });
    match (homes.next(), homes.next()) {
        (Some(home), None) => Some(home.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_one_that_looks_alike() {
        assert_eq!(nearest(ROOT, "auto-bind"), Some("auto_bind"));
        assert_eq!(nearest(ROOT, "htpp_server"), Some("http_server"));
        assert_eq!(nearest(HTTP_SERVER, "authentication"), Some("authenticate"));
        assert_eq!(nearest(ROOT, "nonsense"), None);
    }

    #[test]
    fn a_key_one_level_off_is_told_its_group() {
        assert_eq!(home("msg_timeout"), Some("ws_connection"));
        assert_eq!(home("port"), None, "several groups have it");
    }

    #[test]
    fn the_fixture_with_every_key_has_every_key() {
        fn walk(keys: &[Key], text: &str) {
            for key in keys {
                assert!(text.contains(&format!("\"{}\":", key.name)), "{} is missing", key.name);
                match &key.kind {
                    Kind::Group(keys) | Kind::Records(Records { keys, .. }) => walk(keys, text),
                    _ => {}
                }
            }
        }
        walk(ROOT, include_str!("../tests/data/good/every-key.json"));
    }

    #[test]
    fn names_differ_by_more_than_case_and_underscores() {
        fn walk(keys: &[Key]) {
            let mut names: Vec<String> =
                keys.iter().map(|key| key.name.to_ascii_lowercase().replace('_', "")).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), keys.len());
            for key in keys {
                match &key.kind {
                    Kind::Group(keys) | Kind::Records(Records { keys, .. }) => walk(keys),
                    _ => {}
                }
            }
        }
        walk(ROOT);
    }
}
