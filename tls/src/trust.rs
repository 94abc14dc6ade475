//! Whom we trust: what the keys of a configuration say about the other side's certificate.

use std::path::PathBuf;

use crate::{Criteria, Fingerprint, SettingNames};

/// What the other side's certificate must be.
#[derive(Clone, Debug)]
pub struct Trust {
    /// Whether signer, dates and name are checked. Without, whoever stands in between can pose as the other side.
    pub validate: bool,
    /// Whose signatures count.
    pub authorities: Authorities,
    /// Whether a certificate that is signed by itself counts too.
    pub allow_self_signed: bool,
    /// Whether the name in the certificate must be the host's.
    pub check_name: bool,
    /// Names it must carry; checked also without `validate`.
    pub criteria: Criteria,
    /// If there are any, the certificate must be one of these, and then needs neither a signer nor a name nor a date.
    pub fingerprints: Vec<Fingerprint>,
    /// What the settings are called where they are made, for the texts.
    pub names: &'static SettingNames,
}

impl Trust {
    /// Checks signer, dates and name.
    #[must_use]
    pub fn strict(authorities: Authorities, names: &'static SettingNames) -> Self {
        Self {
            validate: true,
            authorities,
            allow_self_signed: false,
            check_name: true,
            criteria: Criteria::default(),
            fingerprints: Vec::new(),
            names,
        }
    }
}

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// The trust store of the system.
    System,
    /// The certificates in these files, PEM. A server's own certificate may stand there too.
    Files(Vec<PathBuf>),
}
