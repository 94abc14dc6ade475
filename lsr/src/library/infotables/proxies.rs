//! Empty userdata that stand for something, with a metatable that scripts can look at.

use mlua::{AnyUserData, Function, Lua, Result, Table, Value};

/// One kind of userdata: those it makes have the same methods.
#[derive(Clone, Debug)]
pub(super) struct Proxies {
    /// Lua's own: `newproxy(prototype)` makes userdata with the metatable of `prototype`. It runs no Lua code, so it may be
    /// called from a function in Rust.
    newproxy: Function,
    prototype: AnyUserData,
    /// What each stands for; entries go with their userdata.
    objects: Table,
    /// Metatable and `__index` at once, as in the original.
    methods: Table,
}

impl Proxies {
    /// A new kind without methods.
    pub(super) fn new(lua: &Lua) -> Result<Self> {
        let newproxy: Function = lua.globals().raw_get("newproxy")?;
        let (prototype, methods): (AnyUserData, Table) = lua
            .load("local new = ... local prototype = new(true) return prototype, getmetatable(prototype)")
            .set_name("=proxies")
            .call(&newproxy)?;
        methods.raw_set("__index", &methods)?;
        let weak = lua.create_table()?;
        weak.raw_set("__mode", "k")?;
        let objects = lua.create_table()?;
        objects.set_metatable(Some(weak))?;
        Ok(Self { newproxy, prototype, objects, methods })
    }

    /// Adds a method.
    pub(super) fn method(&self, name: &str, function: Function) -> Result<()> {
        self.methods.raw_set(name, function)
    }

    /// A userdata that stands for `object`.
    pub(super) fn make(&self, object: Value) -> Result<Value> {
        let proxy: AnyUserData = self.newproxy.call(&self.prototype)?;
        self.objects.raw_set(&proxy, object)?;
        Ok(Value::UserData(proxy))
    }

    /// What `proxy` stands for; nil for anything else.
    pub(super) fn object(&self, proxy: &Value) -> Result<Value> {
        match proxy {
            Value::UserData(_) => self.objects.raw_get(proxy),
            _ => Ok(Value::Nil),
        }
    }

    /// Lets `proxy` stand for nothing from now on.
    pub(super) fn forget(&self, proxy: &Value) -> Result<()> {
        match proxy {
            Value::UserData(_) => self.objects.raw_set(proxy, Value::Nil),
            _ => Ok(()),
        }
    }
}
