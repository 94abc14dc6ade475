//! Certificates for tests, made anew each time; tests of other crates include this file.

#![allow(dead_code, reason = "each test uses a part of it")]

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_ED25519, date_time_ymd,
};

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub(crate) struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// What a certificate shall be.
pub(crate) struct Wish {
    names: Vec<String>,
    years: (i32, i32),
    is_authority: bool,
    usage: ExtendedKeyUsagePurpose,
}

impl Wish {
    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            years: (2000, 2049),
            is_authority: false,
            usage: ExtendedKeyUsagePurpose::ServerAuth,
        }
    }

    pub(crate) fn years(self, first: i32, last: i32) -> Self {
        Self { years: (first, last), ..self }
    }

    /// What `openssl req -x509` makes: an authority that serves.
    pub(crate) fn authority(self) -> Self {
        Self { is_authority: true, ..self }
    }

    pub(crate) fn for_clients(self) -> Self {
        Self { usage: ExtendedKeyUsagePurpose::ClientAuth, ..self }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::new(self.names.clone()).expect("names are names");
        let first = self.names.first().map_or("plat.example", String::as_str);
        params.distinguished_name = named(first);
        params.not_before = date_time_ymd(self.years.0, 1, 1);
        params.not_after = date_time_ymd(self.years.1, 1, 1);
        params.extended_key_usages = vec![self.usage.clone()];
        if self.is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    pub(crate) fn self_signed(&self) -> Leaf {
        self.self_signed_with(fresh_key())
    }

    /// With a key of another kind than every other certificate here.
    pub(crate) fn self_signed_by_ed25519(&self) -> Leaf {
        self.self_signed_with(KeyPair::generate_for(&PKCS_ED25519).expect("there is randomness"))
    }

    fn self_signed_with(&self, key: KeyPair) -> Leaf {
        Leaf { certificate: self.params().self_signed(&key).expect("it can be signed"), key }
    }
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = fresh_key();
        Self(CertifiedIssuer::self_signed(params, key).expect("it can be signed"))
    }

    pub(crate) fn issue(&self, wish: &Wish) -> Leaf {
        let key = fresh_key();
        Leaf { certificate: wish.params().signed_by(&key, &self.0).expect("it can be signed"), key }
    }

    /// A certificate for a key that is there already, both in PEM.
    pub(crate) fn certify(&self, wish: &Wish, key_pem: &str) -> String {
        let key = KeyPair::from_pem(key_pem).expect("a key");
        wish.params().signed_by(&key, &self.0).expect("it can be signed").pem()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }
}

impl Leaf {
    pub(crate) fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }
}

fn named(common_name: &str) -> rcgen::DistinguishedName {
    let mut name = rcgen::DistinguishedName::new();
    name.push(DnType::OrganizationName, "Plant");
    name.push(DnType::CommonName, common_name);
    name
}

impl Leaf {
    /// Writes certificate and key to `folder` as `<name>.pem` and `<name>-key.pem`.
    pub(crate) fn write(
        &self,
        folder: &std::path::Path,
        name: &str,
    ) -> (std::path::PathBuf, std::path::PathBuf) {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}-key.pem")));
        std::fs::write(&certificate, self.pem()).expect("the folder can be written");
        std::fs::write(&key, self.key_pem()).expect("the folder can be written");
        (certificate, key)
    }
}

impl Authority {
    /// Writes the certificate to `folder` as `<name>.pem`.
    pub(crate) fn write(&self, folder: &std::path::Path, name: &str) -> std::path::PathBuf {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, self.pem()).expect("the folder can be written");
        path
    }
}

fn fresh_key() -> KeyPair {
    KeyPair::generate().expect("there is randomness")
}
