//! The orderly stop, of one actor and of a whole tree.

use std::time::{Duration, Instant};

use actix::{Addr, Message};
use serde::Serialize;

use crate::{Supervisor, clock};

/// Asks an actor to bring its work to an end; the answer says that it has.
///
/// Every supervised actor handles it. The kernel ends the actor as soon as it has answered, so a handler that needs time
/// answers with a future (`ResponseActFuture`), and one that needs none just returns. Messages that were sent before it
/// are handled before it; those after it are refused. At the deadline the actor is cut:
/// dropped where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// When the actor is cut.
    pub deadline: Instant,
}

impl Message for Stop {
    type Result = ();
}

/// How an orderly stop went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StopReport {
    /// Actors that ended by themselves, supervisors included.
    pub orderly: usize,
    /// Paths (`gateway/things/thing-1`) of those that were cut at their deadline.
    pub cut: Vec<String>,
    /// Paths of those that did not end even then: their thread is blocked. What they hold is still held.
    pub stuck: Vec<String>,
}

impl StopReport {
    /// Whether every actor ended by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut.is_empty() && self.stuck.is_empty()
    }

    /// Adds what a branch of the tree said.
    pub(crate) fn absorb(&mut self, branch: Self) {
        self.orderly += branch.orderly;
        self.cut.extend(branch.cut);
        self.stuck.extend(branch.stuck);
    }
}

/// Stops the tree below `root`, and `root` itself: children in reverse order of their start, each asked with [`Stop`].
///
/// Returns after `deadline` at the latest (and a second of grace, should the root's own thread be blocked: then the
/// report says that `root` is stuck).
pub async fn stop_tree(root: &Addr<Supervisor>, deadline: Duration) -> StopReport {
    let deadline = clock::now() + deadline;
    let stuck = || StopReport { stuck: vec!["root".into()], ..StopReport::default() };
    let report = tokio::select! {
        report = root.send(Halt { deadline }) => report,
        () = clock::until(deadline + ROOT_GRACE) => return stuck(),
    };
    // A closed mailbox: it has ended before.
    report.unwrap_or_default()
}

/// The orderly stop of a supervisor: as [`Stop`], with a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Halt {
    pub(crate) deadline: Instant,
}

impl Message for Halt {
    type Result = StopReport;
}

const ROOT_GRACE: Duration = Duration::from_secs(1);
