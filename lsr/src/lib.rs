//! The script resource: runs a customer's Lua 5.1 scripts and templates, serves their properties and services over HTTP,
//! registers its things with the gateway and pushes property changes (script resource notes = `docs/protocol/lsr.md`).
//!
//! [`Host`] runs the scripts and is the only way to them; it stands on `edgebind-kernel`. What scripts find in their
//! states comes from `library` (functions in Rust) and from `modules` (Lua sources in the binary).

mod config_lua;
mod host;
mod library;
pub mod log;
mod modules;
mod number;
mod outgoing;
mod server;
mod setting;
mod thing;

pub use self::{
    config_lua::{
        Certificate, Configuration, ConfigurationError, LogFiles, LuaComplaint, PersistError, Persisted,
        ResourceSettings, SettingsError,
    },
    host::{
        CallError, CallbackAnswer, CallbackData, CallbackRequest, Host, HostSettings, Phase, Sandbox,
        ScriptError, ScriptSpec, ScriptView,
    },
    library::secrets,
    number::text as number_text,
    server::{Server, ServerError, ServerSettings},
    setting::{Setting, SettingError, Settings},
};
