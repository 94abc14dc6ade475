//! What becomes of the children of a supervisor that ended without stopping them: by a panic, or cut at a deadline.

use std::time::Instant;

use tokio::sync::{oneshot, watch};
use tracing::warn;

use super::shutdown::part;
use crate::{ChildId, Lifeline, spec::LifeHandle};

/// The living children of a dead supervisor, last started first.
///
/// Dropping them ends them at once; so does the end of the runtime.
pub(super) struct Orphans {
    pub(super) supervisor: ChildId,
    pub(super) lives: Vec<LifeHandle>,
    pub(super) deadline: Instant,
    /// The dead one's: its parent learns of the death, and starts it again, only when the orphans are gone. So no child
    /// lives twice.
    pub(super) lifeline: Option<Lifeline>,
}

impl Orphans {
    /// Waits, in a task of its own, for the day the supervisor falls; a drop cannot start tasks safely.
    pub(super) fn await_fall() -> oneshot::Sender<Self> {
        let (fall, fallen) = oneshot::channel::<Self>();
        drop(actix_rt::spawn(async move {
            if let Ok(orphans) = fallen.await {
                orphans.stop().await;
            }
        }));
        fall
    }

    async fn stop(self) {
        let Self { supervisor, lives, deadline, lifeline } = self;
        warn!(%supervisor, children = lives.len(), "Supervisor fell, its children are stopped.");
        // The sender is kept to the end: the deadline stays as it is.
        let (_set, changed) = watch::channel(deadline);
        let partings: Vec<_> =
            lives.into_iter().map(|life| actix_rt::spawn(part(life, changed.clone()))).collect();
        for parting in partings {
            // It ends by its deadline; an error says that the runtime is going down.
            let _ = parting.await;
        }
        drop(lifeline);
    }
}
