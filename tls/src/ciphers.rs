//! OpenSSL's cipher lists (`cipher_suite`) in terms of what we offer.
//!
//! Only suites that are safe can be offered at all. As with OpenSSL, the list says nothing of the suites of TLS 1.3.

use rustls::{SupportedCipherSuite, crypto::ring::cipher_suite as suite};

/// A list that leaves nothing that could be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{list:?} leaves no cipher suite for TLS 1.2; possible are {}", known())]
pub struct CipherError {
    list: String,
}

/// The suites that `list` leaves, in the order of ours; those of TLS 1.3 are always among them.
pub(crate) fn suites(list: &str) -> Result<Vec<SupportedCipherSuite>, CipherError> {
    let mut chosen = [false; TLS12.len()];
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        // Sorting by strength and security levels: ours is the order, and all are strong.
        if word.starts_with('@') {
            continue;
        }
        let (mark, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        let (takes_away, words) = match mark {
            "!" | "-" => (true, rest),
            "+" => continue,
            _ => (false, word),
        };
        for (known, chosen) in TLS12.iter().zip(&mut chosen) {
            if words.split('+').all(|class| known.is_of(class)) {
                *chosen = !takes_away;
            }
        }
    }
    let left: Vec<_> =
        TLS12.iter().zip(chosen).filter_map(|(known, chosen)| chosen.then_some(known.suite)).collect();
    if left.is_empty() {
        return Err(CipherError { list: list.chars().take(200).collect() });
    }
    Ok(TLS13.iter().copied().chain(left).collect())
}

/// A suite of TLS 1.2 under its names.
struct Known {
    suite: SupportedCipherSuite,
    openssl: &'static str,
    iana: &'static str,
}

impl Known {
    /// Whether a word of a cipher list means this suite, by its name or by a class of suites.
    fn is_of(&self, class: &str) -> bool {
        let upper = class.to_ascii_uppercase();
        let has = |part: &str| self.openssl.contains(part);
        match upper.as_str() {
            "ALL" | "DEFAULT" | "HIGH" | "SECURE" | "TLSV1.2" | "AEAD" | "ECDHE" | "EECDH" | "KECDHE"
            | "KEECDH" => true,
            "ECDSA" | "AECDSA" => has("ECDSA"),
            "RSA" | "ARSA" => has("-RSA-") && upper == "ARSA",
            "AES" | "AESGCM" => has("AES"),
            "AES128" => has("AES128"),
            "AES256" => has("AES256"),
            "CHACHA20" => has("CHACHA20"),
            "SHA256" => has("SHA256"),
            "SHA384" => has("SHA384"),
            name => name == self.openssl || name == self.iana,
        }
    }
}

fn known() -> String {
    TLS12.iter().map(|known| known.openssl).collect::<Vec<_>>().join(", ")
}

const TLS13: [SupportedCipherSuite; 3] =
    [suite::TLS13_AES_256_GCM_SHA384, suite::TLS13_AES_128_GCM_SHA256, suite::TLS13_CHACHA20_POLY1305_SHA256];

const TLS12: [Known; 6] = [
    Known {
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        openssl: "ECDHE-ECDSA-AES256-GCM-SHA384",
        iana: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    },
    Known {
        suite: suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        openssl: "ECDHE-ECDSA-AES128-GCM-SHA256",
        iana: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    },
    Known {
        suite: suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        openssl: "ECDHE-ECDSA-CHACHA20-POLY1305",
        iana: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    },
    Known {
        suite: suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        openssl: "ECDHE-RSA-AES256-GCM-SHA384",
        iana: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    },
    Known {
        suite: suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        openssl: "ECDHE-RSA-AES128-GCM-SHA256",
        iana: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    },
    Known {
        suite: suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        openssl: "ECDHE-RSA-CHACHA20-POLY1305",
        iana: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn left(list: &str) -> Vec<&'static str> {
        let suites = suites(list).unwrap();
        assert!(TLS13.iter().all(|suite| suites.contains(suite)), "TLS 1.3 is always offered");
        let names = TLS12.iter().filter(|known| suites.contains(&known.suite));
        names.map(|known| known.openssl).collect()
    }

    #[test]
    fn suites_are_known_by_both_names_and_in_classes() {
        assert_eq!(left("ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(left("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"), ["ECDHE-RSA-AES256-GCM-SHA384"]);
        assert_eq!(left("DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!3DES:!RC4:!MD5:!PSK:!SRP:!DSS").len(), 6);
        assert_eq!(left("ECDHE+aRSA+AES256:@STRENGTH"), ["ECDHE-RSA-AES256-GCM-SHA384"]);
        assert_eq!(left("ALL:!ECDSA:!CHACHA20").len(), 2);
    }

    #[test]
    fn a_list_of_unsafe_suites_alone_is_refused_with_those_that_are_possible() {
        for list in ["AES256-SHA:DES-CBC3-SHA", "RSA", "ALL:!ALL", "", "nonsense"] {
            let text = suites(list).unwrap_err().to_string();
            assert!(text.contains("ECDHE-RSA-AES256-GCM-SHA384"), "{text}");
        }
    }
}
