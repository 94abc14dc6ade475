//! Supervision trees on stock actix: what keeps edgebind's actors alive.
//!
//! # The model
//!
//! - A *child* is an actor with a name, described by a [`ChildSpec`]: how each of its lives is built, and when it is
//!   started again. Each life has an [`Epoch`] of its own.
//! - Every supervised actor owns a [`Lifeline`]. Its drop tells the supervisor that the life is over, and how: normal
//!   end, failure, or panic with text and place ([`Exit`]). So no end goes unnoticed, whichever way the actor left.
//! - A [`Supervisor`] starts its children and follows their [`RestartPolicy`]: backoff with jitter, a budget of restarts
//!   in a window, and what comes when it is spent: *quarantine* (retried slowly for ever, shown as such) or
//!   *escalation* (the supervisor stops its other children and fails itself, so its own parent decides). Refusals by the
//!   world ([`Failure::refused`]) are retried for ever and cost nothing. The root's end resolves a [`RootWatch`].
//! - A supervisor is an actor too, so trees nest. When one falls, its children are stopped before it is started again.
//! - A stop is orderly: each actor gets [`Stop`], in reverse order of the starts, and time up to a deadline; then it is
//!   cut ([`stop_tree`], [`Dismiss`]).
//! - A [`Directory`] resolves names to the addresses of present lives.
//!
//! Why not `actix::Supervisor`: it does not restart after a panic, knows no delay, and cannot stop a child.
//!
//! # Traps of actix 0.13 that this crate is built around
//!
//! - `do_send` ignores the bound of a mailbox, and so does `try_send` with a fresh clone of an address for each message
//!   (each clone has one place of its own): send through the shared address a [`Directory`] gives.
//! - `send` waits for an answer, never for room: each call puts its message into the mailbox, full or not. Limit the
//!   number of callers, and give each a deadline.
//! - A flooded actor starves every timer of its arbiter: see [`Fairness`].
//! - An address kept over a restart is dead: resolve again.
//! - When an actor is dropped, `stopping` and `stopped` run or not, depending on whether somebody holds its address, and
//!   even after a panic, where a second one aborts the process. In a supervised actor they run at every end but a panic;
//!   what must happen in any case belongs into a `Drop`.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use actix::{Actor, ActorContext, Context, Handler, System};
//! use edgebind_kernel::{ChildSpec, Failure, Inspect, Lifeline, RestartPolicy, Stop, Supervisor, stop_tree};
//!
//! struct Pump {
//!     lifeline: Lifeline,
//!     broken: bool,
//! }
//!
//! impl Actor for Pump {
//!     type Context = Context<Self>;
//!
//!     fn started(&mut self, ctx: &mut Self::Context) {
//!         if self.broken {
//!             self.lifeline.fail(Failure::refused("no water"));
//!             ctx.stop();
//!         } else {
//!             self.lifeline.report("pumping");
//!         }
//!     }
//! }
//!
//! impl Handler<Stop> for Pump {
//!     type Result = ();
//!
//!     fn handle(&mut self, _: Stop, _: &mut Self::Context) {}
//! }
//!
//! System::new().block_on(async {
//!     let policy = RestartPolicy::permanent().backoff(Duration::from_millis(1), Duration::from_millis(10));
//!     let pump = |id: &str, broken| {
//!         ChildSpec::new(id, "pump", policy, move |lifeline| Pump { lifeline, broken })
//!     };
//!     let builder = Supervisor::builder("plant").child(pump("north", false)).child(pump("south", true));
//!     let (plant, _watch) = Supervisor::start_root(builder);
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//!
//!     let tree = plant.send(Inspect).await.unwrap();
//!     assert_eq!(tree.find(&["north"]).unwrap().report, "pumping");
//!     assert_eq!(tree.find(&["south"]).unwrap().last_exit.as_deref(), Some("failed: no water"));
//!
//!     assert!(stop_tree(&plant, Duration::from_secs(1)).await.is_clean());
//! });
//! ```

pub mod clock;
mod directory;
mod exit;
mod fairness;
#[cfg(feature = "fault-injection")]
mod fault;
mod ident;
mod life;
mod lifeline;
mod observer;
mod panics;
mod policy;
mod pulse;
mod rate;
mod spec;
mod stop;
mod supervisor;
pub mod throttle;
mod tree;

#[cfg(feature = "fault-injection")]
pub use self::fault::InjectPanic;
pub use self::{
    directory::Directory,
    exit::{Exit, Failure},
    fairness::Fairness,
    ident::{ChildId, Epoch},
    lifeline::{Lifeline, RootWatch},
    observer::observe_restarts,
    panics::install_panic_hook,
    policy::{Backoff, Budget, Decision, Health, Lifetime, OnSpent, Restart, RestartPolicy, RestartState},
    pulse::Pulse,
    spec::{ChildSpec, Turn},
    stop::{Stop, StopReport, stop_tree},
    supervisor::{
        Dismiss, Ended, Launch, LaunchError, RetryNow, Strategy, Supervisor, SupervisorBuilder, UnknownChild,
    },
    tree::{Inspect, NodeState, TreeNode},
};
