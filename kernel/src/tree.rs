//! What a tree looks like from outside.

use actix::Message;
use serde::Serialize;

use crate::ChildId;

/// Asks a supervisor for the state of its whole subtree; answered within a second, whatever the branches do.
#[derive(Clone, Copy, Debug)]
pub struct Inspect;

impl Message for Inspect {
    type Result = TreeNode;
}

/// One actor of a tree, with all below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeNode {
    /// Its name below its supervisor.
    pub id: ChildId,
    /// What it is: `link`, `thing`, `supervisor`.
    pub kind: &'static str,
    /// Where it stands with its supervisor.
    pub state: NodeState,
    /// What it says of itself ([`Lifeline::report`](crate::Lifeline::report)); empty if nothing, or not alive.
    pub report: String,
    /// When the state was entered, in milliseconds since 1970 UTC.
    pub since_unix_ms: i64,
    /// How often it was started again.
    pub restarts: u32,
    /// How its last life ended, if one has.
    pub last_exit: Option<String>,
    /// When it is started again, in milliseconds since 1970 UTC; in backoff and quarantine only.
    pub next_retry_unix_ms: Option<i64>,
    /// Its children in order of their first start.
    pub children: Vec<Self>,
}

impl TreeNode {
    /// The descendant at `path`, one name a step.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.children.iter().find(|child| child.id.as_str() == *first)?.find(rest)
    }
}

/// Where a child stands with its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeState {
    /// Started, and has not ended.
    Running,
    /// Ended; will be started again after a delay.
    Backoff,
    /// Ended too often; tried again at long intervals.
    Quarantined,
    /// Stopped, because a child it depends on is down.
    Held,
    /// Asked to stop, not gone yet.
    Stopping,
}
