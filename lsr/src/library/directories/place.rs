//! Paths as scripts write them: bytes, on Windows too.

use std::{
    fmt,
    fs::Metadata,
    io,
    path::{Path, PathBuf},
};

use mlua::{Lua, Result, Value};

use crate::library::arguments::Arguments;

/// A path that a script has given, as it stands; a relative one is of the process's working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    path: PathBuf,
}

impl Place {
    /// The argument at `index`, if it is a path at all; an empty one is none.
    pub(super) fn of(arguments: &Arguments, index: usize) -> Option<Self> {
        let bytes = arguments.text_if_any(index).filter(|bytes| !bytes.is_empty())?;
        Some(Self { path: path_of(bytes) })
    }

    /// The same where there must be one.
    ///
    /// # Errors
    ///
    /// `bad argument #1 to '?' (string expected, got nil)`.
    pub(super) fn needed(arguments: &Arguments, index: usize) -> Result<Self> {
        Self::of(arguments, index).ok_or_else(|| arguments.mismatch(index, "string"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// This place with `name` below it.
    pub(super) fn join(&self, name: impl AsRef<Path>) -> Self {
        Self { path: self.path.join(name) }
    }

    /// What is there, links followed.
    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        std::fs::metadata(&self.path)
    }

    pub(super) fn to_lua(&self, lua: &Lua) -> Result<Value> {
        lua.create_string(bytes_of(&self.path)).map(Value::String)
    }
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self { path }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// A path with these bytes.
#[cfg(unix)]
pub(super) fn path_of(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

/// A path with these bytes.
#[cfg(not(unix))]
pub(super) fn path_of(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// The bytes of a path.
#[cfg(unix)]
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().to_vec()
}

/// The bytes of a path.
#[cfg(not(unix))]
pub(super) fn bytes_of(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}
