use proptest::prelude::*;

use super::*;

const LIMITS: Limits =
    Limits { join: Duration::from_millis(5), batch_bytes: 8_000, window: 4, rate_per_s: 50 };

/// A plan against a platform that refuses some names and perhaps the marker.
struct Bench {
    plan: BindPlan,
    now: Instant,
    gateway: Option<Gateway>,
    bad: HashSet<String>,
    bad_marker: bool,
    /// Everything, or what is bad, is held by another connection.
    held: Held,
    sent: Vec<Bind>,
    events: Vec<(String, BindEvent)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    Bad,
    Everything,
}

impl Bench {
    fn new() -> Self {
        let now = crate::tests::instant();
        Self {
            plan: BindPlan::new(LIMITS, now),
            now,
            gateway: None,
            bad: HashSet::new(),
            bad_marker: false,
            held: Held::Nothing,
            sent: Vec::new(),
            events: Vec::new(),
        }
    }

    fn desire(&mut self, names: &[&str]) {
        for name in names {
            self.plan.desire(ThingName::parse(name).unwrap(), self.now);
        }
    }

    /// The next message, when the open batch is full enough.
    fn next(&mut self) -> Dispatch {
        self.now = self.plan.next_wake(self.now).unwrap_or(self.now).max(self.now);
        self.plan.poll(self.gateway.as_ref(), self.now).unwrap()
    }

    fn verdict(&self, bind: &Bind) -> Answer {
        let refused = self.held == Held::Everything
            || bind.names.iter().any(|name| self.bad.contains(name))
            || (self.bad_marker && bind.gateway.is_some());
        if refused && !bind.unbind && self.held != Held::Nothing {
            Answer::Refused {
                code: Code::PRECONDITION_FAILED,
                reason: "bound by another connection".to_owned(),
            }
        } else if refused && !bind.unbind {
            Answer::Refused { code: Code::NOT_FOUND, reason: "unknown".to_owned() }
        } else {
            Answer::Accepted
        }
    }

    /// Lets time pass until nothing more happens.
    fn run(&mut self) {
        loop {
            while let Some(dispatch) = self.plan.poll(self.gateway.as_ref(), self.now) {
                let answer = self.verdict(&dispatch.bind);
                self.sent.push(dispatch.bind);
                self.plan.answered(dispatch.id, &answer, self.now);
            }
            while let Some(Outcome { name, event }) = self.plan.poll_outcome() {
                self.events.push((name.to_string(), event));
            }
            match self.plan.next_wake(self.now) {
                Some(wake) => self.now = wake.max(self.now),
                None => return,
            }
        }
    }

    fn bound(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .events
            .iter()
            .filter(|(_, event)| *event == BindEvent::Bound)
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    fn refused(&self) -> Vec<&str> {
        let refused = |event: &BindEvent| matches!(event, BindEvent::Refused { .. });
        self.events.iter().filter(|(_, event)| refused(event)).map(|(name, _)| name.as_str()).collect()
    }
}

#[test]
fn names_that_come_within_the_join_time_share_a_bind() {
    let mut bench = Bench::new();
    bench.plan.link_up(bench.now);
    bench.desire(&["a"]);
    bench.now += Duration::from_millis(3);
    bench.desire(&["b"]);
    assert!(bench.plan.poll(None, bench.now).is_none(), "the batch is still open");
    bench.run();
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.bound(), ["a", "b"]);
}

#[test]
fn everything_desired_is_bound_in_one_go_when_the_link_comes_up() {
    let mut bench = Bench::new();
    bench.desire(&["a", "b", "c"]);
    bench.run();
    assert!(bench.sent.is_empty(), "no BIND without a connection");
    bench.plan.link_up(bench.now);
    // A start that is still announcing things when the platform has accepted us.
    bench.now += Duration::from_millis(4);
    bench.desire(&["d"]);
    bench.run();
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.sent[0].names.len(), 4);
}

