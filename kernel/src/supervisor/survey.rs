//! The state of a subtree, for people and for the status page.

use std::time::{Duration, Instant};

use actix::{Context, Handler, Message, ResponseFuture};

use super::{
    SUPERVISOR, Supervisor,
    child::{Child, State},
};
use crate::{Inspect, NodeState, TreeNode, clock};

/// As [`Inspect`], with the time by which the answer is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survey {
    deadline: Instant,
}

impl Message for Survey {
    type Result = TreeNode;
}

impl Handler<Survey> for Supervisor {
    type Result = ResponseFuture<TreeNode>;

    fn handle(&mut self, Survey { deadline }: Survey, _: &mut Context<Self>) -> Self::Result {
        let now = clock::now();
        // Branches answer a little earlier, so that one that is blocked does not hide its neighbours.
        let earlier = deadline - deadline.saturating_duration_since(now) / 10;
        let mut branches = Vec::new();
        let mut children = Vec::with_capacity(self.children.len());
        for (n, child) in self.children.values().enumerate() {
            children.push(node(child));
            if let State::Up { life, .. } = &child.state
                && let Some(branch) = &life.branch
            {
                // All are asked at once.
                branches.push((n, branch.send(Survey { deadline: earlier })));
            }
        }
        let mut root = self.node(children);
        Box::pin(async move {
            for (n, answer) in branches {
                let answer = tokio::select! {
                    answer = answer => answer.ok(),
                    () = clock::until(earlier) => None,
                };
                let Some(child) = root.children.get_mut(n) else { continue };
                match answer {
                    Some(branch) => child.children = branch.children,
                    None => child.report = "does not answer".into(),
                }
            }
            root
        })
    }
}

impl Handler<Inspect> for Supervisor {
    type Result = ResponseFuture<TreeNode>;

    fn handle(&mut self, _: Inspect, ctx: &mut Context<Self>) -> Self::Result {
        Handler::<Survey>::handle(self, Survey { deadline: clock::now() + PATIENCE }, ctx)
    }
}

impl Supervisor {
    /// Itself, as far as it knows: its parent knows more.
    fn node(&self, children: Vec<TreeNode>) -> TreeNode {
        TreeNode {
            id: self.id.clone(),
            kind: SUPERVISOR,
            state: if self.shutdown.is_some() { NodeState::Stopping } else { NodeState::Running },
            report: String::new(),
            since_unix_ms: self.since_unix_ms,
            restarts: 0,
            last_exit: None,
            next_retry_unix_ms: None,
            children,
        }
    }
}

fn node(child: &Child) -> TreeNode {
    let (state, next_retry_unix_ms) = match child.state {
        State::Up { .. } => (NodeState::Running, None),
        State::Ending { .. } => (NodeState::Stopping, None),
        State::Down { until, quarantined: false } => (NodeState::Backoff, Some(clock::unix_millis_at(until))),
        State::Down { until, quarantined: true } => {
            (NodeState::Quarantined, Some(clock::unix_millis_at(until)))
        }
        State::Held => (NodeState::Held, None),
    };
    TreeNode {
        id: child.spec.id().clone(),
        kind: child.spec.kind(),
        state,
        report: child.signs().map(|signs| signs.vital().report.to_string()).unwrap_or_default(),
        since_unix_ms: child.since_unix_ms,
        restarts: child.lives.saturating_sub(1),
        last_exit: child.last_exit.as_ref().map(ToString::to_string),
        next_retry_unix_ms,
        children: Vec::new(),
    }
}

/// Time for the answer to [`Inspect`].
const PATIENCE: Duration = Duration::from_secs(1);
