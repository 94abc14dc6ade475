//! Decides about a certificate: the library checks, our settings say what counts, a refusal says why.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

use crate::{
    Authorities, ClientError, Facts, Refusal, Trust, read_certificates,
    refusal::{Case, is_of_signer},
};

/// Checks what the other side shows.
#[derive(Debug)]
pub(crate) struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    /// Checks signer, dates, purpose and name; none when nothing is validated.
    library: Option<Arc<dyn ServerCertVerifier>>,
    /// Certificates that are trusted as they are.
    listed: Vec<CertificateDer<'static>>,
}

impl Verifier {
    pub(crate) fn new(trust: Trust, provider: Arc<CryptoProvider>) -> Result<Self, ClientError> {
        let mut listed = Vec::new();
        let library: Option<Arc<dyn ServerCertVerifier>> = match &trust.authorities {
            _ if !trust.validate => None,
            Authorities::System => {
                let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
                    .map_err(|error| ClientError::System(error.to_string()))?;
                Some(Arc::new(verifier))
            }
            Authorities::Files(files) => {
                let mut roots = RootCertStore::empty();
                for file in files {
                    for certificate in read_certificates(file)? {
                        // One that is no authority may still be the server's own.
                        roots.add(certificate.clone()).or_else(|error| match Facts::read(&certificate) {
                            Some(_) => Ok(()),
                            None => {
                                Err(ClientError::Authority { path: file.clone(), reason: error.to_string() })
                            }
                        })?;
                        listed.push(certificate);
                    }
                }
                let builder =
                    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
                Some(builder.build().map_err(|error| ClientError::System(error.to_string()))?)
            }
        };
        Ok(Self { trust, provider, library, listed })
    }

    fn decide(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let facts = Facts::read(certificate);
        let system = self.trust.authorities == Authorities::System;
        let case = Case { facts: facts.as_ref(), host, now, names: self.trust.names, system };
        if !self.trust.fingerprints.is_empty() {
            let is_listed =
                facts.as_ref().is_some_and(|facts| self.trust.fingerprints.contains(&facts.fingerprint));
            if !is_listed {
                return Err(Refusal::not_listed(&case));
            }
        } else if let Some(library) = &self.library {
            let verdict = library.verify_server_cert(certificate, intermediates, host, &[], now);
            self.weigh(verdict, certificate, &case)?;
        }
        if self.trust.criteria.is_empty() {
            return Ok(());
        }
        let facts = facts.as_ref().ok_or_else(|| Refusal::unreadable(&case))?;
        self.trust.criteria.unmet(facts).map_or(Ok(()), |unmet| Err(Refusal::criterion(&case, &unmet)))
    }