#[test]
fn a_steady_stream_of_names_holds_up_no_batch() {
    let mut bench = Bench::new();
    bench.plan.link_up(bench.now);
    let start = bench.now;
    let mut n = 0;
    while bench.plan.poll(None, bench.now).is_none() {
        bench.desire(&[&format!("t{n}")]);
        bench.now += Duration::from_millis(1);
        n += 1;
        assert!(n < 1_000, "the batch is never sent");
    }
    assert_eq!(bench.now - start, LIMITS.join * JOIN_AT_MOST);
}

#[test]
fn one_bad_name_among_many_is_singled_out_and_the_others_are_bound() {
    let mut bench = Bench::new();
    let names: Vec<String> = (0..500).map(|n| format!("t{n}")).collect();
    bench.bad.insert("t333".to_owned());
    bench.desire(&names.iter().map(String::as_str).collect::<Vec<_>>());
    bench.plan.link_up(bench.now);
    bench.run();
    assert_eq!(bench.refused(), ["t333"]);
    assert_eq!(bench.bound().len(), 499);
    assert!(bench.sent.len() <= 20, "{} messages", bench.sent.len());
}

#[test]
fn a_name_refused_once_stays_out_of_batches() {
    let mut bench = Bench::new();
    bench.bad.insert("bad".to_owned());
    bench.desire(&["bad"]);
    bench.plan.link_up(bench.now);
    bench.run();
    bench.sent.clear();
    bench.desire(&["bad", "good", "other"]);
    bench.run();
    let mut sent: Vec<Vec<String>> = bench.sent.iter().map(|bind| bind.names.clone()).collect();
    sent.sort();
    assert_eq!(sent, [vec!["bad".to_owned()], vec!["good".to_owned(), "other".to_owned()]]);
}

#[test]
fn a_refused_marker_harms_no_thing_and_is_known_afterwards() {
    let mut bench = Bench::new();
    bench.gateway = Some(Gateway { name: "GW".to_owned(), template: "EMSGateway".to_owned() });
    bench.bad_marker = true;
    bench.bad.insert("GW".to_owned());
    bench.desire(&["GW", "a", "b"]);
    bench.plan.link_up(bench.now);
    bench.run();
    assert_eq!(bench.bound(), ["a", "b"]);
    assert_eq!(bench.refused(), ["GW"]);
    assert!(bench.plan.marker_refused());
    bench.sent.clear();
    bench.desire(&["c"]);
    bench.run();
    assert_eq!(bench.sent.len(), 1);
    assert!(bench.sent[0].gateway.is_none());
}

#[test]
fn names_under_way_with_the_marker_when_it_is_found_to_be_bad_are_tried_without_it() {
    let mut bench = Bench::new();
    bench.gateway = Some(Gateway { name: "GW".to_owned(), template: "EMSGateway".to_owned() });
    bench.bad_marker = true;
    bench.desire(&["a", "b"]);
    bench.plan.link_up(bench.now);
    let refused = Answer::Refused { code: Code::PRECONDITION_FAILED, reason: "held".to_owned() };
    let first = bench.next();
    bench.desire(&["c"]);
    let second = bench.next();
    assert!(first.bind.gateway.is_some() && second.bind.gateway.is_some());
    bench.plan.answered(first.id, &refused, bench.now);
    let trial = bench.next();
    assert!(trial.bind.gateway.is_none());
    bench.plan.answered(trial.id, &Answer::Accepted, bench.now);
    assert!(bench.plan.marker_refused());
    bench.plan.answered(second.id, &refused, bench.now);
    bench.run();
    assert_eq!(bench.bound(), ["a", "b", "c"]);
    assert!(bench.refused().is_empty(), "{:?}", bench.events);
}

#[test]
fn a_binding_that_the_platform_does_not_confirm_is_given_up_and_may_be_desired_again() {
    let mut bench = Bench::new();
    bench.desire(&["a"]);
    bench.plan.link_up(bench.now);
    bench.run();
    let name = ThingName::parse("a").unwrap();
    bench.plan.unconfirmed(&name);
    bench.plan.unconfirmed(&name);
    assert_eq!(bench.plan.bound(), 0);
    assert_eq!(bench.plan.poll_outcome().unwrap().event, BindEvent::Unconfirmed);
    assert_eq!(bench.plan.poll_outcome(), None);
    bench.desire(&["a"]);
    bench.run();
    assert!(bench.plan.is_bound(&name));
}

