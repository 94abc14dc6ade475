//! The platform's end of a session.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    ClosedBy, Counts, Event, Frame, InboundId, RequestId, SendError, SessionSettings, State,
    core::{Core, Left, after, is_request},
};
use crate::{Body, Code, Header, Request, Response};

/// The platform's end of one WebSocket connection, which already stands (protocol notes, section 7.6).
///
/// The owner decides on AUTH ([`Event::AuthRequested`]), on BIND ([`Event::BindRequested`]) and on requests.
/// Which names are bound is the owner's knowledge: AUTH may be repeated and leaves bindings as they are,
/// [`Event::Closed`] ends them all.
pub struct PlatformSession {
    core: Core,
    state: State,
    /// When AUTH must have come; `None` while the session is authenticated.
    auth_deadline: Option<Instant>,
    last_frame: Instant,
}

impl PlatformSession {
    /// A session that waits for AUTH; [`SessionSettings::platform`] has the waits of a platform.
    #[must_use]
    pub fn new(settings: SessionSettings, now: Instant) -> Self {
        let auth_deadline = Some(after(now, settings.auth_timeout));
        let core = Core::new(settings, 1);
        Self { core, state: State::Authenticating, auth_deadline, last_frame: now }
    }

    /// Takes one binary message.
    pub fn receive(&mut self, now: Instant, bytes: Bytes) {
        if self.core.is_closed() {
            return;
        }
        self.last_frame = now;
        if self.state != State::Authenticated && !self.is_admitted(&bytes) {
            return;
        }
        match self.core.receive(now, &bytes) {
            Some(Left::Auth(header, auth)) => {
                if let Some(id) = self.core.open(now, &header) {
                    self.core.event(Event::AuthRequested { id, auth });
                }
            }
            Some(Left::Bind(header, bind)) => {
                if let Some(id) = self.core.open(now, &header) {
                    self.core.event(Event::BindRequested { id, bind });
                }
            }
            Some(Left::Response(header, response)) => self.core.unmatched(&header, Some(response)),
            Some(Left::Garbled(header, _)) => self.core.unmatched(&header, None),
            None => {}
        }
    }

    /// Takes a ping, which is answered with the same payload (section 2.6).
    pub fn receive_ping(&mut self, now: Instant, payload: Bytes) {
        if !self.core.is_closed() {
            self.last_frame = now;
            self.core.outbox.pong(payload);
        }
    }

    /// Takes a pong: a sign of life, which is not needed (section 2.6).
    pub fn receive_pong(&mut self, now: Instant, _payload: Bytes) {
        self.last_frame = now;
    }

    /// Takes a Close frame and answers it; the session is over.
    pub fn receive_close(&mut self, _now: Instant, code: Option<u16>, text: String) {
        self.end(ClosedBy::Peer, code, &text);
    }

    /// Takes the news that the connection broke without a Close frame.
    pub fn connection_lost(&mut self, _now: Instant, text: &str) {
        self.end(ClosedBy::Transport, None, text);
    }

