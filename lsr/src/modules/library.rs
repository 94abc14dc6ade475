//! Library modules in Lua (script resource notes, 3.4 and 3.10 to 3.12): sources under `lsr/lua/`.

use super::Module;

/// A module of the original; what has no line `module(...)` gives `true` to `require`, as there.
macro_rules! module {
    ($name:literal, $file:literal, $source:expr) => {
        Module { name: $name, chunk: concat!("@etc/thingworx/lua/", $file), source: $source }
    };
}

/// What `require` finds.
pub(super) const MODULES: &[Module] = &[
    // Both are in Rust and there from the start.
    module!("json", "json.lua", "return json"),
    module!("log", "log.lua", "return log"),
    module!("core", "core.lua", include_str!("../../lua/core.lua")),
    module!("stringx", "stringx.lua", include_str!("../../lua/stringx.lua")),
    module!("tablex", "tablex.lua", include_str!("../../lua/tablex.lua")),
    module!("thingworx.utils", "utils.lua", include_str!("../../lua/utils.lua")),
    module!("utils", "utils.lua", "require \"thingworx.utils\""),
    module!("types.datashape", "types/datashape.lua", include_str!("../../lua/types/datashape.lua")),
    module!("page", "page.lua", include_str!("../../lua/page.lua")),
    module!("propGroups", "propGroups.lua", include_str!("../../lua/propGroups.lua")),
    module!("thingworx.softwarejob", "softwarejob.lua", include_str!("../../lua/softwarejob.lua")),
    module!("softwarejob", "softwarejob.lua", "require \"thingworx.softwarejob\""),
];

#[cfg(test)]
mod tests;
