//! The end of a run: everything heals, and what was recorded is held against the promises.

use std::{fmt, thread, time::Duration};

use edgebind_kernel::clock;
use edgebind_oracle::{Answers, Callers, Verdict};

use crate::{
    plant::{Plant, time_to_bind},
    support::{wait_for, wait_until},
};

/// What is known when nothing moves any more.
pub(crate) struct End {
    pub(crate) verdict: Verdict,
    pub(crate) answers: Answers,
    carried_out_twice: u64,
    gateway_log: String,
}

impl Plant {
    /// Heals the network, waits until every thing is bound and heard, lets everybody finish, and judges. Every party must have been started.
    pub(crate) fn end(&mut self, callers: Callers) -> End {
        self.heal();
        self.site.rest().up();
        self.site.ready(self.gateway.as_ref().expect("it was started"));
        // From here on nothing is in the way of anybody.
        let healed = self.ledger.tick();
        let bound_in = time_to_bind(self);
        wait_until("every agent is heard again", || (self.silent_since(healed) == 0).then_some(()));
        let answers = self.run(callers.finish());
        self.finish_agents();
        let patience = clock::now() + DELIVERY;
        let verdict = loop {
            let verdict = self.judge(healed, bound_in);
            if verdict.lost == 0 || clock::now() > patience {
                break verdict;
            }
            thread::sleep(Duration::from_millis(200));
        };
        if verdict.is_kept() {
            wait_for(
                "records and dead letters in the spool",
                || self.spooled(),
                |spooled| *spooled == (0, 0),
            );
        }
        End {
            verdict,
            answers,
            carried_out_twice: self.fleet.carried_out_twice(),
            gateway_log: self.gateway.as_ref().map(|gateway| gateway.log()).unwrap_or_default(),
        }
    }
}

impl End {
    /// Fails unless every promise was kept.
    pub(crate) fn assert_kept(&self, what: &str) {
        let Self { verdict, answers, .. } = self;
        assert!(verdict.is_kept(), "{what}: {verdict}");
        assert!(answers.are_one_each(), "{what}: each call of the platform has one answer: {answers:?}");
        assert_eq!(
            self.carried_out_twice, 0,
            "{what}: calls of the platform that an agent carried out twice"
        );
        assert!(
            verdict.accepted > 0 && answers.right > 0,
            "{what}: nothing was tried: {verdict}, {answers:?}"
        );
        assert!(!self.gateway_log.contains("panicked"), "{what}: {}", self.gateway_log);
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { stored, refused, unanswered, rewound, stale, .. } = self.verdict;
        write!(
            f,
            "stored {stored}, refused {refused}, unanswered {unanswered}, rewound {rewound}, stale {stale}; {:?}",
            self.answers
        )
    }
}

/// How long what was accepted may be under way when everything is good again: a retry waits for minutes at most.
const DELIVERY: Duration = Duration::from_secs(360);
