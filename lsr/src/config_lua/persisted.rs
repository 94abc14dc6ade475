//! What was changed while the resource ran: `<configuration>.p_data` (script resource notes, 1.3).

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use mlua::{Lua, LuaOptions, StdLib, Table};
use thiserror::Error;

use crate::{ScriptSpec, Setting, Settings};

use super::{
    Found,
    literal::{literal, write_key},
};

/// Changed global settings and scripts added at run time; what the file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Persisted {
    path: PathBuf,
    globals: Settings,
    scripts: BTreeMap<String, Settings>,
}

/// Why a change is not kept for the next start.
#[derive(Debug, Error)]
#[error("{}: {source}; the change is lost with the next start", path.display())]
pub struct PersistError {
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl Persisted {
    /// Reads what an earlier run has left beside `configuration`. What cannot be read is said and stays as it is until
    /// something is changed; then it is kept as `.bad`.
    pub(super) fn load(configuration: &Path, warnings: &mut Vec<String>) -> (Self, Found) {
        let mut name = configuration.as_os_str().to_owned();
        name.push(".p_data");
        let path = PathBuf::from(name);
        let mut persisted = Self { path: path.clone(), ..Self::default() };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    warnings
                        .push(format!("{}: {error}; what was changed at run time is lost", path.display()));
                }
                return (persisted, Found::default());
            }
        };
        // The state has to live for as long as its table is read.
        let lua = Lua::new_with(StdLib::NONE, LuaOptions::default());
        let scripts = lua.as_ref().map_err(Clone::clone).and_then(|lua| evaluate(lua, &path, &text));
        let mut found = match scripts {
            Ok(scripts) => Found::read(&scripts, warnings),
            Err(error) => {
                let first = error.to_string().lines().next().unwrap_or_default().to_owned();
                let kept = path.with_extension("p_data.bad");
                let fate = match fs::copy(&path, &kept) {
                    Ok(_) => format!("a copy is kept as {}", kept.display()),
                    Err(error) => format!("and no copy could be kept: {error}"),
                };
                warnings.push(format!("{first}: what was changed at run time is lost; {fate}"));
                return (persisted, Found::default());
            }
        };
        for script in &mut found.scripts {
            script.settings.remove("name");
            persisted.scripts.insert(script.name.clone(), script.settings.clone());
        }
        persisted.globals = found.globals.clone();
        (persisted, found)
    }

    /// Keeps these global settings beside those that were changed before.
    pub fn change_globals(&mut self, changed: &Settings) {
        self.globals.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Keeps the scripts of `all` that were added at run time, and forgets those that are gone.
    pub fn change_scripts(&mut self, all: impl IntoIterator<Item = ScriptSpec>) {
        let added = all.into_iter().filter(|script| script.at_run_time && script.name != ROUTER);
        self.scripts = added
            .map(|script| {
                let mut settings = script.settings;
                settings.insert("file".to_owned(), Setting::from(script.file));
                (script.name, settings)
            })
            .collect();
    }

    /// Writes the file, whole or not at all; removes it when there is nothing to keep.
    ///
    /// Waits for the disk.
    ///
    /// # Errors
    ///
    /// [`PersistError`]; the file is as it was then.
    pub fn save(&self) -> Result<(), PersistError> {
        let failed = |source| PersistError { path: self.path.clone(), source };
        if self.globals.is_empty() && self.scripts.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let mut draft = self.path.clone().into_os_string();
        draft.push(".new");
        let draft = PathBuf::from(draft);
        let written = write_closed(&draft, &self.text()).and_then(|()| fs::rename(&draft, &self.path));
        written.map_err(failed)
    }

    /// The file's text: one assignment. Functions do not stand in it: only texts are set at run time.
    fn text(&self) -> Vec<u8> {
        let globals = self.globals.iter().map(|(name, value)| (name, value.clone()));
        let scripts = self.scripts.iter().map(|(name, settings)| {
            let entries = settings.iter().filter(|(_, value)| is_data(value));
            let entries = entries.map(|(key, value)| (Setting::from(key.as_str()), value.clone()));
            (name, Setting::Table(entries.collect()))
        });
        let mut text = b"scripts={ ".to_vec();
        for (name, value) in globals.chain(scripts).filter(|(_, value)| is_data(value)) {
            write_key(&Setting::from(name.as_str()), &mut text);
            text.push(b'=');
            text.extend_from_slice(&literal(&value));
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(b"}\n");
        text
    }
}

fn is_data(setting: &Setting) -> bool {
    match setting {
        Setting::Function(_) => false,
        Setting::Table(entries) => entries.iter().all(|(key, value)| is_data(key) && is_data(value)),
        _ => true,
    }
}

/// Runs the file, in a state without any library: it is data.
fn evaluate(lua: &Lua, path: &Path, text: &[u8]) -> mlua::Result<Table> {
    let chunk = lua.load(text).set_name(format!("@{}", path.display()));
    chunk.set_mode(mlua::chunk::ChunkMode::Text).exec()?;
    lua.globals().raw_get("scripts")
}

/// Writes a file that only its owner may read: settings hold passwords.
fn write_closed(path: &Path, text: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// The router starts by itself with the first thing.
const ROUTER: &str = "Thingworx";

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn spec(name: &str, at_run_time: bool, settings: &[(&str, &str)]) -> ScriptSpec {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), Setting::from(*value)));
        ScriptSpec {
            name: name.to_owned(),
            file: "a.lua".to_owned(),
            settings: settings.collect(),
            at_run_time,
        }
    }

    fn read(folder: &TempDir) -> (Persisted, Found) {
        let mut warnings = Vec::new();
        let read = Persisted::load(&folder.path().join("config.lua"), &mut warnings);
        assert_eq!(warnings, Vec::<String>::new());
        read
    }

    #[test]
    fn what_is_saved_is_there_at_the_next_start() {
        let folder = TempDir::new().unwrap();
        let (mut persisted, found) = read(&folder);
        assert!(found.scripts.is_empty() && found.globals.is_empty());
        persisted.change_globals(&[("rap_host".to_owned(), Setting::from("ems \"1\"\n"))].into());
        persisted.change_scripts([
            spec("dyn", true, &[("x y", "1")]),
            spec("configured", false, &[]),
            spec(ROUTER, true, &[]),
        ]);
        persisted.save().unwrap();
        let (again, found) = read(&folder);
        assert_eq!(again, persisted);
        assert_eq!(found.globals["rap_host"], Setting::from("ems \"1\"\n"));
        let names: Vec<_> = found.scripts.iter().map(|script| (&*script.name, &*script.file)).collect();
        assert_eq!(names, [("dyn", "a.lua")]);
        assert_eq!(found.scripts[0].settings["x y"], Setting::from("1"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_closed_to_others_and_gone_when_nothing_is_left() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = TempDir::new().unwrap();
        let (mut persisted, _) = read(&folder);
        persisted.change_scripts([spec("dyn", true, &[])]);
        persisted.save().unwrap();
        let path = folder.path().join("config.lua.p_data");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        persisted.change_scripts([]);
        persisted.save().unwrap();
        persisted.save().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_said() {
        let folder = TempDir::new().unwrap();
        let (mut persisted, _) = read(&folder);
        persisted.change_globals(&[("a".to_owned(), Setting::from("b"))].into());
        fs::create_dir(folder.path().join("config.lua.p_data.new")).unwrap();
        let error = persisted.save().unwrap_err().to_string();
        assert!(error.contains("config.lua.p_data"), "{error}");
    }
}
