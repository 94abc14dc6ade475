//! Tells somebody outside of each restart, for metrics.

use std::sync::OnceLock;

/// Calls `observer` with the kind of each child that is started again, in every tree of this process.
///
/// It runs on the thread of the supervisor and must not block. The first observer stays.
pub fn observe_restarts(observer: fn(kind: &'static str)) {
    OBSERVER.get_or_init(|| observer);
}

pub(crate) fn restarted(kind: &'static str) {
    if let Some(observer) = OBSERVER.get() {
        observer(kind);
    }
}

static OBSERVER: OnceLock<fn(&'static str)> = OnceLock::new();
