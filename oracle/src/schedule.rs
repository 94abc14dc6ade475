//! Which fault comes when, decided by a seed: a pack of all faults is shuffled and dealt, then shuffled again.

use std::time::Duration;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The gateway.
    Gateway,
    /// The development platform.
    Platform,
    /// A group of agents, by its number modulo the number of groups.
    Agents(usize),
}

/// A network between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// From the gateway to the platform.
    Up,
    /// From the agents to the gateway.
    Local,
    /// From the gateway to a group of agents, by its number modulo the number of groups.
    Down(usize),
}

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL; started again after a while.
    Kill(Party, Duration),
    /// The gateway is started again so that it dies at a named place, at this passing of it; killed if it does not come there
    /// within the time; then started as usual.
    DieAt(String, u32, Duration),
    /// All connections end, by RST or in good order.
    Cut(Network, bool),
    /// All connections end after so many more bytes: in the middle of a message.
    CutWithin(Network, u64),
    /// Nothing passes on the connections that stand; they are reset after this time.
    HalfOpen(Network, Duration),
    /// Nobody gets a connection for this time.
    Refuse(Network, Duration),
    /// Every byte comes late for this time.
    Slow(Network, Duration),
}

/// A fault, and the quiet time before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Time without a new fault.
    pub calm: Duration,
    /// What comes then.
    pub fault: Fault,
}

/// An endless schedule; the same seed gives the same.
#[derive(Clone, Debug)]
pub struct Schedule {
    random: fastrand::Rng,
    places: Vec<String>,
    pack: Vec<Fault>,
}

impl Schedule {
    /// A schedule with these named places for [`Fault::DieAt`].
    #[must_use]
    pub fn new(seed: u64, places: &[&str]) -> Self {
        let places = places.iter().map(|place| (*place).to_owned()).collect();
        Self { random: fastrand::Rng::with_seed(seed), places, pack: Vec::new() }
    }

    /// The next fault.
    pub fn turn(&mut self) -> Turn {
        if self.pack.is_empty() {
            self.pack = self.shuffled();
        }
        let calm = self.span(300, 2500);
        // A fresh pack is never empty.
        let fault = self.pack.pop().unwrap_or(Fault::Cut(Network::Up, true));
        Turn { calm, fault }
    }

    /// Every kind of fault at every place, in any order.
    fn shuffled(&mut self) -> Vec<Fault> {
        let mut pack = Vec::new();
        for place in self.places.clone() {
            let passing = self.random.u32(1..12);
            pack.push(Fault::DieAt(place, passing, self.span(4000, 8000)));
        }
        for party in [Party::Gateway, Party::Gateway, Party::Platform, Party::Platform] {
            pack.push(Fault::Kill(party, self.span(0, 3000)));
        }
        for network in [Network::Up, Network::Up, Network::Local] {
            pack.push(Fault::Cut(network, self.random.bool()));
            pack.push(Fault::CutWithin(network, self.random.u64(1..4000)));
            pack.push(Fault::HalfOpen(network, self.span(500, 6000)));
        }
        let group = self.random.usize(..);
        pack.extend([
            Fault::Kill(Party::Agents(group), self.span(0, 4000)),
            Fault::Cut(Network::Down(group), true),
            Fault::HalfOpen(Network::Down(group), self.span(500, 4000)),
            Fault::Refuse(Network::Down(group), self.span(500, 5000)),
            Fault::Refuse(Network::Up, self.span(500, 6000)),
            Fault::Refuse(Network::Local, self.span(500, 3000)),
            Fault::Slow(Network::Up, self.span(1000, 4000)),
        ]);
        self.random.shuffle(&mut pack);
        pack
    }

    fn span(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        Duration::from_millis(self.random.u64(from_ms..=to_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_deals_the_same_faults_and_another_one_others() {
        let turns = |seed| {
            let mut schedule = Schedule::new(seed, &["here"]);
            (0..60).map(|_| schedule.turn()).collect::<Vec<_>>()
        };
        assert_eq!(turns(1), turns(1));
        assert_ne!(turns(1), turns(2));
    }

    #[test]
    fn one_pack_has_every_party_every_network_and_every_place() {
        for seed in 0..50 {
            let mut schedule = Schedule::new(seed, &["here", "there"]);
            let length = schedule.shuffled().len();
            let faults: Vec<_> = (0..length).map(|_| schedule.turn().fault).collect();
            let has = |wanted: fn(&Fault) -> bool| faults.iter().any(wanted);
            assert!(has(|fault| matches!(fault, Fault::Kill(Party::Gateway, _))));
            assert!(has(|fault| matches!(fault, Fault::Kill(Party::Platform, _))));
            assert!(has(|fault| matches!(fault, Fault::Kill(Party::Agents(_), _))));
            assert!(has(|fault| matches!(fault, Fault::HalfOpen(Network::Up, _))));
            assert!(has(|fault| matches!(fault, Fault::HalfOpen(Network::Local, _))));
            assert!(has(|fault| matches!(fault, Fault::CutWithin(Network::Up, _))));
            assert!(has(|fault| matches!(fault, Fault::DieAt(place, ..) if place == "here")));
            assert!(has(|fault| matches!(fault, Fault::DieAt(place, ..) if place == "there")));
        }
    }
}
