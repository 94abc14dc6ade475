//! Supervision trees on actix.

pub mod clock;
mod directory;
mod exit;
mod fairness;
mod ident;
mod life;
mod lifeline;
mod panics;
mod policy;
mod rate;
mod spec;
mod stop;
mod supervisor;
mod tree;

pub use self::{
    directory::Directory,
    exit::{Exit, Failure},
    fairness::Fairness,
    ident::{ChildId, Epoch},
    lifeline::{Lifeline, RootWatch},
    panics::install_panic_hook,
    policy::{Backoff, Budget, Decision, Health, Lifetime, OnSpent, Restart, RestartPolicy, RestartState},
    spec::ChildSpec,
    stop::{Stop, StopReport, stop_tree},
    supervisor::{
        Dismiss, Ended, Launch, LaunchError, RetryNow, Strategy, Supervisor, SupervisorBuilder, UnknownChild,
    },
    tree::{Inspect, NodeState, TreeNode},
};
