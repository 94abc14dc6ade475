//! The plan under random schedules: answers that come late, in any order, or not at all, while things come and go.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Desire(usize),
    Release(usize),
    /// The plan may send what is due.
    Send,
    /// The platform takes the oldest, or a later, message and answers it.
    Answer(prop::sample::Index),
    /// It takes one, and its answer is lost; or it is lost itself.
    Lose(prop::sample::Index, bool),
    /// A reading of isConnected says no.
    Unconfirmed(usize),
    /// Another session takes a name, or lets it go.
    Hold(usize),
    Free(usize),
    Pass(u16),
    Down,
    Up,
}

/// A plan, the things behind it, and a platform that takes BINDs as a whole.
struct World {
    plan: BindPlan,
    now: Instant,
    online: bool,
    desired: HashSet<usize>,
    /// Last news of each name.
    news: BTreeMap<usize, BindEvent>,
    under_way: Vec<Dispatch>,
    held: HashSet<usize>,
    on_platform: HashSet<usize>,
    sent: Vec<Instant>,
}

impl World {
    fn new() -> Self {
        let now = crate::tests::instant();
        let limits =
            Limits { join: Duration::from_millis(5), batch_bytes: 60, window: WINDOW, rate_per_s: RATE };
        Self {
            plan: BindPlan::new(limits, now),
            now,
            online: false,
            desired: HashSet::new(),
            news: BTreeMap::new(),
            under_way: Vec::new(),
            held: HashSet::new(),
            on_platform: HashSet::new(),
            sent: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Desire(n) => self.desire(*n),
            Step::Release(n) => {
                self.desired.remove(n);
                self.news.remove(n);
                self.plan.release(&name(*n), self.now);
            }
            Step::Send => self.send(),
            Step::Answer(which) if !self.under_way.is_empty() => {
                let dispatch = self.under_way.remove(which.index(self.under_way.len()));
                let answer = self.take(&dispatch);
                self.plan.answered(dispatch.id, &answer, self.now);
            }
            Step::Lose(which, taken) if !self.under_way.is_empty() => {
                let dispatch = self.under_way.remove(which.index(self.under_way.len()));
                if *taken {
                    self.take(&dispatch);
                }
                self.plan.answered(dispatch.id, &Answer::Unanswered, self.now);
            }
            Step::Unconfirmed(n) => self.plan.unconfirmed(&name(*n)),
            Step::Hold(n) if !self.on_platform.contains(n) => drop(self.held.insert(*n)),
            Step::Free(n) => drop(self.held.remove(n)),
            Step::Pass(ms) => self.now += Duration::from_millis((*ms).into()),
            Step::Down => self.down(),
            Step::Up if !self.online => {
                self.online = true;
                self.plan.link_up(self.now);
            }
            Step::Answer(_) | Step::Lose(..) | Step::Hold(_) | Step::Up => {}
        }
        self.look();
    }

    fn desire(&mut self, n: usize) {
        self.desired.insert(n);
        self.news.remove(&n);
        self.plan.desire(name(n), self.now);
    }

    fn down(&mut self) {
        self.online = false;
        self.under_way.clear();
        self.on_platform.clear();
        self.plan.link_down();
    }

    fn send(&mut self) {
        while let Some(dispatch) = self.plan.poll(None, self.now) {
            assert!(self.online && !dispatch.bind.names.is_empty());
            let others = self.under_way.iter().filter(|other| !other.bind.unbind && !dispatch.bind.unbind);
            for other in others {
                let twice = dispatch.bind.names.iter().any(|name| other.bind.names.contains(name));
                assert!(!twice, "one name in two BINDs: {dispatch:?} and {other:?}");
            }
            self.under_way.push(dispatch);
            assert!(self.under_way.len() <= WINDOW);
            self.sent.push(self.now);
        }
        let second = self.now.checked_sub(Duration::from_secs(1)).expect("not so long ago");
        let recent = self.sent.iter().filter(|sent| **sent > second).count();
        assert!(recent <= RATE as usize + RATE as usize / 10 + 1, "{recent} in a second");
    }

    /// What the platform does with a message.
    fn take(&mut self, dispatch: &Dispatch) -> Answer {
        let names: Vec<usize> = dispatch.bind.names.iter().map(|name| name[1..].parse().unwrap()).collect();
        if dispatch.bind.unbind {
            self.on_platform.retain(|n| !names.contains(n));
            return Answer::Accepted;
        }
        if names.iter().any(|n| self.held.contains(n)) {
            let reason = "bound by another connection".to_owned();
            return Answer::Refused { code: Code::PRECONDITION_FAILED, reason };
        }
        self.on_platform.extend(names);
        Answer::Accepted
    }

    /// At any time: bound, on its way, or told why not.
    fn look(&mut self) {
        while let Some(Outcome { name, event }) = self.plan.poll_outcome() {
            self.news.insert(name.as_str()[1..].parse().unwrap(), event);
        }
        let bound = (0..NAMES).filter(|n| self.plan.is_bound(&name(*n))).count();
        assert_eq!(self.plan.bound(), bound);
        for n in &self.desired {
            let known = self.plan.names.contains_key(&name(*n));
            let news = self.news.get(n);
            let told = matches!(news, Some(BindEvent::Refused { .. } | BindEvent::Unconfirmed));
            assert!(known || told, "{n} is desired, and neither bound, nor on its way, nor told: {news:?}");
        }
    }

    /// The link is new, nobody holds anything, and each thing that was told asks again.
    fn heal(&mut self) {
        self.down();
        self.held.clear();
        self.step(&Step::Up);
        for n in self.desired.clone() {
            self.desire(n);
        }
        for _ in 0..1000 {
            self.send();
            if !self.under_way.is_empty() {
                let dispatch = self.under_way.remove(0);
                let answer = self.take(&dispatch);
                self.plan.answered(dispatch.id, &answer, self.now);
            } else if let Some(wake) = self.plan.next_wake(self.now) {
                self.now = self.now.max(wake);
            } else {
                return;
            }
            self.look();
        }
        panic!("not settled in 1000 steps");
    }
}

fn name(n: usize) -> ThingName {
    ThingName::parse(&format!("t{n}")).unwrap()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<prop::sample::Index>;
    let step = prop_oneof![
        8 => (0..NAMES).prop_map(Step::Desire),
        3 => (0..NAMES).prop_map(Step::Release),
        8 => Just(Step::Send),
        6 => index().prop_map(Step::Answer),
        2 => (index(), any::<bool>()).prop_map(|(which, taken)| Step::Lose(which, taken)),
        1 => (0..NAMES).prop_map(Step::Unconfirmed),
        2 => (0..NAMES).prop_map(Step::Hold),
        2 => (0..NAMES).prop_map(Step::Free),
        6 => (0..100_u16).prop_map(Step::Pass),
        1 => Just(Step::Down),
        3 => Just(Step::Up),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn under_any_schedule_a_desired_thing_is_bound_or_on_its_way_or_told_why_not(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
        world.heal();
        let bound: HashSet<usize> = (0..NAMES).filter(|n| world.plan.is_bound(&name(*n))).collect();
        prop_assert_eq!(&bound, &world.desired);
        prop_assert_eq!(&world.on_platform, &world.desired, "the platform and the plan agree");
        prop_assert!(world.plan.is_settled());
    }
}

const NAMES: usize = 12;
const WINDOW: usize = 3;
const RATE: u32 = 50;
