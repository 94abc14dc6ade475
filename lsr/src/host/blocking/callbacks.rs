//! `tw_http.registerCallback` (script resource notes, 2.4).

use std::rc::Rc;

use super::super::{Arity, Natives, routes::Routes};

pub(super) fn install(natives: &Natives<'_>, routes: &Rc<Routes>) -> mlua::Result<()> {
    let routes = Rc::clone(routes);
    let register = move |_: &mlua::Lua, (path, function): (mlua::LuaString, mlua::LuaString)| {
        routes.register(&path.as_bytes(), function.as_bytes().to_vec());
        Ok(("Success", 0))
    };
    natives.table("tw_http")?.raw_set("registerCallback", natives.plain(Arity::exactly(2), register)?)
}
