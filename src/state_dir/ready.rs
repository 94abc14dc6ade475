//! `ready.json` in the state directory: tells others which addresses were really bound (port 0 is allowed).

use std::{fs, io, net::SocketAddr, path::PathBuf};

use super::StateDir;

/// The file; removed when this is dropped.
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Name of the file in the state directory.
    pub(crate) const NAME: &str = "ready.json";

    /// Writes the file whole, so that a reader never sees half of it; `degraded` is what somebody has to mend although
    /// the gateway runs.
    pub(crate) fn write(
        folder: &StateDir,
        http: SocketAddr,
        admin: Option<SocketAddr>,
        degraded: &[String],
    ) -> io::Result<Self> {
        let pid = std::process::id();
        let text = serde_json::json!({ "pid": pid, "http": http, "admin": admin, "degraded": degraded });
        let text = text.to_string();
        let draft = folder.path().join(".ready.json");
        let path = folder.path().join(Self::NAME);
        fs::write(&draft, text)?;
        fs::rename(&draft, &path)?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(file = %self.0.display(), %error, "The ready file was not removed.");
        }
    }
}
