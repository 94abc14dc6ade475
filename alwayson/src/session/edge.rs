//! The edge's end of a session.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    ClosedBy, Counts, Event, Frame, InboundId, RequestId, SendError, SessionSettings, State,
    core::{Core, Left, after},
    heartbeat::{Beat, Heartbeat},
};
use crate::{Auth, Bind, Body, Chunk, Code, Header, Request, Response};

/// The edge's end of one WebSocket connection, which already stands (protocol notes, section 7).
///
/// It sends AUTH at once, pings from the first success on, and ends with Close when a pong stays out.
/// Whether and when to authenticate again after a refusal, and what to bind, is the owner's decision.
pub struct EdgeSession {
    core: Core,
    state: State,
    app_key: String,
    auth: Option<Authentication>,
    heartbeat: Heartbeat,
}

/// The latest AUTH.
struct Authentication {
    request_id: u32,
    /// `None` once it has passed; an answer may still come and counts.
    deadline: Option<Instant>,
}

impl EdgeSession {
    /// A session that has AUTH ready to be written.
    ///
    /// Request ids count on over all connections of a process (section 3.4): hand the next session what
    /// [`EdgeSession::next_request_id`] of this one says, and the first session 1.
    #[must_use]
    pub fn new(settings: SessionSettings, app_key: String, first_request_id: u32, now: Instant) -> Self {
        let heartbeat = Heartbeat::new(settings.ping_rate, settings.pong_timeout);
        let core = Core::new(settings, first_request_id);
        let mut session = Self { core, state: State::Authenticating, app_key, auth: None, heartbeat };
        session.authenticate(now);
        session
    }

    /// Takes one binary message.
    pub fn receive(&mut self, now: Instant, bytes: Bytes) {
        if self.core.is_closed() {
            return;
        }
        match self.core.receive(now, &bytes) {
            Some(Left::Auth(header, _)) => self.refuse_foreign(&header),
            Some(Left::Bind(header, _)) => self.refuse_foreign(&header),
            Some(Left::Response(header, response)) if self.is_auth(&header) => {
                self.authentication_answered(now, &header, response);
            }
            Some(Left::Garbled(header, reason)) if self.is_auth(&header) => {
                self.authentication_refused(header.code, Some(reason));
            }
            Some(Left::Response(header, response)) => self.core.unmatched(&header, Some(response)),
            Some(Left::Garbled(header, _)) => self.core.unmatched(&header, None),
            None => {}
        }
    }

    /// Takes a ping, which is answered with the same payload (RFC 6455, section 5.5.3).
    pub fn receive_ping(&mut self, _now: Instant, payload: Bytes) {
        if !self.core.is_closed() {
            self.core.outbox.pong(payload);
        }
    }

    /// Takes a pong; one without payload does not count (section 2.6).
    pub fn receive_pong(&mut self, _now: Instant, payload: Bytes) {
        self.heartbeat.pong(&payload);
    }

    /// Takes a Close frame and answers it; the session is over.
    pub fn receive_close(&mut self, _now: Instant, code: Option<u16>, text: String) {
        self.end(ClosedBy::Peer, code, &text);
        if code.is_some() {
            // The edge drops the connection without a Close frame of its own (section 2.7).
            self.core.say_nothing_more();
        }
    }

    /// Takes the news that the connection broke without a Close frame.
    pub fn connection_lost(&mut self, _now: Instant, text: &str) {
        self.end(ClosedBy::Transport, None, text);
    }

    /// Sends a request; it ends as one of `Answered`, `Garbled`, `Expired` and `Lost`.
    ///
    /// Without `timeout` it waits for [`SessionSettings::message_timeout`].
    ///
    /// # Errors
    ///
    /// [`SendError`]; then nothing was sent and no event will come.
    pub fn request(
        &mut self,
        now: Instant,
        request: Request,
        timeout: Option<Duration>,
    ) -> Result<RequestId, SendError> {
        self.check_authenticated()?;
        self.core.request(now, Body::Request(request), timeout)
    }

