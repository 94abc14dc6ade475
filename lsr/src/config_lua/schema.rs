//! The global settings that mean something to the resource (script resource notes, 1.4): their kinds and ranges.
//!
//! Scripts may read any others; one that is nearly spelt like a known one is probably a mistake.

use crate::{Setting, Settings, log::Level};

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    /// Whole numbers from the first to the second.
    Whole(u64, u64),
    Level,
}

/// Removes values of the wrong kind, so that their defaults count, and says so; as the original does.
pub(super) fn check(globals: &mut Settings, warnings: &mut Vec<String>) {
    globals.retain(|name, value| {
        let Some((_, kind, default)) = KNOWN.iter().find(|(known, ..)| known == name) else {
            if let Some(near) = near(name) {
                warnings.push(format!("scripts.{name} is no setting of the resource; is {near} meant?"));
            }
            return true;
        };
        let Err(wanted) = kind.takes(value) else { return true };
        let found = value.as_text().unwrap_or_else(|| "a table or function".to_owned());
        warnings.push(format!("scripts.{name} is {found:?}, not {wanted}; {default} counts"));
        false
    });
}

/// The whole number that a known setting holds.
pub(super) fn whole(value: &Setting) -> Option<u64> {
    value.as_text()?.trim().parse().ok()
}

impl Kind {
    fn takes(self, value: &Setting) -> Result<(), String> {
        let (fits, wanted) = match self {
            Self::Text => (value.as_text().is_some(), "a text".to_owned()),
            Self::Flag => (value.as_flag().is_some(), "true or false".to_owned()),
            Self::Whole(least, most) => (
                whole(value).is_some_and(|number| (least..=most).contains(&number)),
                format!("a whole number from {least} to {most}"),
            ),
            Self::Level => (
                value.as_text().is_some_and(|name| Level::parse(&name).is_some()),
                format!("one of {}", Level::ALL.map(Level::as_str).join(", ")),
            ),
        };
        if fits { Ok(()) } else { Err(wanted) }
    }
}

/// The known name that differs in case, or in a letter or two.
fn near(name: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::osa_distance(&name.to_ascii_lowercase(), known);
    let (nearest, _, _) = KNOWN.iter().min_by_key(|(known, ..)| distance(known))?;
    (distance(nearest) <= 2).then_some(*nearest)
}

const MAX_MS: u64 = 24 * 3600 * 1000;

/// Name, kind, and what counts without it.
const KNOWN: &[(&str, Kind, &str)] = &[
    ("rap_host", Kind::Text, "localhost"),
    ("rap_port", Kind::Whole(1, 65_535), "8000"),
    ("rap_ssl", Kind::Flag, "true"),
    ("rap_userid", Kind::Text, "none"),
    ("rap_password", Kind::Text, "none"),
    ("rap_server_authenticate", Kind::Flag, "true"),
    ("rap_cert_file", Kind::Text, "none"),
    ("rap_validate", Kind::Flag, "true"),
    ("rap_deny_selfsigned", Kind::Flag, "true"),
    ("rap_timeout", Kind::Whole(0, MAX_MS), "no timeout of its own"),
    ("http_timeout", Kind::Whole(0, MAX_MS), "no timeout of its own"),
    ("fips_enabled", Kind::Flag, "false"),
    ("script_resource_host", Kind::Text, "localhost"),
    ("script_resource_port", Kind::Whole(0, 65_535), "8001"),
    ("script_resource_ssl", Kind::Flag, "nothing"),
    ("script_resource_authenticate", Kind::Flag, "nothing"),
    ("script_resource_userid", Kind::Text, "none"),
    ("script_resource_password", Kind::Text, "none"),
    ("script_resource_use_default_certificate", Kind::Flag, "false"),
    ("script_resource_certificate_chain", Kind::Text, "none"),
    ("script_resource_private_key", Kind::Text, "none"),
    ("script_resource_passphrase", Kind::Text, "none"),
    ("max_clients", Kind::Whole(1, 100_000), "the bound of the resource"),
    ("auto_delete_threshold", Kind::Whole(0, 100_000), "none"),
    ("log_level", Kind::Level, "INFO"),
    ("log_publish_directory", Kind::Text, "none"),
    ("log_publish_level", Kind::Level, "WARN"),
    ("log_audit_target", Kind::Text, "none"),
    ("log_max_file_storage", Kind::Whole(2048, 1 << 40), "2000000"),
    ("log_auto_flush", Kind::Flag, "true"),
    ("log_flush_chunk_size", Kind::Whole(1, 1 << 30), "16384"),
    ("log_buffer_size", Kind::Whole(128, 1 << 20), "4096"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_the_wrong_kind_is_ignored_and_said() {
        let entries = [
            ("rap_port", "http"),
            ("rap_timeout", "-1"),
            ("rap_ssl", "no"),
            ("log_level", "verbose"),
            ("rap_host", "ems"),
            ("log_buffer_size", "100"),
        ];
        let mut globals: Settings =
            entries.map(|(name, value)| (name.to_owned(), Setting::from(value))).into();
        let mut warnings = Vec::new();
        check(&mut globals, &mut warnings);
        assert_eq!(globals.keys().collect::<Vec<_>>(), ["rap_host"]);
        assert_eq!(warnings.len(), 5, "{warnings:?}");
        let wanted =
            "scripts.rap_port is \"http\", not a whole number from 1 to 65535; 8000 counts".to_owned();
        assert!(warnings.contains(&wanted), "{warnings:?}");
    }

    #[test]
    fn a_misspelt_name_is_said_and_kept_and_a_setting_of_the_site_is_its_own() {
        let mut globals: Settings = ["Rap_Host", "script_resource_prot", "site", "pump_port"]
            .map(|name| (name.to_owned(), Setting::from("x")))
            .into();
        let mut warnings = Vec::new();
        check(&mut globals, &mut warnings);
        assert_eq!(globals.len(), 4);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(
            warnings[0].contains("rap_host") && warnings[1].contains("script_resource_port"),
            "{warnings:?}"
        );
    }
}
