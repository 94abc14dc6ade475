//! A value of `config.lua`, and of the `p_data` of a script, as it travels from one Lua state to another.

use std::collections::BTreeMap;

use mlua::{Function, Lua, Table, Value};
use thiserror::Error;

use crate::number;

/// Settings by name: the entries of one script's table, or the global ones.
pub type Settings = BTreeMap<String, Setting>;

/// A Lua value without its state (script resource notes, 1.3). Texts are bytes, as Lua's are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// A string. Every scalar of `config.lua` becomes one (trap 6): see [`Setting::configured`].
    Text(Vec<u8>),
    /// A number; only inside of tables.
    Number(f64),
    /// A boolean; only inside of tables.
    Flag(bool),
    /// A table: keys and values.
    Table(Vec<(Self, Self)>),
    /// Bytecode of a function (`string.dump`): it travels without its upvalues.
    Function(Vec<u8>),
}

/// Why a value cannot be copied out of its state.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingError {
    /// A table in itself, or one deeper than any configuration.
    #[error("tables are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// It reads bytes that are not what they should be.
    #[error("a {0} cannot be copied into another script")]
    Kind(&'static str),
    /// Lua refused.
    #[error("{0}")]
    Lua(String),
}

impl Setting {
    /// Copies `value` out of its state as it is; `None` for nil.
    ///
    /// # Errors
    ///
    /// [`SettingError::Kind`] for userdata, coroutines and functions written in C, [`SettingError::TooDeep`] for a
    /// table in itself. Inside of tables such values are left out.
    pub fn copied(value: &Value) -> Result<Option<Self>, SettingError> {
        Self::at_depth(value, 0)
    }

    /// Copies `value` as the configuration does: scalars become text (trap 6), so `false` becomes the text `false`.
    ///
    /// # Errors
    ///
    /// As [`Setting::copied`].
    pub fn configured(value: &Value) -> Result<Option<Self>, SettingError> {
        Ok(Self::copied(value)?.map(Self::into_text))
    }

    /// This setting as text if it is a scalar; tables and functions as they are.
    #[must_use]
    pub fn into_text(self) -> Self {
        match self {
            Self::Number(number) => Self::from(number::text(number)),
            Self::Flag(flag) => Self::from(if flag { "true" } else { "false" }),
            other => other,
        }
    }

    /// Makes the value in `lua`.
    ///
    /// # Errors
    ///
    /// Not enough memory, or bytecode that Lua refuses.
    pub fn to_lua(&self, lua: &Lua) -> mlua::Result<Value> {
        Ok(match self {
            Self::Text(text) => Value::String(lua.create_string(text)?),
            Self::Number(number) => Value::Number(*number),
            Self::Flag(flag) => Value::Boolean(*flag),
            Self::Table(entries) => {
                let table = lua.create_table()?;
                for (key, value) in entries {
                    table.raw_set(key.to_lua(lua)?, value.to_lua(lua)?)?;
                }
                Value::Table(table)
            }
            Self::Function(code) => Value::Function(
                lua.load(code.as_slice())
                    .set_mode(mlua::chunk::ChunkMode::Binary)
                    .set_name("=setting")
                    .into_function()?,
            ),
        })
    }