#[test]
fn a_bad_name_does_not_discredit_a_good_marker() {
    let mut bench = Bench::new();
    bench.gateway = Some(Gateway { name: "GW".to_owned(), template: "EMSGateway".to_owned() });
    bench.bad.insert("bad".to_owned());
    bench.desire(&["bad"]);
    bench.plan.link_up(bench.now);
    bench.run();
    assert_eq!(bench.refused(), ["bad"]);
    assert!(!bench.plan.marker_refused());
    bench.desire(&["a"]);
    bench.run();
    assert!(bench.sent.last().unwrap().gateway.is_some());
}

#[test]
fn a_released_name_is_unbound_even_if_its_bind_is_under_way() {
    let mut bench = Bench::new();
    bench.desire(&["a"]);
    bench.plan.link_up(bench.now);
    let bind = bench.next();
    bench.plan.release(&ThingName::parse("a").unwrap(), bench.now);
    bench.plan.answered(bind.id, &Answer::Accepted, bench.now);
    bench.run();
    assert_eq!(bench.sent.len(), 1);
    assert!(bench.sent[0].unbind);
    assert_eq!(bench.events.last().unwrap().1, BindEvent::Unbound);
}

#[test]
fn a_lost_link_suspends_and_the_next_one_binds_again() {
    let mut bench = Bench::new();
    bench.desire(&["a", "b"]);
    bench.plan.link_up(bench.now);
    bench.run();
    bench.plan.link_down();
    bench.run();
    assert_eq!(bench.events.iter().filter(|(_, event)| *event == BindEvent::Suspended).count(), 2);
    assert_eq!(bench.plan.bound(), 0);
    bench.plan.link_up(bench.now);
    bench.run();
    assert_eq!(bench.plan.bound(), 2);
}

#[test]
fn binds_keep_to_the_rate() {
    let mut bench = Bench::new();
    bench.plan.link_up(bench.now);
    let start = bench.now;
    for n in 0..200 {
        bench.desire(&[&format!("t{n}")]);
        bench.run();
    }
    let seconds = (bench.now - start).as_secs_f64();
    assert_eq!(bench.plan.bound(), 200);
    assert!(bench.sent.len() as f64 <= 50.0 * seconds + 6.0, "{} in {seconds} s", bench.sent.len());
}

#[test]
fn an_unanswered_bind_is_reported_and_does_not_make_a_suspect() {
    let mut bench = Bench::new();
    bench.desire(&["a", "b"]);
    bench.plan.link_up(bench.now);
    let bind = bench.next();
    bench.plan.answered(bind.id, &Answer::Unanswered, bench.now);
    bench.run();
    assert_eq!(bench.refused().len(), 2);
    bench.desire(&["a", "b"]);
    bench.run();
    assert_eq!(bench.sent.len(), 1, "both share a BIND again");
    assert_eq!(bench.plan.bound(), 2);
}

/// Names enough for many halves.
fn crowd() -> Vec<String> {
    (0..200).map(|number| format!("t{number:03}")).collect()
}

impl Bench {
    /// All ask, again and again, as their supervisor lets them; how often that was needed.
    fn insist(&mut self, names: &[&str]) -> usize {
        for round in 1..100 {
            let bound: HashSet<String> = self.bound().into_iter().map(str::to_owned).collect();
            let good = |name: &&&str| !self.bad.contains(**name) && !bound.contains(**name);
            if names.iter().filter(good).count() == 0 {
                return round;
            }
            let missing: Vec<&str> = names.iter().copied().filter(|name| !bound.contains(*name)).collect();
            // One alone first, as the binder does while names are held.
            self.desire(&missing[round % missing.len()..][..1]);
            self.run();
            self.desire(&missing);
            self.run();
        }
        panic!("{} of {} are bound", self.bound().len(), names.len());
    }
}

