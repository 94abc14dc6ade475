//! `tw_dir`: files and folders (script resource notes, 3.9).
//!
//! What takes its time (checksums, archives, copies of folders, waits) leaves the thread to other contexts; the rest is
//! done at once.

mod archive;
mod files;
mod info;
mod listing;
mod place;
mod waiting;

use mlua::{IntoLuaMulti, Lua, MultiValue, Result, Value};

use self::{info::Info, place::Place};
use super::arguments::Arguments;
use crate::host::{Arity, Finish, Natives};

/// Fills `tw_dir`.
///
/// # Errors
///
/// Not enough memory.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    questions(natives)?;
    changes(natives)?;
    listing::install(natives)?;
    archive::install(natives)?;
    waiting::install(natives)
}

/// What only looks.
fn questions(natives: &Natives<'_>) -> Result<()> {
    let library = natives.table("tw_dir")?;
    let one = Arity::exactly(1);
    library.raw_set(
        "pwd",
        natives.plain(Arity::exactly(0), |lua, _: Arguments| match std::env::current_dir() {
            Ok(folder) => Place::from(folder).to_lua(lua),
            Err(_) => Ok(Value::Nil),
        })?,
    )?;
    library.raw_set(
        "exists",
        natives.plain(one, |_, arguments: Arguments| {
            Ok(Place::of(&arguments, 0).is_some_and(|place| place.metadata().is_ok()))
        })?,
    )?;
    library.raw_set(
        "isDir",
        natives.plain(one, |_, arguments: Arguments| {
            let Some(place) = Place::of(&arguments, 0) else { return Ok(Value::Boolean(false)) };
            Ok(place.metadata().map_or(Value::Nil, |found| Value::Boolean(found.is_dir())))
        })?,
    )?;
    library.raw_set(
        "isFile",
        natives.plain(one, |_, arguments: Arguments| {
            let place = Place::of(&arguments, 0);
            Ok(place.and_then(|place| place.metadata().ok()).is_some_and(|found| found.is_file()))
        })?,
    )?;
    library.raw_set(
        "size",
        natives.plain(one, |_, arguments: Arguments| {
            let place = Place::needed(&arguments, 0)?;
            match place.metadata() {
                Ok(found) => Ok(found.len().to_string()),
                Err(error) => Err(mlua::Error::runtime(format!("{place}: {error}"))),
            }
        })?,
    )?;
    for name in ["fixPath", "unixPath"] {
        library.raw_set(
            name,
            natives.plain(Arity::between(1, 2), |lua, arguments: Arguments| {
                let mut path = arguments.text(0)?;
                path.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
                if arguments.is_true(1) && !path.ends_with(b"/") {
                    path.push(b'/');
                }
                lua.create_string(path)
            })?,
        )?;
    }
    library.raw_set(
        "getFileInfo",
        natives.blocking(Arity::between(1, 2), |_, arguments: Arguments| {
            let (place, with_md5) = (Place::of(&arguments, 0), arguments.is_true(1));
            Ok(aside(move || Info::read(&place?, with_md5).ok(), info_or_nil))
        })?,
    )?;
    library.raw_set(
        "calculateMD5",
        natives.blocking(one, |_, arguments: Arguments| {
            let place = Place::of(&arguments, 0);
            Ok(aside(move || info::md5_of(&place?).ok(), |lua, sum| sum.into_lua_multi(lua)))
        })?,
    )
}

/// What changes something: 0 when done, 1 when not, nil without a path.
fn changes(natives: &Natives<'_>) -> Result<()> {
    one_place(natives, "mkdir", files::make)?;
    one_place(natives, "remove", files::remove)?;
    two_places(natives, "copy", files::copy)?;
    two_places(natives, "move", files::rename)?;
    let chmod = natives.plain(Arity::exactly(2), |_, arguments: Arguments| {
        let place = Place::needed(&arguments, 0)?;
        let mode = arguments.text(1)?;
        let mode = std::str::from_utf8(&mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let mode = mode.ok_or_else(|| arguments.mismatch(1, "octal number"))?;
        Ok(status(files::set_mode(&place, mode)))
    })?;
    natives.table("tw_dir")?.raw_set("chmod", chmod)
}

fn one_place(natives: &Natives<'_>, name: &str, change: fn(&Place) -> std::io::Result<()>) -> Result<()> {
    let function = natives.blocking(Arity::exactly(1), move |_, arguments: Arguments| {
        let place = Place::of(&arguments, 0);
        Ok(aside(move || Some(status(change(&place?))), |lua, status| status.into_lua_multi(lua)))
    })?;
    natives.table("tw_dir")?.raw_set(name, function)
}

fn two_places(
    natives: &Natives<'_>,
    name: &str,
    change: fn(&Place, &Place) -> std::io::Result<()>,
) -> Result<()> {
    let function = natives.blocking(Arity::exactly(2), move |_, arguments: Arguments| {
        let places = Place::of(&arguments, 0).zip(Place::of(&arguments, 1));
        let work = move || {
            let (from, to) = places?;
            Some(status(change(&from, &to)))
        };
        Ok(aside(work, |lua, status| status.into_lua_multi(lua)))
    })?;
    natives.table("tw_dir")?.raw_set(name, function)
}

/// Does `work` on a thread for such, and makes the results of its outcome. It has no deadline: it ends with the files it
/// is about, and could not be stopped. A script that is killed does not wait for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    results: impl FnOnce(&Lua, T) -> Result<MultiValue> + 'static,
) -> Finish {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => Natives::finish(move |lua| results(lua, outcome)),
        // It panicked, or the runtime ends.
        Err(_) => Natives::finish(|_| Err::<(), _>(mlua::Error::runtime("internal error"))),
    }
}

fn info_or_nil(lua: &Lua, info: Option<Info>) -> Result<MultiValue> {
    match info {
        Some(info) => info.to_lua(lua)?.into_lua_multi(lua),
        None => Value::Nil.into_lua_multi(lua),
    }
}

/// As a shell has it.
fn status(done: std::io::Result<()>) -> u8 {
    u8::from(done.is_err())
}

#[cfg(test)]
mod tests;
