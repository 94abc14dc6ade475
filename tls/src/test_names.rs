//! What the settings are called in tests.

use crate::SettingNames;

pub(crate) const NAMES: SettingNames = SettingNames {
    validate: "validate",
    authorities: "cert_chain",
    self_signed: "allow_self_signed",
    host_name: "disable_hostname_validation",
    fingerprints: "fingerprint_allowlist",
    criteria: "validation_criteria",
    client_certificate: "client_cert",
};
