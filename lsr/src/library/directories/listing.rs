//! Folders: what is in them, and what has changed since.

use std::{collections::BTreeMap, io};

use mlua::{Error, IntoLuaMulti as _, Lua, Result, Table, Value};

use super::{
    aside,
    info::{Info, Remembered},
    place::{Place, bytes_of, path_of},
};
use crate::{
    host::{Arity, Natives},
    library::arguments::{Arguments, text_of},
};

/// Names with what is behind them.
type Entries = BTreeMap<Vec<u8>, Info>;

/// Fills in the functions about folders, and `fileChanged`.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let library = natives.table("tw_dir")?;
    for (list, changed, dirs) in
        [("listFiles", "directoryFilesChanged", false), ("listSubdirs", "directorySubdirsChanged", true)]
    {
        library.raw_set(
            list,
            natives.blocking(Arity::exactly(1), move |_, arguments: Arguments| {
                let place = Place::of(&arguments, 0);
                Ok(aside(
                    move || entries(place.as_ref(), dirs),
                    |lua, entries| {
                        table(lua, &entries.map_err(|_| Error::runtime(INVALID))?)?.into_lua_multi(lua)
                    },
                ))
            })?,
        )?;
        library.raw_set(
            changed,
            natives.blocking(Arity::exactly(2), move |_, arguments: Arguments| {
                let (place, before) = (Place::of(&arguments, 0), remembered(arguments.value(1))?);
                Ok(aside(
                    move || entries(place.as_ref(), dirs),
                    move |lua, entries| {
                        let now = entries.map_err(|_| Error::runtime(INVALID))?;
                        let (changed, is_changed) = compare(&now, &before);
                        (is_changed, table(lua, &changed)?, table(lua, &now)?).into_lua_multi(lua)
                    },
                ))
            })?,
        )?;
    }
    library.raw_set(
        "fileChanged",
        natives.blocking(Arity::exactly(2), |_, arguments: Arguments| {
            let (place, before) = (Place::of(&arguments, 0), Remembered::of(arguments.value(1))?);
            let with_md5 = before.as_ref().is_some_and(Remembered::has_md5);
            Ok(aside(
                move || Info::read(&place?, with_md5).ok(),
                move |lua, info| match info {
                    Some(info) => {
                        let is_same = before.is_some_and(|before| before.is(&info));
                        (info.to_lua(lua)?, u8::from(!is_same)).into_lua_multi(lua)
                    }
                    None => (Value::Nil, -1).into_lua_multi(lua),
                },
            ))
        })?,
    )
}

/// Files or folders in `place`; what vanishes meanwhile is left out.
fn entries(place: Option<&Place>, dirs: bool) -> io::Result<Entries> {
    let place = place.ok_or(io::ErrorKind::InvalidInput)?;
    let mut entries = Entries::new();
    for entry in std::fs::read_dir(place.path())? {
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        let Ok(info) = Info::listed(&place.join(&name)) else { continue };
        if (dirs && info.is_dir) || (!dirs && info.is_file) {
            entries.insert(bytes_of(name.as_ref()), info);
        }
    }
    Ok(entries)
}

/// The entries that are new or other than before, and whether anything is, a missing one included.
fn compare(now: &Entries, before: &BTreeMap<Vec<u8>, Remembered>) -> (Entries, bool) {
    let is_same = |name: &Vec<u8>, info: &Info| before.get(name).is_some_and(|before| before.is(info));
    let changed: Entries = now
        .iter()
        .filter(|(name, info)| !is_same(name, info))
        .map(|(name, info)| (name.clone(), info.clone()))
        .collect();
    let is_changed = !changed.is_empty() || before.keys().any(|name| !now.contains_key(name));
    (changed, is_changed)
}

fn remembered(list: &Value) -> Result<BTreeMap<Vec<u8>, Remembered>> {
    let mut entries = BTreeMap::new();
    if let Value::Table(list) = list {
        for pair in list.pairs::<Value, Value>() {
            let (name, info) = pair?;
            if let (Some(name), Some(info)) = (text_of(&name), Remembered::of(&info)?) {
                entries.insert(name, info);
            }
        }
    }
    Ok(entries)
}

fn table(lua: &Lua, entries: &Entries) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, entries.len())?;
    for (name, info) in entries {
        table.raw_set(lua.create_string(name)?, info.to_lua(lua)?)?;
    }
    Ok(table)
}

/// The names in a list as `listFiles` gives it, or in an array of names.
pub(super) fn names(list: &Table) -> Result<Vec<std::path::PathBuf>> {
    let mut names = Vec::new();
    for pair in list.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let name = match (&key, &value) {
            (Value::String(name), Value::Table(_) | Value::Boolean(true)) => Some(name.as_bytes().to_vec()),
            (_, Value::String(name)) => Some(name.as_bytes().to_vec()),
            _ => None,
        };
        names.extend(name.map(path_of));
    }
    names.sort();
    Ok(names)
}

const INVALID: &str = "Invalid directory";
