//! Who guesses passwords is made to wait (design 3.5). Pure: the time comes in as an argument.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Failed attempts by peer; bounded.
#[derive(Default)]
pub struct Throttle {
    peers: HashMap<IpAddr, Failures>,
}

struct Failures {
    count: u32,
    last: Instant,
}

/// What a peer has to bear for its failed attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Penalty {
    /// Nothing: few mistakes happen to everybody.
    None,
    /// Its wrong password is answered later. On this machine all agents share an address, and the right passwords of
    /// the others must pass.
    Delay(Duration),
    /// Nothing it sends is looked at for so long.
    Locked(Duration),
}

impl Throttle {
    /// Mistakes without a penalty.
    const FREE: u32 = 10;
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);
    /// After so long without a mistake all are forgotten.
    const FORGOTTEN: Duration = Duration::from_secs(600);
    /// Peers that are remembered.
    const MAX_PEERS: usize = 1024;

    /// What `peer` has to bear before its credentials are looked at.
    #[must_use]
    pub fn before(&self, peer: IpAddr, now: Instant) -> Penalty {
        let peer = key(peer);
        let Some(failures) = self.peers.get(&peer).filter(|_| !peer.is_loopback()) else {
            return Penalty::None;
        };
        let since = now.saturating_duration_since(failures.last);
        match penalty(failures.count).checked_sub(since) {
            Some(rest) if !rest.is_zero() => Penalty::Locked(rest),
            _ => Penalty::None,
        }
    }

    /// Counts a wrong password of `peer`; says how long its answer is held back.
    pub fn failed(&mut self, peer: IpAddr, now: Instant) -> Penalty {
        let peer = key(peer);
        self.peers.retain(|_, known| now.saturating_duration_since(known.last) < Self::FORGOTTEN);
        if self.peers.len() >= Self::MAX_PEERS && !self.peers.contains_key(&peer) {
            // The one that has been quiet for longest is let go.
            let oldest = self.peers.iter().min_by_key(|(_, known)| known.last).map(|(peer, _)| *peer);
            oldest.map(|oldest| self.peers.remove(&oldest));
        }
        let failures = self.peers.entry(peer).or_insert(Failures { count: 0, last: now });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        match penalty(failures.count) {
            Duration::ZERO => Penalty::None,
            _ if peer.is_loopback() => Penalty::Delay(Self::FIRST),
            locked => Penalty::Locked(locked),
        }
    }

    /// Forgets the mistakes of a `peer` that knows the password.
    pub fn passed(&mut self, peer: IpAddr) {
        self.peers.remove(&key(peer));
    }

    /// Whether there is nobody to hold back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }
}

/// Doubles with each mistake.
fn penalty(count: u32) -> Duration {
    match count.checked_sub(Throttle::FREE) {
        None | Some(0) => Duration::ZERO,
        Some(beyond) => {
            let factor = 1_u32.checked_shl(beyond - 1).unwrap_or(u32::MAX);
            Throttle::FIRST.saturating_mul(factor).min(Throttle::LONGEST)
        }
    }
}

/// One network of IPv6 is one peer: a single machine has all its addresses.
fn key(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn after(failures: u32) -> (Throttle, Instant) {
        let now = crate::clock::now();
        let mut throttle = Throttle::default();
        for _ in 0..failures {
            throttle.failed(PEER, now);
        }
        (throttle, now)
    }

    #[test]
    fn ten_mistakes_are_free_and_the_wait_doubles_from_then_on() {
        assert_eq!(after(10).0.before(PEER, after(10).1), Penalty::None);
        for (failures, seconds) in [(11, 1), (12, 2), (13, 4), (16, 32), (17, 60), (500, 60)] {
            let (throttle, now) = after(failures);
            assert_eq!(throttle.before(PEER, now), Penalty::Locked(Duration::from_secs(seconds)));
            assert_eq!(throttle.before(PEER, now + Duration::from_secs(seconds)), Penalty::None);
        }
    }

    #[test]
    fn the_right_password_and_time_forget_mistakes() {
        let (mut throttle, now) = after(20);
        throttle.passed(PEER);
        assert_eq!(throttle.before(PEER, now), Penalty::None);
        let (mut throttle, now) = after(20);
        assert_eq!(throttle.failed(PEER, now + Throttle::FORGOTTEN), Penalty::None);
    }

    #[test]
    fn a_neighbour_on_this_machine_is_never_locked_out() {
        let (mut throttle, now) = after(0);
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let last = (0..100).map(|_| throttle.failed(here, now)).last();
        assert_eq!(last, Some(Penalty::Delay(Throttle::FIRST)));
        assert_eq!(throttle.before(here, now), Penalty::None);
        assert_eq!(throttle.before("::ffff:127.0.0.1".parse().unwrap(), now), Penalty::None);
    }

    #[test]
    fn addresses_of_one_network_count_as_one_and_the_table_is_bounded() {
        let (mut throttle, now) = after(0);
        for last in 0..12 {
            throttle.failed(format!("2001:db8::{last:x}").parse().unwrap(), now);
        }
        assert!(matches!(throttle.before("2001:db8::ffff".parse().unwrap(), now), Penalty::Locked(_)));
        for number in 0..5_000_u32 {
            throttle.failed(IpAddr::V4(number.into()), now);
        }
        assert!(throttle.peers.len() <= Throttle::MAX_PEERS);
    }
}
