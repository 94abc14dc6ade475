//! ZIP files.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

use mlua::{IntoLuaMulti as _, Lua, MultiValue, Result, Value};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

use super::{aside, files::DEEPEST, listing, place::Place};
use crate::{
    host::{Arity, Natives},
    library::arguments::Arguments,
};

/// Fills in the functions about archives.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let library = natives.table("tw_dir")?;
    for name in ["compressFile", "compressDir"] {
        library.raw_set(
            name,
            natives.blocking(Arity::between(2, 3), |_, arguments: Arguments| {
                let name = Place::needed(&arguments, 0)?;
                let root = Place::needed(&arguments, 1)?;
                let zip = Place::of(&arguments, 2).unwrap_or_else(|| beside(&root, name.path()));
                let names = vec![name.path().to_owned()];
                Ok(aside(move || compress(&names, &root, &zip).map(|()| zip), path_or_empty))
            })?,
        )?;
    }
    library.raw_set(
        "compressFiles",
        natives.blocking(Arity::between(2, 3), |_, arguments: Arguments| {
            let names = listing::names(&arguments.table(0)?)?;
            let root = Place::needed(&arguments, 1)?;
            let zip = Place::of(&arguments, 2).unwrap_or_else(|| beside(&root, Path::new("files")));
            Ok(aside(move || compress(&names, &root, &zip).map(|()| zip), path_or_empty))
        })?,
    )?;
    library.raw_set(
        "decompress",
        natives.blocking(Arity::exactly(2), |_, arguments: Arguments| {
            let places = Place::of(&arguments, 0).zip(Place::of(&arguments, 1));
            let work = move || {
                let (zip, into) = places?;
                decompress(&zip, &into, LARGEST_BYTES).ok().map(|()| true)
            };
            Ok(aside(work, |lua, done| done.into_lua_multi(lua)))
        })?,
    )
}

/// Puts the files and folders called `names`, below `root`, into the archive `zip`. It appears when it is whole.
fn compress(names: &[PathBuf], root: &Place, zip: &Place) -> io::Result<()> {
    let mut draft = zip.path().as_os_str().to_owned();
    draft.push(".part");
    let draft = PathBuf::from(draft);
    let written = write(names, root, &draft, zip.path()).and_then(|()| fs::rename(&draft, zip.path()));
    if written.is_err() {
        // What is half-written is of no use; that it cannot be removed is no news.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write(names: &[PathBuf], root: &Place, draft: &Path, zip: &Path) -> io::Result<()> {
    let mut archive = ZipWriter::new(BufWriter::new(File::create(draft)?));
    for name in names {
        add(&mut archive, root, name, &[draft, zip], 0)?;
    }
    archive.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Adds what is called `name` below `root`; the archive itself is left out.
fn add(
    archive: &mut ZipWriter<BufWriter<File>>,
    root: &Place,
    name: &Path,
    but: &[&Path; 2],
    depth: usize,
) -> io::Result<()> {
    let place = root.join(name);
    if depth > DEEPEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if but.iter().any(|archive| *archive == place.path()) {
        return Ok(());
    }
    let found = place.metadata()?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(found.len() > u64::from(u32::MAX));
    let entry = entry_name(name).ok_or(io::ErrorKind::InvalidInput)?;
    if found.is_dir() {
        // The root itself has no entry.
        if !entry.is_empty() {
            archive.add_directory(format!("{entry}/"), options)?;
        }
        let mut below: Vec<PathBuf> = Vec::new();
        for child in fs::read_dir(place.path())? {
            below.push(name.join(child?.file_name()));
        }
        below.sort();
        return below.iter().try_for_each(|child| add(archive, root, child, but, depth + 1));
    }
    if !found.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    archive.start_file(entry, options)?;
    io::copy(&mut BufReader::new(File::open(place.path())?), archive).map(drop)
}

/// The name in the archive: below its root, with slashes.
fn entry_name(name: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

/// Unpacks `zip` into the folder `into`, which is made. Entries that lead out of it end the work, as do more than
/// `largest_bytes` in all; links are written as files.
fn decompress(zip: &Place, into: &Place, largest_bytes: u64) -> io::Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(zip.path())?))?;
    fs::create_dir_all(into.path())?;
    let mut left = largest_bytes;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        let name = entry.enclosed_name().ok_or(io::ErrorKind::InvalidData)?;
        let target = into.path().join(name);
        if entry.is_dir() {
            fs::create_dir_all(&target)?;
            continue;
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = BufWriter::new(File::create(&target)?);
        // What the archive says of its sizes is not believed.
        let written = io::copy(&mut entry.take(left.saturating_add(1)), &mut file)?;
        file.flush()?;
        left = left.checked_sub(written).ok_or(io::ErrorKind::FileTooLarge)?;
    }
    Ok(())
}

/// Where an archive goes that has no name: `<root>/<name>.zip`.
fn beside(root: &Place, name: &Path) -> Place {
    let mut file = name.file_name().unwrap_or_default().to_owned();
    file.push(".zip");
    root.join(file)
}

fn path_or_empty(lua: &Lua, zip: io::Result<Place>) -> Result<MultiValue> {
    let path = zip.map_or_else(|_| lua.create_string("").map(Value::String), |zip| zip.to_lua(lua))?;
    path.into_lua_multi(lua)
}

/// Enough for any software of an edge device, and an end for an archive that unpacks without one.
const LARGEST_BYTES: u64 = 4 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_that_unpacks_without_end_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| Place::from(folder.path().join(name));
        fs::write(folder.path().join("zeros"), vec![0; 1 << 20]).expect("a file");
        let root = Place::from(folder.path().to_owned());
        compress(&["zeros".into()], &root, &place("z.zip")).expect("it can be compressed");
        assert!(decompress(&place("z.zip"), &place("out"), 1 << 20).is_ok());
        let error = decompress(&place("z.zip"), &place("out"), (1 << 20) - 1).expect_err("too much");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn entries_that_lead_out_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["../out.txt", "/etc/out.txt", "a/../../out.txt"] {
            let zip = folder.path().join("bad.zip");
            let mut archive = ZipWriter::new(File::create(&zip).expect("a file"));
            archive.start_file(name, SimpleFileOptions::default()).expect("an entry");
            archive.write_all(b"x").expect("content");
            archive.finish().expect("an archive");
            let into = Place::from(folder.path().join("in/deep"));
            // An absolute name may be taken as one below the folder; out of it nothing may come.
            let _ = decompress(&Place::from(zip), &into, 100);
            assert!(
                !folder.path().join("in/out.txt").exists() && !folder.path().join("out.txt").exists(),
                "{name}"
            );
            assert!(!Path::new("/etc/out.txt").exists());
        }
    }

    #[test]
    fn no_file_is_taken_for_an_archive() {
        let folder = tempfile::tempdir().expect("a folder");
        let good = folder.path().join("good.zip");
        fs::write(folder.path().join("a.txt"), b"hello hello hello").expect("a file");
        compress(&["a.txt".into()], &Place::from(folder.path().to_owned()), &Place::from(good.clone()))
            .expect("one");
        let bytes = fs::read(&good).expect("it is there");
        for cut in 0..bytes.len() {
            let zip = folder.path().join("cut.zip");
            fs::write(&zip, &bytes[..cut]).expect("a file");
            let into = Place::from(folder.path().join("out"));
            assert!(decompress(&Place::from(zip), &into, 1000).is_err(), "{cut}");
        }
    }
}
