//! The functions that wait, or that reach beyond their own script: a wait never holds up another context.

use std::{io::Write, rc::Rc};

use self::shell::Shell;
use super::{Arity, Natives, ScriptScope, routes::Routes, switch};

mod callbacks;
mod exchange;
mod http;
mod io;
mod mutex;
mod pairs;
mod scripts;
mod shell;
mod stream;

/// Puts all of them into a new state.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>, scope: &ScriptScope, routes: &Rc<Routes>) -> mlua::Result<()> {
    natives.table("tw_utils")?.raw_set("psleep", switch::sleep_function(natives.lua())?)?;
    callbacks::install(natives, routes)?;
    mutex::install(natives, scope)?;
    http::install(natives, scope)?;
    scripts::install(natives, scope)?;
    let shell = Rc::new(Shell::new(scope));
    io::install(natives, &shell)?;
    shell::install(natives, &shell)?;
    // No script is there yet, so nothing of it runs on the main state.
    let write = natives.plain(Arity::exactly(1), |_, text: mlua::LuaString| {
        // Nobody reads it: there is nowhere to say so.
        let _ = std::io::stdout().lock().write_all(&text.as_bytes());
        Ok(())
    })?;
    natives.lua().load(include_str!("blocking/prelude.lua")).set_name("=host").call(write)
}
