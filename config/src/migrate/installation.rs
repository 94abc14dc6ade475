//! The files of an installation of the original, as far as they say what it does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An installation that was read. Texts may hold secrets; nothing made of them does.
pub struct Installation {
    /// Folder that was named.
    pub(super) root: PathBuf,
    /// Folder with `config.json`, relative to the root: `etc`, or nothing.
    pub(super) etc: PathBuf,
    pub(super) config: Option<String>,
    pub(super) booted: Option<String>,
    pub(super) lua: Option<String>,
    /// Other files, relative to the root, with `/`; sorted.
    pub(super) files: Vec<String>,
    /// Whether there were more files than are looked at.
    pub(super) more: bool,
}

impl Installation {
    /// Reads the folder of an installation, or its `etc`.
    ///
    /// Texts above 16 MiB and files beyond 20,000 or 12 folders deep are not looked at; links to folders are not followed.
    ///
    /// # Errors
    ///
    /// When the folder cannot be listed.
    pub fn read(root: &Path) -> io::Result<Self> {
        fs::read_dir(root)?;
        let is_etc = |folder: &Path| {
            ["config.json", "config.lua", "config.json.booted"].iter().any(|name| folder.join(name).exists())
        };
        let etc =
            if !is_etc(root) && is_etc(&root.join("etc")) { PathBuf::from("etc") } else { PathBuf::new() };
        let folder = root.join(&etc);
        let mut files = Vec::new();
        let more = !list(root, Path::new(""), 0, &mut files);
        files.sort();
        Ok(Self {
            root: root.to_path_buf(),
            config: text(&folder.join("config.json")),
            booted: text(&folder.join("config.json.booted")),
            lua: text(&folder.join("config.lua")),
            etc,
            files,
            more,
        })
    }

    /// A file's path as differences name it.
    pub(super) fn place(&self, name: &str) -> String {
        shown(&self.etc.join(name))
    }
}

impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Installation({}, {} files)", self.root.display(), self.files.len())
    }
}

/// Lists files below `root`; `false` when there are more than we look at.
fn list(root: &Path, below: &Path, depth: usize, files: &mut Vec<String>) -> bool {
    const MOST: usize = 20_000;
    const DEEPEST: usize = 12;
    if depth > DEEPEST {
        return false;
    }
    // A folder that cannot be read is the operator's secret, not a difference.
    let Ok(entries) = fs::read_dir(root.join(below)) else { return true };
    let mut all = true;
    for entry in entries.flatten() {
        let path = below.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all &= list(root, &path, depth + 1, files),
            Ok(_) if files.len() >= MOST => return false,
            Ok(_) => files.push(shown(&path)),
            Err(_) => {}
        }
    }
    all
}

fn text(path: &Path) -> Option<String> {
    const LARGEST_BYTES: u64 = 16 * 1024 * 1024;
    let small = fs::metadata(path).is_ok_and(|file| file.len() <= LARGEST_BYTES);
    let bytes = fs::read(path).ok().filter(|_| small)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
