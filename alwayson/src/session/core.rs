//! What both ends of a session have in common.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    ClosedBy, Counts, Event, InboundId, RequestId, SendError, SessionSettings, Violation,
    inbound::{Inbound, Open},
    outbox::Outbox,
    pending::Pending,
    settings::LONGEST,
};
use crate::{
    Auth, Bind, Body, Code, DecodeError, Header, Incoming, Limits, Message, Method, Reassembler,
    ReassemblyError, ReassemblyReason, RepairOutcome, Request, Response, SplitRepair, encode, split,
};

/// Requests in flight, open requests of the peer, frames and events of one connection.
#[derive(Debug)]
pub(super) struct Core {
    settings: SessionSettings,
    limits: Limits,
    session_id: u32,
    repair: SplitRepair,
    reassembler: Reassembler,
    pending: Pending,
    inbound: Inbound,
    pub(super) outbox: Outbox,
    events: VecDeque<Event>,
    counts: Counts,
    closed: bool,
}

/// An inbound message that the two ends treat differently.
pub(super) enum Left {
    /// AUTH.
    Auth(Header, Auth),
    /// BIND or UNBIND.
    Bind(Header, Bind),
    /// A response to none of the requests in flight.
    Response(Header, Response),
    /// The same, and it cannot be read.
    Garbled(Header, String),
}

impl Core {
    pub(super) fn new(settings: SessionSettings, next_request_id: u32) -> Self {
        Self {
            limits: settings.limits(),
            session_id: 0,
            repair: SplitRepair::default(),
            reassembler: Reassembler::new(settings.reassembly()),
            pending: Pending::new(next_request_id),
            inbound: Inbound::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
            counts: Counts::default(),
            closed: false,
            settings,
        }
    }

    /// Takes one binary message; returns what the end has to judge itself.
    pub(super) fn receive(&mut self, now: Instant, bytes: &Bytes) -> Option<Left> {
        let repaired = self.repair.receive(now, bytes, &self.limits);
        if let Some(header) = repaired.released {
            self.refuse_cut(&header);
        }
        match repaired.outcome {
            RepairOutcome::Decoded(Incoming::Message(message)) => self.message(now, message),
            RepairOutcome::Decoded(Incoming::Chunk(chunk)) => match self.reassembler.receive(now, chunk) {
                Ok(Some(message)) => self.message(now, message),
                Ok(None) => None,
                Err(error) => self.refuse_chunk(&error),
            },
            RepairOutcome::Refused(error) => self.refuse_bytes(bytes, &error),
            RepairOutcome::Held | RepairOutcome::Dropped => None,
        }
    }

    /// Sends a request and waits for its answer until `timeout` has passed.
    pub(super) fn request(
        &mut self,
        now: Instant,
        body: Body,
        timeout: Option<Duration>,
    ) -> Result<RequestId, SendError> {
        let limit = self.settings.max_pending;
        if self.pending.len() >= limit {
            return Err(SendError::TooManyPending { limit });
        }
        self.check_queue()?;
        let request_id = self.pending.allocate();
        let session_id = self.session_id;
        self.send(&Message { request_id, endpoint_id: 0, session_id, body })?;
        Ok(self.sent(now, request_id, timeout))
    }

