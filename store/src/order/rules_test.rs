//! Each rule of the delivery by itself, in the words of the design.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;

const EPOCH_MS: i64 = 1_700_000_000_000;

/// An order that is open, with a clock that stands still until told.
struct Bench {
    order: Order,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    #[expect(clippy::disallowed_methods, reason = "some instant to count from")]
    fn with(limits: Limits) -> Self {
        let now = Instant::now();
        let mut order = Order::new(limits, now, EPOCH_MS);
        order.resume();
        Self { order, now }
    }

    fn store(&mut self, entity: &str, seqs: impl IntoIterator<Item = u64>) {
        self.order.restore(seqs.into_iter().map(|seq| entry(entity, seq)));
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.order.poll(self.now)).collect()
    }

    /// The one message that goes now.
    fn sent(&mut self) -> (Flight, Vec<Id>) {
        match &self.actions()[..] {
            [Action::Send { flight, ids, .. }] => (*flight, ids.clone()),
            other => panic!("one message expected: {other:?}"),
        }
    }

    fn answer(&mut self, flight: Flight, answer: Answer) {
        self.order.answered(flight, answer, self.now);
    }

    fn pass(&mut self, span: Duration) {
        self.now += span;
    }

    fn live(&mut self, entity: &str, token: u64) -> Admission {
        self.order.admit(&Arc::from(entity), token, Kind::Push, 10)
    }
}

fn entry(entity: &str, seq: u64) -> Entry {
    Entry { seq, entity: entity.into(), kind: Kind::Push, size_bytes: 10, stored_ms: EPOCH_MS }
}

fn stored(seqs: impl IntoIterator<Item = u64>) -> Vec<Id> {
    seqs.into_iter().map(Id::Stored).collect()
}

fn given_up(entity: &str, seq: u64, reason: Reason) -> Action {
    Action::GiveUp { entity: entity.into(), seqs: vec![seq], reason }
}

#[test]
fn pushes_of_one_entity_travel_together_and_are_deleted_after_success() {
    let mut bench = Bench::new();
    bench.store("Things/A", 1..=3);
    let (flight, ids) = bench.sent();
    assert_eq!(ids, stored(1..=3));
    assert_eq!(bench.actions(), [], "nothing is deleted before the answer");
    bench.answer(flight, Answer::Done);
    assert_eq!(bench.actions(), [Action::Delivered { entity: "Things/A".into(), seqs: vec![1, 2, 3] }]);
}

#[test]
fn a_message_keeps_within_its_bytes_and_kinds() {
    let mut bench = Bench::with(Limits { max_message_bytes: 25, ..Limits::default() });
    bench.store("Things/A", 1..=3);
    let write = Entry { kind: Kind::Write, ..entry("Things/A", 4) };
    bench.order.restore([write.clone(), Entry { seq: 5, ..write }, entry("Things/A", 6)]);
    let mut batches = Vec::new();
    while let [Action::Send { flight, ids, .. }] = &bench.actions()[..] {
        batches.push(ids.clone());
        bench.answer(*flight, Answer::Done);
        bench.order.poll(bench.now).expect("delivered");
        bench.pass(Duration::from_secs(1));
    }
    assert_eq!(batches, [stored(1..=2), stored([3]), stored([4]), stored([5]), stored([6])]);
}

#[test]
fn what_is_refused_for_good_becomes_a_dead_letter_at_once() {
    for code in [0x80, 0x86, 0x8D, 0x8F] {
        let mut bench = Bench::new();
        bench.store("Things/A", [1]);
        let (flight, _) = bench.sent();
        bench.answer(flight, Answer::Refused(code));
        assert_eq!(bench.actions(), [given_up("Things/A", 1, Reason::Refused(code))]);
        assert_eq!(bench.order.progress(bench.now).records, 0);
    }
}

#[test]
fn one_bad_record_in_a_merged_message_takes_no_other_along() {
    let mut bench = Bench::new();
    bench.store("Things/A", 1..=16);
    let (mut delivered, mut dead) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        for action in bench.actions() {
            match action {
                Action::Send { flight, ids, .. } => {
                    let bad = ids.contains(&Id::Stored(11));
                    bench.answer(flight, if bad { Answer::Refused(0x80) } else { Answer::Done });
                }
                Action::Delivered { seqs, .. } => delivered.extend(seqs),
                Action::GiveUp { seqs, .. } => dead.extend(seqs),
                other => panic!("{other:?}"),
            }
        }
        bench.pass(Duration::from_secs(1));
    }
    assert_eq!(dead, [11]);
    assert_eq!(delivered, (1..=16).filter(|seq| *seq != 11).collect::<Vec<_>>());
}

