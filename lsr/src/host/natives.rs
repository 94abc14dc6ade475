//! How functions in Rust come into a Lua state.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::FutureExt;
use mlua::{FromLuaMulti, Function, IntoLuaMulti, Lua, MultiValue, Table, Value};

use super::switch;

/// Makes functions for one state, and finds the tables they go into.
///
/// # Rules for functions
///
/// 1. They **never call a Lua function**, nor anything that does: no `Function::call`, no metamethods (`raw_get`,
///    `raw_set`, `pairs` instead of `get`, `set`), no `load(..).exec()`. What takes a function as argument is written in
///    Lua. Where Rust has called Lua, no other context can run, so a `psleep` in there would hold up the script.
/// 2. An error is `Err(mlua::Error::runtime("text"))`: the script gets a *string* with file and line in front, as from
///    `error("text")`. Nothing else reaches it: a failed conversion becomes such a text, a panic the text
///    `internal error`. Methods of userdata must come from [`Natives::plain`] too, put into a metatable by hand or into
///    a table that is `__index`: those that `mlua::UserData` makes throw errors that a script cannot print.
/// 3. Results are what [`IntoLuaMulti`] says: `(Value::Nil, "Invalid parameter")` for nil and a message.
/// 4. Numbers go through [`crate::number_text`] when they become text: mlua turns `1e14` into an integer.
/// 5. What waits for anything outside the process is [`Natives::blocking`].
///
/// ```ignore
/// pub(crate) fn install(natives: &Natives<'_>, _: &ScriptScope) -> mlua::Result<()> {
///     let utils = natives.table("tw_utils")?;
///     utils.raw_set("host_os", natives.plain(Arity::exactly(0), |_, ()| Ok("linux"))?)?;
///     let wait = natives.blocking(Arity::exactly(2), |_, (file, ms): (mlua::String, f64)| {
///         let file = file.to_str()?.to_owned();
///         Ok(async move {
///             let there = wait_for_file(file, ms).await;
///             Natives::finish(move |_| Ok(there))
///         })
///     })?;
///     natives.table("tw_dir")?.raw_set("waitForFile", wait)
/// }
/// ```
pub(crate) struct Natives<'a> {
    lua: &'a Lua,
}

/// What turns the outcome of a wait into results, in the state of the script.
pub(crate) type Finish = Box<dyn FnOnce(&Lua) -> mlua::Result<MultiValue>>;

/// How many arguments a function takes; the original checks (script resource notes, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arity {
    least: usize,
    most: usize,
}

impl Arity {
    /// So many.
    pub(crate) const fn exactly(count: usize) -> Self {
        Self { least: count, most: count }
    }

    /// From `least` to `most`.
    pub(crate) const fn between(least: usize, most: usize) -> Self {
        Self { least, most }
    }

    /// `least` or more.
    pub(crate) const fn at_least(least: usize) -> Self {
        Self { least, most: usize::MAX }
    }

    /// Whether `count` arguments will do.
    ///
    /// # Errors
    ///
    /// The text of the original.
    pub(crate) fn check(self, count: usize) -> mlua::Result<()> {
        if count < self.least {
            let least = self.least;
            return Err(mlua::Error::runtime(format!("This functon requires at least {least} parameters")));
        }
        if count > self.most {
            let most = self.most;
            return Err(mlua::Error::runtime(format!("This functon only can handle {most} parameters")));
        }
        Ok(())
    }
}

impl<'a> Natives<'a> {
    pub(crate) const fn new(lua: &'a Lua) -> Self {
        Self { lua }
    }

