//! Runs the scripts: each one Lua 5.1 state on one of a few threads, with as many contexts as it has work at a time
//! (`docs/adr/0007`, script resource notes, trap 1), each script a supervised unit.
//!
//! [`Host`] is the way in, from any thread: start and stop scripts, look at them, call what they have registered.

mod answer;
mod blocking;
mod callback;
mod handle;
mod natives;
mod routes;
mod scope;
mod script;
mod search;
mod signals;
mod spec;
mod switch;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod threads;
mod unit;
mod vm;

pub use self::{
    callback::{CallError, CallbackAnswer, CallbackData, CallbackRequest},
    handle::{Host, ScriptError},
    spec::{HostSettings, Phase, Sandbox, ScriptSpec, ScriptView},
};
pub(crate) use self::{
    natives::{Arity, Finish, Natives},
    scope::ScriptScope,
};
