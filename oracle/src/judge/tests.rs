//! The judge notices each broken promise, and nothing else.

use std::sync::Arc;

use super::*;
use crate::update::{Kind, Update};

/// A run of one thing, told line by line; ticks and milliseconds go on by one with each.
#[derive(Default)]
struct Story {
    now: u64,
    attempts: Vec<Attempt>,
    arrivals: Vec<Arrival>,
    dead: Vec<DeadLetter>,
    surplus: u64,
    healed: u64,
}

impl Story {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn sends(&mut self, number: u64, kind: Kind) {
        let sent = self.tick();
        self.row(number, kind, sent);
    }

    fn row(&mut self, number: u64, kind: Kind, sent: u64) {
        let time_ms = (kind == Kind::Push).then_some(1000 + i64::try_from(number).expect("small"));
        let update = Update { thing: Arc::from("A"), kind, name: "p".to_owned(), number, time_ms };
        self.attempts.push(Attempt {
            update,
            request: sent,
            sent,
            answered: None,
            outcome: Outcome::Unanswered,
        });
    }

    fn is_answered(&mut self, number: u64, outcome: Outcome) {
        let tick = self.tick();
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.update.number == number);
        let attempt = attempt.expect("it was sent");
        attempt.outcome = outcome;
        attempt.answered = Some((tick, i64::try_from(tick).expect("small")));
    }

    fn accepted(&mut self, number: u64) {
        self.sends(number, Kind::Push);
        self.is_answered(number, Outcome::Stored);
    }

    fn arrives(&mut self, number: u64, connection: u64) {
        let at_ms = i64::try_from(self.tick()).expect("small");
        let update = self.attempts.iter().find(|attempt| attempt.update.number == number);
        let update = &update.expect("it was sent").update;
        self.arrivals.push(Arrival {
            connection: ("run".to_owned(), connection),
            at_ms,
            kind: update.kind,
            thing: update.thing.to_string(),
            name: update.name.clone(),
            number: Some(number),
            time_ms: update.time_ms,
        });
    }

    /// The faults end here; one more value is confirmed.
    fn heals(&mut self) {
        self.healed = self.tick();
        self.sends(99, Kind::Push);
        self.arrives(99, 9);
        self.is_answered(99, Outcome::Confirmed);
    }

    fn judge(&self) -> Verdict {
        let limit = Duration::from_secs(90);
        Evidence {
            attempts: &self.attempts,
            arrivals: &self.arrivals,
            dead: &self.dead,
            surplus: self.surplus,
            healed: self.healed,
            bound_in: Some(Duration::from_millis(1234)),
            bind_limit: limit,
        }
        .judge()
    }

    /// The one violation; panics if there are others.
    fn only_violation(&self) -> Violation {
        let mut verdict = self.judge();
        assert_eq!(verdict.violations.len(), 1, "{verdict}");
        verdict.violations.remove(0)
    }
}

/// One value that was confirmed and arrived.
fn good() -> Story {
    let mut story = Story::default();
    story.sends(1, Kind::Push);
    story.arrives(1, 1);
    story.is_answered(1, Outcome::Confirmed);
    story
}

#[test]
fn a_good_run_is_one_line() {
    let mut story = good();
    story.accepted(2);
    story.arrives(2, 1);
    story.sends(3, Kind::Write);
    story.is_answered(3, Outcome::Refused(503));
    let verdict = story.judge();
    assert!(verdict.is_kept(), "{verdict}");
    assert_eq!(verdict.to_string(), "accepted 2, delivered 2, lost 0, duplicates 0, all bound in 1.2 s");
    assert_eq!((verdict.stored, verdict.refused), (1, 1));
}

