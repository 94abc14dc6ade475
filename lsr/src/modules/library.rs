//! Library modules in Lua (script resource notes, 3.4 and 3.10 to 3.12): sources under `lsr/lua/`.

use super::Module;

/// What `require` finds.
pub(super) const MODULES: &[Module] = &[
    Module { name: "json", chunk: "@etc/thingworx/lua/json.lua", source: "return json" },
    Module { name: "log", chunk: "@etc/thingworx/lua/log.lua", source: "return log" },
];
