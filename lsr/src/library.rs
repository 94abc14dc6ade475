//! The functions in Rust that a script finds in its state and that never wait: `tw_utils`, `tw_dir`, `json`,
//! `tw_convert`, data shapes, infotables and the log (script resource notes, 3). Those that wait are with the host.
//!
//! How a function comes into a state, the rules it keeps and an example are with [`Natives`].

mod arguments;
mod convert;
mod directories;
mod infotables;
mod json;
mod logging;
mod quote;
pub mod secrets;
mod utils;

use self::arguments::Arguments;
use crate::host::{Arity, Natives, ScriptScope};

/// Puts all of them into a new state. Runs before the first line of the script; the tables of 3.1 of the notes are there
/// already, empty but for what the host has put into them ([`Natives::table`]).
///
/// # Errors
///
/// Not enough memory.
pub(crate) fn install(natives: &Natives<'_>, scope: &ScriptScope) -> mlua::Result<()> {
    json::install(natives)?;
    logging::install(natives)?;
    utils::install(natives)?;
    convert::install(natives)?;
    directories::install(natives)?;
    infotables::install(natives)?;
    services(natives)?;
    crate::thing::install(natives, scope)
}

/// `tw_service`: on anything but Windows its functions do nothing (script resource notes, 3.4).
fn services(natives: &Natives<'_>) -> mlua::Result<()> {
    let service = natives.table("tw_service")?;
    for name in ["start", "stop", "waitForState"] {
        service.raw_set(name, natives.plain(Arity::at_least(0), |_, _: Arguments| Ok(false))?)?;
    }
    Ok(())
}
