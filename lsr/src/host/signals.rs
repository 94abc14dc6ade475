//! What the contexts of a script are told from outside: to stop, and that they are dead.
//!
//! Both are levels, not events: a context that begins to wait a moment later sees them, too.

use tokio::sync::watch;

/// Told to all contexts of one life of a script.
#[derive(Debug)]
pub(crate) struct Signals {
    level: watch::Sender<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Run,
    Stop,
    Kill,
}

impl Default for Signals {
    fn default() -> Self {
        Self { level: watch::Sender::new(Level::Run) }
    }
}

impl Signals {
    /// The script is to come to its end: sleepers wake.
    pub(crate) fn stop(&self) {
        self.raise(Level::Stop);
    }

    /// No context is resumed any more.
    pub(crate) fn kill(&self) {
        self.raise(Level::Kill);
    }

    /// Whether it is to come to its end.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.level.borrow() >= Level::Stop
    }

    /// Whether it is dead.
    pub(crate) fn is_killed(&self) -> bool {
        *self.level.borrow() >= Level::Kill
    }

    /// Resolves when it is to come to its end.
    pub(crate) async fn stopping(&self) {
        self.reached(Level::Stop).await;
    }

    /// Resolves when it is dead.
    pub(crate) async fn killed(&self) {
        self.reached(Level::Kill).await;
    }

    fn raise(&self, level: Level) {
        self.level.send_if_modified(|now| {
            let higher = level > *now;
            *now = level.max(*now);
            higher
        });
    }

    async fn reached(&self, level: Level) {
        // The sender is this very value, so the channel is open.
        let _ = self.level.subscribe().wait_for(|now| *now >= level).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_signal_is_seen_by_whoever_looks_later() {
        let signals = Signals::default();
        assert!(signals.stopping().now_or_never().is_none());
        signals.stop();
        assert!(signals.stopping().now_or_never().is_some());
        assert!(signals.killed().now_or_never().is_none());
    }

    #[test]
    fn a_dead_script_does_not_come_to_life() {
        let signals = Signals::default();
        signals.kill();
        signals.stop();
        assert!(signals.is_killed());
        assert!(signals.is_stopping());
    }
}
