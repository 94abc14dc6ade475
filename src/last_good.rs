//! The last configuration the gateway connected with, kept for the day its file cannot be read.
//!
//! Two copies: `<config>.booted` beside the file, as the original writes and reads it (EMS notes, 2.3), and `last-good.json`
//! in the state directory, for installations where the configuration's folder belongs to somebody else.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use edgebind_actors::link::LinkStatus;
use edgebind_config::{FileText, edit::write_like, edit::write_whole};
use serde_json::json;
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// What is kept once the connection stands.
#[derive(Clone)]
pub(crate) struct LastGood {
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// Its bytes when the gateway started.
    pub(crate) text: FileText,
    /// The state directory.
    pub(crate) folder: PathBuf,
}

/// A copy that may serve instead of the configuration file.
#[derive(Debug)]
pub(crate) struct Copy {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The configuration's bytes.
    pub(crate) text: Vec<u8>,
    written: Option<SystemTime>,
}

impl LastGood {
    /// Name of the copy in the state directory.
    pub(crate) const NAME: &str = "last-good.json";

    /// Waits until the platform has accepted the gateway, then keeps both copies. A copy that cannot be written is said
    /// and harms nothing else.
    pub(crate) async fn keep_when_online(self, mut status: watch::Receiver<LinkStatus>) {
        if status.wait_for(LinkStatus::is_online).await.is_err() {
            return;
        }
        let kept = tokio::task::spawn_blocking(move || self.keep()).await;
        if let Err(error) = kept {
            warn!(%error, "The last good configuration was not kept.");
        }
    }

    fn keep(&self) {
        let booted = booted(&self.file);
        match write_if_new(&booted, Some(&self.file), self.text.expose()) {
            Ok(true) => info!(file = %booted.display(), "Connected; the configuration was copied."),
            Ok(false) => {
                debug!(file = %booted.display(), "Connected; the copy of the configuration is up to date.")
            }
            // Usual where the folder belongs to root; the other copy is there for that.
            Err(error) => {
                info!(file = %booted.display(), %error, "The configuration was not copied beside itself.")
            }
        }
        let own = self.folder.join(Self::NAME);
        let text = String::from_utf8_lossy(self.text.expose());
        let content = json!({ "file": whole_path(&self.file), "text": text }).to_string();
        if let Err(error) = write_if_new(&own, None, content.as_bytes()) {
            warn!(file = %own.display(), %error, "The last good configuration was not kept.");
        }
    }
}

/// Copies of `file`, the newest first. `folder` is the state directory when it is known without the configuration.
pub(crate) fn copies(file: &Path, folder: Option<&Path>) -> Vec<Copy> {
    let beside = Copy::read(booted(file), Ok);
    let own =
        folder.and_then(|folder| Copy::read(folder.join(LastGood::NAME), |bytes| unwrapped(file, &bytes)));
    let mut copies: Vec<Copy> = beside.into_iter().chain(own).collect();
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.written));
    copies
}

impl Copy {
    fn read(path: PathBuf, text: impl Fn(Vec<u8>) -> io::Result<Vec<u8>>) -> Option<Self> {
        let bytes = fs::read(&path).and_then(text).ok()?;
        let written = fs::metadata(&path).and_then(|file| file.modified()).ok();
        Some(Self { path, text: bytes, written })
    }
}

/// The text of our own copy, when it is one of `file`: several gateways may have shared a state directory.
fn unwrapped(file: &Path, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let value: serde_json::Value = serde_json::from_slice(bytes)?;
    let of_this = value.get("file").and_then(|path| path.as_str()) == Some(whole_path(file).as_str());
    let text = value.get("text").and_then(|text| text.as_str()).filter(|_| of_this);
    text.map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn booted(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".booted");
    PathBuf::from(name)
}

fn whole_path(file: &Path) -> String {
    let whole = fs::canonicalize(file).or_else(|_| std::path::absolute(file));
    whole.unwrap_or_else(|_| file.to_path_buf()).display().to_string()
}

/// Writes only what is not there already: a gateway that reconnects every minute is no reason to wear a flash card.
fn write_if_new(path: &Path, like: Option<&Path>, content: &[u8]) -> io::Result<bool> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    match like {
        Some(like) => write_like(path, like, content)?,
        None => write_whole(path, content)?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, file: &Path, text: &str) -> LastGood {
        fs::write(file, text).unwrap();
        let loaded = edgebind_config::load(&edgebind_config::Sources::path(file)).unwrap();
        LastGood { file: file.to_owned(), text: loaded.text, folder: folder.to_owned() }
    }

    const TEXT: &str = "\u{feff}{\"ws_servers\": [{\"host\": \"a\", \"port\": 1}], // A\n\
        \"http_server\": {\"ssl\": false, \"authenticate\": false}}";

    #[test]
    fn both_copies_have_every_byte_and_are_as_closed_as_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        kept(folder.path(), &file, TEXT).keep();
        assert_eq!(fs::read_to_string(booted(&file)).unwrap(), TEXT);
        let copies = copies(&file, Some(folder.path()));
        assert_eq!(copies.len(), 2);
        assert!(copies.iter().all(|copy| copy.text == TEXT.as_bytes()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&booted(&file)), mode(&file));
            assert_eq!(mode(&folder.path().join(LastGood::NAME)), 0o600);
        }
    }

    #[test]
    fn a_copy_of_another_file_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        kept(folder.path(), &folder.path().join("one.json"), TEXT).keep();
        assert!(copies(&folder.path().join("two.json"), Some(folder.path())).is_empty());
    }

    #[test]
    fn the_newest_copy_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        kept(folder.path(), &file, TEXT).keep();
        let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        for path in [booted(&file), folder.path().join(LastGood::NAME)] {
            fs::File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
            assert_eq!(copies(&file, Some(folder.path()))[0].path, path);
            fs::File::options()
                .append(true)
                .open(&path)
                .unwrap()
                .set_modified(SystemTime::UNIX_EPOCH)
                .unwrap();
        }
    }
}
