//! Who may use an interface that has no key: programs on this machine, and no page of a browser on it.

use actix_web::http::header::{self, HeaderMap};

/// Whether a request comes from a program on this machine.
///
/// A browser sends an `Origin` with everything that changes something, and another host when a name was rebound.
pub(crate) fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    !headers.contains_key(header::ORIGIN) && matches!(name, "127.0.0.1" | "localhost")
}
