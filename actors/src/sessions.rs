//! One actor an endpoint: sends the platform's requests to a script resource over HTTP, a bounded number at a
//! time, and finds out when nobody listens there any more (EMS notes, 8.4 and 9).

mod answer;
mod probe;
mod request;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::prelude::*;
use awc::{
    Connector,
    error::{PayloadError, SendRequestError},
    http::{Method as HttpMethod, Version, header},
};
use edgebind_alwayson::{Code, Method, Response};
use edgebind_kernel::{Lifeline, Stop, clock};
use edgebind_observability::trace;
use edgebind_tls::{Client, HandshakeError};
use secrecy::ExposeSecret;
use tokio::{sync::Semaphore, time};
use tracing::{Span, info, warn};

use crate::{
    Endpoint, EndpointState, Registration, Scheme, Source, Units,
    registrar::{EndpointAlive, EndpointDead, Registrar},
    reply::Reply,
    tcp,
};
use answer::HttpAnswer;
use probe::{Probe, Verdict};
pub(crate) use request::HttpRequest;
use request::Verb;

/// Actor of one endpoint, `host:port`.
pub struct Session {
    endpoint: Endpoint,
    units: Units,
    lifeline: Lifeline,
    /// Requests that are with the endpoint.
    permits: Arc<Semaphore>,
    /// Requests that are with the endpoint or wait for it.
    open: Rc<Cell<usize>>,
    probe: Probe,
    timer: Option<SpawnHandle>,
    client: awc::Client,
    trouble: Rc<Trouble>,
}

/// A request of the platform on its way to the endpoint.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Exchange {
    pub(crate) registration: Arc<Registration>,
    pub(crate) method: Method,
    pub(crate) http: HttpRequest,
    pub(crate) reply: Reply,
}

/// The registrations at this endpoint have changed.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Refresh {
    /// Whether one was added or renewed.
    pub(crate) renewed: bool,
}

impl Session {
    /// Mailbox of a session.
    pub const MAILBOX: usize = 256;
    /// Requests that may be open at one endpoint, waiting ones included.
    const MAX_OPEN: usize = 256;

    pub(crate) fn new(endpoint: Endpoint, units: Units, lifeline: Lifeline) -> Self {
        let permits = Arc::new(Semaphore::new(units.endpoint_concurrency));
        let client = match endpoint.scheme {
            Scheme::Http => CLIENT.with(Clone::clone),
            Scheme::Https => client(Some(units.agents.clone())),
        };
        Self {
            endpoint,
            units,
            lifeline,
            permits,
            open: Rc::default(),
            probe: Probe::default(),
            timer: None,
            client,
            trouble: Rc::default(),
        }
    }

    /// Arms the probe for the registrations that are there now.
    fn refresh(&mut self, ctx: &mut Context<Self>) {
        let things = self.units.registry.at(&self.endpoint);
        let probed = things.iter().filter(|thing| thing.source != Source::Gateway);
        let shortest = probed.map(|thing| thing.keepalive).min();
        self.probe.set_interval(shortest, clock::now());
        if things.iter().any(|thing| self.units.roster.is_restored(&thing.name)) {
            // All at once they would knock at every door of a plant in one moment.
            self.probe.hurry(RESTORED_WITHIN.mul_f64(fastrand::f64()), clock::now());
        }
        self.arm(ctx);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        if let Some(handle) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        let Some(due) = self.probe.due() else { return };
        self.timer = Some(ctx.run_later(due.saturating_duration_since(clock::now()), |session, ctx| {
            session.timer = None;
            let Endpoint { host, port, .. } = session.endpoint.clone();
            let probe = async move { tcp::probe(&host, port).await };
            ctx.spawn(probe.into_actor(session).map(|result, session, ctx| session.probed(result, ctx)));
        }));
    }