#[test]
fn unauthorized_halts_everything_and_one_message_asks_again() {
    let mut bench = Bench::new();
    for (seq, entity) in ["Things/A", "Things/B", "Things/C"].into_iter().enumerate() {
        bench.store(entity, [seq as u64 + 1]);
    }
    let Action::Send { flight, .. } = bench.order.poll(bench.now).expect("a message") else {
        panic!("a message")
    };
    bench.answer(flight, Answer::Refused(0x81));
    assert_eq!(bench.actions(), [], "everything waits");
    let until = bench.order.progress(bench.now).halted_until.expect("it says so");
    assert_eq!(bench.order.next_poll(bench.now), Some(until));
    bench.now = until;
    let (flight, _) = bench.sent();
    bench.answer(flight, Answer::Refused(0x81));
    let again = bench.order.progress(bench.now).halted_until.expect("still");
    assert!(again - bench.now > Duration::from_secs(5), "the second time it waits longer");
    bench.now = again;
    let (flight, _) = bench.sent();
    bench.answer(flight, Answer::Done);
    assert_eq!(bench.order.progress(bench.now).halted_until, None);
    let sends = bench.actions().into_iter().filter(|action| matches!(action, Action::Send { .. })).count();
    assert_eq!(sends, 2, "then all go");
}

#[test]
fn a_refused_entity_waits_alone_for_a_day_and_then_gives_up() {
    for code in [0x83, 0x84, 0x8C] {
        let mut bench = Bench::new();
        bench.store("Things/Missing", [1]);
        let start = bench.now;
        let mut attempts = 0;
        let reason = loop {
            match bench.order.poll(bench.now) {
                Some(Action::Send { flight, .. }) => {
                    attempts += 1;
                    bench.answer(flight, Answer::Refused(code));
                }
                Some(Action::GiveUp { reason, .. }) => break reason,
                Some(other) => panic!("{other:?}"),
                None => bench.now = bench.order.next_poll(bench.now).expect("the next attempt is planned"),
            }
            if attempts == 1 {
                bench.store("Things/Other", [2]);
                bench.pass(Duration::from_millis(10));
                let (flight, ids) = bench.sent();
                assert_eq!(ids, stored([2]), "others do not wait");
                bench.answer(flight, Answer::Done);
                bench.order.poll(bench.now).expect("delivered");
                attempts += 1;
            }
        };
        assert_eq!(reason, Reason::EntityRefused(code));
        assert_eq!(bench.now - start, Duration::from_secs(24 * 60 * 60));
        assert!((20..60).contains(&attempts), "{attempts} attempts");
    }
}

#[test]
fn a_nudge_ends_the_waiting_of_an_entity() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1]);
    let (flight, _) = bench.sent();
    bench.answer(flight, Answer::Refused(0x84));
    assert_eq!(bench.actions(), []);
    let waiting: Vec<_> = bench.order.waiting().collect();
    assert_eq!((waiting[0].code, waiting[0].records), (Some(0x84), 1));
    bench.order.nudge(&"Things/A".into());
    bench.pass(Duration::from_millis(10));
    assert_eq!(bench.sent().1, stored([1]));
}

#[test]
fn everything_else_is_retried_with_a_growing_delay_and_never_given_up() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1]);
    let mut delays = Vec::new();
    for _ in 0..12 {
        let (flight, _) = bench.sent();
        bench.answer(flight, Answer::Refused(0xA3));
        let next = bench.order.next_poll(bench.now).expect("planned");
        delays.push((next - bench.now).as_secs());
        bench.now = next;
    }
    assert_eq!(delays[..5], [1, 2, 4, 8, 16]);
    assert_eq!(delays[11], 300, "never longer than the cap");
}

#[test]
fn a_live_update_behind_a_backlog_is_committed_and_waits_its_turn() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1]);
    assert_eq!(bench.live("Things/A", 70), Admission::Commit);
    assert!(matches!(bench.live("Things/B", 71), Admission::Relay(_)), "another entity does not wait");
    let (flight, ids) = bench.sent();
    assert_eq!(ids, stored([1]));
    bench.order.committed(entry("Things/A", 2), Some(70));
    assert_eq!(bench.actions(), [], "at most one unanswered update");
    bench.answer(flight, Answer::Done);
    bench.pass(Duration::from_millis(10));
    let delivered = Action::Delivered { entity: "Things/A".into(), seqs: vec![1] };
    assert_eq!(bench.order.poll(bench.now), Some(delivered));
    assert_eq!(bench.sent().1, stored([2]));
}

