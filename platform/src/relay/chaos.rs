//! Faults by chance: a schedule that is the same for the same seed. Pure; the relay carries it out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Cut, FaultError, Faults, Way, WayFaults, faults::at_most_longest};

/// A random schedule: calm, a fault, calm, the next one.
///
/// As JSON: `{"seed": 7, "calm": {"fromMs": 500, "toMs": 3000}, "faults": [{"weight": 3, "fault": {"kind": "cut"}}]}`.
/// What is left out is as in `Default`, which has every kind of fault in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Chaos {
    /// Decides everything that is chance; without one it is made up and said.
    pub seed: Option<u64>,
    /// Time without a fault before each; default 0.5 to 3 s.
    pub calm: Span,
    /// Time that a lasting fault holds; default 0.1 to 2 s.
    pub lasts: Span,
    /// What may happen.
    pub faults: Vec<Weighted>,
}

/// A range of times, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Shortest.
    #[serde(rename = "fromMs", with = "super::faults::millis")]
    pub from: Duration,
    /// Longest.
    #[serde(rename = "toMs", with = "super::faults::millis")]
    pub to: Duration,
}

/// A fault and how often it is chosen, compared with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// Its share; 0 is never.
    pub weight: u32,
    /// What happens.
    pub fault: ChaosFault,
}

/// What a schedule may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ChaosFault {
    /// Ends one connection, or all.
    Cut {
        /// How.
        #[serde(default)]
        how: Cut,
        /// All of them, not one by chance.
        #[serde(default)]
        all: bool,
    },
    /// Ends all connections, each after up to so many more bytes.
    CutWithin {
        /// Whose bytes are counted.
        #[serde(default)]
        way: Way,
        /// Most bytes that still pass.
        bytes: u64,
        /// How they end.
        #[serde(default)]
        how: Cut,
    },
    /// The connections that stand are half-open for a while and never come back: in the end they are reset.
    HalfOpen {
        /// Which direction.
        #[serde(default)]
        way: Way,
    },
    /// The network is like this for a while.
    Network {
        /// Like what.
        faults: Faults,
    },
}

/// One round of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) calm: Duration,
    pub(super) fault: ChaosFault,
    pub(super) lasts: Duration,
    /// For choices that depend on what there is at the time.
    pub(super) pick: u64,
}

/// The rounds of a schedule, one after the other, for ever.
#[derive(Debug)]
pub(super) struct Schedule {
    chaos: Chaos,
    chance: fastrand::Rng,
    total: u64,
}

impl Chaos {
    /// Looks whether it can be carried out.
    ///
    /// # Errors
    ///
    /// [`FaultError`] for times and limits out of range, or if nothing could ever be chosen.
    pub fn check(&self) -> Result<(), FaultError> {
        for (name, span) in [("calm", self.calm), ("lasts", self.lasts)] {
            at_most_longest(name, span.to)?;
            if span.from > span.to {
                return Err(FaultError::Range(name));
            }
        }
        for weighted in &self.faults {
            if let ChaosFault::Network { faults } = weighted.fault {
                faults.check()?;
            }
        }
        if self.faults.iter().all(|weighted| weighted.weight == 0) {
            return Err(FaultError::NoFault);
        }
        Ok(())
    }
}

impl Default for Chaos {
    fn default() -> Self {
        use super::Admission;
        let millis = Duration::from_millis;
        let network = |faults| ChaosFault::Network { faults };
        let faults = [
            (4, ChaosFault::Cut { how: Cut::Reset, all: false }),
            (2, ChaosFault::Cut { how: Cut::Reset, all: true }),
            (2, ChaosFault::Cut { how: Cut::Finish, all: true }),
            (3, ChaosFault::CutWithin { way: Way::Both, bytes: 2000, how: Cut::Reset }),
            (2, ChaosFault::HalfOpen { way: Way::Both }),
            (1, ChaosFault::HalfOpen { way: Way::Up }),
            (1, ChaosFault::HalfOpen { way: Way::Down }),
            (2, network(Faults::on(Way::Both, WayFaults::stalled()))),
            (2, network(Faults::on(Way::Both, WayFaults::late(millis(40), millis(120))))),
            (1, network(Faults::on(Way::Both, WayFaults::in_pieces(1, Duration::ZERO)))),
            (1, network(Faults::on(Way::Both, WayFaults::narrow(20_000)))),
            (1, network(Faults::admitting(Admission::Refuse))),
            (1, network(Faults::admitting(Admission::Hang))),
        ];
        Self {
            seed: None,
            calm: Span { from: millis(500), to: millis(3000) },
            lasts: Span { from: millis(100), to: millis(2000) },
            faults: faults.map(|(weight, fault)| Weighted { weight, fault }).into(),
        }
    }
}

