//! The order against a plain model: per entity a list of what was accepted, and a platform that takes what it is sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// One step of a random schedule.
#[derive(Clone, Debug)]
enum Step {
    /// An update comes for one of three entities.
    Live(u8, Kind, u32),
    /// The oldest append becomes durable, or fails.
    Commit(bool),
    /// The platform answers one of the messages on their way.
    Answer(u8, Answer),
    /// An answer comes to a message that was given up as unanswered.
    Late(u8),
    Suspend,
    Resume,
    Pass(u16),
    Nudge(u8),
    /// The process dies and starts again with what is on disk.
    Restart,
}

/// What was accepted, with its number; unique over stored and live.
#[derive(Clone, Debug)]
struct Update {
    number: u64,
    kind: Kind,
    size_bytes: u32,
}

/// The shell around the order: a disk, a link and a platform, all of them plain lists.
struct World {
    order: Order,
    now: Instant,
    entities: Vec<Arc<str>>,
    updates: BTreeMap<u64, (usize, Update)>,
    /// Accepted and neither confirmed, answered with a refusal, nor given up; in order of acceptance.
    open: Vec<VecDeque<u64>>,
    /// Appends on their way: entity and number.
    appends: VecDeque<(usize, u64, bool)>,
    /// On disk: place to number.
    disk: BTreeMap<u64, (usize, u64)>,
    next_seq: u64,
    next_number: u64,
    flights: Vec<(Flight, usize, Vec<u64>)>,
    unanswered: Vec<(Flight, Vec<u64>)>,
    confirmed: Vec<u64>,
    dead: Vec<u64>,
    is_open: bool,
    max_bytes: u64,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn new() -> Self {
        let now = Instant::now();
        let limits = limits();
        Self {
            max_bytes: limits.max_message_bytes,
            order: Order::new(limits, now, 1_000_000_000),
            now,
            entities: ["Things/A", "Things/B", "Things/C"].map(Arc::from).to_vec(),
            updates: BTreeMap::new(),
            open: vec![VecDeque::new(); 3],
            appends: VecDeque::new(),
            disk: BTreeMap::new(),
            next_seq: 1,
            next_number: 1,
            flights: Vec::new(),
            unanswered: Vec::new(),
            confirmed: Vec::new(),
            dead: Vec::new(),
            is_open: false,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Live(entity, kind, size_bytes) => self.live(usize::from(entity % 3), kind, size_bytes),
            Step::Commit(succeeds) => self.commit(succeeds),
            Step::Answer(which, answer) => self.answer(usize::from(which), answer),
            Step::Late(which) => {
                if self.unanswered.is_empty() {
                    return;
                }
                let (flight, numbers) = self.unanswered.remove(usize::from(which) % self.unanswered.len());
                self.confirmed.extend(numbers);
                self.order.answered(flight, Answer::Done, self.now);
            }
            Step::Suspend => {
                self.is_open = false;
                self.flights.clear();
                self.unanswered.clear();
                self.order.suspend();
            }
            Step::Resume => {
                self.is_open = true;
                self.order.resume();
            }
            Step::Pass(ms) => self.now += Duration::from_millis(u64::from(ms)),
            Step::Nudge(entity) => self.order.nudge(&self.entities[usize::from(entity % 3)].clone()),
            Step::Restart => self.restart(),
        }
        self.drain();
    }

    fn live(&mut self, entity: usize, kind: Kind, size_bytes: u32) {
        let number = self.next_number;
        self.next_number += 1;
        let key = Arc::clone(&self.entities[entity]);
        let backlog = self.order.has_backlog(&key);
        match self.order.admit(&key, number, kind, size_bytes) {
            Admission::Relay(flight) => {
                assert!(self.is_open && !backlog, "relayed past a backlog, or without a connection");
                assert!(self.open[entity].is_empty(), "relayed beside an unanswered update");
                self.accept(entity, Update { number, kind, size_bytes });
                self.flights.push((flight, entity, vec![number]));
            }
            Admission::Wait => self.accept(entity, Update { number, kind, size_bytes }),
            Admission::Commit => {
                self.accept(entity, Update { number, kind, size_bytes });
                self.appends.push_back((entity, number, false));
            }
            Admission::Refuse => assert!(self.is_open && !backlog, "only memory is bounded here"),
        }
    }