    /// What the library's verdict means under our settings.
    fn weigh(
        &self,
        verdict: Result<ServerCertVerified, Error>,
        certificate: &CertificateDer<'_>,
        case: &Case<'_>,
    ) -> Result<(), Refusal> {
        let error = match verdict {
            Ok(_) => return Ok(()),
            Err(Error::InvalidCertificate(error)) => error,
            Err(other) => CertificateError::Other(OtherError(Arc::new(other))),
        };
        let is_of_name = |error: &CertificateError| {
            matches!(
                error,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        };
        // The library looks at the name last: everything else was right.
        if is_of_name(&error) && !self.trust.check_name {
            return Ok(());
        }
        let Some(facts) = case.facts.filter(|_| !is_of_name(&error)) else {
            return Err(Refusal::of(case, &error));
        };
        let trusted_as_it_is = self.listed.iter().any(|listed| listed == certificate)
            || (self.trust.allow_self_signed && facts.is_self_signed());
        if !trusted_as_it_is || !is_of_signer(&error, Some(facts)) {
            return Err(Refusal::of(case, &error));
        }
        if !facts.is_valid_at(case.now) {
            let early = case.now.as_secs() < facts.not_before_s;
            let error = if early { CertificateError::NotValidYet } else { CertificateError::Expired };
            return Err(Refusal::of(case, &error));
        }
        if self.trust.check_name {
            let named = ParsedCertificate::try_from(certificate)
                .and_then(|parsed| rustls::client::verify_server_name(&parsed, case.host));
            named.map_err(|_| Refusal::of(case, &CertificateError::NotValidForName))?;
        }
        Ok(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.decide(end_entity, intermediates, server_name, now) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => {
                Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal)))))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        Criteria, Fingerprint, provider,
        test_certificates::{Authority, Leaf, Wish},
        test_names::NAMES,
    };

    /// 2026-11-22.
    const NOW_S: u64 = 1_795_305_600;

    struct Case {
        folder: tempfile::TempDir,
        authority: Authority,
        trust: Trust,
        now_s: u64,
    }

    impl Case {
        /// Settings of a gateway that says nothing but whom to trust.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let authority = Authority::new("Plant CA");
            let trust = Trust {
                validate: true,
                authorities: Authorities::Files(vec![file(&folder, &authority.pem())]),
                allow_self_signed: false,
                check_name: true,
                criteria: Criteria::default(),
                fingerprints: Vec::new(),
                names: &NAMES,
            };
            Self { folder, authority, trust, now_s: NOW_S }
        }

        fn of(trust: impl FnOnce(&mut Trust)) -> Self {
            let mut case = Self::new();
            trust(&mut case.trust);
            case
        }

        fn issue(&self, wish: &Wish) -> Leaf {
            self.authority.issue(wish)
        }

        fn check(&self, leaf: &Leaf, host: &str) -> Result<(), String> {
            let verifier = Verifier::new(self.trust.clone(), provider(None)).unwrap();
            let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(self.now_s));
            let host = ServerName::try_from(host.to_owned()).unwrap();
            let certificate = CertificateDer::from(leaf.der());
            verifier.decide(&certificate, &[], &host, now).map_err(|refusal| refusal.to_string())
        }
    }

    fn file(folder: &tempfile::TempDir, pem: &str) -> PathBuf {
        let path = folder.path().join(format!("{}.pem", Fingerprint::of(pem.as_bytes())).replace(':', ""));
        fs::write(&path, pem).unwrap();
        path
    }

    fn refused(result: Result<(), String>, parts: &[&str]) {
        let text = result.unwrap_err();
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }

    #[test]
    fn a_certificate_of_the_authority_with_the_right_name_is_accepted() {
        let case = Case::new();
        let leaf = case.issue(&Wish::for_names(&["plat.example", "10.0.0.7"]));
        case.check(&leaf, "plat.example").unwrap();
        case.check(&leaf, "10.0.0.7").unwrap();
    }

    #[test]
    fn another_name_is_refused_with_those_that_were_seen_and_the_key_that_does_without() {
        let case = Case::new();
        let leaf = case.issue(&Wish::for_names(&["plat.example"]));
        refused(
            case.check(&leaf, "10.0.0.9"),
            &["is for plat.example, not for 10.0.0.9", "`disable_hostname_validation` true"],
        );
        Case { trust: Trust { check_name: false, ..case.trust.clone() }, ..case }
            .check(&leaf, "10.0.0.9")
            .unwrap();
    }

    #[test]
    fn without_the_check_of_the_name_everything_else_is_checked() {
        let case = Case::of(|trust| trust.check_name = false);
        let other = Authority::new("Plant CA").issue(&Wish::for_names(&["plat.example"]));
        assert!(case.check(&other, "plat.example").is_err());
        assert!(case.check(&other, "other.example").is_err());
        refused(case.check(&case.issue(&Wish::for_names(&["a"]).years(2000, 2001)), "b"), &["has expired"]);
    }

    #[test]
    fn an_expired_certificate_is_refused_with_both_dates() {
        let case = Case::new();
        let leaf = case.issue(&Wish::for_names(&["plat.example"]).years(2000, 2020));
        refused(
            case.check(&leaf, "plat.example"),
            &["has expired on 2020-01-01T00:00:00Z", "says 2026-11-22T00:00:00Z", "`validate` false"],
        );
    }

    #[test]
    fn a_clock_that_was_never_set_is_named_as_the_cause() {
        let mut case = Case::new();
        case.now_s = 12;
        let leaf = case.issue(&Wish::for_names(&["plat.example"]));
        refused(
            case.check(&leaf, "plat.example"),
            &["valid from 2000-01-01T00:00:00Z", "says 1970-01-01T00:00:12Z", "was never set"],
        );
        case.now_s = NOW_S;
        let leaf = case.issue(&Wish::for_names(&["plat.example"]).years(2040, 2049));
        refused(
            case.check(&leaf, "plat.example"),
            &["valid from 2040-01-01", "set the clock if it is wrong"],
        );
    }

    #[test]
    fn an_unknown_signer_is_named_with_the_ways_out() {
        let case = Case::new();
        let leaf = Authority::new("Somebody").issue(&Wish::for_names(&["plat.example"]));
        let fingerprint = Fingerprint::of(&leaf.der()).to_string();
        refused(
            case.check(&leaf, "plat.example"),
            &["is signed by", "CN=Somebody", "not in `cert_chain`", "`fingerprint_allowlist`", &fingerprint],
        );
        let system = Case::of(|trust| trust.authorities = Authorities::System);
        refused(system.check(&leaf, "plat.example"), &["whom this system does not trust"]);
    }

    #[test]
    fn a_certificate_signed_by_itself_needs_leave_and_is_checked_else() {
        // As `openssl req -x509` makes it, and as other tools do.
        for wish in [Wish::for_names(&["plat.example"]), Wish::for_names(&["plat.example"]).authority()] {
            let own = wish.self_signed();
            let case = Case::new();
            refused(case.check(&own, "plat.example"), &["signed by itself", "`allow_self_signed`"]);
            let lenient = Case::of(|trust| trust.allow_self_signed = true);
            lenient.check(&own, "plat.example").unwrap();
            refused(lenient.check(&own, "other.example"), &["not for other.example"]);
        }
        let lenient = Case::of(|trust| trust.allow_self_signed = true);
        let old = Wish::for_names(&["plat.example"]).years(2000, 2001).self_signed();
        refused(lenient.check(&old, "plat.example"), &["has expired"]);
        let unknown = Authority::new("Somebody").issue(&Wish::for_names(&["plat.example"]));
        refused(lenient.check(&unknown, "plat.example"), &["CN=Somebody"]);
        let system = Case::of(|trust| {
            trust.allow_self_signed = true;
            trust.authorities = Authorities::System;
        });
        system.check(&Wish::for_names(&["plat.example"]).self_signed(), "plat.example").unwrap();
    }

    #[test]
    fn a_servers_own_certificate_may_stand_among_the_authorities() {
        let case = Case::new();
        for wish in [Wish::for_names(&["plat.example"]), Wish::for_names(&["plat.example"]).authority()] {
            let own = wish.self_signed();
            let files = vec![file(&case.folder, &own.pem())];
            let trust = Trust { authorities: Authorities::Files(files), ..case.trust.clone() };
            let listed = Case { trust, ..Case::new() };
            listed.check(&own, "plat.example").unwrap();
            refused(listed.check(&own, "other.example"), &["not for other.example"]);
            assert!(listed.check(&wish.self_signed(), "plat.example").is_err(), "another key");
        }
    }

    #[test]
    fn an_authority_of_the_same_name_does_not_stand_in_the_way_of_a_certificate_signed_by_itself() {
        let wish = Wish::for_names(&["plat.example"]).authority();
        for namesake in [wish.self_signed(), wish.self_signed_by_ed25519()] {
            let case = Case::new();
            let files = vec![file(&case.folder, &namesake.pem())];
            let trust = Trust { authorities: Authorities::Files(files), ..case.trust.clone() };
            let lenient = Trust { allow_self_signed: true, ..trust.clone() };
            let own = Wish::for_names(&["plat.example"]).self_signed();
            let strict = Case { trust, ..Case::new() };
            refused(strict.check(&own, "plat.example"), &["signed by itself"]);
            Case { trust: lenient, ..Case::new() }.check(&own, "plat.example").unwrap();
        }
    }

    #[test]
    fn a_certificate_for_clients_is_no_servers() {
        let case = Case::new();
        let leaf = case.issue(&Wish::for_names(&["plat.example"]).for_clients());
        refused(case.check(&leaf, "plat.example"), &["not meant for servers"]);
    }

    #[test]
    fn listed_fingerprints_take_these_certificates_and_no_other() {
        let own = Wish::for_names(&["x"]).years(2000, 2001).self_signed();
        let case = Case::of(|trust| trust.fingerprints = vec![Fingerprint::of(&own.der())]);
        case.check(&own, "plat.example").unwrap();
        let good = case.issue(&Wish::for_names(&["plat.example"]));
        let seen = Fingerprint::of(&good.der()).to_string();
        refused(case.check(&good, "plat.example"), &[&seen, "not in `fingerprint_allowlist`"]);
        let lenient = Case { trust: Trust { validate: false, ..case.trust.clone() }, ..Case::new() };
        assert!(lenient.check(&good, "plat.example").is_err(), "a list counts without validate too");
    }

    #[test]
    fn without_validate_anything_passes_and_criteria_count() {
        let case = Case::of(|trust| trust.validate = false);
        let old = Wish::for_names(&["x"]).years(2000, 2001).self_signed();
        case.check(&old, "plat.example").unwrap();
        let strict = |wanted: &str| {
            let common_name = Some(wanted.to_owned());
            Case::of(|trust| {
                trust.validate = false;
                trust.criteria = Criteria { common_name, ..Criteria::default() };
            })
        };
        strict("x").check(&old, "plat.example").unwrap();
        refused(
            strict("y").check(&old, "plat.example"),
            &["`validation_criteria`", "Cert_Common_Name must be \"y\" and is [\"x\"]"],
        );
    }
}