    /// The state.
    pub(crate) const fn lua(&self) -> &'a Lua {
        self.lua
    }

    /// The global table `name` (`tw_utils`, `json`), made if it is not there.
    pub(crate) fn table(&self, name: &str) -> mlua::Result<Table> {
        let globals = self.lua.globals();
        if let Some(table) = globals.raw_get::<Option<Table>>(name)? {
            return Ok(table);
        }
        let table = self.lua.create_table()?;
        globals.raw_set(name, &table)?;
        Ok(table)
    }

    /// A function that does not wait.
    pub(crate) fn plain<A, R>(
        &self,
        arity: Arity,
        function: impl Fn(&Lua, A) -> mlua::Result<R> + 'static,
    ) -> mlua::Result<Function>
    where
        A: FromLuaMulti,
        R: IntoLuaMulti,
    {
        let start = self.lua.create_function(move |lua, arguments: MultiValue| {
            let results = guarded(|| {
                arity.check(arguments.len())?;
                function(lua, A::from_lua_multi(arguments, lua)?)?.into_lua_multi(lua)
            });
            tagged(lua, results)
        })?;
        switch::glued(self.lua, start, self.finisher()?)
    }

    /// A function that waits: the closure reads the arguments and returns the future, which the thread of the script
    /// awaits while other contexts run; what it returns makes the results ([`Natives::finish`]). The future runs in a
    /// `tokio` runtime and needs a deadline of its own. It is dropped when the script is killed.
    pub(crate) fn blocking<A, F>(
        &self,
        arity: Arity,
        start: impl Fn(&Lua, A) -> mlua::Result<F> + 'static,
    ) -> mlua::Result<Function>
    where
        A: FromLuaMulti,
        F: Future<Output = Finish> + 'static,
    {
        let start = self.lua.create_function(move |lua, arguments: MultiValue| {
            let future = guarded(|| {
                arity.check(arguments.len())?;
                start(lua, A::from_lua_multi(arguments, lua)?)
            });
            match future {
                // Nothing is allocated after this, so no finalizer comes between it and its ticket.
                Ok(future) => {
                    let future = AssertUnwindSafe(future).catch_unwind();
                    let ticket = switch::put_wait(Box::pin(async {
                        let defect = |_| -> Finish { Box::new(|_| Err(mlua::Error::runtime(DEFECT))) };
                        future.await.unwrap_or_else(defect)
                    }));
                    Ok(MultiValue::from_iter([Value::Number(f64::from(ticket))]))
                }
                Err(error) => tagged(lua, Err(error)),
            }
        })?;
        switch::glued(self.lua, start, self.finisher()?)
    }

    /// Boxes what makes the results after a wait.
    pub(crate) fn finish<R: IntoLuaMulti>(results: impl FnOnce(&Lua) -> mlua::Result<R> + 'static) -> Finish {
        Box::new(move |lua| results(lua)?.into_lua_multi(lua))
    }

    /// The function that turns the ticket of a wait into results; one for the whole state.
    fn finisher(&self) -> mlua::Result<Function> {
        if let Some(finisher) = self.lua.named_registry_value::<Option<Function>>(FINISHER)? {
            return Ok(finisher);
        }
        let finisher = self.lua.create_function(|lua, ticket: i32| {
            let results = guarded(|| {
                let finish = switch::take_finish(ticket).ok_or_else(|| mlua::Error::runtime(DEFECT))?;
                finish(lua)
            });
            tagged(lua, results)
        })?;
        self.lua.set_named_registry_value(FINISHER, &finisher)?;
        Ok(finisher)
    }
}

/// Turns a defect of a library into an ordinary error of the caller: the script and its other contexts go on.
fn guarded<T>(call: impl FnOnce() -> mlua::Result<T>) -> mlua::Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(mlua::Error::runtime(DEFECT)))
}

/// `true` and the results, or `false` and the message, as the glue wants it.
fn tagged(lua: &Lua, results: mlua::Result<MultiValue>) -> mlua::Result<MultiValue> {
    match results {
        Ok(mut results) => {
            results.push_front(Value::Boolean(true));
            Ok(results)
        }
        Err(error) => (false, message(&error)).into_lua_multi(lua),
    }
}

/// What a script is told: the bare text, without the traces that mlua adds.
pub(super) fn message(error: &mlua::Error) -> String {
    match error {
        mlua::Error::RuntimeError(text) | mlua::Error::SyntaxError { message: text, .. } => text.clone(),
        mlua::Error::CallbackError { cause, .. } => message(cause),
        mlua::Error::BadArgument { pos, cause, .. } => format!("bad argument #{pos} ({})", message(cause)),
        other => other.to_string(),
    }
}

const FINISHER: &str = "edgebind.finish";
const DEFECT: &str = "internal error";
