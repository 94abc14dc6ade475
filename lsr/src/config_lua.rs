//! `config.lua`: a Lua program that fills the table `scripts` with global settings and scripts (script resource notes,
//! 1.3), and the files beside it.
//!
//! It runs once, in a state of its own, and only what it left in `scripts` is looked at. What was changed while the
//! resource ran lies in `<file>.p_data` and counts above it.

mod complaint;
mod literal;
mod persisted;
mod resource;
mod schema;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mlua::{Lua, Table, Value};
use thiserror::Error;

use crate::{ScriptSpec, Setting, Settings, number};

use complaint::Complaint;
pub use complaint::LuaComplaint;
pub(crate) use literal::literal;
pub use persisted::{PersistError, Persisted};
pub use resource::{Certificate, LogFiles, ResourceSettings, SettingsError};

/// What a configuration says.
#[derive(Debug)]
pub struct Configuration {
    /// The file.
    pub file: PathBuf,
    /// Its directory, where scripts and templates are looked for.
    pub directory: PathBuf,
    /// Global settings; scalars as text (trap 6).
    pub globals: Settings,
    /// Scripts, by name.
    pub scripts: Vec<ScriptSpec>,
    /// What was changed at run time, to be changed further.
    pub persisted: Persisted,
    /// What is strange and was left out or is probably a mistake; for the log.
    pub warnings: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The file is not there, or cannot be read.
    #[error("{}: {source}; name the configuration by -cfg FILE", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no Lua, or failed while it ran.
    #[error("{0}")]
    Lua(LuaComplaint),
    /// It has replaced the table that is looked at.
    #[error(
        "{}: `scripts` is a {found} at the end, not a table; settings are made by scripts.name = value",
        path.display()
    )]
    NoTable {
        /// Which file.
        path: PathBuf,
        /// What `scripts` was.
        found: &'static str,
    },
}

impl Configuration {
    /// Runs the file at `path`, with `.setup.lua` before it and `.customizations.lua` after it where they are there.
    ///
    /// # Errors
    ///
    /// [`ConfigurationError`], with file, line and what to do.
    pub fn load(path: &Path) -> Result<Self, ConfigurationError> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let lua = Lua::new();
        prepare(&lua, &directory).map_err(|error| lua_error(path, "", &error))?;
        run_if_there(&lua, &directory.join(".setup.lua"))?;
        let text = fs::read(path)
            .map_err(|source| ConfigurationError::Unreadable { path: path.to_owned(), source })?;
        run(&lua, path, &text)?;
        run_if_there(&lua, &directory.join(".customizations.lua"))?;

        let mut warnings = Vec::new();
        let mut found = match lua.globals().raw_get::<Value>("scripts") {
            Ok(Value::Table(scripts)) => Found::read(&scripts, &mut warnings),
            Ok(other) => {
                return Err(ConfigurationError::NoTable { path: path.to_owned(), found: other.type_name() });
            }
            Err(error) => return Err(lua_error(path, "", &error)),
        };
        let (persisted, changed) = Persisted::load(path, &mut warnings);
        for (name, value) in changed.globals {
            found.globals.insert(name, value);
        }
        for script in changed.scripts {
            found.scripts.retain(|known| known.name != script.name);
            found.scripts.push(ScriptSpec { at_run_time: true, ..script });
        }
        schema::check(&mut found.globals, &mut warnings);
        let Found { globals, mut scripts } = found;
        scripts.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { file: path.to_owned(), directory, globals, scripts, persisted, warnings })
    }
}

/// What a table `scripts` holds.
#[derive(Debug, Default)]
struct Found {
    globals: Settings,
    scripts: Vec<ScriptSpec>,
}