#[test]
fn live_pushes_that_wait_go_together_when_the_answer_is_there() {
    let mut bench = Bench::with(Limits { max_live_waiting: 2, ..Limits::default() });
    let Admission::Relay(flight) = bench.live("Things/A", 1) else { panic!("relayed") };
    assert_eq!(bench.live("Things/A", 2), Admission::Wait);
    assert_eq!(bench.live("Things/A", 3), Admission::Wait);
    assert_eq!(bench.live("Things/A", 4), Admission::Refuse, "the queue is bounded");
    assert_eq!(bench.actions(), []);
    bench.answer(flight, Answer::Done);
    let actions = bench.actions();
    assert_eq!(actions[0], Action::Reply { tokens: vec![1], answer: Answer::Done });
    assert!(matches!(&actions[1], Action::Send { ids, .. } if *ids == [Id::Live(2), Id::Live(3)]));
}

#[test]
fn a_live_refusal_is_its_senders_and_is_not_stored() {
    let mut bench = Bench::new();
    let Admission::Relay(flight) = bench.live("Things/A", 1) else { panic!("relayed") };
    bench.answer(flight, Answer::Refused(0x84));
    assert_eq!(bench.actions(), [Action::Reply { tokens: vec![1], answer: Answer::Refused(0x84) }]);
    assert!(!bench.order.has_backlog("Things/A"));
}

#[test]
fn without_an_answer_live_updates_go_to_disk_in_order_and_a_late_answer_removes_the_copy() {
    let mut bench = Bench::new();
    let Admission::Relay(flight) = bench.live("Things/A", 1) else { panic!("relayed") };
    assert_eq!(bench.live("Things/A", 2), Admission::Wait);
    bench.answer(flight, Answer::Unanswered);
    // Before the commit is picked up another one comes: it stays behind.
    assert_eq!(bench.live("Things/A", 3), Admission::Wait);
    let commit = Action::Commit { entity: "Things/A".into(), tokens: vec![1, 2, 3] };
    assert_eq!(bench.actions(), [commit]);
    bench.order.suspend();
    bench.order.resume();
    // The same again, with the answer between commit and replay.
    let mut bench = Bench::new();
    let Admission::Relay(flight) = bench.live("Things/A", 1) else { panic!("relayed") };
    bench.answer(flight, Answer::Unanswered);
    bench.actions();
    bench.order.committed(entry("Things/A", 9), Some(1));
    bench.answer(flight, Answer::Done);
    let gone = Action::Delivered { entity: "Things/A".into(), seqs: vec![9] };
    assert_eq!(bench.actions(), std::slice::from_ref(&gone));
    // And with the answer before the commit.
    let Admission::Relay(flight) = bench.live("Things/A", 2) else { panic!("relayed") };
    bench.answer(flight, Answer::Unanswered);
    bench.actions();
    bench.answer(flight, Answer::Done);
    bench.order.committed(entry("Things/A", 9), Some(2));
    assert_eq!(bench.actions(), [gone]);
}

#[test]
fn a_lost_connection_sends_live_updates_to_disk_and_stored_ones_again() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1]);
    let (flight, _) = bench.sent();
    let Admission::Relay(_) = bench.live("Things/B", 5) else { panic!("relayed") };
    bench.order.suspend();
    assert_eq!(bench.actions(), [Action::Commit { entity: "Things/B".into(), tokens: vec![5] }]);
    assert_eq!(bench.live("Things/C", 6), Admission::Commit, "without a connection everything is stored");
    bench.answer(flight, Answer::Done);
    assert_eq!(bench.actions(), [], "an answer of the old connection counts for nothing");
    bench.order.committed(entry("Things/B", 2), Some(5));
    bench.order.resume();
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.actions().len(), 2, "both go, with no delay for either");
}

