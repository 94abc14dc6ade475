//! Pings of an edge and the wait for their pongs (protocol notes, section 2.6).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::core::after;

/// When to ping and when to give up.
#[derive(Debug)]
pub(super) struct Heartbeat {
    rate: Duration,
    timeout: Duration,
    next_ping: Option<Instant>,
    pong_due: Option<Instant>,
    count: u64,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Send a ping with this payload, which is never empty: the pong to an empty one does not count.
    Ping(Bytes),
    /// No pong came.
    Dead,
}

impl Heartbeat {
    /// A heartbeat that has not started.
    pub(super) fn new(rate: Duration, timeout: Duration) -> Self {
        Self { rate: rate.max(SHORTEST_RATE), timeout, next_ping: None, pong_due: None, count: 0 }
    }

    /// Asks for a ping now, unless the pong to an earlier one is awaited anyway.
    pub(super) fn ping(&mut self, now: Instant) -> Option<Beat> {
        if self.pong_due.is_some() {
            return None;
        }
        self.next_ping = Some(after(now, self.rate));
        self.pong_due = Some(after(now, self.timeout));
        self.count += 1;
        Some(Beat::Ping(Bytes::from(self.count.to_string())))
    }

    /// Takes a pong; one without payload does not count.
    pub(super) const fn pong(&mut self, payload: &[u8]) {
        if !payload.is_empty() {
            self.pong_due = None;
        }
    }

    /// What has become due at `now`.
    pub(super) fn beat(&mut self, now: Instant) -> Option<Beat> {
        if self.pong_due.is_some_and(|due| due <= now) {
            return Some(Beat::Dead);
        }
        if self.next_ping.is_none_or(|due| due > now) {
            return None;
        }
        if self.pong_due.is_some() {
            // The rate is shorter than the wait for the pong: one ping at a time.
            self.next_ping = Some(after(now, self.rate));
            return None;
        }
        self.ping(now)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.next_ping, self.pong_due].into_iter().flatten().min()
    }
}

/// A rate of 0 in a configuration must not spin.
const SHORTEST_RATE: Duration = Duration::from_millis(1);
