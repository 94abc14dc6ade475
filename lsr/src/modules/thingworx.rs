//! The framework of things in Lua (script resource notes, 4 to 7): sources under `lsr/lua/thingworx/`.

use super::Module;

/// What `require` finds.
pub(super) const MODULES: &[Module] = &[];

/// Files that a script may name, such as `thing.lua` and `thingworx.lua`.
pub(super) const SCRIPTS: &[Module] = &[];
