//! Who may pass: HTTP Basic authentication (EMS notes, 4.4), its rate limit, and tokens against forged requests.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
};
use edgebind_actors::local::Caller;
use edgebind_config::Credentials;
use edgebind_kernel::{
    clock,
    throttle::{Penalty, Throttle},
};
use tracing::warn;

use super::{
    answer::{last, sentence},
    csrf::{self, Tokens},
};

/// What every worker asks before it looks at a request; a clone asks the same.
#[derive(Clone)]
pub(super) struct Admission {
    credentials: Credentials,
    throttle: Arc<Mutex<Throttle>>,
    tokens: Option<Arc<Mutex<Tokens>>>,
}

impl Admission {
    /// Asks for `credentials`, and for a token that changes after each `csrf_rotation`, if there is one.
    ///
    /// # Errors
    ///
    /// The system has no random numbers for tokens.
    pub(super) fn new(credentials: Credentials, csrf_rotation: Option<Duration>) -> std::io::Result<Self> {
        let tokens = match csrf_rotation {
            Some(period) => Some(Arc::new(Mutex::new(Tokens::new(random()?, period, clock::now())))),
            None => None,
        };
        Ok(Self { credentials, throttle: Arc::default(), tokens })
    }

    /// Lets a request pass, or says why not.
    pub(super) async fn admit(&self, request: &HttpRequest) -> Result<(), HttpResponse> {
        self.authenticate(request).await?;
        let Some(tokens) = &self.tokens else { return Ok(()) };
        let given = request.headers().get(csrf::HEADER).map(header::HeaderValue::as_bytes);
        if given.is_some_and(|given| lock(tokens).accept(given)) {
            return Ok(());
        }
        let text =
            "the header x-csrf-token must carry the token of an earlier answer, for example of this one";
        let mut refused = sentence(StatusCode::UNAUTHORIZED, text);
        self.mark(&mut refused);
        Err(refused)
    }

    /// Gives an answer the token for the next request; callers who did not pass learn none.
    pub(super) fn mark(&self, answer: &mut HttpResponse) {
        let Some(tokens) = &self.tokens else { return };
        let mut tokens = lock(tokens);
        let token = tokens.current(clock::now(), || random().ok());
        if let Ok(token) = header::HeaderValue::from_str(token) {
            answer.headers_mut().insert(header::HeaderName::from_static(csrf::HEADER), token);
        }
    }

    /// A caller on this machine, and one who had to authenticate, may do everything.
    pub(super) fn caller(&self, request: &HttpRequest) -> Caller {
        let peer = peer(request);
        if self.credentials.required() || peer.is_loopback() { Caller::Local } else { Caller::Stranger(peer) }
    }

    async fn authenticate(&self, request: &HttpRequest) -> Result<(), HttpResponse> {
        if !self.credentials.required() {
            return Ok(());
        }
        let peer = peer(request);
        if let Penalty::Locked(rest) = lock(&self.throttle).before(peer, clock::now()) {
            return Err(locked(rest));
        }
        let given = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
        if self.credentials.admit(given) {
            let mut throttle = lock(&self.throttle);
            if !throttle.is_empty() {
                throttle.passed(peer);
            }
            return Ok(());
        }
        // Who sends nothing guesses nothing: browsers and many clients ask once without.
        if given.is_some() {
            let penalty = lock(&self.throttle).failed(peer, clock::now());
            match penalty {
                Penalty::None => {}
                Penalty::Delay(delay) => tokio::time::sleep(delay).await,
                Penalty::Locked(rest) => {
                    warn!(%peer, "Wrong passwords again and again; the peer has to wait.");
                    return Err(locked(rest));
                }
            }
        }
        let text = "the gateway demands user and password (HTTP Basic)";
        let mut refused = last(sentence(StatusCode::UNAUTHORIZED, text));
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic"));
        Err(refused)
    }
}

fn locked(rest: Duration) -> HttpResponse {
    let seconds = rest.as_secs() + 1;
    let text = format!("too many wrong passwords came from your address; wait {seconds} s");
    let mut refused = last(sentence(StatusCode::TOO_MANY_REQUESTS, &text));
    refused.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    refused
}

/// Address of the caller; without one it counts as a machine elsewhere.
fn peer(request: &HttpRequest) -> IpAddr {
    let unknown = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    request.peer_addr().map_or(unknown, |peer| peer.ip().to_canonical())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both tables are whole after every single change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 random bits of the system, as 32 hexadecimal digits.
fn random() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
