//! A registration as it stands in the journal: JSON with a version, the credentials sealed with the key of the installation.

use std::time::Duration;

use edgebind_config::{InstallKey, SealError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{Endpoint, NameError, Registration, Scheme, Source, ThingName};

/// What is written; unknown keys are passed over, so that a later version may add some.
#[derive(Serialize, Deserialize)]
struct Page {
    version: u32,
    host: String,
    port: u16,
    proto: String,
    path: String,
    accept: String,
    keepalive_ms: u64,
    timeout_ms: u64,
    /// User and password, sealed together; left out when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credentials: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

/// Why an entry cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("the name cannot be bound: {0}")]
    Name(#[from] NameError),
    #[error("it is no registration: {0}")]
    Format(#[from] serde_json::Error),
    #[error("version {0} is not known, this program knows {VERSION}")]
    Version(u32),
    #[error("port 0 cannot be dialled")]
    Port,
    #[error("it has credentials, and there is no key to seal them with: they are never written in clear")]
    NoKey,
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Makes the entry of a registration.
///
/// # Errors
///
/// [`EntryError::NoKey`] when it has credentials and there is no key.
pub(crate) fn written(registration: &Registration, key: Option<&InstallKey>) -> Result<Vec<u8>, EntryError> {
    let page = Page {
        version: VERSION,
        host: registration.endpoint.host.clone(),
        port: registration.endpoint.port,
        proto: registration.proto.clone(),
        path: registration.path.clone(),
        accept: registration.accept.clone(),
        keepalive_ms: millis(registration.keepalive),
        timeout_ms: millis(registration.timeout),
        credentials: sealed(registration, key)?,
    };
    Ok(serde_json::to_vec(&page)?)
}

/// Reads the entry of `name`. One whose credentials do not open is a registration without: its thing is bound all the
/// same, and its agent brings them when it registers again; the error comes beside it.
///
/// # Errors
///
/// [`EntryError`] when nothing can be made of it.
pub(crate) fn read(
    name: &str,
    body: &[u8],
    key: Option<&InstallKey>,
) -> Result<(Registration, Option<EntryError>), EntryError> {
    let name = ThingName::parse(name)?;
    let page: Page = serde_json::from_slice(body)?;
    if page.version != VERSION {
        return Err(EntryError::Version(page.version));
    }
    if page.port == 0 {
        return Err(EntryError::Port);
    }
    let (credentials, problem) = match page.credentials.map(|sealed| opened(&sealed, key)) {
        None => (None, None),
        Some(Ok(credentials)) => (Some(credentials), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let (user, password) = credentials.unwrap_or_default();
    let registration = Registration {
        name,
        endpoint: Endpoint { scheme: Scheme::of(&page.proto), host: page.host, port: page.port },
        proto: page.proto,
        accept: page.accept,
        path: page.path,
        keepalive: Duration::from_millis(page.keepalive_ms).max(Registration::MIN_KEEPALIVE),
        timeout: Duration::from_millis(page.timeout_ms.max(1)),
        user,
        password,
        source: Source::Dynamic,
    };
    Ok((registration, problem))
}

fn sealed(registration: &Registration, key: Option<&InstallKey>) -> Result<Option<String>, EntryError> {
    let password = registration.password.expose_secret();
    if registration.user.is_empty() && password.is_empty() {
        return Ok(None);
    }
    let credentials = Credentials { user: registration.user.clone(), password: password.to_owned() };
    let text = SecretString::from(serde_json::to_string(&credentials)?);
    Ok(Some(key.ok_or(EntryError::NoKey)?.seal(&text)))
}

fn opened(sealed: &str, key: Option<&InstallKey>) -> Result<(String, SecretString), EntryError> {
    let text = key.ok_or(EntryError::NoKey)?.open(sealed)?;
    let Credentials { user, password } = serde_json::from_str(text.expose_secret())?;
    Ok((user, password.into()))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Of the format; an entry of another version is left where it is.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use edgebind_alwayson::json::Inputs;

    use super::*;

    fn registration(json: &str) -> Registration {
        Registration::from_inputs(&Inputs::from_json(json).expect("JSON")).expect("a registration")
    }

    const WHOLE: &str = r#"{"name":"*SN 1/ü","host":"10.1.2.3","port":8443,"proto":"HTTPS","path":"/scripts",
        "accept":"text/csv","keepalive":1500,"timeout":7000,"user":"u","password":"geheim"}"#;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = InstallKey::read_or_make(folder.path()).expect("a key").for_registrations();
        for json in [WHOLE, r#"{"name":"T"}"#] {
            let before = registration(json);
            let body = written(&before, Some(&key)).expect("an entry");
            let (after, problem) = read(before.name.as_str(), &body, Some(&key)).expect("a registration");
            assert!(problem.is_none());
            assert!(after.is_same(&before), "{after:?}");
            assert!(!String::from_utf8_lossy(&body).contains("geheim"));
        }
    }

    #[test]
    fn credentials_are_never_written_in_clear() {
        assert!(matches!(written(&registration(WHOLE), None), Err(EntryError::NoKey)));
        assert!(written(&registration(r#"{"name":"T"}"#), None).is_ok());
    }

    #[test]
    fn a_registration_whose_credentials_do_not_open_is_one_without() {
        let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let key = |folder: &tempfile::TempDir| {
            InstallKey::read_or_make(folder.path()).expect("a key").for_registrations()
        };
        let body = written(&registration(WHOLE), Some(&key(&here))).expect("an entry");
        for key in [Some(key(&there)), None, Some(InstallKey::read(here.path()).expect("a key"))] {
            let (found, problem) = read("T", &body, key.as_ref()).expect("a registration");
            assert_eq!((found.endpoint.port, found.user.as_str()), (8443, ""));
            assert!(problem.is_some());
        }
    }

    #[test]
    fn what_is_no_entry_is_said() {
        for body in ["", "{}", "[]", r#"{"version":1}"#] {
            assert!(matches!(read("T", body.as_bytes(), None), Err(EntryError::Format(_))), "{body}");
        }
        let body = written(&registration(r#"{"name":"T"}"#), None).expect("an entry");
        let text = String::from_utf8(body).expect("text");
        let changed = |from: &str, to: &str| text.replace(from, to).into_bytes();
        let later = changed("\"version\":1", "\"version\":2");
        assert!(matches!(read("T", &later, None), Err(EntryError::Version(2))));
        assert!(matches!(read("T", &changed("8001", "0"), None), Err(EntryError::Port)));
        assert!(matches!(read("a\nb", text.as_bytes(), None), Err(EntryError::Name(_))));
        assert!(read("T", &changed("\"version\":1", "\"version\":1,\"new\":[]"), None).is_ok());
    }
}