    /// The text of a scalar, for settings that are to be read as names, numbers or addresses.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Self::Number(number) => Some(number::text(*number)),
            Self::Flag(flag) => Some(flag.to_string()),
            Self::Table(_) | Self::Function(_) => None,
        }
    }

    /// Whether it says `true` or `false`, as boolean or as text in any case (script resource notes, 1.4).
    #[must_use]
    pub fn as_flag(&self) -> Option<bool> {
        let text = self.as_text()?;
        [("true", true), ("false", false)]
            .into_iter()
            .find_map(|(word, flag)| text.trim().eq_ignore_ascii_case(word).then_some(flag))
    }

    fn at_depth(value: &Value, depth: usize) -> Result<Option<Self>, SettingError> {
        if depth > MAX_DEPTH {
            return Err(SettingError::TooDeep);
        }
        Ok(Some(match value {
            Value::Nil => return Ok(None),
            Value::Boolean(flag) => Self::Flag(*flag),
            #[expect(
                clippy::cast_precision_loss,
                reason = "it was a double before mlua saw that it is whole"
            )]
            Value::Integer(number) => Self::Number(*number as f64),
            Value::Number(number) => Self::Number(*number),
            Value::String(text) => Self::Text(text.as_bytes().to_vec()),
            Value::Table(table) => Self::Table(Self::entries(table, depth)?),
            Value::Function(function) => Self::Function(bytecode(function)?),
            other => return Err(SettingError::Kind(other.type_name())),
        }))
    }

    fn entries(table: &Table, depth: usize) -> Result<Vec<(Self, Self)>, SettingError> {
        let mut entries = Vec::new();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair.map_err(|error| SettingError::Lua(error.to_string()))?;
            match (Self::at_depth(&key, depth + 1), Self::at_depth(&value, depth + 1)) {
                (Ok(Some(key)), Ok(Some(value))) => entries.push((key, value)),
                (Err(SettingError::TooDeep), _) | (_, Err(SettingError::TooDeep)) => {
                    return Err(SettingError::TooDeep);
                }
                _ => {}
            }
        }
        Ok(entries)
    }
}

impl From<&str> for Setting {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<String> for Setting {
    fn from(text: String) -> Self {
        Self::Text(text.into_bytes())
    }
}

fn bytecode(function: &Function) -> Result<Vec<u8>, SettingError> {
    let code = function.dump(false);
    if code.is_empty() { Err(SettingError::Kind("function written in C")) } else { Ok(code) }
}

/// Deeper than this is a table in itself.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn value(lua: &Lua, code: &str) -> Value {
        lua.load(code).eval().unwrap()
    }

    #[test]
    fn scalars_of_the_configuration_become_text() {
        let lua = Lua::new();
        let configured = |code| Setting::configured(&value(&lua, code)).unwrap().unwrap();
        assert_eq!(configured("return 5"), Setting::from("5"));
        assert_eq!(configured("return 1.5"), Setting::from("1.5"));
        assert_eq!(configured("return false"), Setting::from("false"));
        assert_eq!(configured("return 'x'"), Setting::from("x"));
    }

    #[test]
    fn tables_keep_the_kinds_of_their_entries() {
        let (from, to) = (Lua::new(), Lua::new());
        let table = Setting::copied(&value(&from, "return {a = 1, b = {'x', true}}")).unwrap().unwrap();
        to.globals().set("t", table.to_lua(&to).unwrap()).unwrap();
        assert_eq!(to.load("return t.a + #t.b").eval::<f64>().unwrap(), 3.0);
        assert!(to.load("return t.b[2] == true").eval::<bool>().unwrap());
    }

    #[test]
    fn functions_travel_without_their_upvalues() {
        let (from, to) = (Lua::new(), Lua::new());
        let function =
            Setting::copied(&value(&from, "return function(v) return v * 2 end")).unwrap().unwrap();
        to.globals().set("f", function.to_lua(&to).unwrap()).unwrap();
        assert_eq!(to.load("return f(4)").eval::<f64>().unwrap(), 8.0);
    }

    #[test]
    fn a_table_in_itself_is_refused() {
        let lua = Lua::new();
        let table = value(&lua, "local t = {} t.t = t return t");
        assert_eq!(Setting::copied(&table), Err(SettingError::TooDeep));
    }

    #[test]
    fn flags_are_read_from_booleans_and_from_text() {
        assert_eq!(Setting::Flag(true).as_flag(), Some(true));
        assert_eq!(Setting::from("False").as_flag(), Some(false));
        assert_eq!(Setting::from("no").as_flag(), None);
    }
}