    /// Sends a request that is encoded already, as [`crate::encode`] makes it: it gets a request id and the session's id.
    ///
    /// For what is kept or encoded elsewhere; it ends as a request does.
    ///
    /// # Errors
    ///
    /// As for [`EdgeSession::request`]; [`SendError::Encode`] also for what is no request.
    pub fn forward(
        &mut self,
        now: Instant,
        encoded: &Bytes,
        timeout: Option<Duration>,
    ) -> Result<RequestId, SendError> {
        self.check_authenticated()?;
        self.core.forward(now, encoded, timeout)
    }

    /// Sends BIND or UNBIND; it ends as a request does.
    ///
    /// # Errors
    ///
    /// As for [`EdgeSession::request`].
    pub fn bind(&mut self, now: Instant, bind: Bind) -> Result<RequestId, SendError> {
        self.check_authenticated()?;
        self.core.request(now, Body::Bind(bind), None)
    }

    /// Answers a request of the platform, once.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] after the first answer and [`SendError::Closed`] after the end of the session.
    /// [`SendError::Congested`] leaves the request open. [`SendError::TooLarge`] and [`SendError::Encode`]
    /// say that the platform was sent an error in place of this answer.
    pub fn respond(&mut self, _now: Instant, id: InboundId, response: Response) -> Result<(), SendError> {
        self.core.respond(id, response)
    }

    /// Sends AUTH again on the same connection (section 7.2), with another key if one is given.
    ///
    /// Until it is answered, no request may be sent.
    pub fn authenticate_again(&mut self, now: Instant, app_key: Option<String>) {
        if self.core.is_closed() {
            return;
        }
        if let Some(app_key) = app_key {
            self.app_key = app_key;
        }
        self.authenticate(now);
    }

    /// Ends the session with a Close frame behind what waits to be written.
    ///
    /// An orderly end sends UNBIND first and waits for its answer (section 7.5); that is the owner's part.
    pub fn close(&mut self, _now: Instant, code: u16, text: &str) {
        self.end(ClosedBy::Local, Some(code), text);
    }

    /// Sends a ping at once to find out whether the connection lives, unless a pong is awaited already.
    pub fn probe(&mut self, now: Instant) {
        if self.state == State::Authenticated
            && let Some(Beat::Ping(payload)) = self.heartbeat.ping(now)
        {
            self.core.outbox.ping(payload);
        }
    }

