//! For unit tests of libraries and modules: Lua code in a state that has everything a script has.

use mlua::{Lua, MultiValue, Value};

use super::{Host, HostSettings, Natives, ScriptScope};
use crate::{library, modules};

/// Runs `code` as the main chunk of a script called `test` and returns its results, each as `tostring` has it, joined
/// with commas; or the text of its error.
pub(crate) fn eval(code: &str) -> Result<String, String> {
    let lua = Lua::new();
    let run = || {
        let scope = ScriptScope {
            name: "test".into(),
            directory: std::sync::Arc::new("etc".into()),
            host: Host::start(HostSettings::default()),
        };
        library::install(&Natives::new(&lua), &scope)?;
        let require = lua.create_function(|lua, name: String| {
            let module = modules::module(&name).ok_or_else(|| mlua::Error::runtime("no such module"))?;
            lua.load(module.source).set_name(module.chunk).call::<Value>(name)
        })?;
        lua.globals().raw_set("require", require)?;
        let results: MultiValue = lua.load(code).set_name("@test.lua").eval()?;
        let texts: mlua::Result<Vec<_>> = results.iter().map(Value::to_string).collect();
        Ok(texts?.join(","))
    };
    run().map_err(|error: mlua::Error| error.to_string())
}

#[test]
fn code_is_evaluated() {
    assert_eq!(eval("return 1, 'x', nil, true"), Ok("1,x,nil,true".into()));
    assert!(eval("error('no')").unwrap_err().contains("test.lua:1: no"));
}
