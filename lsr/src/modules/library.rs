//! Library modules in Lua (script resource notes, 3.4 and 3.10 to 3.12): sources under `lsr/lua/`.

use super::Module;

/// What `require` finds.
pub(super) const MODULES: &[Module] = &[];