#[test]
fn an_old_session_is_recognised_after_a_few_binds_and_its_things_come_back_in_one() {
    let mut bench = Bench::new();
    bench.held = Held::Everything;
    bench.plan.link_up(bench.now);
    let names = crowd();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    bench.desire(&names);
    bench.run();
    assert_eq!(bench.refused().len(), names.len(), "each of them is told");
    assert!(bench.sent.len() < 25, "{} BINDs to find that out", bench.sent.len());
    bench.held = Held::Nothing;
    bench.sent.clear();
    bench.desire(&names);
    bench.run();
    assert_eq!(bench.plan.bound(), names.len());
    assert_eq!(bench.sent.len(), 1, "nobody is suspected for what the old session was the reason of");
}

#[test]
fn names_that_another_gateway_holds_do_not_keep_the_others_from_being_bound() {
    for count in [1, 5, 40] {
        let mut bench = Bench::new();
        bench.held = Held::Bad;
        bench.plan.link_up(bench.now);
        let names = crowd();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        bench.bad = names.iter().step_by(names.len() / count).map(|name| (*name).to_owned()).collect();
        bench.desire(&names);
        bench.run();
        let rounds = bench.insist(&names);
        assert!(rounds <= 6, "{count} held: {rounds} rounds");
        assert_eq!(bench.plan.bound(), names.len() - bench.bad.len(), "{count} held");
    }
}

#[test]
fn a_marker_that_is_held_elsewhere_costs_two_binds() {
    let mut bench = Bench::new();
    bench.held = Held::Bad;
    bench.bad_marker = true;
    bench.gateway = Some(Gateway { name: "GW".to_owned(), template: "EMSGateway".to_owned() });
    bench.plan.link_up(bench.now);
    let names = crowd();
    bench.desire(&names.iter().map(String::as_str).collect::<Vec<_>>());
    bench.run();
    assert_eq!((bench.plan.bound(), bench.sent.len()), (names.len(), 2));
    assert!(bench.plan.marker_refused());
}

proptest! {
    /// Whatever happens, in the end each desired good name is bound, each bad one refused, nothing else is bound.
    #[test]
    fn desired_and_actual_agree_in_the_end(
        steps in prop::collection::vec((0_u8..5, 0_usize..12), 1..80),
        bad in prop::collection::hash_set(0_usize..12, 0..4),
        marker in any::<bool>(),
    ) {
        let mut bench = Bench::new();
        bench.bad = bad.iter().map(|n| format!("t{n}")).collect();
        if marker {
            bench.gateway = Some(Gateway { name: "GW".to_owned(), template: "EMSGateway".to_owned() });
            bench.bad_marker = true;
        }
        let mut desired = HashSet::new();
        for (step, n) in steps {
            let name = format!("t{n}");
            match step {
                0 | 1 => { bench.desire(&[&name]); desired.insert(name); }
                2 => { bench.plan.release(&ThingName::parse(&name).unwrap(), bench.now); desired.remove(&name); }
                3 => { bench.plan.link_down(); bench.plan.link_up(bench.now); }
                _ => bench.run(),
            }
        }
        bench.plan.link_down();
        bench.plan.link_up(bench.now);
        for name in &desired {
            bench.plan.desire(ThingName::parse(name).unwrap(), bench.now);
        }
        bench.run();
        for n in 0..12 {
            let name = format!("t{n}");
            let wanted = desired.contains(&name) && !bench.bad.contains(&name);
            prop_assert_eq!(bench.plan.is_bound(&ThingName::parse(&name).unwrap()), wanted, "{}", name);
        }
    }
}

#[test]
fn many_names_share_a_bind_up_to_the_limit_of_a_message() {
    let mut bench = Bench::new();
    bench.plan.link_up(bench.now);
    let names: Vec<String> = (0..1000).map(|number| format!("a-rather-long-name-{number:04}")).collect();
    bench.desire(&names.iter().map(String::as_str).collect::<Vec<_>>());
    bench.run();
    assert_eq!(bench.plan.bound(), 1000);
    let size = |bind: &Bind| bind.names.iter().map(|name| name.len() + 4).sum::<usize>();
    let sizes: Vec<usize> = bench.sent.iter().map(size).collect();
    assert!(sizes.iter().all(|size| *size <= LIMITS.batch_bytes), "{sizes:?}");
    let all: usize = sizes.iter().sum();
    assert_eq!(sizes.len(), all.div_ceil(LIMITS.batch_bytes), "as few as can be: {sizes:?}");
}
