//! Two sessions joined by a pipe that may lose, delay and spoil, in random orders of events.

use std::collections::{HashMap, HashSet};

use edgebind_alwayson::{
    Event, Frame, Header, InboundId, Response, SendError, SessionSettings, State, Violation,
};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// The edge asks; the size of the message and an own timeout.
    EdgeAsks(usize, Option<u16>),
    EdgeBinds,
    PlatformAsks(usize, Option<u16>),
    /// The owner answers one of the requests it knows, perhaps one that has been answered.
    EdgeAnswers(prop::sample::Index, usize),
    PlatformAnswers(prop::sample::Index, usize),
    /// The pipe delivers up to so many frames to the platform, or to the edge.
    ToPlatform(usize),
    ToEdge(usize),
    /// The next frame is lost, changed, or comes twice.
    Lose(bool),
    Spoil(bool, prop::sample::Index, u8),
    Repeat(bool),
    Wait(u32),
    Probe,
    AuthenticateAgain,
    RefuseNextAuth,
    CloseEdge,
    ClosePlatform,
    Break,
}

fn step(is_lossy: bool) -> impl Strategy<Value = Step> {
    let size = prop_oneof![8 => 0..50_usize, 2 => 200..3000_usize];
    let timeout = prop::option::of(0..20_000_u16);
    let common = prop_oneof![
        6 => (size.clone(), timeout.clone()).prop_map(|(size, timeout)| Step::EdgeAsks(size, timeout)),
        2 => Just(Step::EdgeBinds),
        6 => (size.clone(), timeout).prop_map(|(size, timeout)| Step::PlatformAsks(size, timeout)),
        6 => (any::<prop::sample::Index>(), size.clone()).prop_map(|(which, size)| Step::EdgeAnswers(which, size)),
        6 => (any::<prop::sample::Index>(), size).prop_map(|(which, size)| Step::PlatformAnswers(which, size)),
        8 => (1..20_usize).prop_map(Step::ToPlatform),
        8 => (1..20_usize).prop_map(Step::ToEdge),
        4 => (0..20_000_u32).prop_map(Step::Wait),
        1 => Just(Step::Probe),
        1 => Just(Step::AuthenticateAgain),
        1 => Just(Step::RefuseNextAuth),
    ];
    if is_lossy {
        prop_oneof![
            30 => common,
            2 => any::<bool>().prop_map(Step::Lose),
            3 => any::<(bool, prop::sample::Index, u8)>().prop_map(|(to, place, byte)| Step::Spoil(to, place, byte)),
            1 => any::<bool>().prop_map(Step::Repeat),
            1 => prop_oneof![Just(Step::CloseEdge), Just(Step::ClosePlatform), Just(Step::Break)],
        ]
        .boxed()
    } else {
        common.boxed()
    }
}

/// What has become of the requests of one end.
#[derive(Default)]
struct Ledger {
    open: HashSet<RequestId>,
    ended: HashSet<RequestId>,
    inbound: Vec<InboundId>,
    /// Answers taken by the session, by inbound id.
    answers: HashMap<InboundId, usize>,
    closed: usize,
    /// Requests that ended otherwise than by an answer.
    unanswered: usize,
}

impl Ledger {
    fn event(&mut self, event: &Event) {
        assert_eq!(self.closed, 0, "an event behind Closed: {event:?}");
        match event {
            Event::Answered { id, .. }
            | Event::Garbled { id, .. }
            | Event::Expired { id }
            | Event::Lost { id } => {
                assert!(self.open.remove(id), "ended twice, or never sent: {event:?}");
                self.ended.insert(*id);
                self.unanswered += usize::from(!matches!(event, Event::Answered { .. }));
            }
            Event::Late { id, .. } => assert!(self.ended.contains(id), "late but not ended: {event:?}"),
            Event::Requested { id, .. } | Event::BindRequested { id, .. } => {
                assert!(!self.inbound.contains(id), "asked twice: {event:?}");
                self.inbound.push(*id);
            }
            Event::Violation(Violation { reason, .. }) => assert!(!reason.is_empty()),
            Event::Closed { .. } => {
                assert!(self.open.is_empty(), "neither answered nor lost: {:?}", self.open);
                self.closed += 1;
            }
            _ => {}
        }
    }

