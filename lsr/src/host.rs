//! Runs the scripts: each one Lua 5.1 state on one of a few threads, with as many contexts as it has work at a time
//! (`docs/adr/0007`, script resource notes, trap 1), each script a supervised unit.
//!
//! [`Host`] is the way in, from any thread: start and stop scripts, look at them, call what they have registered.

mod callback;
mod handle;
mod natives;
mod scope;
mod spec;
#[cfg(test)]
pub(crate) mod testing;

pub use self::{
    callback::{CallError, CallbackAnswer, CallbackData, CallbackRequest},
    handle::{Host, ScriptError},
    spec::{HostSettings, Phase, Sandbox, ScriptSpec, ScriptView},
};
pub(crate) use self::{
    natives::{Arity, Finish, Natives},
    scope::ScriptScope,
};
