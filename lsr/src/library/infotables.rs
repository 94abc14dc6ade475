//! Data shapes and infotables: `tw_datashape`, `tw_infotable` (script resource notes, 3.12).
//!
//! To scripts both are userdata with methods. What mlua makes of a Rust type would do, but for its metatable, which scripts
//! of the original can look at and those of mlua cannot. So a script holds an empty userdata of Lua's own ([`Proxies`]), and
//! what it stands for lies in a table with weak keys: rows are Lua values, within the memory limit of the script.

mod base_type;
mod cell;
mod proxies;
mod shape;
mod table;

use mlua::Result;

use self::proxies::Proxies;
use crate::host::Natives;

/// Fills `tw_datashape` and `tw_infotable`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let shapes = Proxies::new(natives.lua())?;
    let tables = Proxies::new(natives.lua())?;
    shape::install(natives, &shapes)?;
    table::install(natives, &shapes, &tables)
}

#[cfg(test)]
mod tests;
