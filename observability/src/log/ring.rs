//! The latest log lines, kept in memory for GetLogData.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::LogRecord;

/// How many lines are kept: with the longest content about 2 MiB.
pub const CAPACITY: usize = 512;

static RING: Mutex<VecDeque<Arc<LogRecord>>> = Mutex::new(VecDeque::new());

/// The latest lines that `wanted` takes, at most `most` of them, oldest first.
#[must_use]
pub fn latest(most: usize, mut wanted: impl FnMut(&LogRecord) -> bool) -> Vec<Arc<LogRecord>> {
    let ring: Vec<_> = RING.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    let mut found: Vec<_> = ring.into_iter().rev().filter(|record| wanted(record)).take(most).collect();
    found.reverse();
    found
}

/// Puts each line of the log into the ring.
pub(crate) struct RingLayer;

impl<S: Subscriber> Layer<S> for RingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = Arc::new(LogRecord::of(event));
        let mut ring = RING.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= CAPACITY {
            ring.pop_front();
        }
        ring.push_back(record);
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn the_ring_keeps_the_latest_lines_and_no_more() {
        let subscriber = tracing_subscriber::registry().with(RingLayer);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..CAPACITY + 3 {
                tracing::info!(number, who = "ring", "Counted.");
            }
            tracing::warn!(text = %"x".repeat(10_000), who = "ring", "Long.");
        });
        let ours = latest(usize::MAX, |record| record.content.contains("who"));
        assert!(ours.len() <= CAPACITY);
        let two = latest(2, |record| record.content.starts_with("Counted."));
        let contents: Vec<&str> = two.iter().map(|record| record.content.as_str()).collect();
        assert_eq!(contents, ["Counted. number=513 who=ring", "Counted. number=514 who=ring"]);
        let long = latest(1, |record| record.content.starts_with("Long."));
        assert_eq!(long[0].content.len(), LogRecord::MAX_BYTES);
        assert_eq!(long[0].level, tracing::Level::WARN);
    }
}
