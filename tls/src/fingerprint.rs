//! SHA-256 fingerprints of certificates, as people compare them.

use std::{fmt, str::FromStr};

/// SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons, as openssl x509 -fingerprint -sha256 prints it"
)]
pub struct FingerprintError(String);

impl Fingerprint {
    /// Fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hexadecimal digits; colons, blanks and what openssl writes before `=` are passed over.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FingerprintError(text.chars().take(100).collect());
        let digits = text.rsplit_once('=').map_or(text, |(_, digits)| digits);
        let digits = digits.trim().strip_prefix("sha256:").unwrap_or(digits.trim());
        let mut digits = digits.chars().filter(|c| !matches!(c, ':' | ' ' | '-'));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|c| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
            let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
            *byte = high << 4 | low;
        }
        if digits.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_every_form_that_tools_print() {
        let printed = Fingerprint::of(b"certificate").to_string();
        let bare = printed.replace(':', "").to_lowercase();
        for text in [
            printed.clone(),
            bare.clone(),
            format!("sha256 Fingerprint={printed}"),
            format!(" sha256:{bare} "),
        ] {
            assert_eq!(text.parse::<Fingerprint>().unwrap().to_string(), printed, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let bare = Fingerprint::of(b"").to_string().replace(':', "");
        for text in ["", "AB:CD", &bare[1..], &format!("{bare}0"), &bare.replace(&bare[..1], "x")] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