    fn sent(&mut self, result: Result<RequestId, SendError>) {
        if let Ok(id) = result {
            assert!(!self.ended.contains(&id) && self.open.insert(id), "id given twice: {id}");
        }
    }

    fn answered(&mut self, id: InboundId, result: &Result<(), SendError>) {
        if !matches!(result, Err(SendError::NotOpen | SendError::Closed | SendError::Congested { .. })) {
            let count = self.answers.entry(id).or_default();
            *count += 1;
            assert_eq!(*count, 1, "answered twice: {id:?}");
        }
    }
}

struct World {
    now: f64,
    edge: EdgeSession,
    platform: PlatformSession,
    to_platform: Vec<Frame>,
    to_edge: Vec<Frame>,
    edge_ledger: Ledger,
    platform_ledger: Ledger,
    refuse_next: bool,
    /// Whole requests of the edge that reached the platform, and answers that came back, by request id.
    asked_on_the_wire: HashMap<u32, usize>,
    answers_on_the_wire: HashMap<u32, usize>,
}

fn settings() -> SessionSettings {
    SessionSettings {
        chunk_bytes: 256,
        max_message_bytes: 2500,
        max_pending: 6,
        max_inbound: 5,
        max_queued_bytes: 10_000,
        max_reassemblies: 3,
        max_reassembly_bytes: 5000,
        ..SessionSettings::default()
    }
}

