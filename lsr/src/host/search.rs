//! Where the file of a script is found (script resource notes, 1.5).

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::ScriptError;
use crate::modules;

/// The text of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Name of the chunk in errors: `@etc/custom/scripts/x.lua`.
    pub(super) chunk: String,
    /// Lua, or bytecode.
    pub(super) code: Vec<u8>,
}

/// Reads `file`: ours if the framework has one of this name, else the vendor's folder, else the customer's. Blocks.
///
/// # Errors
///
/// [`ScriptError::Unreadable`].
pub(super) fn read(directory: &Path, file: &str) -> Result<Source, ScriptError> {
    if let Some(module) = modules::script(file) {
        return Ok(Source { chunk: module.chunk.into(), code: module.source.into() });
    }
    let unreadable = |reason: String| ScriptError::Unreadable { file: file.into(), reason };
    if file.is_empty() || Path::new(file).is_absolute() {
        return Err(unreadable("a script is named by its path below custom/scripts".into()));
    }
    let candidates = candidates(directory, file);
    let Some(path) = candidates.iter().find(|path| path.is_file()) else {
        let places: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
        return Err(unreadable(format!("not found as {}", places.join(" or "))));
    };
    let code = fs::read(path).map_err(|error| unreadable(format!("{}: {error}", path.display())))?;
    Ok(Source { chunk: format!("@{}", path.display()), code: without_shebang(code) })
}

fn candidates(directory: &Path, file: &str) -> [PathBuf; 2] {
    ["thingworx/scripts", "custom/scripts"].map(|folder| directory.join(folder).join(file))
}

/// Lua's own loader skips a first line with `#`; the line itself stays, for the count.
fn without_shebang(mut code: Vec<u8>) -> Vec<u8> {
    if code.first() == Some(&b'#') {
        let end = code.iter().position(|&byte| byte == b'\n').unwrap_or(code.len());
        code.drain(..end);
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_vendors_folder_comes_before_the_customers() {
        let both = [("thingworx/scripts/a.lua", "vendor"), ("custom/scripts/a.lua", "customer")];
        let etc = folder(&both);
        assert_eq!(read(etc.path(), "a.lua").unwrap().code, b"vendor");
    }

    #[test]
    fn folders_below_work_and_absolute_paths_do_not() {
        let etc = folder(&[("custom/scripts/sub/deep.lua", "deep")]);
        assert_eq!(read(etc.path(), "sub/deep.lua").unwrap().code, b"deep");
        let absolute = etc.path().join("custom/scripts/sub/deep.lua");
        assert!(read(etc.path(), absolute.to_str().unwrap()).is_err());
    }

    #[test]
    fn a_missing_file_is_named_with_the_places_it_was_looked_for() {
        let error = read(Path::new("etc"), "no.lua").unwrap_err().to_string();
        assert_eq!(error, "no.lua: not found as etc/thingworx/scripts/no.lua or etc/custom/scripts/no.lua");
    }

    #[test]
    fn a_first_line_for_the_shell_is_skipped() {
        assert_eq!(without_shebang(b"#!/usr/bin/lua\nreturn 1".to_vec()), b"\nreturn 1");
    }
}
