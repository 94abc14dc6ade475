//! Making, removing, copying and moving.

use std::{fs, io};

use super::place::Place;

/// Makes a folder with its parents; one that is there is well.
pub(super) fn make(place: &Place) -> io::Result<()> {
    fs::create_dir_all(place.path())
}

/// Removes a file, a link or a folder with all it has; what is not there is well. A link is removed, not what it leads to.
pub(super) fn remove(place: &Place) -> io::Result<()> {
    let found = match fs::symlink_metadata(place.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_dir() {
        return fs::remove_file(place.path());
    }
    // An empty variable in a script must not cost the machine its files.
    if place.path().canonicalize()?.parent().is_none() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    fs::remove_dir_all(place.path())
}

/// Copies a file, or a folder with all it has; into `to` if that is a folder.
pub(super) fn copy(from: &Place, to: &Place) -> io::Result<()> {
    let found = from.metadata()?;
    let to = within(from, to);
    if !found.is_dir() {
        return copy_file(from, &to);
    }
    // Into itself it would never end.
    let (source, parent) = (from.path().canonicalize()?, to.path().parent().map(fs::canonicalize));
    if parent.transpose()?.is_some_and(|parent| parent.starts_with(source)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    copy_folder(from, &to, 0)
}

/// Moves a file or a folder, onto another file system too.
pub(super) fn rename(from: &Place, to: &Place) -> io::Result<()> {
    let target = within(from, to);
    match fs::rename(from.path(), target.path()) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy(from, to)?;
            remove(from)
        }
        other => other,
    }
}

/// Sets the permissions of the owner, the group and others, as `chmod` does; on Windows only whether it may be written.
pub(super) fn set_mode(place: &Place, mode: u32) -> io::Result<()> {
    let mut permissions = place.metadata()?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, mode & 0o7777);
    #[cfg(not(unix))]
    permissions.set_readonly(mode & 0o200 == 0);
    fs::set_permissions(place.path(), permissions)
}

/// Where `from` comes to lie: below `to` if that is a folder.
fn within(from: &Place, to: &Place) -> Place {
    match from.path().file_name() {
        Some(name) if to.path().is_dir() => to.join(name),
        _ => to.clone(),
    }
}

fn copy_file(from: &Place, to: &Place) -> io::Result<()> {
    // A copy onto itself would empty it; a pipe or a device might never end.
    if !from.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if to.path().exists() && from.path().canonicalize()? == to.path().canonicalize()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::copy(from.path(), to.path()).map(drop)
}

fn copy_folder(from: &Place, to: &Place, depth: usize) -> io::Result<()> {
    if depth > DEEPEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    fs::create_dir_all(to.path())?;
    for entry in fs::read_dir(from.path())? {
        let name = entry?.file_name();
        let (from, to) = (from.join(&name), to.join(&name));
        // Links are followed, so that the copy stands alone; the depth ends a circle.
        if from.metadata()?.is_dir() { copy_folder(&from, &to, depth + 1)? } else { copy_file(&from, &to)? }
    }
    Ok(())
}

/// Folders in folders.
pub(super) const DEEPEST: usize = 100;
