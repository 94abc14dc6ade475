//! The framework of things in Lua (script resource notes, 4 to 7): sources under `lsr/lua/`.
//!
//! Modules `edgebind.*` are ours alone; the others have the names that scripts know from the original.

use super::Module;

/// A module of the original with the place it has there.
macro_rules! module {
    ($name:literal, $place:literal, $file:literal) => {
        Module {
            name: $name,
            chunk: concat!("@etc/thingworx/", $place),
            source: include_str!(concat!("../../lua/", $file)),
        }
    };
}

/// The short name of a module: `require` gives `true`, as in the original.
macro_rules! alias {
    ($name:literal) => {
        Module {
            name: $name,
            chunk: concat!("@etc/thingworx/lua/", $name, ".lua"),
            source: concat!("require \"thingworx.", $name, "\"\n"),
        }
    };
}

/// What `require` finds.
pub(super) const MODULES: &[Module] = &[
    module!("thingworx.template", "lua/template.lua", "thingworx/template.lua"),
    alias!("template"),
    module!("thingworx.shape", "lua/shape.lua", "thingworx/shape.lua"),
    alias!("shape"),
    module!("thingworx.handler", "lua/handler.lua", "thingworx/handler.lua"),
    alias!("handler"),
    module!("thingworx.server", "lua/server.lua", "thingworx/server.lua"),
    alias!("server"),
    module!("handlers.inmemory", "lua/handlers/inmemory.lua", "handlers/inmemory.lua"),
    module!("handlers.script", "lua/handlers/script.lua", "handlers/script.lua"),
    module!("handlers.http", "lua/handlers/http.lua", "handlers/http.lua"),
    module!("handlers.https", "lua/handlers/https.lua", "handlers/https.lua"),
    module!("handlers.generator", "lua/handlers/generator.lua", "handlers/generator.lua"),
    module!(
        "thingworx.shapes.metadata",
        "lua/thingworx/shapes/metadata.lua",
        "thingworx/shapes/metadata.lua"
    ),
    module!(
        "thingworx.shapes.propsubscribe",
        "lua/thingworx/shapes/propsubscribe.lua",
        "thingworx/shapes/propsubscribe.lua"
    ),
    module!(
        "thingworx.shapes.swupdate",
        "lua/thingworx/shapes/swupdate.lua",
        "thingworx/shapes/swupdate.lua"
    ),
    module!(
        "thingworx.shapes.filetransfer",
        "lua/thingworx/shapes/filetransfer.lua",
        "thingworx/shapes/filetransfer.lua"
    ),
    module!("edgebind.environment", "lua/edgebind/environment.lua", "edgebind/environment.lua"),
    module!("edgebind.gateway", "lua/edgebind/gateway.lua", "edgebind/gateway.lua"),
    module!("edgebind.handling", "lua/edgebind/handling.lua", "edgebind/handling.lua"),
    module!("edgebind.lazy", "lua/edgebind/lazy.lua", "edgebind/lazy.lua"),
    module!("edgebind.metadata", "lua/edgebind/metadata.lua", "edgebind/metadata.lua"),
    module!("edgebind.properties", "lua/edgebind/properties.lua", "edgebind/properties.lua"),
    module!("edgebind.push", "lua/edgebind/push.lua", "edgebind/push.lua"),
    module!("edgebind.registration", "lua/edgebind/registration.lua", "edgebind/registration.lua"),
    module!("edgebind.rows", "lua/edgebind/rows.lua", "edgebind/rows.lua"),
    module!("edgebind.services", "lua/edgebind/services.lua", "edgebind/services.lua"),
    module!("edgebind.subscriptions", "lua/edgebind/subscriptions.lua", "edgebind/subscriptions.lua"),
    module!("edgebind.thing", "lua/edgebind/thing.lua", "edgebind/thing.lua"),
];

/// Files that a script may name, such as `thing.lua` and `thingworx.lua`.
pub(super) const SCRIPTS: &[Module] = &[
    module!("thing.lua", "scripts/thing.lua", "thing.lua"),
    module!("thingworx.lua", "scripts/thingworx.lua", "thingworx.lua"),
];
