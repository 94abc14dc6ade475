//! Why a certificate was refused, in words: what was seen, what was expected, which key changes it.

use std::fmt;

use rustls::{CertificateError, pki_types::ServerName};
use rustls_pki_types::UnixTime;

use crate::{
    criteria::Unmet,
    facts::{Facts, date},
};

/// What the settings of a [`crate::Trust`] are called where they are made; empty where there is no such key.
#[derive(Debug)]
pub struct SettingNames {
    /// Key that switches checking off.
    pub validate: &'static str,
    /// Key with the certificates of the authorities.
    pub authorities: &'static str,
    /// Key that takes certificates signed by themselves.
    pub self_signed: &'static str,
    /// Key that switches the check of the name off.
    pub host_name: &'static str,
    /// Key with the fingerprints.
    pub fingerprints: &'static str,
    /// Key with the criteria.
    pub criteria: &'static str,
    /// Key with our own certificate.
    pub client_certificate: &'static str,
}

impl SettingNames {
    /// No settings.
    pub const NONE: Self = Self {
        validate: "",
        authorities: "",
        self_signed: "",
        host_name: "",
        fingerprints: "",
        criteria: "",
        client_certificate: "",
    };
}

/// A certificate that is not trusted. The text is for the log and for status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    text: String,
}

/// Everything a text may need.
pub(crate) struct Case<'a> {
    pub(crate) facts: Option<&'a Facts>,
    pub(crate) host: &'a ServerName<'a>,
    pub(crate) now: UnixTime,
    pub(crate) names: &'static SettingNames,
    /// Whether the system's trust store decides.
    pub(crate) system: bool,
}

impl Refusal {
    fn new(text: impl fmt::Display) -> Self {
        Self { text: text.to_string() }
    }

    /// The certificate is not one of those that are listed.
    pub(crate) fn not_listed(case: &Case<'_>) -> Self {
        let found = case.facts.map_or_else(|| "unknown".to_owned(), |facts| facts.fingerprint.to_string());
        Self::new(format_args!(
            "{} has the SHA-256 fingerprint {found}, which is not in {}",
            case.certificate(),
            Setting(case.names.fingerprints)
        ))
    }

    /// The certificate lacks a name.
    pub(crate) fn criterion(case: &Case<'_>, unmet: &Unmet) -> Self {
        let found = match unmet.found.as_slice() {
            [] => "none".to_owned(),
            found => format!("{found:?}"),
        };
        Self::new(format_args!(
            "{} does not meet {}: {} must be {:?} and is {found}",
            case.certificate(),
            Setting(case.names.criteria),
            unmet.criterion,
            unmet.wanted
        ))
    }

    /// The certificate cannot be read, so that no criterion can be checked.
    pub(crate) fn unreadable(case: &Case<'_>) -> Self {
        Self::new(format_args!("{} cannot be read", case.certificate()))
    }

    /// The library's verdict in our words.
    pub(crate) fn of(case: &Case<'_>, error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => case.expired(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                case.not_yet_valid()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                case.wrong_name()
            }
            _ if is_of_signer(error, case.facts) => case.unknown_issuer(),
            _ if library(error) == Some(&webpki::Error::UnsupportedCertVersion) => Self::new(format_args!(
                "{} is of X.509 version 1; only version 3 is read: make it anew",
                case.certificate()
            )),
            CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                Self::new(format_args!(
                    "{} is signed by an algorithm that is no longer safe (SHA-1, a short key): make it anew",
                    case.certificate()
                ))
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => Self::new(
                format_args!("{} is not meant for servers (extended key usage)", case.certificate()),
            ),
            CertificateError::BadSignature => Self::new(format_args!(
                "{} carries a signature that is not its signer's: another authority has the same name",
                case.certificate()
            )),
            other => Self::new(format_args!("{}: {other}", case.certificate())),
        }
    }
}

/// Whether the library objects to who signed a certificate, or to one that signs others being a server's.
pub(crate) fn is_of_signer(error: &CertificateError, facts: Option<&Facts>) -> bool {
    // A certificate that is signed by itself is held against an authority of the same name, whose key is another.
    let of_namesake = facts.is_some_and(Facts::is_self_signed)
        && matches!(
            error,
            CertificateError::BadSignature
                | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        );
    of_namesake
        || *error == CertificateError::UnknownIssuer
        || library(error) == Some(&webpki::Error::CaUsedAsEndEntity)
}