impl Found {
    fn read(scripts: &Table, warnings: &mut Vec<String>) -> Self {
        let mut found = Self::default();
        for (name, value) in entries(scripts, "scripts", warnings) {
            let Value::Table(table) = &value else {
                match Setting::configured(&value) {
                    Ok(Some(setting)) => drop(found.globals.insert(name, setting)),
                    Ok(None) => {}
                    Err(error) => warnings.push(format!("scripts.{name} is left out: {error}")),
                }
                continue;
            };
            let mut settings = Settings::new();
            for (key, value) in entries(table, &format!("scripts.{name}"), warnings) {
                match Setting::configured(&value) {
                    Ok(Some(setting)) => drop(settings.insert(key, setting)),
                    Ok(None) => {}
                    Err(error) => warnings.push(format!("scripts.{name}.{key} is left out: {error}")),
                }
            }
            match settings.get("file").and_then(Setting::as_text) {
                Some(file) => {
                    found.scripts.push(ScriptSpec { name, file, settings, at_run_time: false });
                }
                None => warnings.push(format!(
                    "scripts.{name} is a table without `file` and is ignored; a script has file = \"thing.lua\" or the like"
                )),
            }
        }
        found
    }
}

/// The entries of a table by name; a number becomes the text of it.
fn entries(table: &Table, whose: &str, warnings: &mut Vec<String>) -> Vec<(String, Value)> {
    let mut entries = Vec::new();
    for pair in table.pairs::<Value, Value>() {
        match pair {
            Ok((Value::String(name), value)) => entries.push((name.to_string_lossy(), value)),
            Ok((Value::Integer(number), value)) => entries.push((number.to_string(), value)),
            Ok((Value::Number(number), value)) => entries.push((number::text(number), value)),
            Ok((other, _)) => {
                warnings.push(format!("{whose} has a {} as a name, which is left out", other.type_name()));
            }
            Err(error) => warnings.push(format!("{whose}: {error}")),
        }
    }
    entries
}

/// `scripts`, and the search path of 1.5 of the notes.
fn prepare(lua: &Lua, directory: &Path) -> mlua::Result<()> {
    lua.globals().raw_set("scripts", lua.create_table()?)?;
    let package: Table = lua.globals().raw_get("package")?;
    let stock: String = package.raw_get("path")?;
    let folder = directory.display();
    let ours = ["", "thingworx/", "thingworx/lua/", "custom/", "custom/lua/", "community/lua/"]
        .map(|sub| format!("{folder}/{sub}?.lua;"));
    package.raw_set("path", ours.concat() + &stock)
}

fn run_if_there(lua: &Lua, path: &Path) -> Result<(), ConfigurationError> {
    match fs::read(path) {
        Ok(text) => run(lua, path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ConfigurationError::Unreadable { path: path.to_owned(), source }),
    }
}

fn run(lua: &Lua, path: &Path, text: &[u8]) -> Result<(), ConfigurationError> {
    let shown = path.display().to_string();
    // As `loadfile`: a first line with `#` is for the shell.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let code = if text.starts_with(b"#") { [b"--", text].concat() } else { text.to_vec() };
    let chunk = lua.load(code).set_name(format!("@{shown}")).set_mode(mlua::chunk::ChunkMode::Text);
    chunk.exec().map_err(|error| lua_error(path, &String::from_utf8_lossy(text), &error))
}

