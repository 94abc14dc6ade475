//! Certificates from files: PEM, one file with many or many files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustls_pki_types::{CertificateDer, pem::PemObject};

/// Why a file gives no certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged PEM.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no certificate in it.
    #[error(
        "{} holds no certificate in PEM (a line -----BEGIN CERTIFICATE-----); openssl x509 -inform DER -in FILE -out NEW makes one of a binary file",
        path.display()
    )]
    None {
        /// The file.
        path: PathBuf,
    },
}

/// Reads all certificates of a PEM file, in their order.
///
/// # Errors
///
/// [`PemError`] names the file.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = fs::read(path).map_err(|source| PemError::Read { path: path.to_path_buf(), source })?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(PemError::None { path: path.to_path_buf() }),
        Ok(found) => Ok(found),
        Err(error) => Err(PemError::Damaged { path: path.to_path_buf(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_certificates::Authority;

    #[test]
    fn a_file_may_hold_many_certificates_and_text_between_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.pem");
        let (one, two) = (Authority::new("one").pem(), Authority::new("two").pem());
        fs::write(&path, format!("subject=one\n{one}\nsubject=two\n{two}")).unwrap();
        assert_eq!(read_certificates(&path).unwrap().len(), 2);
    }

    #[test]
    fn a_file_without_a_certificate_is_named_with_what_would_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        for (text, wanted) in [
            ("", "holds no certificate"),
            ("\u{30}\u{3}", "holds no certificate"),
            ("-----BEGIN CERTIFICATE-----\nab", "x.pem: "),
        ] {
            fs::write(&path, text).unwrap();
            let error = read_certificates(&path).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        let missing = read_certificates(&folder.path().join("none.pem")).unwrap_err();
        assert!(matches!(missing, PemError::Read { .. }));
    }
}