    /// Does what is due; to be called at [`EdgeSession::poll_timeout`] or later.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.core.is_closed() {
            return;
        }
        if let Some(auth) = &mut self.auth
            && auth.deadline.is_some_and(|deadline| deadline <= now)
        {
            auth.deadline = None;
            let reason = "no answer to AUTH in time".to_owned();
            self.authentication_refused(Code::GATEWAY_TIMEOUT, Some(reason));
            // A slow platform answers the ping; a connection that is half open would get AUTH for ever.
            if let Some(Beat::Ping(payload)) = self.heartbeat.ping(now) {
                self.core.outbox.ping(payload);
            }
        }
        match self.heartbeat.beat(now) {
            Some(Beat::Ping(payload)) => self.core.outbox.ping(payload),
            Some(Beat::Dead) => {
                self.end(ClosedBy::Timeout, Some(1000), "Normal Close Pong timeout");
                return;
            }
            None => {}
        }
        self.core.handle_timeout(now);
    }

    /// When [`EdgeSession::handle_timeout`] has something to do; `None` after the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.core.is_closed() {
            return None;
        }
        let auth = self.auth.as_ref().and_then(|auth| auth.deadline);
        [auth, self.heartbeat.next_deadline(), self.core.next_deadline()].into_iter().flatten().min()
    }

    /// The next frame to write.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        self.core.outbox.pop()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.poll_event()
    }

    /// Where the session stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Id of the session, 0 before there is one.
    #[must_use]
    pub const fn session_id(&self) -> u32 {
        self.core.session_id()
    }

    /// Id for the first request of the next session.
    #[must_use]
    pub const fn next_request_id(&self) -> u32 {
        self.core.next_request_id()
    }

    /// Requests in flight; AUTH is none of them.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.core.pending()
    }

    /// Requests of the platform that wait for their answer.
    #[must_use]
    pub fn inbound(&self) -> usize {
        self.core.inbound()
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.core.outbox.queued_bytes()
    }

    /// Longest body in bytes that surely can be sent, for an owner that batches names or values.
    ///
    /// `entity` is the name of the entity that a request is for, empty for BIND. It stands in every chunk of a
    /// long request, and receivers judge a message in chunks by whole chunks (section 6.3).
    #[must_use]
    pub fn max_body_bytes(&self, entity: &str) -> usize {
        let settings = self.core.settings();
        let chunk = usize::from(settings.chunk_bytes);
        let front = Header::LEN + Chunk::PREFIX_LEN;
        let whole = settings.max_message_bytes.min(chunk.saturating_sub(Chunk::PREFIX_LEN));
        // Entity type, longest length prefix, name.
        let slice = chunk.saturating_sub(front + 1 + 4 + entity.len());
        let chunks = settings.max_message_bytes.checked_div(chunk).unwrap_or(0).min(usize::from(u16::MAX));
        whole.saturating_sub(Header::LEN).max(chunks * slice)
    }

    /// What was counted since the start of the session.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.core.counts()
    }

    fn authenticate(&mut self, now: Instant) {
        self.state = State::Authenticating;
        match self.core.send_auth(Auth::app_key(self.app_key.as_str())) {
            Ok(request_id) => {
                let deadline = Some(after(now, self.core.settings().message_timeout));
                self.auth = Some(Authentication { request_id, deadline });
            }
            Err(error) => self.authentication_refused(Code::BAD_REQUEST, Some(error.to_string())),
        }
    }

    fn authentication_answered(&mut self, now: Instant, header: &Header, response: Response) {
        if !response.code.is_success() {
            self.authentication_refused(response.code, response.reason);
            return;
        }
        self.auth = None;
        self.state = State::Authenticated;
        self.core.adopt(header.session_id);
        self.core.event(Event::Authenticated { session_id: self.core.session_id() });
        self.probe(now);
    }

    fn authentication_refused(&mut self, code: Code, reason: Option<String>) {
        if code != Code::GATEWAY_TIMEOUT {
            self.auth = None;
        }
        self.state = State::Refused;
        self.core.event(Event::AuthRefused { code, reason });
    }

    fn is_auth(&self, header: &Header) -> bool {
        self.auth.as_ref().is_some_and(|auth| auth.request_id == header.request_id)
    }

    /// AUTH, BIND and UNBIND are for platforms (section 9.6).
    fn refuse_foreign(&mut self, header: &Header) {
        self.core.refuse(header, Code::BAD_REQUEST, "an edge takes no AUTH and no BIND");
    }

    const fn check_authenticated(&self) -> Result<(), SendError> {
        match self.state {
            State::Authenticated => Ok(()),
            State::Closed => Err(SendError::Closed),
            State::Authenticating | State::Refused => Err(SendError::NotAuthenticated),
        }
    }

    fn end(&mut self, by: ClosedBy, code: Option<u16>, text: &str) {
        self.core.close(by, code, text);
        self.state = State::Closed;
    }
}

impl fmt::Debug for EdgeSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the core: frames that wait may hold the application key.
        f.debug_struct("EdgeSession")
            .field("state", &self.state)
            .field("session_id", &self.session_id())
            .field("pending", &self.pending())
            .field("inbound", &self.inbound())
            .finish_non_exhaustive()
    }
}