fn lua_error(path: &Path, text: &str, error: &mlua::Error) -> ConfigurationError {
    ConfigurationError::Lua(Complaint { path, text }.about(error))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn load(files: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        Configuration::load(&folder(files).path().join("config.lua"))
    }

    fn text(settings: &Settings, name: &str) -> Option<String> {
        settings.get(name).and_then(Setting::as_text)
    }

    #[test]
    fn scalars_become_text_and_tables_and_functions_stay() {
        let config = load(&[(
            "config.lua",
            "local port = 8000 + 1\r\nscripts.rap_port = port\nscripts.flag = false\nscripts.half = 0.5\n\
             scripts['Odd Name-1'] = { file = 'thing.lua', scanRate = 5, f = function(v) return v end, t = { 1, a = { true } } }\n",
        )])
        .unwrap();
        assert_eq!(text(&config.globals, "rap_port").as_deref(), Some("8001"));
        assert_eq!(config.globals["flag"], Setting::from("false"));
        assert_eq!(text(&config.globals, "half").as_deref(), Some("0.5"));
        let [script] = config.scripts.as_slice() else { panic!("{:?}", config.scripts) };
        assert_eq!((script.name.as_str(), script.file.as_str()), ("Odd Name-1", "thing.lua"));
        assert_eq!(script.settings["scanRate"], Setting::from("5"));
        assert!(matches!(script.settings["f"], Setting::Function(_)));
        assert!(matches!(script.settings["t"], Setting::Table(_)));
        assert_eq!(config.warnings, Vec::<String>::new());
    }

    #[test]
    fn the_files_beside_it_run_before_and_after() {
        let config = load(&[
            (".setup.lua", "scripts.a = 1 scripts.b = 1 helper = function() return 7 end"),
            ("more.lua", "return 9"),
            ("config.lua", "scripts.b = 2 scripts.c = 2 scripts.d = helper() scripts.e = require 'more'"),
            (".customizations.lua", "scripts.c = 3"),
        ])
        .unwrap();
        let values = ["a", "b", "c", "d", "e"].map(|name| text(&config.globals, name).unwrap());
        assert_eq!(values, ["1", "2", "3", "7", "9"]);
    }

    #[test]
    fn a_table_without_file_and_what_cannot_travel_are_left_out_and_said() {
        let config = load(&[(
            "config.lua",
            "scripts.x = { template = 'y' } scripts.s = { file = 'a.lua', c = coroutine.create(function() end), [true] = 1 }",
        )])
        .unwrap();
        assert_eq!(config.scripts.len(), 1);
        assert_eq!(config.warnings.len(), 3, "{:?}", config.warnings);
        assert!(config.warnings.iter().any(|text| text.contains("scripts.x") && text.contains("file = ")));
    }

    #[test]
    fn an_error_names_file_line_and_what_to_do() {
        let error = load(&[("config.lua", "scripts.a = 1\nscripts.b = = 2\n")]).unwrap_err().to_string();
        assert!(error.contains("config.lua:2: unexpected symbol near '='"), "{error}");
        assert!(error.contains("2 | scripts.b = = 2"), "{error}");
        let error = load(&[("config.lua", "\nscript.a = 1")]).unwrap_err().to_string();
        assert!(error.contains("config.lua:2: attempt to index global 'script'"), "{error}");
        assert!(error.contains("`scripts`"), "{error}");
        let error = load(&[("config.lua", "scripts = 5")]).unwrap_err().to_string();
        assert!(error.contains("not a table"), "{error}");
        assert!(matches!(load(&[]), Err(ConfigurationError::Unreadable { .. })));
    }

    #[test]
    fn what_was_changed_at_run_time_counts_above_the_file_and_is_known_as_such() {
        let files = [
            ("config.lua", "scripts.rap_host = 'a' scripts.S = { file = 'old.lua', x = 1 }"),
            (
                "config.lua.p_data",
                "scripts={ rap_host=\"b\", S={ file=\"new.lua\", }, Thingworx={ max_run_time=20, file=\"thingworx.lua\", }, }",
            ),
        ];
        let config = load(&files).unwrap();
        assert_eq!(text(&config.globals, "rap_host").as_deref(), Some("b"));
        let names: Vec<_> =
            config.scripts.iter().map(|script| (&*script.name, &*script.file, script.at_run_time)).collect();
        assert_eq!(names, [("S", "new.lua", true), ("Thingworx", "thingworx.lua", true)]);
        let broken = load(&[files[0], ("config.lua.p_data", "scripts={ a=")]).unwrap();
        assert_eq!(text(&broken.globals, "rap_host").as_deref(), Some("a"));
        assert!(broken.warnings.iter().any(|text| text.contains(".p_data")), "{:?}", broken.warnings);
    }
}
