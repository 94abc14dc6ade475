//! Exactly one answer on the wire to each request of the platform, whatever its owner does.

use std::collections::HashMap;

use edgebind_alwayson::{Event, Frame, Header, InboundId, Response, SessionSettings};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// The platform asks.
    Asks,
    /// It uses the number of an earlier request again, which may be open still.
    AsksAgain(prop::sample::Index),
    /// The owner answers a request, perhaps one that has been answered; the size of the answer.
    Answers(prop::sample::Index, usize),
    /// The owner hands in what cannot be sent.
    AnswersTooMuch(prop::sample::Index),
    /// Something that is no request.
    Noise(Vec<u8>),
    Wait(u32),
    /// The writer takes what is to be written only now and then.
    Write,
}

/// An edge and what was seen on its wire.
struct Wire {
    now: f64,
    edge: EdgeSession,
    last_id: u32,
    asked: HashMap<u32, usize>,
    answered: HashMap<u32, usize>,
    known: Vec<InboundId>,
}

impl Wire {
    fn step(&mut self, step: Step) {
        match step {
            Step::Asks => {
                self.last_id += 1;
                self.ask(self.last_id);
            }
            Step::AsksAgain(which) if self.last_id > 0 => {
                let id = u32::try_from(which.index(self.last_id as usize)).unwrap() + 1;
                self.ask(id);
            }
            Step::Answers(which, size) => self.answer(which, size),
            Step::AnswersTooMuch(which) => self.answer(which, settings().max_message_bytes + 1),
            Step::Noise(bytes) => self.edge.receive(at(self.now), bytes.into()),
            Step::Wait(millis) => self.wait(f64::from(millis) / 1000.0),
            Step::Write => self.write(),
            Step::AsksAgain(_) => {}
        }
        while let Some(event) = self.edge.poll_event() {
            if let Event::Requested { id, .. } = event {
                self.known.push(id);
            }
        }
    }

    fn ask(&mut self, id: u32) {
        *self.asked.entry(id).or_default() += 1;
        self.edge.receive(at(self.now), asked(id));
    }

    fn answer(&mut self, which: prop::sample::Index, size: usize) {
        if !self.known.is_empty() {
            let id = *which.get(&self.known);
            let table = InfoTable::single("result", Value::string("y".repeat(size)));
            // It may have been answered, its time may be over, it may be too large: the wire is looked at.
            let _ = self.edge.respond(at(self.now), id, Response::table(table));
        }
    }

    fn wait(&mut self, seconds: f64) {
        let end = at(self.now + seconds);
        while let Some(due) = self.edge.poll_timeout().filter(|due| *due <= end) {
            self.edge.handle_timeout(due);
            // The platform is alive: what it says does not matter.
            self.edge.receive_pong(due, Bytes::new());
            self.write();
        }
        self.now += seconds;
    }

    fn write(&mut self) {
        while let Some(frame) = self.edge.poll_frame() {
            let bytes = match frame {
                Frame::Ping(payload) => {
                    self.edge.receive_pong(at(self.now), payload);
                    continue;
                }
                Frame::Binary(bytes) => bytes,
                other => panic!("the session ended: {other:?}"),
            };
            let header = Header::decode(&bytes).unwrap();
            let is_first = !header.multipart || bytes[Header::LEN..Header::LEN + 2] == [0, 1];
            if is_first && header.code.is_response() {
                *self.answered.entry(header.request_id).or_default() += 1;
            }
        }
    }
}

fn settings() -> SessionSettings {
    SessionSettings {
        chunk_bytes: 256,
        max_message_bytes: 2500,
        max_inbound: 5,
        ..SessionSettings::default()
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        10 => Just(Step::Asks),
        2 => index().prop_map(Step::AsksAgain),
        10 => (index(), 0..900_usize).prop_map(|(which, size)| Step::Answers(which, size)),
        1 => index().prop_map(Step::AnswersTooMuch),
        1 => prop::collection::vec(any::<u8>(), 0..10).prop_map(Step::Noise),
        3 => (0..40_000_u32).prop_map(Step::Wait),
        4 => Just(Step::Write),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #[test]
    fn each_request_of_the_platform_has_exactly_one_answer_whatever_its_owner_does(steps in steps()) {
        let mut wire = Wire {
            now: 0.0,
            edge: authenticated_edge(settings()),
            last_id: 0,
            asked: HashMap::new(),
            answered: HashMap::new(),
            known: Vec::new(),
        };
        for step in steps {
            wire.step(step);
        }
        // An owner that never answers is answered for.
        wire.wait(3600.0);
        wire.write();
        prop_assert_eq!(&wire.answered, &wire.asked);
        prop_assert_eq!(wire.edge.inbound(), 0);
    }
}