/// The library's own error, where rustls has no word for it.
fn library(error: &CertificateError) -> Option<&webpki::Error> {
    match error {
        CertificateError::Other(inner) => inner.0.downcast_ref(),
        _ => None,
    }
}

impl Case<'_> {
    fn certificate(&self) -> String {
        match self.facts {
            Some(facts) => format!("the certificate of {} ({})", host(self.host), facts.subject),
            None => format!("the certificate of {}", host(self.host)),
        }
    }

    fn expired(&self) -> Refusal {
        let ended = self.facts.map_or_else(String::new, |facts| format!(" on {}", date(facts.not_after_s)));
        Refusal::new(format_args!(
            "{} has expired{ended}, and the clock of this machine says {}: renew it there, or set the clock; {} takes it as it is",
            self.certificate(),
            date(self.now.as_secs()),
            Off(self.names.validate)
        ))
    }

    fn not_yet_valid(&self) -> Refusal {
        let begin = self.facts.map_or_else(|| "later".to_owned(), |facts| date(facts.not_before_s));
        let now = date(self.now.as_secs());
        let advice = if self.now.as_secs() < NO_CLOCK_BEFORE_S {
            "the clock of this machine was never set: set it (NTP, or a battery for the clock)"
        } else {
            "set the clock if it is wrong, else wait"
        };
        Refusal::new(format_args!(
            "{} is valid from {begin} on, and the clock of this machine says {now}: {advice}",
            self.certificate()
        ))
    }

    fn wrong_name(&self) -> Refusal {
        let found = match self.facts {
            Some(Facts { names, .. }) if !names.is_empty() => {
                let shown = names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = names.len().saturating_sub(10);
                if more > 0 { format!("for {shown} and {more} more") } else { format!("for {shown}") }
            }
            Some(facts) if !facts.subject.common_names.is_empty() => format!(
                "for nobody by subjectAltName (the common name {:?} does not count)",
                facts.subject.common_names.join(", ")
            ),
            _ => "for nobody".to_owned(),
        };
        let mut text = format!(
            "{} is {found}, not for {}: connect by a name that stands in it, or renew it with this name",
            self.certificate(),
            host(self.host)
        );
        if !self.names.host_name.is_empty() {
            text.push_str(&format!("; `{}` true does without", self.names.host_name));
        }
        Refusal::new(text)
    }

    fn unknown_issuer(&self) -> Refusal {
        let own = self.facts.is_some_and(Facts::is_self_signed);
        let signer = match self.facts {
            Some(_) if own => "itself".to_owned(),
            Some(facts) => facts.issuer.to_string(),
            None => "somebody unknown".to_owned(),
        };
        let against = match (own, self.system) {
            (true, _) => String::new(),
            (_, true) => ", whom this system does not trust".to_owned(),
            (_, false) => format!(", which is not in {}", Setting(self.names.authorities)),
        };
        let mut text = format!("{} is signed by {signer}{against}", self.certificate());
        let mut ways = Vec::new();
        if !self.names.authorities.is_empty() {
            let what = if own { "it" } else { "the certificate of the signer (PEM)" };
            ways.push(format!("put {what} into `{}`", self.names.authorities));
        }
        if own && !self.names.self_signed.is_empty() {
            ways.push(format!("let `{}` take such certificates", self.names.self_signed));
        }
        if let Some(facts) = self.facts.filter(|_| !self.names.fingerprints.is_empty()) {
            ways.push(format!("or pin it: {} in `{}`", facts.fingerprint, self.names.fingerprints));
        }
        if !ways.is_empty() {
            text.push_str(&format!(": {}", ways.join(", ")));
        }
        Refusal::new(text)
    }
}

/// A key as it stands in a text.
struct Setting(&'static str);

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("what is trusted") } else { write!(f, "`{}`", self.0) }
    }
}

/// A key that may be set to false.
struct Off(&'static str);

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("nothing") } else { write!(f, "`{}` false", self.0) }
    }
}

fn host(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

/// A clock before 2024 was never set: this program is younger.
const NO_CLOCK_BEFORE_S: u64 = 1_704_067_200;