#[test]
fn a_lost_update_is_noticed_whatever_it_was_answered() {
    for outcome in [Outcome::Confirmed, Outcome::Stored] {
        let mut story = good();
        story.sends(2, Kind::Event);
        story.is_answered(2, outcome);
        assert!(
            matches!(story.only_violation(), Violation::Lost(update, of) if update.number == 2 && of == outcome)
        );
        assert!(story.judge().to_string().starts_with("accepted 2, delivered 1, lost 1, "));
    }
}

#[test]
fn what_was_not_accepted_may_arrive_or_not() {
    let mut story = good();
    story.sends(2, Kind::Push);
    story.sends(3, Kind::Push);
    story.is_answered(3, Outcome::Refused(503));
    story.sends(4, Kind::Push);
    story.arrives(4, 1);
    story.arrives(3, 1);
    story.heals();
    assert!(story.judge().is_kept(), "{}", story.judge());
}

#[test]
fn a_dead_letter_with_a_reason_is_not_lost_and_one_without_is_not_explained() {
    let mut story = good();
    story.accepted(2);
    story.dead.push(DeadLetter { thing: "A".to_owned(), number: 2, reason: "refused with 0x80".to_owned() });
    let verdict = story.judge();
    assert!(verdict.is_kept() && verdict.dead == 1, "{verdict}");
    assert!(verdict.to_string().contains("dead letters 1, lost 0"), "{verdict}");
    story.dead[0].reason = " ".to_owned();
    assert!(matches!(story.only_violation(), Violation::UnexplainedDeath(_)));
    story.dead[0] = DeadLetter { thing: "B".to_owned(), number: 2, reason: "refused".to_owned() };
    let violations = story.judge().violations;
    assert!(
        matches!(violations[..], [Violation::UnexplainedDeath(_), Violation::Lost(..)]),
        "{violations:?}"
    );
}

#[test]
fn an_invented_value_is_noticed_in_each_of_its_parts() {
    let changes: [fn(&mut Arrival); 5] = [
        |arrival| arrival.number = Some(77),
        |arrival| arrival.number = None,
        |arrival| arrival.time_ms = Some(5),
        |arrival| arrival.name = "q".to_owned(),
        |arrival| arrival.kind = Kind::Write,
    ];
    for change in changes {
        let mut story = good();
        let mut arrival = story.arrivals[0].clone();
        change(&mut arrival);
        story.arrivals.push(arrival);
        assert!(matches!(story.only_violation(), Violation::Invented(_)));
    }
}

#[test]
fn a_later_update_that_arrives_first_is_noticed_on_any_connection() {
    for connection in [1, 2] {
        let mut story = good();
        story.accepted(2);
        story.accepted(3);
        story.arrives(3, 1);
        story.arrives(2, connection);
        assert!(matches!(story.only_violation(), Violation::Overtaken { late, before }
            if late.number == 2 && before.number == 3));
    }
}

#[test]
fn updates_that_were_under_way_together_have_no_order() {
    let mut story = good();
    story.sends(2, Kind::Push);
    story.sends(3, Kind::Push);
    story.is_answered(2, Outcome::Stored);
    story.is_answered(3, Outcome::Stored);
    story.arrives(3, 1);
    story.arrives(2, 1);
    assert!(story.judge().is_kept(), "{}", story.judge());
}

#[test]
fn rows_of_one_push_keep_their_order() {
    let mut story = good();
    let sent = story.tick();
    story.row(2, Kind::Push, sent);
    story.row(3, Kind::Push, sent);
    story.arrives(3, 1);
    story.arrives(2, 1);
    story.heals();
    assert!(matches!(story.only_violation(), Violation::Overtaken { late, .. } if late.number == 2));
}

#[test]
fn calls_keep_no_order_but_are_not_lost() {
    let mut story = good();
    story.sends(2, Kind::Call);
    story.is_answered(2, Outcome::Stored);
    story.accepted(3);
    story.arrives(3, 1);
    assert!(matches!(story.only_violation(), Violation::Lost(..)));
    story.arrives(2, 1);
    assert!(story.judge().is_kept(), "{}", story.judge());
}

