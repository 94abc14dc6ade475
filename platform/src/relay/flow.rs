//! The bytes of one direction of one connection: which of them may be written when. Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};

use super::{Cut, WayFaults};

/// One direction: bytes go in as they are read, and come out when the faults let them.
#[derive(Debug, Default)]
pub(super) struct Flow {
    held: VecDeque<(Instant, Bytes)>,
    held_bytes: usize,
    /// Nothing is due before this: jitter does not change the order.
    last_due: Option<Instant>,
    /// When the next piece may be written, by rate and pause.
    free_at: Option<Instant>,
    end: End,
    /// Stalled for this connection alone.
    pub(super) frozen: bool,
    cut_after: Option<(u64, Cut)>,
    passed: u64,
}

/// What is known of the end of a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// Read, and to be passed on at this time.
    Due(Instant),
    Passed,
}

/// What is to be done with a direction now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write up to so many bytes of [`Flow::front`], at least one.
    Write(usize),
    /// Look again at this time.
    Wait(Instant),
    /// Nothing, until something arrives or the faults change.
    Idle,
    /// Pass on the end.
    Finish,
    /// End the whole connection.
    Cut(Cut),
}

impl Flow {
    /// Most bytes under way; a full direction is not read, which holds back the sender.
    pub(super) const ROOM: usize = 1 << 20;

    /// Whether bytes may be read.
    pub(super) const fn wants(&self, faults: &WayFaults) -> bool {
        !self.is_stalled(faults) && self.held_bytes < Self::ROOM && matches!(self.end, End::Open)
    }

    /// Takes bytes that were read; `chance` from 0 to 1 is their share of the jitter.
    pub(super) fn arrived(&mut self, now: Instant, bytes: Bytes, faults: &WayFaults, chance: f64) {
        if bytes.is_empty() {
            return;
        }
        let due = now + faults.latency + faults.jitter.mul_f64(chance.clamp(0.0, 1.0));
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        self.held_bytes += bytes.len();
        self.held.push_back((due, bytes));
    }

    /// Takes the end of what can be read.
    pub(super) fn ended(&mut self, now: Instant, faults: &WayFaults, close_delay: Duration) {
        if self.end == End::Open {
            let due = now + faults.latency + close_delay;
            self.end = End::Due(self.last_due.map_or(due, |last| last.max(due)));
        }
    }

    /// What is to be done now.
    pub(super) fn step(&self, now: Instant, faults: &WayFaults) -> Step {
        if let Some((0, cut)) = self.cut_after {
            return Step::Cut(cut);
        }
        if self.is_stalled(faults) {
            return Step::Idle;
        }
        let Some((due, bytes)) = self.held.front() else {
            return match self.end {
                End::Due(due) if due <= now => Step::Finish,
                End::Due(due) => Step::Wait(due),
                End::Open | End::Passed => Step::Idle,
            };
        };
        let ready = self.free_at.map_or(*due, |free| free.max(*due));
        if ready > now {
            return Step::Wait(ready);
        }
        let mut most = bytes.len().min(faults.piece_bytes.unwrap_or(usize::MAX).max(1));
        if let Some(rate) = faults.bytes_per_s {
            most = most.min(usize::try_from(rate / PIECES_PER_S).unwrap_or(usize::MAX).max(1));
        }
        if let Some((left, _)) = self.cut_after {
            most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        Step::Write(most)
    }

    /// The bytes that come next.
    pub(super) fn front(&self) -> &[u8] {
        self.held.front().map_or(&[], |(_, bytes)| bytes)
    }

    /// Counts `n` bytes of [`Flow::front`] as written.
    pub(super) fn written(&mut self, now: Instant, n: usize, faults: &WayFaults) {
        let Some((_, bytes)) = self.held.front_mut() else { return };
        let n = n.min(bytes.len());
        bytes.advance(n);
        let is_done = bytes.is_empty();
        self.held_bytes -= n;
        if is_done {
            self.held.pop_front();
        }
        let count = u64::try_from(n).unwrap_or(u64::MAX);
        self.passed += count;
        if let Some((left, _)) = &mut self.cut_after {
            *left = left.saturating_sub(count);
        }
        let by_rate = faults
            .bytes_per_s
            .map_or(Duration::ZERO, |rate| Duration::from_nanos(count.saturating_mul(NANOS) / rate.max(1)));
        let rest = by_rate.max(faults.pause);
        self.free_at = (!rest.is_zero()).then(|| now + rest);
    }

    /// Notes that the end was passed on.
    pub(super) const fn finished(&mut self) {
        self.end = End::Passed;
    }

    /// Orders the end of the connection after `bytes` more.
    pub(super) const fn cut_after(&mut self, bytes: u64, cut: Cut) {
        self.cut_after = Some((bytes, cut));
    }

    /// Whether its end was passed on.
    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.end, End::Passed)
    }

    /// Bytes written so far.
    pub(super) const fn passed(&self) -> u64 {
        self.passed
    }

    const fn is_stalled(&self, faults: &WayFaults) -> bool {
        faults.stalled || self.frozen
    }
}

/// A limited rate is kept in steps of 20 ms.
const PIECES_PER_S: u64 = 50;
const NANOS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