    fn probed(&mut self, result: Result<(), String>, ctx: &mut Context<Self>) {
        let (verdict, before) = self.probe.probed(result.is_ok(), clock::now());
        let changed = before != Some(verdict);
        let state = match verdict {
            Verdict::Alive => EndpointState::Answering,
            Verdict::Suspect => EndpointState::Suspect,
            Verdict::Dead => EndpointState::Dead,
        };
        let reason = result.err();
        self.units.roster.endpoint(&self.endpoint, state, reason.clone());
        let reason = reason.unwrap_or_default();
        match verdict {
            Verdict::Alive => {
                self.lifeline.report("answering");
                if before != Some(Verdict::Alive) {
                    for thing in self.units.registry.at(&self.endpoint) {
                        self.units.roster.proven(&thing.name);
                    }
                }
                if before == Some(Verdict::Dead) {
                    info!(endpoint = %self.endpoint, "The endpoint answers again.");
                    if !self.tell_registrar(EndpointAlive(self.endpoint.clone())) {
                        self.probe.repeat(clock::now());
                    }
                }
            }
            Verdict::Suspect => {
                self.lifeline.report("suspect");
                info!(endpoint = %self.endpoint, %reason, "Nobody answers the probe, it is repeated.");
            }
            Verdict::Dead => {
                self.lifeline.report("dead");
                if changed {
                    warn!(endpoint = %self.endpoint, %reason, "Nobody answers at the endpoint.");
                }
                if !self.tell_registrar(EndpointDead(self.endpoint.clone())) {
                    self.probe.repeat(clock::now());
                }
            }
        }
        self.arm(ctx);
    }

    /// Whether the registrar could be told.
    fn tell_registrar<M>(&self, message: M) -> bool
    where
        M: Message<Result = ()> + Send + 'static,
        Registrar: Handler<M>,
    {
        self.units.registrar().is_some_and(|registrar| registrar.try_send(message).is_ok())
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.lifeline.report("ready");
        self.units.roster.endpoint(&self.endpoint, EndpointState::Unknown, None);
        self.refresh(ctx);
    }
}

impl Handler<Refresh> for Session {
    type Result = ();

    fn handle(&mut self, Refresh { renewed }: Refresh, ctx: &mut Self::Context) {
        if renewed {
            self.probe.renewed(clock::now());
        }
        self.refresh(ctx);
    }
}

impl Handler<Exchange> for Session {
    type Result = ();

    fn handle(&mut self, exchange: Exchange, _: &mut Self::Context) {
        if self.open.get() >= Self::MAX_OPEN {
            let reason = format!("{} requests wait for {} already", self.open.get(), self.endpoint);
            return exchange.reply.answer(Response::error(Code::SERVICE_UNAVAILABLE, reason));
        }
        let open = Open::count(&self.open);
        let permits = Arc::clone(&self.permits);
        let body_limit = self.units.max_message_bytes.saturating_mul(4);
        let roster = self.units.roster.clone();
        let (client, trouble) = (self.client.clone(), Rc::clone(&self.trouble));
        // A task of its own: it ends by its deadline at the latest, also if this session is restarted.
        actix_rt::spawn(async move {
            let _open = open;
            let Exchange { registration, method, http, reply } = exchange;
            let deadline = clock::now() + registration.timeout;
            let work = async {
                let _permit = permits.acquire().await;
                let way = Way { client: &client, trouble: &trouble, body_limit, deadline };
                exchange_http(&registration, method, http, way, reply.span()).await
            };
            let answered = time::timeout_at(deadline.into(), work).await;
            if answered.as_ref().is_ok_and(|response| response.code != Code::GATEWAY_TIMEOUT) {
                roster.seen(registration.name.as_str());
            }
            let response = answered.unwrap_or_else(|_| {
                let reason =
                    format!("{} did not answer within {:?}", registration.endpoint, registration.timeout);
                Response::error(Code::GATEWAY_TIMEOUT, reason)
            });
            reply.answer(response);
        });
    }
}

impl Handler<Stop> for Session {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        ctx.stop();
        Box::pin(std::future::ready(()))
    }
}

/// Counts an open request for as long as it lives.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn count(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// How a request gets to the endpoint.
struct Way<'a> {
    client: &'a awc::Client,
    trouble: &'a Trouble,
    body_limit: usize,
    deadline: Instant,
}

/// Why TLS to the endpoint failed the last time: said once in the log, not with every request.
#[derive(Default)]
struct Trouble(RefCell<Option<String>>);

impl Trouble {
    fn note(&self, endpoint: &Endpoint, error: &HandshakeError) {
        let text = error.to_string();
        if self.0.borrow().as_ref() != Some(&text) {
            warn!(%endpoint, reason = %text, "The TLS handshake with the endpoint failed.");
            self.0.replace(Some(text));
        }
    }

