//! Changes of the configuration file that the original's services make: AddEdgeThing with `persist`, RemoveEdgeThing,
//! UpdateConfiguration and ReplaceConfiguration (EMS notes, 7.3, 7.4 and 7.8).
//!
//! What is written was loaded before, the file is replaced as a whole, and the text that stood there stays beside it as
//! `<file>.bak`. Layout and comments of the user stay; what is new is indented as the file is, by tabs in one that the
//! original has written.

mod masked;
mod tree;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, Value};

pub use masked::{MASK, masked};
pub use whole::{write_like, write_whole};

use crate::diagnostic::Diagnostic;
use crate::load::{Document, Sources, load};

/// One change of the configuration.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Edit {
    /// Adds an entry to `auto_bind`, or replaces the one of the same name. The keys stand in the file as they are here;
    /// `name` must be a text.
    AddThing(Map<String, Value>),
    /// Removes every entry of this name from `auto_bind`.
    RemoveThing(String),
    /// Lays a table over the file: tables key by key, everything else replaced. Secrets given as [`MASK`] stay.
    Merge(Map<String, Value>),
    /// Replaces the whole file. Secrets given as [`MASK`] stay.
    Replace(Map<String, Value>),
}

/// What came of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The file has the change now.
    Written,
    /// The file said so already; it was not touched.
    Unchanged,
}

/// Why the configuration file was not changed; it is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The configuration did not come from a file.
    #[error("the configuration does not come from a file, so there is none to change")]
    NoFile,
    /// The file cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is no JSON with a table at its top.
    #[error("the configuration file cannot be parsed, so it is left as it is: {0}")]
    Syntax(String),
    /// A part of the file is of another type than the change needs.
    #[error("`{key}` in the configuration file is not {needed}")]
    WrongType {
        /// The key.
        key: String,
        /// What it would have to be.
        needed: &'static str,
    },
    /// The entry for `auto_bind` has no name.
    #[error("the entry has no `name`")]
    NoName,
    /// A secret was given as [`MASK`], and there is none in the file that could stay.
    #[error("`{0}` is given as asterisks, and the configuration file has no value that could stay")]
    Masked(String),
    /// The gateway could not start with the result.
    #[error("the gateway could not start with the changed configuration: {}", first_error(.0))]
    WouldNotLoad(Vec<Diagnostic>),
}

/// Changes the file of `sources`.
///
/// Blocks on the disk; two edits at a time wait for each other. `sources` are those the gateway was started from, because
/// the result must load with them. Symbolic links are followed.
///
/// # Errors
///
/// [`EditError`]; the file is then as it was.
pub fn apply(sources: &Sources<'_>, edit: &Edit) -> Result<Applied, EditError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let Document::Path(path) = sources.file else { return Err(EditError::NoFile) };
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let unreadable = |source| EditError::Io { doing: "read", path: path.to_path_buf(), source };
    let path = std::fs::canonicalize(path).map_err(unreadable)?;
    let old = std::fs::read_to_string(&path).map_err(unreadable)?;
    let Some(new) = changed(&old, edit)? else { return Ok(Applied::Unchanged) };
    let name = path.display().to_string();
    let trial = Sources { file: Document::Text { name: &name, text: new.as_bytes() }, ..sources.clone() };
    load(&trial).map_err(|error| EditError::WouldNotLoad(error.diagnostics))?;
    for (target, text) in [(backup_of(&path), &old), (path.clone(), &new)] {
        write_like(&target, &path, text.as_bytes()).map_err(|source| EditError::Io {
            doing: "write",
            path: target,
            source,
        })?;
    }
    Ok(Applied::Written)
}

/// The text of a configuration after an edit, or `None` when nothing changes. Pure; the result is not loaded yet.
///
/// # Errors
///
/// [`EditError`] when the text cannot take the change.
pub fn changed(text: &str, edit: &Edit) -> Result<Option<String>, EditError> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let new = match edit {
        Edit::AddThing(entry) => tree::add_thing(body, entry)?,
        Edit::RemoveThing(name) => tree::remove_thing(body, name)?,
        Edit::Merge(table) => tree::merge(body, table)?,
        Edit::Replace(table) => tree::replace(body, table)?,
    };
    Ok((new != body).then(|| format!("{mark}{new}")))
}

/// Where the text of before an edit is kept.
pub fn backup_of(path: &Path) -> PathBuf {
    beside(path, ".bak")
}

/// `path` with something behind its whole name: `config.json.bak`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn first_error(diagnostics: &[Diagnostic]) -> String {
    let worst = diagnostics.iter().max_by_key(|found| found.severity);
    worst.map_or_else(String::new, |found| match found.key.as_str() {
        "" => found.message.clone(),
        key => format!("`{key}`: {}", found.message),
    })
}
