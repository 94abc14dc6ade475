//! Who may look: by the socket whoever may open the file, by the port whoever shows the token, and no web page of
//! another origin (design 3.5).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap},
    },
};

use super::{problem, token::Token};

/// Decides about a request by its headers.
pub(super) enum Guard {
    /// The file's permissions have decided already.
    Open,
    /// The token, and Host and Origin of this machine: a page that a browser here has loaded from elsewhere must not
    /// get in, neither by a name that it lets point here nor by a request across origins.
    Token(Token),
}

/// Why a request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Host,
    Origin,
    Token,
}

impl Guard {
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let Self::Token(token) = self else { return Ok(()) };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if !text(header::HOST).is_some_and(is_here) {
            return Err(Refused::Host);
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            // The same machine is not enough: another port is another origin.
            if origin.is_none() || origin != text(header::HOST) {
                return Err(Refused::Origin);
            }
        }
        let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        if shown.is_some_and(|shown| token.opens(shown.trim())) { Ok(()) } else { Err(Refused::Token) }
    }
}

impl Refused {
    pub(super) fn into_response(self) -> HttpResponse {
        match self {
            Self::Host => problem(StatusCode::FORBIDDEN, "the Host header must name 127.0.0.1 or localhost"),
            Self::Origin => problem(StatusCode::FORBIDDEN, "pages of other origins do not get in"),
            Self::Token => {
                let text = "show the token of the file admin.token in the state directory: \
                            Authorization: Bearer <token>";
                let mut response = problem(StatusCode::UNAUTHORIZED, text);
                let wanted = header::HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, wanted);
                response
            }
        }
    }
}

/// Whether a Host header names this machine by its loopback address.
fn is_here(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name.to_ascii_lowercase().as_str(), "127.0.0.1" | "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)]) -> Result<(), Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(header::HeaderName::from_static(name), header::HeaderValue::from_str(value).unwrap());
        }
        Guard::Token(Token::of("secret")).check(&map)
    }

    #[test]
    fn the_token_opens_from_this_machine() {
        for host in ["127.0.0.1:9000", "localhost:9000", "LOCALHOST"] {
            assert_eq!(check(&[("host", host), ("authorization", "Bearer secret")]), Ok(()), "{host}");
        }
        let own_page = [
            ("host", "127.0.0.1:9000"),
            ("origin", "http://127.0.0.1:9000"),
            ("authorization", "Bearer secret"),
        ];
        assert_eq!(check(&own_page), Ok(()));
    }

    #[test]
    fn without_the_token_nothing_opens() {
        let host = ("host", "127.0.0.1:9000");
        assert_eq!(check(&[host]), Err(Refused::Token));
        for wrong in ["Bearer", "Bearer ", "Bearer Secret", "Bearer secret2", "Basic secret", "secret"] {
            assert_eq!(check(&[host, ("authorization", wrong)]), Err(Refused::Token), "{wrong}");
        }
    }

    #[test]
    fn names_and_origins_from_elsewhere_are_refused_even_with_the_token() {
        let token = ("authorization", "Bearer secret");
        for host in ["evil.example:9000", "127.0.0.1.evil.example", "[::1]:9000", "10.0.0.1:9000"] {
            assert_eq!(check(&[("host", host), token]), Err(Refused::Host), "{host}");
        }
        assert_eq!(check(&[token]), Err(Refused::Host));
        for origin in ["http://evil.example", "null", "http://127.0.0.1:8080", "https://127.0.0.1:9000"] {
            let headers = [("host", "127.0.0.1:9000"), ("origin", origin), token];
            assert_eq!(check(&headers), Err(Refused::Origin), "{origin}");
        }
    }
}