#[test]
fn repetitions_are_counted_and_may_begin_anew_on_another_connection() {
    let mut story = good();
    story.accepted(2);
    story.accepted(3);
    for (number, connection) in [(2, 1), (3, 1), (2, 2), (3, 2)] {
        story.arrives(number, connection);
    }
    let verdict = story.judge();
    assert!(verdict.is_kept(), "{verdict}");
    assert_eq!((verdict.duplicates, verdict.rewound), (2, 1));
}

#[test]
fn a_repetition_behind_a_newer_update_that_was_confirmed_is_noticed() {
    let story = |connection| {
        let mut story = good();
        story.accepted(2);
        story.arrives(2, 1);
        story.sends(3, Kind::Push);
        story.arrives(3, 1);
        story.is_answered(3, Outcome::Confirmed);
        story.tick();
        story.arrives(2, connection);
        story
    };
    assert!(matches!(story(1).only_violation(), Violation::Repeated { again, confirmed }
        if again.number == 2 && confirmed.number == 3));
    assert!(story(2).judge().is_kept(), "a process may have died in between");
}

#[test]
fn an_older_value_that_stays_behind_a_repetition_is_counted() {
    let story = |again: &[u64]| {
        let mut story = good();
        story.accepted(2);
        story.accepted(3);
        for (number, connection) in [(2, 1), (3, 1)] {
            story.arrives(number, connection);
        }
        for number in again {
            story.arrives(*number, 2);
        }
        story
    };
    assert_eq!(story(&[2, 3]).judge().stale, 0, "the newest came again");
    assert_eq!(story(&[2]).judge().stale, 1);
    let mut then_new = story(&[2]);
    then_new.accepted(4);
    then_new.arrives(4, 2);
    assert_eq!(then_new.judge().stale, 1, "it was so for a while");
}

#[test]
fn two_that_went_together_may_be_repeated_together() {
    let mut story = good();
    story.accepted(2);
    story.accepted(3);
    for number in [2, 3, 2, 3] {
        story.arrives(number, 1);
    }
    let verdict = story.judge();
    assert!(verdict.is_kept(), "{verdict}");
    assert_eq!((verdict.duplicates, verdict.rewound), (2, 1));
}

#[test]
fn a_confirmation_before_the_arrival_is_noticed() {
    let mut story = good();
    story.sends(2, Kind::Push);
    story.is_answered(2, Outcome::Confirmed);
    story.arrives(2, 1);
    assert!(matches!(story.only_violation(), Violation::ConfirmedTooEarly(update) if update.number == 2));
    let mut story = good();
    story.accepted(2);
    story.arrives(2, 1);
    assert!(story.judge().is_kept(), "202 says nothing of an arrival");
}

#[test]
fn after_the_faults_each_request_is_answered_and_each_thing_delivers() {
    let mut story = good();
    story.healed = story.tick();
    assert!(matches!(story.only_violation(), Violation::Silent(thing) if thing == "A"));
    story.accepted(2);
    story.arrives(2, 1);
    assert!(story.judge().is_kept(), "{}", story.judge());
    story.sends(3, Kind::Push);
    assert!(matches!(story.only_violation(), Violation::NoAnswer(update) if update.number == 3));
}

#[test]
fn surplus_bytes_and_unbound_things_are_noticed() {
    let mut story = good();
    story.surplus = 4;
    assert_eq!(story.only_violation(), Violation::SecondAnswer { bytes: 4 });
    let story = good();
    let limit = Duration::from_secs(1);
    for bound_in in [None, Some(Duration::from_secs(2))] {
        let evidence = Evidence {
            attempts: &story.attempts,
            arrivals: &story.arrivals,
            dead: &[],
            surplus: 0,
            healed: 0,
            bound_in,
            bind_limit: limit,
        };
        assert_eq!(evidence.judge().violations, [Violation::NotBound { limit }]);
    }
}
