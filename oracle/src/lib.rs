//! The oracle: was every accepted update delivered, in order, and is every thing bound (docs/guarantees.md)?
//!
//! For tests only. Agents with real sockets ([`Fleet`]) push, write and fire numbered values and enter into a [`Ledger`] what they
//! were answered; the arrival log of the development platform says what it had confirmed ([`read_arrivals`]). When the faults are over the judge
//! ([`Evidence::judge`], pure) compares both. [`Callers`] do the same for requests of the platform: each has exactly one answer.
//! [`Schedule`] decides faults by a seed. What carries them out, starts processes and owns the network, is the test's.
//!
//! It shares no code with the gateway beyond the clock, so that one mistake cannot hide in both.

mod agent;
mod arrivals;
mod callers;
mod endpoint;
mod fleet;
mod http;
mod judge;
mod ledger;
mod messages;
mod schedule;
mod update;
mod verdict;

pub use arrivals::{Arrival, ArrivalError, read_arrivals};
pub use callers::{Answers, Callers};
pub use fleet::{Fleet, FleetSettings};
pub use judge::{DeadLetter, Evidence};
pub use ledger::{Attempt, Draft, Ledger, Outcome, Ticket};
pub use schedule::{Fault, Network, Party, Schedule, Turn};
pub use update::{Kind, Update};
pub use verdict::{Verdict, Violation};
