//! Files that are there whole or not at all.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::Path;

use super::beside;

/// Replaces a file by a new one with this content, on disk when this returns; it keeps the permissions of the old one, a
/// file that was not there is readable by its owner only.
///
/// # Errors
///
/// What the file system says; the old file is then as it was.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    write_like(path, path, content)
}

/// As [`write_whole`], with the permissions of the file `like`: a copy is as closed as what it is a copy of.
///
/// # Errors
///
/// What the file system says; the old file is then as it was.
pub fn write_like(path: &Path, like: &Path, content: &[u8]) -> io::Result<()> {
    let draft = beside(path, ".new");
    let permissions = std::fs::metadata(like).ok().map(|like| like.permissions());
    let written = write(&draft, content, permissions).and_then(|()| std::fs::rename(&draft, path));
    if let Err(error) = written {
        // A draft that cannot be removed either harms nobody: the next one replaces it.
        drop(std::fs::remove_file(&draft));
        return Err(error);
    }
    sync_directory(path)
}

fn write(draft: &Path, content: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    // One left behind by a crash may belong to somebody else or be a link: it is not written through.
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the new name last; only Unix knows directories as files.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = (path, File::open::<&Path>);
    Ok(())
}
