//! Says when telemetry stops being delivered and when it is again: once each, not with every export.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tracing::{info, warn};

/// Whether the collector answers, and what was lost since it does not.
#[derive(Debug, Default)]
pub(super) struct Health {
    failing: AtomicBool,
    failures: AtomicU64,
}

impl Health {
    /// Notes an export that came through.
    pub(super) fn delivered(&self, endpoint: &str) {
        if self.failing.swap(false, Ordering::Relaxed) {
            let failures = self.failures.swap(0, Ordering::Relaxed);
            info!(endpoint, failures, "Telemetry is delivered again.");
        }
    }

    /// Notes an export that did not.
    pub(super) fn failed(&self, endpoint: &str, reason: &dyn std::fmt::Display) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if !self.failing.swap(true, Ordering::Relaxed) {
            warn!(endpoint, %reason, "Telemetry is not delivered.");
        }
    }
}
