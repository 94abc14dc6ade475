//! The Lua sources in the binary: all modules that the original ships, written anew.
//!
//! `require` asks here first and the search path afterwards, and script files are looked up here first too, so no file
//! of the customer's, or left by the vendor, takes their place (design, 3.4).

mod library;
mod thingworx;

/// One Lua source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    /// What `require` is given: `json`, `thingworx.template`. For a script file its name: `thing.lua`.
    pub(crate) name: &'static str,
    /// Name of the chunk in error messages, as the original shows it: `@etc/thingworx/lua/json.lua`.
    pub(crate) chunk: &'static str,
    /// The text.
    pub(crate) source: &'static str,
}

/// The module that `require` means by `name`.
pub(crate) fn module(name: &str) -> Option<&'static Module> {
    [library::MODULES, thingworx::MODULES].into_iter().flatten().find(|module| module.name == name)
}

/// The script file of the framework called `file`.
pub(crate) fn script(file: &str) -> Option<&'static Module> {
    thingworx::SCRIPTS.iter().find(|module| module.name == file)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_modules_have_one_name() {
        let all = [library::MODULES, thingworx::MODULES, thingworx::SCRIPTS];
        let names: Vec<_> = all.into_iter().flatten().map(|module| module.name).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }

    #[test]
    fn every_module_is_lua() {
        let lua = mlua::Lua::new();
        for module in [library::MODULES, thingworx::MODULES, thingworx::SCRIPTS].into_iter().flatten() {
            let chunk = lua.load(module.source).set_name(module.chunk);
            assert!(chunk.into_function().is_ok(), "{}", module.name);
        }
    }
}
