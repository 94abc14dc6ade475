//! The tap of the wire view: the last messages of all edge connections, kept only while somebody looks.
//!
//! Nobody looks: an edge connection pays one relaxed load for each message. Somebody looks: a copy of each message goes
//! into one ring with a bound in messages and in bytes; the oldest goes first, and whoever reads learns how many went.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use edgebind_alwayson::{Frame, Header};
use edgebind_kernel::clock;

use crate::model::ConnectionId;

/// Where the edge connections put what passes.
#[derive(Default)]
pub(super) struct Tap {
    watchers: AtomicUsize,
    ring: Mutex<Ring>,
}

/// One that looks; the tap runs as long as there is one.
pub(super) struct Watcher {
    tap: Arc<Tap>,
    next: u64,
}

/// A frame that passed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Passed {
    /// Counts from 0 in each run of the tap.
    pub(super) number: u64,
    /// Milliseconds since 1970.
    pub(super) time: i64,
    pub(super) connection: ConnectionId,
    pub(super) way: Way,
    /// The frame; of a binary message that is longer than [`Tap::LONGEST`], the header only.
    pub(super) frame: Frame,
    /// Bytes of the frame's payload as it was.
    pub(super) length: usize,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// From the edge to the platform.
    In,
    /// From the platform to the edge.
    Out,
}

impl Tap {
    /// Longest message that is kept whole, in bytes.
    pub(super) const LONGEST: usize = 64 * 1024;
    /// Most messages that are kept.
    pub(super) const MESSAGES: usize = 1024;
    /// Most bytes that are kept.
    pub(super) const BYTES: usize = 2 * 1024 * 1024;

    /// Looks from now on.
    pub(super) fn watch(self: &Arc<Self>) -> Watcher {
        let ring = self.ring();
        // Counted under the lock, so that the last one that goes does not empty the ring of the next.
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Watcher { next: ring.next, tap: Arc::clone(self) }
    }

    /// Keeps a frame, if somebody looks.
    pub(super) fn pass(&self, connection: ConnectionId, way: Way, frame: &Frame) {
        if self.watchers.load(Ordering::Relaxed) > 0 {
            self.keep(connection, way, frame);
        }
    }

    fn keep(&self, connection: ConnectionId, way: Way, frame: &Frame) {
        let (frame, length) = match frame {
            // A copy, because a slice may hold a much larger buffer of the socket alive.
            Frame::Binary(bytes) => {
                let kept = if bytes.len() > Self::LONGEST { Header::LEN } else { bytes.len() };
                (Frame::Binary(Bytes::copy_from_slice(bytes.get(..kept).unwrap_or_default())), bytes.len())
            }
            Frame::Ping(payload) => (Frame::Ping(Bytes::new()), payload.len()),
            Frame::Pong(payload) => (Frame::Pong(Bytes::new()), payload.len()),
            Frame::Close { text, .. } => (frame.clone(), text.len() + 2),
        };
        let time = clock::unix_millis();
        self.ring().push(Passed { number: 0, time, connection, way, frame, length });
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// What passed since the last call, and how many more were lost because nobody took them in time.
    pub(super) fn take(&mut self) -> (Vec<Passed>, u64) {
        let ring = self.tap.ring();
        let oldest = ring.passed.front().map_or(ring.next, |passed| passed.number);
        let missed = oldest.saturating_sub(self.next);
        let taken = ring.passed.iter().filter(|passed| passed.number >= self.next).cloned().collect();
        self.next = ring.next;
        (taken, missed)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut ring = self.tap.ring();
        if self.tap.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            *ring = Ring { next: ring.next, ..Ring::default() };
        }
    }
}

#[derive(Default)]
struct Ring {
    next: u64,
    bytes: usize,
    passed: VecDeque<Passed>,
}

impl Ring {
    fn push(&mut self, passed: Passed) {
        self.bytes += kept_bytes(&passed);
        self.passed.push_back(Passed { number: self.next, ..passed });
        self.next += 1;
        while self.passed.len() > Tap::MESSAGES || self.bytes > Tap::BYTES {
            let Some(oldest) = self.passed.pop_front() else { break };
            self.bytes -= kept_bytes(&oldest);
        }
    }
}

fn kept_bytes(passed: &Passed) -> usize {
    match &passed.frame {
        Frame::Binary(bytes) => bytes.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(tap: &Tap, bytes: usize) {
        tap.pass(ConnectionId(1), Way::In, &Frame::Binary(Bytes::from(vec![1; bytes])));
    }

    #[test]
    fn nothing_is_kept_while_nobody_looks() {
        let tap = Arc::new(Tap::default());
        pass(&tap, 20);
        let mut watcher = tap.watch();
        assert_eq!(watcher.take(), (Vec::new(), 0));
        pass(&tap, 20);
        assert_eq!(watcher.take().0.len(), 1);
        drop(watcher);
        assert!(tap.ring().passed.is_empty());
        pass(&tap, 20);
        assert!(tap.ring().passed.is_empty());
    }

    #[test]
    fn every_watcher_takes_each_message_once() {
        let tap = Arc::new(Tap::default());
        let mut first = tap.watch();
        pass(&tap, 20);
        let mut second = tap.watch();
        pass(&tap, 20);
        assert_eq!((first.take().0.len(), second.take().0.len()), (2, 1));
        drop(second);
        pass(&tap, 20);
        assert_eq!(first.take().0.len(), 1);
        assert_eq!(first.take(), (Vec::new(), 0));
    }

    #[test]
    fn the_ring_is_bounded_in_messages_and_in_bytes_and_tells_what_went() {
        let tap = Arc::new(Tap::default());
        let mut watcher = tap.watch();
        for _ in 0..Tap::MESSAGES + 7 {
            pass(&tap, 20);
        }
        let (taken, missed) = watcher.take();
        assert_eq!((taken.len(), missed), (Tap::MESSAGES, 7));
        for _ in 0..100 {
            pass(&tap, Tap::LONGEST);
        }
        assert!(tap.ring().bytes <= Tap::BYTES);
        let (taken, missed) = watcher.take();
        assert_eq!(
            (taken.len(), missed),
            (Tap::BYTES / Tap::LONGEST, 100 - (Tap::BYTES / Tap::LONGEST) as u64)
        );
    }

    #[test]
    fn of_a_very_long_message_only_the_header_is_kept() {
        let tap = Arc::new(Tap::default());
        let mut watcher = tap.watch();
        pass(&tap, Tap::LONGEST + 1);
        let taken = watcher.take().0;
        assert_eq!(taken[0].length, Tap::LONGEST + 1);
        assert_eq!(taken[0].frame, Frame::Binary(Bytes::from(vec![1; Header::LEN])));
    }
}