impl World {
    fn new() -> Self {
        Self {
            now: 0.0,
            edge: EdgeSession::new(settings(), KEY.to_owned(), u32::MAX - 3, at(0.0)),
            platform: PlatformSession::new(settings(), at(0.0)),
            to_platform: Vec::new(),
            to_edge: Vec::new(),
            edge_ledger: Ledger::default(),
            platform_ledger: Ledger::default(),
            refuse_next: false,
            asked_on_the_wire: HashMap::new(),
            answers_on_the_wire: HashMap::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let now = at(self.now);
        let timeout = |millis: Option<u16>| millis.map(|millis| Duration::from_millis(millis.into()));
        match step {
            Step::EdgeAsks(size, wait) => {
                self.edge_ledger.sent(self.edge.request(now, long(size), timeout(wait)))
            }
            Step::EdgeBinds => self.edge_ledger.sent(self.edge.bind(now, bind())),
            Step::PlatformAsks(size, wait) => {
                self.platform_ledger.sent(self.platform.request(now, long(size), timeout(wait)));
            }
            Step::EdgeAnswers(which, size) if !self.edge_ledger.inbound.is_empty() => {
                let id = *which.get(&self.edge_ledger.inbound);
                let result = self.edge.respond(now, id, answer(size));
                self.edge_ledger.answered(id, &result);
            }
            Step::PlatformAnswers(which, size) if !self.platform_ledger.inbound.is_empty() => {
                let id = *which.get(&self.platform_ledger.inbound);
                let result = self.platform.respond(now, id, answer(size));
                self.platform_ledger.answered(id, &result);
            }
            Step::ToPlatform(count) => self.deliver(true, count),
            Step::ToEdge(count) => self.deliver(false, count),
            Step::Lose(to_platform) => _ = self.take(to_platform),
            Step::Spoil(to_platform, place, byte) => {
                if let Some(Frame::Binary(bytes)) = self.pipe(to_platform).first_mut()
                    && !bytes.is_empty()
                {
                    let mut spoiled = bytes.to_vec();
                    let place = place.index(spoiled.len());
                    spoiled[place] = byte;
                    *bytes = spoiled.into();
                }
            }
            Step::Repeat(to_platform) => {
                let pipe = self.pipe(to_platform);
                if let Some(frame) = pipe.first().cloned() {
                    pipe.insert(0, frame);
                }
            }
            Step::Wait(millis) => self.wait(f64::from(millis) / 1000.0),
            Step::Probe => self.edge.probe(now),
            Step::AuthenticateAgain => self.edge.authenticate_again(now, None),
            Step::RefuseNextAuth => self.refuse_next = true,
            Step::CloseEdge => self.edge.close(now, 1000, "Normal Close bye"),
            Step::ClosePlatform => self.platform.close(now, 1001, "Going to Sleep"),
            Step::Break => {
                self.edge.connection_lost(now, "broken");
                self.platform.connection_lost(now, "broken");
            }
            Step::EdgeAnswers(..) | Step::PlatformAnswers(..) => {}
        }
        self.settle();
    }

    /// Passes time; each end is called at its own deadlines, as its owner would.
    fn wait(&mut self, seconds: f64) {
        let end = at(self.now + seconds);
        loop {
            let due = [self.edge.poll_timeout(), self.platform.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            self.edge.handle_timeout(due);
            self.platform.handle_timeout(due);
            assert!(
                self.edge.poll_timeout().is_none_or(|next| next > due),
                "the edge has a deadline in the past"
            );
            assert!(
                self.platform.poll_timeout().is_none_or(|next| next > due),
                "the platform has one in the past"
            );
            self.settle();
        }
        self.now += seconds;
    }

    fn deliver(&mut self, to_platform: bool, count: usize) {
        for _ in 0..count {
            let Some(frame) = self.take(to_platform) else { break };
            let now = at(self.now);
            match (to_platform, frame) {
                (true, Frame::Binary(bytes)) => self.platform.receive(now, bytes),
                (true, Frame::Ping(payload)) => self.platform.receive_ping(now, payload),
                (true, Frame::Pong(payload)) => self.platform.receive_pong(now, payload),
                (true, Frame::Close { code, text }) => self.platform.receive_close(now, Some(code), text),
                (false, Frame::Binary(bytes)) => self.edge.receive(now, bytes),
                (false, Frame::Ping(payload)) => self.edge.receive_ping(now, payload),
                (false, Frame::Pong(payload)) => self.edge.receive_pong(now, payload),
                (false, Frame::Close { code, text }) => self.edge.receive_close(now, Some(code), text),
            }
            self.settle();
        }
    }

    fn take(&mut self, to_platform: bool) -> Option<Frame> {
        let pipe = self.pipe(to_platform);
        if pipe.is_empty() { None } else { Some(pipe.remove(0)) }
    }

    fn pipe(&mut self, to_platform: bool) -> &mut Vec<Frame> {
        if to_platform { &mut self.to_platform } else { &mut self.to_edge }
    }

    /// Takes out frames and events of both ends and checks the bounds.
    fn settle(&mut self) {
        let bound = settings();
        let longest = bound.max_queued_bytes + 2 * bound.max_message_bytes;
        assert!(self.edge.queued_bytes() <= longest && self.platform.queued_bytes() <= longest);
        assert!(self.edge.pending() <= bound.max_pending && self.platform.pending() <= bound.max_pending);
        assert!(self.edge.inbound() <= bound.max_inbound && self.platform.inbound() <= bound.max_inbound);
        while let Some(event) = self.edge.poll_event() {
            self.edge_ledger.event(&event);
        }
        let now = at(self.now);
        while let Some(event) = self.platform.poll_event() {
            self.platform_ledger.event(&event);
            if let Event::AuthRequested { id, .. } = event {
                let decided = if std::mem::take(&mut self.refuse_next) {
                    self.platform.refuse(now, id, Code::UNAUTHORIZED, "no")
                } else {
                    self.platform.accept(now, id, 1001)
                };
                assert!(
                    matches!(decided, Ok(()) | Err(SendError::Congested { .. } | SendError::Closed)),
                    "{decided:?}"
                );
            }
        }
        while let Some(frame) = self.edge.poll_frame() {
            count(&frame, &mut self.asked_on_the_wire, |header| !header.code.is_response());
            self.to_platform.push(frame);
        }
        while let Some(frame) = self.platform.poll_frame() {
            count(&frame, &mut self.answers_on_the_wire, |header| header.code.is_response());
            self.to_edge.push(frame);
        }
        assert_eq!(self.edge.pending(), self.edge_ledger.open.len());
        assert_eq!(self.platform.pending(), self.platform_ledger.open.len());
    }

    /// Delivers everything and answers everything; false if there was nothing to do.
    fn answer_all(&mut self) -> bool {
        let now = at(self.now);
        let is_idle = self.to_edge.is_empty() && self.to_platform.is_empty();
        self.deliver(true, usize::MAX);
        self.deliver(false, usize::MAX);
        for id in std::mem::take(&mut self.edge_ledger.inbound) {
            let _ = self.edge.respond(now, id, answer(1));
        }
        for id in std::mem::take(&mut self.platform_ledger.inbound) {
            let _ = self.platform.respond(now, id, answer(1));
        }
        self.settle();
        !is_idle || !self.to_edge.is_empty() || !self.to_platform.is_empty()
    }

    /// Ends both sessions; nothing may be left open.
    fn end(&mut self) {
        self.edge.close(at(self.now), 1000, "Normal Close");
        self.platform.close(at(self.now), 1000, "Normal Close");
        self.settle();
        for ledger in [&self.edge_ledger, &self.platform_ledger] {
            assert!(ledger.open.is_empty());
            assert_eq!(ledger.closed, 1);
        }
        assert_eq!((self.edge.state(), self.platform.state()), (State::Closed, State::Closed));
    }
}

/// Counts whole messages and first chunks.
fn count(frame: &Frame, counts: &mut HashMap<u32, usize>, is_meant: impl Fn(&Header) -> bool) {
    if let Frame::Binary(bytes) = frame {
        let header = Header::decode(bytes).unwrap();
        let is_first = !header.multipart || bytes[Header::LEN..Header::LEN + 2] == [0, 1];
        if is_first && is_meant(&header) {
            *counts.entry(header.request_id).or_default() += 1;
        }
    }
}

fn answer(size: usize) -> Response {
    Response::table(InfoTable::single("result", Value::string("y".repeat(size))))
}

proptest! {
    #[test]
    fn every_request_ends_once_over_a_pipe_that_loses_and_spoils(steps in prop::collection::vec(step(true), 1..120)) {
        let mut world = World::new();
        world.deliver(true, 1);
        world.deliver(false, 1);
        for step in steps {
            world.step(step);
        }
        world.end();
    }

    #[test]
    fn over_a_sound_pipe_nothing_is_a_violation_and_no_request_is_answered_twice(
        steps in prop::collection::vec(step(false), 1..120),
    ) {
        let mut world = World::new();
        world.deliver(true, 1);
        world.deliver(false, 1);
        for step in steps {
            world.step(step);
        }
        prop_assert_eq!(world.edge.counts().violations, 0);
        for (request_id, answers) in &world.answers_on_the_wire {
            let asked = world.asked_on_the_wire.get(request_id).copied().unwrap_or_default();
            prop_assert!(*answers <= asked, "request {} was answered {} times, asked {}", request_id, answers, asked);
        }
        world.end();
    }

    #[test]
    fn over_a_sound_and_quick_pipe_every_request_is_answered(
        steps in prop::collection::vec(step(false).prop_filter("time stands still", |step| !matches!(step, Step::Wait(_))), 1..120),
    ) {
        let mut world = World::new();
        world.deliver(true, 1);
        world.deliver(false, 1);
        for step in steps {
            world.step(step);
        }
        while world.answer_all() {}
        for ledger in [&world.edge_ledger, &world.platform_ledger] {
            prop_assert_eq!((ledger.open.len(), ledger.unanswered), (0, 0));
        }
        prop_assert_eq!((world.edge.inbound(), world.platform.inbound()), (0, 0));
        world.end();
    }
}