impl Schedule {
    /// The schedule of a seed; `chaos` has been checked.
    pub(super) fn new(chaos: Chaos, seed: u64) -> Self {
        let total = chaos.faults.iter().map(|weighted| u64::from(weighted.weight)).sum();
        Self { chaos, chance: fastrand::Rng::with_seed(seed), total }
    }

    /// The next round; `None` only if nothing has a weight.
    pub(super) fn turn(&mut self) -> Option<Turn> {
        let (calm, lasts) = (self.chaos.calm, self.chaos.lasts);
        let (calm, lasts) = (self.within(calm), self.within(lasts));
        let pick = self.chance.u64(..);
        let mut left = pick % self.total.max(1);
        let fault = self.chaos.faults.iter().find_map(|weighted| {
            let weight = u64::from(weighted.weight);
            if left < weight {
                return Some(weighted.fault);
            }
            left -= weight;
            None
        })?;
        let pick = self.chance.u64(..);
        let fault = match fault {
            ChaosFault::CutWithin { way, bytes, how } => {
                ChaosFault::CutWithin { way, bytes: self.chance.u64(0..=bytes), how }
            }
            other => other,
        };
        Some(Turn { calm, fault, lasts, pick })
    }

    fn within(&mut self, span: Span) -> Duration {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.chance.u64(millis(span.from)..=millis(span.to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(chaos: &Chaos, seed: u64) -> Vec<Turn> {
        let mut schedule = Schedule::new(chaos.clone(), seed);
        (0..2000).map(|_| schedule.turn().unwrap()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_one_another() {
        let chaos = Chaos::default();
        assert_eq!(turns(&chaos, 7), turns(&chaos, 7));
        assert_ne!(turns(&chaos, 7), turns(&chaos, 8));
    }

    #[test]
    fn every_fault_comes_as_often_as_its_weight_says() {
        let cut = ChaosFault::Cut { how: Cut::Reset, all: true };
        let half_open = ChaosFault::HalfOpen { way: Way::Up };
        let never = ChaosFault::HalfOpen { way: Way::Down };
        let faults = [(3, cut), (1, half_open), (0, never)];
        let faults = faults.map(|(weight, fault)| Weighted { weight, fault }).into();
        let turns = turns(&Chaos { faults, ..Chaos::default() }, 1);
        let count = |fault| turns.iter().filter(|turn| turn.fault == fault).count();
        assert!((1400..1600).contains(&count(cut)), "{}", count(cut));
        assert_eq!((count(cut) + count(half_open), count(never)), (2000, 0));
    }

    #[test]
    fn times_stay_within_their_spans() {
        let chaos = Chaos::default();
        for turn in turns(&chaos, 3) {
            assert!((chaos.calm.from..=chaos.calm.to).contains(&turn.calm));
            assert!((chaos.lasts.from..=chaos.lasts.to).contains(&turn.lasts));
        }
    }

    #[test]
    fn a_schedule_without_a_choice_or_with_a_turned_span_is_refused() {
        let nothing = Chaos { faults: Vec::new(), ..Chaos::default() };
        assert_eq!(nothing.check(), Err(FaultError::NoFault));
        let span = Span { from: Duration::from_secs(2), to: Duration::from_secs(1) };
        let turned = Chaos { calm: span, ..Chaos::default() };
        assert_eq!(turned.check(), Err(FaultError::Range("calm")));
        assert_eq!(Chaos::default().check(), Ok(()));
    }

    #[test]
    fn it_reads_what_it_writes() {
        let text = serde_json::to_string(&Chaos::default()).unwrap();
        assert_eq!(serde_json::from_str::<Chaos>(&text).unwrap(), Chaos::default());
        let short = r#"{"seed": 7, "faults": [{"weight": 1, "fault": {"kind": "cut", "all": true}}]}"#;
        assert_eq!(serde_json::from_str::<Chaos>(short).unwrap().seed, Some(7));
    }
}
