//! Who may pass: HTTP Basic authentication (script resource notes, 2.2), its rate limit, and who may steer the process
//! (design 3.5).

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use edgebind_config::Credentials;
use edgebind_kernel::{
    clock,
    throttle::{Penalty, Throttle},
};

use super::answer::{last, page, text};
use crate::log;

/// What is asked before a request is looked at.
#[derive(Clone)]
pub(super) struct Admission {
    credentials: Credentials,
    throttle: Arc<Mutex<Throttle>>,
}

impl Admission {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, throttle: Arc::default() }
    }

    /// Lets a request pass, or says why not.
    pub(super) async fn admit(&self, request: &HttpRequest) -> Result<(), HttpResponse> {
        if !self.credentials.required() {
            return Ok(());
        }
        let peer = peer(request);
        if let Penalty::Locked(rest) = self.throttle().before(peer, clock::now()) {
            return Err(locked(rest));
        }
        let given = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        if self.credentials.admit(given) {
            self.throttle().passed(peer);
            return Ok(());
        }
        // Who sends nothing guesses nothing: many clients ask once without.
        if given.is_some() {
            let penalty = self.throttle().failed(peer, clock::now());
            match penalty {
                Penalty::None => {}
                Penalty::Delay(delay) => tokio::time::sleep(delay).await,
                Penalty::Locked(rest) => {
                    let text = format!("Wrong passwords again and again from {peer}; it has to wait.");
                    log::write(log::Level::Warn, "server", text);
                    return Err(locked(rest));
                }
            }
        }
        let mut refused = last(page(StatusCode::UNAUTHORIZED, "Authentication Required", SENTENCE));
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic"));
        Err(refused)
    }

    /// The refusal for whoever would steer the process from another machine without having authenticated.
    pub(super) fn refuse_control(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if self.credentials.required() || peer(request).is_loopback() {
            return None;
        }
        let reason = "script control and settings are open to other machines only with \
                      script_resource_authenticate = true";
        Some(text(StatusCode::FORBIDDEN, reason))
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        // It is whole after every single change.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn locked(rest: Duration) -> HttpResponse {
    let seconds = rest.as_secs() + 1;
    let reason = format!("too many wrong passwords came from your address; wait {seconds} s");
    let mut refused = last(text(StatusCode::TOO_MANY_REQUESTS, &reason));
    refused.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    refused
}

/// Address of the caller; without one it counts as a machine elsewhere.
fn peer(request: &HttpRequest) -> IpAddr {
    let unknown = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    request.peer_addr().map_or(unknown, |peer| peer.ip().to_canonical())
}

const SENTENCE: &str = "User and password are required.";

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn from(peer: &str) -> TestRequest {
        TestRequest::get().peer_addr(format!("{peer}:5000").parse().unwrap())
    }

    #[test]
    fn another_machine_steers_only_where_it_had_to_authenticate() {
        let open = Admission::new(Credentials::open());
        let guarded = Admission::new(Credentials::basic("u".to_owned(), "p".into()));
        for (peer, refused) in
            [("127.0.0.1", false), ("[::1]", false), ("192.0.2.1", true), ("[2001:db8::1]", true)]
        {
            let request = from(peer).to_http_request();
            assert_eq!(open.refuse_control(&request).is_some(), refused, "{peer}");
            assert!(guarded.refuse_control(&request).is_none(), "{peer}");
        }
        let unknown = TestRequest::get().to_http_request();
        assert_eq!(open.refuse_control(&unknown).map(|answer| answer.status()), Some(StatusCode::FORBIDDEN));
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_from_elsewhere_is_locked_out_and_the_right_password_passes() {
        let admission = Admission::new(Credentials::basic("u".to_owned(), "p".into()));
        let attempt = |peer: &str, pair: &str| {
            let request =
                from(peer).insert_header(("authorization", format!("Basic {pair}"))).to_http_request();
            let admission = admission.clone();
            async move { admission.admit(&request).await.map_err(|answer| answer.status().as_u16()) }
        };
        let (right, wrong) = ("dTpw", "dTp4");
        for _ in 0..10 {
            assert_eq!(attempt("192.0.2.1", wrong).await, Err(401));
        }
        assert_eq!(attempt("192.0.2.1", wrong).await, Err(429));
        assert_eq!(attempt("192.0.2.1", right).await, Err(429), "nothing is looked at");
        assert_eq!(attempt("192.0.2.2", right).await, Ok(()));
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(attempt("192.0.2.1", right).await, Ok(()));
        // On this machine all share an address.
        for _ in 0..30 {
            assert_eq!(attempt("127.0.0.1", wrong).await, Err(401));
        }
        assert_eq!(attempt("127.0.0.1", right).await, Ok(()));
    }
}