    /// Sends a request that is encoded already, under an id of this session.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        encoded: &Bytes,
        timeout: Option<Duration>,
    ) -> Result<RequestId, SendError> {
        let limit = self.settings.max_pending;
        if self.pending.len() >= limit {
            return Err(SendError::TooManyPending { limit });
        }
        self.check_queue()?;
        let code = Header::decode(encoded).map_err(|error| SendError::Encode(error.to_string()))?.code;
        if Method::from_code(code).is_none() {
            return Err(SendError::Encode(format!("{code} is no request")));
        }
        let request_id = self.pending.allocate();
        let header =
            Header { code, request_id, endpoint_id: 0, session_id: self.session_id, multipart: false };
        self.push(&header.in_front_of(encoded))?;
        Ok(self.sent(now, request_id, timeout))
    }

    fn sent(&mut self, now: Instant, request_id: u32, timeout: Option<Duration>) -> RequestId {
        let deadline = after(now, timeout.unwrap_or(self.settings.message_timeout));
        self.pending.insert(request_id, deadline);
        RequestId(request_id)
    }

    /// Sends AUTH, which is no request in flight: its answer belongs to the session.
    pub(super) fn send_auth(&mut self, auth: Auth) -> Result<u32, SendError> {
        let request_id = self.pending.allocate();
        let message = Message { request_id, endpoint_id: 0, session_id: NO_SESSION, body: Body::Auth(auth) };
        self.send(&message)?;
        Ok(request_id)
    }

    /// Gives an open request of the peer its one answer.
    ///
    /// An answer that cannot be sent is replaced by one that says so.
    pub(super) fn respond(&mut self, id: InboundId, response: Response) -> Result<(), SendError> {
        let open = self.open_request(id)?;
        self.check_queue()?;
        self.inbound.close(id);
        let sent = self.answer(&open, response);
        if let Err(error) = &sent {
            let code = match error {
                SendError::TooLarge { .. } => Code::ENTITY_TOO_LARGE,
                _ => Code::INTERNAL_SERVER_ERROR,
            };
            let replaced = self.answer(&open, Response::error(code, error.to_string()));
            debug_assert!(replaced.is_ok(), "a code and a short reason can always be sent");
        }
        sent
    }

    /// Ends an open request without an answer.
    pub(super) fn forget(&mut self, id: InboundId) -> Result<(), SendError> {
        self.open_request(id)?;
        self.inbound.close(id);
        Ok(())
    }

    /// The open request `id`.
    pub(super) fn open_request(&self, id: InboundId) -> Result<Open, SendError> {
        if self.closed {
            return Err(SendError::Closed);
        }
        self.inbound.find(id).ok_or(SendError::NotOpen)
    }

    /// Opens a request of the peer; `None`, and answered at once, if too many are open.
    pub(super) fn open(&mut self, now: Instant, header: &Header) -> Option<InboundId> {
        if self.inbound.len() >= self.settings.max_inbound {
            let reason = format!("{} requests are open already", self.settings.max_inbound);
            self.answer_at_once(header, Code::SERVICE_UNAVAILABLE, reason);
            return None;
        }
        Some(self.inbound.open(header, after(now, self.settings.inbound_timeout)))
    }

    /// Answers a request that the owner never sees, counts it, and reports it.
    pub(super) fn refuse(&mut self, header: &Header, code: Code, reason: &str) {
        let answer = self.answer_at_once(header, code, reason.to_owned());
        self.violation(Some(header), reason.to_owned(), answer);
    }

    /// Takes a response that matched nothing in flight: late, or to be ignored (section 3.4).
    pub(super) fn unmatched(&mut self, header: &Header, response: Option<Response>) {
        if self.pending.forget_expired(header.request_id)
            && let Some(response) = response
        {
            self.events.push_back(Event::Late { id: RequestId(header.request_id), response });
        } else {
            self.counts.unmatched += 1;
        }
    }

    /// Reports a message that breaks the protocol.
    pub(super) fn violation(&mut self, header: Option<&Header>, reason: String, answer: Option<Code>) {
        self.counts.violations += 1;
        // An owner that does not look at its events must not pay for a flood with memory.
        if self.events.len() < MOST_EVENTS {
            let code = header.map(|header| header.code);
            let request_id = header.map(|header| header.request_id);
            self.events.push_back(Event::Violation(Violation { code, request_id, reason, answer }));
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Ends the session: requests in flight are lost, open ones of the peer get no answer.
    pub(super) fn close(&mut self, by: ClosedBy, code: Option<u16>, text: &str) {
        if self.closed {
            return;
        }
        self.closed = true;
        if by != ClosedBy::Local {
            self.outbox.clear();
        }
        match (by, code) {
            (ClosedBy::Transport, _) => {}
            (_, Some(code @ (1000..=1003 | 1007..=1014 | 3000..=4999))) => self.outbox.close(code, text),
            _ => self.outbox.close(NORMAL, text),
        }
        self.inbound.clear();
        self.reassembler = Reassembler::new(self.settings.reassembly());
        self.repair = SplitRepair::default();
        let lost = self.pending.drain();
        self.events.extend(lost.into_iter().map(|id| Event::Lost { id: RequestId(id) }));
        self.events.push_back(Event::Closed { by, code, text: text.to_owned() });
    }

    /// Drops the frames that wait.
    pub(super) fn say_nothing_more(&mut self) {
        self.outbox.clear();
    }

    /// Does what has become due at `now`.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while let Some(id) = self.pending.expire(now) {
            self.events.push_back(Event::Expired { id: RequestId(id) });
        }
        while let Some(open) = self.inbound.expire(now) {
            let header = header_of(&open);
            self.answer_at_once(&header, Code::GATEWAY_TIMEOUT, "not answered in time".to_owned());
        }
        if let Some(header) = self.repair.expire(now) {
            self.refuse_cut(&header);
        }
        self.counts.incomplete += self.reassembler.expire(now) as u64;
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let reassembly = self.reassembler.next_expiry();
        let deadlines =
            [self.pending.next_deadline(), self.inbound.next_deadline(), self.repair.deadline(), reassembly];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Id that messages carry from now on; 0 keeps the present one (section 3.2).
    pub(super) const fn adopt(&mut self, session_id: u32) {
        if session_id != 0 {
            self.session_id = session_id;
        }
    }

    pub(super) const fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    pub(super) const fn session_id(&self) -> u32 {
        self.session_id
    }

    pub(super) const fn next_request_id(&self) -> u32 {
        self.pending.next_id()
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn inbound(&self) -> usize {
        self.inbound.len()
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    fn message(&mut self, now: Instant, message: Message) -> Option<Left> {
        let header = message.header();
        match message.body {
            Body::Request(request) => self.requested(now, &header, request),
            Body::Response(response) if self.pending.remove(header.request_id) => {
                self.events.push_back(Event::Answered { id: RequestId(header.request_id), response });
            }
            Body::Response(response) => return Some(Left::Response(header, response)),
            Body::Auth(auth) => return Some(Left::Auth(header, auth)),
            Body::Bind(bind) => return Some(Left::Bind(header, bind)),
            // Dropped without an answer (section 13).
            Body::Other { code, .. } => {
                self.violation(Some(&header), format!("code {code} has no meaning"), None)
            }
        }
        None
    }

    fn requested(&mut self, now: Instant, header: &Header, request: Request) {
        if let Some(id) = self.open(now, header) {
            self.events.push_back(Event::Requested { id, request });
        }
    }

    fn refuse_cut(&mut self, header: &Header) {
        self.refuse(header, Code::BAD_REQUEST, "message ends too early, and its rest did not come");
    }

    fn refuse_chunk(&mut self, error: &ReassemblyError) -> Option<Left> {
        let answer =
            error.answer().and_then(|code| self.answer_at_once(&error.header, code, error.to_string()));
        self.violation(Some(&error.header), error.to_string(), answer);
        // A chunk that does not belong to its message leaves the message to come.
        let is_lost = !matches!(error.reason, ReassemblyReason::Number { .. } | ReassemblyReason::Foreign);
        if is_lost { self.garbled(error.header, error.to_string()) } else { None }
    }

    fn refuse_bytes(&mut self, bytes: &Bytes, error: &DecodeError) -> Option<Left> {
        let Ok(header) = Header::decode(bytes) else {
            self.violation(None, error.to_string(), None);
            return None;
        };
        let answer = if is_request(header.code) {
            self.answer_at_once(&header, error.status(), error.to_string())
        } else {
            None
        };
        self.violation(Some(&header), error.to_string(), answer);
        self.garbled(header, error.to_string())
    }

    /// Ends the request whose response cannot be read.
    fn garbled(&mut self, header: Header, reason: String) -> Option<Left> {
        if !header.code.is_response() {
            return None;
        }
        if !self.pending.remove(header.request_id) {
            return Some(Left::Garbled(header, reason));
        }
        self.events.push_back(Event::Garbled { id: RequestId(header.request_id), code: header.code, reason });
        None
    }

    /// Answers without the owner; `None`, and counted, if too much waits to be written.
    fn answer_at_once(&mut self, header: &Header, code: Code, reason: String) -> Option<Code> {
        let Header { request_id, endpoint_id, session_id, .. } = *header;
        let message = Message {
            request_id,
            endpoint_id,
            session_id: if self.session_id == 0 { session_id } else { self.session_id },
            body: Body::Response(Response::error(code, reason)),
        };
        let sent = self.check_queue().and_then(|()| self.send(&message));
        if sent.is_err() {
            self.counts.dropped_answers += 1;
        }
        sent.is_ok().then_some(code)
    }

    fn answer(&mut self, open: &Open, response: Response) -> Result<(), SendError> {
        let Open { request_id, endpoint_id, .. } = *open;
        let session_id = self.session_id;
        self.send(&Message { request_id, endpoint_id, session_id, body: Body::Response(response) })
    }

    fn send(&mut self, message: &Message) -> Result<(), SendError> {
        self.push(&encode(message)?)
    }

    fn push(&mut self, encoded: &Bytes) -> Result<(), SendError> {
        self.settings.check_size(encoded)?;
        let parts = split(encoded, self.settings.chunk_bytes)
            .map_err(|error| SendError::Encode(error.to_string()))?;
        parts.into_iter().for_each(|part| self.outbox.push(part));
        Ok(())
    }

    const fn check_queue(&self) -> Result<(), SendError> {
        let (queued, limit) = (self.outbox.queued_bytes(), self.settings.max_queued_bytes);
        if queued >= limit { Err(SendError::Congested { queued, limit }) } else { Ok(()) }
    }
}

/// `now` and a wait, which settings may have made absurdly long.
pub(super) fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(LONGEST)
}

/// Whether the code is that of a message that wants an answer.
pub(super) fn is_request(code: Code) -> bool {
    Method::from_code(code).is_some() || matches!(code, Code::AUTH | Code::BIND | Code::UNBIND)
}

const fn header_of(open: &Open) -> Header {
    let Open { request_id, endpoint_id, code, .. } = *open;
    Header { code, request_id, endpoint_id, session_id: 0, multipart: false }
}

/// Session id of AUTH (section 3.2).
const NO_SESSION: u32 = 0xFFFF_FFFF;

/// Status of an orderly Close (section 2.7).
const NORMAL: u16 = 1000;

/// Events that may wait before violations are only counted.
const MOST_EVENTS: usize = 1024;