#[test]
fn the_window_and_the_rate_bound_the_replay_and_not_live_updates() {
    let mut bench = Bench::with(Limits { window: 3, rate_per_s: 10, ..Limits::default() });
    for seq in 1..=20 {
        bench.store(&format!("Things/{seq}"), [seq]);
    }
    let mut sent = 0;
    for _ in 0..10 {
        for action in bench.actions() {
            if let Action::Send { flight, .. } = action {
                sent += 1;
                bench.answer(flight, Answer::Done);
            }
        }
        bench.pass(Duration::from_millis(100));
    }
    assert!((10..=12).contains(&sent), "{sent} in a second at ten a second");
    let mut bench = Bench::with(Limits { window: 3, ..Limits::default() });
    for seq in 1..=20 {
        bench.store(&format!("Things/{seq}"), [seq]);
    }
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.actions().len(), 3);
    assert!(matches!(bench.live("Things/Live", 1), Admission::Relay(_)));
    assert_eq!(bench.order.progress(bench.now).in_flight, 3);
}

#[test]
fn what_is_too_old_is_given_up_with_its_reason() {
    let mut bench = Bench::with(Limits { max_age: Duration::from_secs(60), ..Limits::default() });
    bench.order.suspend();
    bench.store("Things/A", [1]);
    let young = Entry { stored_ms: EPOCH_MS + 30_000, ..entry("Things/A", 2) };
    bench.order.restore([young]);
    bench.pass(Duration::from_secs(61));
    bench.order.expire(bench.now);
    assert_eq!(bench.actions(), [given_up("Things/A", 1, Reason::Expired)]);
    assert_eq!(bench.order.progress(bench.now).oldest, Some(Duration::from_secs(31)));
}

#[test]
fn progress_says_how_much_how_old_how_fast_and_how_long() {
    let mut bench = Bench::with(Limits { max_merged: 10, ..Limits::default() });
    bench.store("Things/A", 1..=100);
    let mut seconds = 0;
    while seconds < 4 {
        let actions = bench.actions();
        let Some(Action::Send { flight, .. }) = actions.last() else { panic!("{actions:?}") };
        bench.answer(*flight, Answer::Done);
        bench.order.poll(bench.now).expect("delivered");
        bench.pass(Duration::from_secs(1));
        seconds += 1;
    }
    let progress = bench.order.progress(bench.now);
    assert_eq!((progress.records, progress.bytes, progress.entities), (60, 600, 1));
    assert_eq!(progress.oldest, Some(Duration::from_secs(4)));
    assert!((progress.rate_per_s - 10.0).abs() < 0.1, "{}", progress.rate_per_s);
    assert_eq!(progress.remaining.map(|left| left.as_secs()), Some(6));
}

#[test]
fn records_taken_out_of_a_message_on_its_way_are_not_given_up_again() {
    let mut bench = Bench::new();
    bench.store("Things/A", 1..=2);
    let (flight, _) = bench.sent();
    bench.order.removed(&"Things/A".into(), &[1, 2]);
    bench.answer(flight, Answer::Refused(0x80));
    assert_eq!(bench.actions(), []);
    assert!(!bench.order.has_backlog("Things/A"));
}

#[test]
fn before_the_first_round_of_binds_live_updates_pass_and_stored_ones_wait() {
    let mut bench = Bench::new();
    bench.order.suspend();
    bench.order.connect();
    bench.store("Things/A", [1]);
    assert!(matches!(bench.live("Things/B", 7), Admission::Relay(_)));
    assert_eq!(bench.live("Things/A", 8), Admission::Commit, "behind what is stored");
    assert_eq!(bench.actions(), []);
    assert_eq!(bench.order.next_poll(bench.now), None);
    bench.order.resume();
    assert_eq!(bench.sent().1, stored([1]));
}

#[test]
fn what_was_not_sent_with_a_flight_goes_with_the_next() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1, 2, 3]);
    let (flight, ids) = bench.sent();
    assert_eq!(ids, stored([1, 2, 3]));
    bench.order.sent(flight, &stored([1, 2]));
    bench.answer(flight, Answer::Done);
    bench.pass(Duration::from_millis(10));
    let delivered = Action::Delivered { entity: "Things/A".into(), seqs: vec![1, 2] };
    assert_eq!(bench.order.poll(bench.now), Some(delivered));
    assert_eq!(bench.sent().1, stored([3]));
}

#[test]
fn a_pause_sends_nothing_more_and_takes_the_answers_that_come() {
    let mut bench = Bench::new();
    bench.store("Things/A", [1]);
    let (flight, _) = bench.sent();
    bench.store("Things/B", [2]);
    bench.order.pause();
    bench.answer(flight, Answer::Done);
    let delivered = Action::Delivered { entity: "Things/A".into(), seqs: vec![1] };
    assert_eq!(bench.actions(), [delivered]);
}
