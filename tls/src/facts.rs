//! What stands in a certificate, for people and for criteria. Nothing is trusted because of it.

use std::{fmt, time::Duration};

use rustls_pki_types::UnixTime;
use x509_cert::{
    Certificate,
    der::{
        Any, DateTime, Decode, Tag, Tagged,
        asn1::{
            BmpString, Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef,
        },
    },
    ext::pkix::{SubjectAltName, name::GeneralName},
    name::Name,
};

use crate::Fingerprint;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Whom it is for.
    pub subject: Party,
    /// Who signed it.
    pub issuer: Party,
    /// Host names and addresses it is for.
    pub names: Vec<String>,
    /// Begin of its validity, seconds since 1970.
    pub not_before_s: u64,
    /// End of its validity, seconds since 1970.
    pub not_after_s: u64,
    /// What identifies it.
    pub fingerprint: Fingerprint,
}

/// A name in a certificate, as far as anybody asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The whole of it, `CN=plat.example,O=Plant`.
    pub text: String,
    /// CN; there may be several.
    pub common_names: Vec<String>,
    /// O.
    pub organizations: Vec<String>,
    /// OU.
    pub units: Vec<String>,
}

impl Facts {
    /// Reads a certificate in DER; `None` for one that is damaged or of a form nobody knows.
    #[must_use]
    pub fn read(certificate: &[u8]) -> Option<Self> {
        let parsed = Certificate::from_der(certificate).ok()?;
        let body = parsed.tbs_certificate();
        let validity = body.validity();
        Some(Self {
            subject: Party::of(body.subject()),
            issuer: Party::of(body.issuer()),
            names: names(&parsed),
            not_before_s: validity.not_before.to_unix_duration().as_secs(),
            not_after_s: validity.not_after.to_unix_duration().as_secs(),
            fingerprint: Fingerprint::of(certificate),
        })
    }

    /// Whether it names itself as its signer.
    #[must_use]
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether it has begun and not ended at `now`.
    pub(crate) fn is_valid_at(&self, now: UnixTime) -> bool {
        (self.not_before_s..=self.not_after_s).contains(&now.as_secs())
    }
}

impl Party {
    fn of(name: &Name) -> Self {
        let of = |wanted: ObjectIdentifier| -> Vec<String> {
            name.iter().filter(|part| part.oid == wanted).filter_map(|part| text(&part.value)).collect()
        };
        Self {
            text: printable(&name.to_string()),
            common_names: of(COMMON_NAME),
            organizations: of(ORGANIZATION),
            units: of(UNIT),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "an empty name" } else { &self.text })
    }
}

/// A point in time as people read it, `2026-11-22T04:50:42Z`.
pub(crate) fn date(seconds: u64) -> String {
    DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_or_else(|_| format!("{seconds} s after 1970"), |date| date.to_string())
}

fn names(certificate: &Certificate) -> Vec<String> {
    let Ok(Some((_, SubjectAltName(names)))) =
        certificate.tbs_certificate().get_extension::<SubjectAltName>()
    else {
        return Vec::new();
    };
    names.iter().filter_map(general_name).collect()
}

fn general_name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(printable(name.as_str())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            let sixteen = <[u8; 16]>::try_from(bytes).map(|bytes| std::net::IpAddr::from(bytes).to_string());
            four.or(sixteen).ok()
        }
        _ => None,
    }
}

/// Text of an attribute, in any of the encodings that are in use.
fn text(value: &Any) -> Option<String> {
    let read = |text: &str| Some(text.to_owned());
    match value.tag() {
        Tag::Utf8String => read(value.decode_as::<Utf8StringRef<'_>>().ok()?.as_str()),
        Tag::PrintableString => read(value.decode_as::<PrintableStringRef<'_>>().ok()?.as_str()),
        Tag::Ia5String => read(value.decode_as::<Ia5StringRef<'_>>().ok()?.as_str()),
        Tag::TeletexString => read(value.decode_as::<TeletexStringRef<'_>>().ok()?.as_str()),
        Tag::BmpString => Some(value.decode_as::<BmpString>().ok()?.to_string()),
        _ => None,
    }
}

/// What comes from outside stands in logs without control characters, and not at any length.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_certificates::{Authority, Wish};

    #[test]
    fn a_certificate_tells_whom_it_is_for_and_who_signed_it() {
        let authority = Authority::new("Plant CA");
        let leaf = authority.issue(&Wish::for_names(&["plat.example", "10.0.0.7"]));
        let facts = Facts::read(&leaf.der()).unwrap();
        assert_eq!(facts.names, ["plat.example", "10.0.0.7"]);
        assert_eq!(facts.issuer.common_names, ["Plant CA"]);
        assert_eq!(facts.subject.organizations, ["Plant"]);
        assert!(!facts.is_self_signed());
        assert!(Facts::read(&authority.der()).unwrap().is_self_signed());
        assert!(Facts::read(&leaf.der()[..40]).is_none());
    }

    #[test]
    fn dates_are_for_people() {
        assert_eq!(date(0), "1970-01-01T00:00:00Z");
        assert_eq!(date(1_795_323_042), "2026-11-22T04:50:42Z");
    }
}
