//! The functions that wait, or that reach beyond their own script: a wait never holds up another context.

use std::rc::Rc;

use super::{Natives, ScriptScope, routes::Routes, switch};

mod callbacks;
mod mutex;

/// Puts all of them into a new state.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>, scope: &ScriptScope, routes: &Rc<Routes>) -> mlua::Result<()> {
    natives.table("tw_utils")?.raw_set("psleep", switch::sleep_function(natives.lua())?)?;
    callbacks::install(natives, routes)?;
    mutex::install(natives, scope)
}
