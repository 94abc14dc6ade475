//! HTTP Basic authentication of local callers (EMS notes, 4.4).

use actix_web::{HttpRequest, http::header};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// What callers must know; `None` for an open server.
#[derive(Clone)]
pub(crate) struct Credentials(Option<(String, SecretString)>);

impl Credentials {
    /// Callers need nothing.
    pub(crate) const fn open() -> Self {
        Self(None)
    }

    /// Callers need this user and password.
    pub(crate) const fn basic(user: String, password: SecretString) -> Self {
        Self(Some((user, password)))
    }

    /// Whether callers must authenticate.
    pub(crate) const fn required(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the caller of `request` may pass; takes the same time for every wrong password of one length.
    pub(crate) fn admit(&self, request: &HttpRequest) -> bool {
        let Some((user, password)) = &self.0 else { return true };
        let given = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Basic"))
            .and_then(|(_, token)| STANDARD.decode(token.trim()).ok());
        let wanted = format!("{user}:{}", password.expose_secret());
        given.is_some_and(|given| given.ct_eq(wanted.as_bytes()).into())
    }
}