    fn is_over(&self, endpoint: &Endpoint) {
        if self.0.take().is_some() {
            info!(%endpoint, "The TLS handshake with the endpoint succeeds again.");
        }
    }
}

async fn exchange_http(
    registration: &Registration,
    method: Method,
    http: HttpRequest,
    way: Way<'_>,
    above: &Span,
) -> Response {
    let Way { client, trouble, body_limit, deadline } = way;
    let (verb, verb_name) = match http.verb {
        Verb::Get => (HttpMethod::GET, "GET"),
        Verb::Put => (HttpMethod::PUT, "PUT"),
        Verb::Post => (HttpMethod::POST, "POST"),
    };
    let span =
        trace::span_http_send(above, verb_name, &registration.endpoint.host, registration.endpoint.port);
    let prepare = || {
        // Always `http`: whether TLS is spoken is the connector's matter.
        let mut request = client
            .request(verb.clone(), format!("http://{}{}", registration.endpoint.authority(), http.path))
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .timeout(deadline.saturating_duration_since(clock::now()));
        if let Some(parent) = trace::traceparent(&span) {
            request = request.insert_header((trace::TRACEPARENT, parent));
        }
        if !registration.user.is_empty() {
            request = request.basic_auth(&registration.user, registration.password.expose_secret());
        }
        request
    };
    let sent = match http.body.clone() {
        Some(body) => prepare().send_body(body).await,
        None => prepare().send().await,
    };
    let sent = match sent {
        // A kept connection may have been closed under our hands; a read may be sent twice, nothing else may.
        Err(SendRequestError::Send(_) | SendRequestError::Response(_)) if http.verb == Verb::Get => {
            prepare().force_close().send().await
        }
        sent => sent,
    };
    let mut answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            let response = failed(registration, &error, trouble);
            trace::record_code(&span, response.code.0);
            return response;
        }
    };
    trouble.is_over(&registration.endpoint);
    let content_type = actix_http::HttpMessage::content_type(&answer).to_ascii_lowercase();
    match answer.body().limit(body_limit).await {
        Ok(body) => {
            let status = answer.status().as_u16();
            trace::record_status(&span, status);
            HttpAnswer { status, content_type: &content_type, body: &body }.to_response(method)
        }
        Err(PayloadError::Overflow) => {
            let reason = format!("{} answered with more than {body_limit} bytes", registration.endpoint);
            Response::error(Code::ENTITY_TOO_LARGE, reason)
        }
        Err(error) => Response::error(
            Code::GATEWAY_TIMEOUT,
            format!("{}: the answer broke off: {error}", registration.endpoint),
        ),
    }
}

/// The original answers 504 to everything that is not an HTTP answer (EMS notes, 9.2).
fn failed(registration: &Registration, error: &SendRequestError, trouble: &Trouble) -> Response {
    if let SendRequestError::Connect(error) = error
        && let Some(error) = edgebind_tls::handshake_error(error)
    {
        trouble.note(&registration.endpoint, error);
        return Response::error(Code::GATEWAY_TIMEOUT, format!("{}: {error}", registration.endpoint));
    }
    let code = match error {
        SendRequestError::Url(_) | SendRequestError::Http(_) => Code::BAD_REQUEST,
        _ => Code::GATEWAY_TIMEOUT,
    };
    Response::error(code, format!("{}: {error}", registration.endpoint))
}

/// What was restored is probed within 2 s of the start (design: binding), the connect included.
const RESTORED_WITHIN: Duration = Duration::from_millis(1500);

thread_local! {
    /// One client in clear a thread: its connections are pooled by endpoint.
    static CLIENT: awc::Client = client(None);
}

fn client(tls: Option<Client>) -> awc::Client {
    let connector = Connector::new()
        .connector(edgebind_tls::connector(tls, edgebind_tls::direct))
        .limit(0)
        // A script resource may close a kept connection at any time; within 2 s it hardly does (design 5).
        .conn_keep_alive(Duration::from_secs(2));
    awc::Client::builder()
        .max_http_version(Version::HTTP_11)
        .connector(connector)
        .disable_redirects()
        .finish()
}