    /// Accepts AUTH and assigns a session id, which should be fresh (section 3.2).
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] if `id` is no undecided AUTH, [`SendError::SessionIdZero`],
    /// [`SendError::Congested`], [`SendError::Closed`].
    pub fn accept(&mut self, _now: Instant, id: InboundId, session_id: u32) -> Result<(), SendError> {
        if self.core.open_request(id)?.code != Code::AUTH {
            return Err(SendError::NotOpen);
        }
        if session_id == 0 {
            return Err(SendError::SessionIdZero);
        }
        let before = self.core.session_id();
        self.core.adopt(session_id);
        if let Err(error) = self.core.respond(id, Response::success()) {
            self.core.adopt(before);
            return Err(error);
        }
        self.state = State::Authenticated;
        self.auth_deadline = None;
        Ok(())
    }

    /// Refuses a request of the edge with a code and a reason; AUTH may come again on the same connection.
    ///
    /// # Errors
    ///
    /// As for [`PlatformSession::respond`].
    pub fn refuse(
        &mut self,
        now: Instant,
        id: InboundId,
        code: Code,
        reason: impl Into<String>,
    ) -> Result<(), SendError> {
        let is_auth = self.core.open_request(id)?.code == Code::AUTH;
        self.core.respond(id, Response::error(code, reason))?;
        if is_auth && self.state != State::Authenticated {
            self.state = State::Refused;
            self.auth_deadline = Some(after(now, self.core.settings().auth_timeout));
        }
        Ok(())
    }

    /// Answers a request or BIND of the edge, once; AUTH is for `accept` and `refuse`.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] after the first answer and [`SendError::Closed`] after the end of the session.
    /// [`SendError::Congested`] leaves the request open. [`SendError::TooLarge`] and [`SendError::Encode`]
    /// say that the edge was sent an error in place of this answer.
    pub fn respond(&mut self, _now: Instant, id: InboundId, response: Response) -> Result<(), SendError> {
        if self.core.open_request(id)?.code == Code::AUTH {
            return Err(SendError::NotOpen);
        }
        self.core.respond(id, response)
    }

    /// Leaves a request, BIND or AUTH of the edge without an answer for ever: for platforms that misbehave on request.
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`] after the answer and [`SendError::Closed`] after the end of the session.
    pub fn ignore(&mut self, id: InboundId) -> Result<(), SendError> {
        self.core.forget(id)
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
        match self.state {
            State::Authenticated => self.core.request(now, Body::Request(request), timeout),
            State::Closed => Err(SendError::Closed),
            State::Authenticating | State::Refused => Err(SendError::NotAuthenticated),
        }
    }

    /// Ends the session with a Close frame behind what waits to be written; close TCP a little later, since
    /// an edge need not answer (section 2.7).
    pub fn close(&mut self, _now: Instant, code: u16, text: &str) {
        self.end(ClosedBy::Local, Some(code), text);
    }

    /// Does what is due; to be called at [`PlatformSession::poll_timeout`] or later.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.core.is_closed() {
            return;
        }
        if self.auth_deadline.is_some_and(|deadline| deadline <= now) {
            self.end(ClosedBy::Timeout, Some(POLICY), "Policy Violation no AUTH in time");
        } else if self.idle_deadline() <= now {
            self.end(ClosedBy::Timeout, Some(1000), "Normal Close Idle timeout");
        } else {
            self.core.handle_timeout(now);
        }
    }

    /// When [`PlatformSession::handle_timeout`] has something to do; `None` after the end.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.core.is_closed() {
            return None;
        }
        let deadlines = [self.auth_deadline, Some(self.idle_deadline()), self.core.next_deadline()];
        deadlines.into_iter().flatten().min()
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

    /// Requests in flight.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.core.pending()
    }

    /// Requests of the edge that wait for their answer.
    #[must_use]
    pub fn inbound(&self) -> usize {
        self.core.inbound()
    }

    /// Bytes that wait to be written.
    #[must_use]
    pub const fn queued_bytes(&self) -> usize {
        self.core.outbox.queued_bytes()
    }

    /// What was counted since the start of the session.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.core.counts()
    }

    /// Whether a message may come before the session is authenticated: AUTH only (section 7.2).
    ///
    /// Anything else ends the session; while the owner decides on an AUTH it is refused instead, since the
    /// edge did send AUTH first.
    fn is_admitted(&mut self, bytes: &Bytes) -> bool {
        match Header::decode(bytes) {
            Ok(header) if header.code == Code::AUTH => true,
            // Before that, only AUTHs can be open.
            Ok(header) if self.core.inbound() > 0 => {
                if is_request(header.code) {
                    self.core.refuse(&header, Code::UNAUTHORIZED, "AUTH is not decided yet");
                }
                false
            }
            _ => {
                self.end(ClosedBy::Policy, Some(POLICY), "Policy Violation AUTH must come first");
                false
            }
        }
    }

    fn idle_deadline(&self) -> Instant {
        after(self.last_frame, self.core.settings().idle_limit)
    }

    fn end(&mut self, by: ClosedBy, code: Option<u16>, text: &str) {
        self.core.close(by, code, text);
        self.state = State::Closed;
    }
}

impl fmt::Debug for PlatformSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformSession")
            .field("state", &self.state)
            .field("session_id", &self.session_id())
            .field("pending", &self.pending())
            .field("inbound", &self.inbound())
            .finish_non_exhaustive()
    }
}

/// Status of a Close for a breach of the rules (section 2.7).
const POLICY: u16 = 1008;