    fn accept(&mut self, entity: usize, update: Update) {
        self.open[entity].push_back(update.number);
        self.updates.insert(update.number, (entity, update));
    }

    fn commit(&mut self, succeeds: bool) {
        let Some((entity, number, _)) = self.appends.pop_front() else { return };
        if !succeeds {
            self.close(entity, number);
            self.order.append_failed(&self.entities[entity].clone());
            return;
        }
        let update = &self.updates[&number].1;
        let seq = self.next_seq;
        self.next_seq += 1;
        self.disk.insert(seq, (entity, number));
        let entry = Entry {
            seq,
            entity: Arc::clone(&self.entities[entity]),
            kind: update.kind,
            size_bytes: update.size_bytes,
            stored_ms: 1_000_000_000,
        };
        self.order.committed(entry, Some(number));
    }

    fn answer(&mut self, which: usize, answer: Answer) {
        if self.flights.is_empty() {
            return;
        }
        let (flight, _, numbers) = self.flights.remove(which % self.flights.len());
        if answer == Answer::Done {
            self.confirmed.extend(&numbers);
        }
        if answer == Answer::Unanswered {
            self.unanswered.push((flight, numbers));
        }
        self.order.answered(flight, answer, self.now);
    }

    fn restart(&mut self) {
        // What was only in memory has had no answer: its sender still holds it.
        for open in &mut self.open {
            let disk: Vec<_> = self.disk.values().map(|(_, number)| *number).collect();
            open.retain(|number| disk.contains(number));
        }
        self.appends.clear();
        self.flights.clear();
        self.unanswered.clear();
        self.is_open = false;
        self.order = Order::new(limits(), self.now, 1_000_000_000);
        let entries = self.disk.iter().map(|(seq, (entity, number))| Entry {
            seq: *seq,
            entity: Arc::clone(&self.entities[*entity]),
            kind: self.updates[number].1.kind,
            size_bytes: self.updates[number].1.size_bytes,
            stored_ms: 1_000_000_000,
        });
        self.order.restore(entries);
    }

