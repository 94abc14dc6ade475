//! The functions in Rust that a script finds in its state and that never wait: `tw_utils`, `tw_dir`, `json`,
//! `tw_convert`, data shapes, infotables and the log (script resource notes, 3). Those that wait are with the host.
//!
//! How a function comes into a state, the rules it keeps and an example are with [`Natives`].

use crate::host::{Natives, ScriptScope};

/// Puts all of them into a new state. Runs before the first line of the script; the tables of 3.1 of the notes are there
/// already, empty but for what the host has put into them ([`Natives::table`]).
///
/// # Errors
///
/// Not enough memory.
pub(crate) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    crate::thing::install(natives, scope)
}