    fn drain(&mut self) {
        while let Some(action) = self.order.poll(self.now) {
            self.carry_out(action);
        }
        let progress = self.order.progress(self.now);
        assert_eq!(progress.records, self.disk.len() as u64, "the count of records is that of the disk");
        let bytes: u64 =
            self.disk.values().map(|(_, number)| u64::from(self.updates[number].1.size_bytes)).sum();
        assert_eq!(progress.bytes, bytes);
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Send { flight, entity, ids } => self.sent(flight, &entity, &ids),
            Action::Commit { entity, tokens } => {
                let entity = self.index(&entity);
                self.appends.extend(tokens.into_iter().map(|token| (entity, token, true)));
            }
            Action::Delivered { entity, seqs } => {
                let entity = self.index(&entity);
                for seq in seqs {
                    let (of, number) = self.disk.remove(&seq).expect("delivered once, and it was on disk");
                    assert_eq!(of, entity);
                    assert!(self.confirmed.contains(&number), "deleted without the platform's word");
                    self.close(entity, number);
                }
            }
            Action::Reply { tokens, answer } => {
                for token in tokens {
                    let entity = self.updates[&token].0;
                    assert!(
                        answer != Answer::Done || self.confirmed.contains(&token),
                        "200 without the platform's word"
                    );
                    self.close(entity, token);
                }
            }
            Action::GiveUp { entity, seqs, .. } => {
                let entity = self.index(&entity);
                for seq in seqs {
                    let (_, number) = self.disk.remove(&seq).expect("given up once, and it was on disk");
                    self.dead.push(number);
                    self.close(entity, number);
                }
            }
        }
    }

    fn sent(&mut self, flight: Flight, entity: &Arc<str>, ids: &[Id]) {
        assert!(self.is_open, "sent without a connection");
        let entity = self.index(entity);
        assert!(self.flights.iter().all(|(_, of, _)| *of != entity), "two unanswered updates of one entity");
        let numbers: Vec<_> = ids
            .iter()
            .map(|id| match id {
                Id::Live(token) => *token,
                Id::Stored(seq) => self.disk[seq].1,
            })
            .collect();
        let front: Vec<_> = self.open[entity].iter().take(numbers.len()).copied().collect();
        assert_eq!(numbers, front, "the oldest open updates of the entity, in order");
        if numbers.len() > 1 {
            let all = numbers.iter().map(|number| &self.updates[number].1);
            assert!(all.clone().all(|update| update.kind == Kind::Push), "only pushes are merged");
            assert!(all.map(|update| u64::from(update.size_bytes)).sum::<u64>() <= self.max_bytes);
        }
        self.flights.push((flight, entity, numbers));
    }

    fn close(&mut self, entity: usize, number: u64) {
        let at = self.open[entity].iter().position(|open| *open == number).expect("answered exactly once");
        self.open[entity].remove(at);
    }

    fn index(&self, entity: &Arc<str>) -> usize {
        self.entities.iter().position(|known| known == entity).expect("one of ours")
    }

    /// Everything heals: whatever is still open must arrive.
    fn heal(&mut self) {
        self.step(Step::Resume);
        for _ in 0..2000 {
            while !self.appends.is_empty() {
                self.step(Step::Commit(true));
            }
            if !self.flights.is_empty() {
                self.step(Step::Answer(0, Answer::Done));
                continue;
            }
            if self.open.iter().all(VecDeque::is_empty) {
                return;
            }
            let next = self.order.next_poll(self.now).expect("something is open, so something is planned");
            self.now = self.now.max(next);
            self.step(Step::Pass(0));
        }
        panic!("not delivered in 2000 steps: {:?}", self.open);
    }
}

fn limits() -> Limits {
    Limits { max_message_bytes: 100, max_merged: 5, max_live_waiting: 6, window: 2, ..Limits::default() }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![4 => Just(Kind::Push), 1 => Just(Kind::Write), 1 => Just(Kind::Event)];
    let answer = prop_oneof![
        6 => Just(Answer::Done),
        2 => Just(Answer::Unanswered),
        3 => prop_oneof![Just(0x80_u8), Just(0x81), Just(0x84), Just(0x8D), Just(0xA0), Just(0xA3)].prop_map(Answer::Refused),
    ];
    let step = prop_oneof![
        8 => (0..3_u8, kind, 1..60_u32).prop_map(|(entity, kind, size)| Step::Live(entity, kind, size)),
        8 => proptest::bool::weighted(0.95).prop_map(Step::Commit),
        8 => (any::<u8>(), answer).prop_map(|(which, answer)| Step::Answer(which, answer)),
        2 => any::<u8>().prop_map(Step::Late),
        1 => Just(Step::Suspend),
        3 => Just(Step::Resume),
        4 => (0..5000_u16).prop_map(Step::Pass),
        1 => (0..3_u8).prop_map(Step::Nudge),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn under_any_schedule_updates_keep_their_order_and_arrive(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.heal();
        // Whatever was accepted was confirmed, given up with a reason, or refused to its sender: `close` saw each once.
        prop_assert!(world.disk.is_empty());
        prop_assert_eq!(world.order.progress(world.now).entities, 0);
        prop_assert!(world.order.lanes.is_empty(), "nothing is kept for an entity without updates");
        prop_assert!(world.order.flights.is_empty() && world.order.sleeping.is_empty());
    }
}
