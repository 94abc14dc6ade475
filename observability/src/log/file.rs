//! Log lines in files, two of them, each up to half of what may be stored (EMS notes, 2.5 and 7.9).

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::{Layer, Registry, reload};

use super::LogRecord;

/// Names of a pair of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The one that is being written.
    pub current: &'static str,
    /// What was written before it.
    pub previous: &'static str,
}

/// Files of the gateway (EMS notes, 2.5).
pub const GATEWAY: Names = Names { current: "wsems_log1.log", previous: "wsems_log2.log" };
/// Files of the script resource (script resource notes, 1.4).
pub const SCRIPT_RESOURCE: Names =
    Names { current: "luaScriptResource_log1.log", previous: "luaScriptResource_log2.log" };

static FILES: Mutex<Option<LogFiles>> = Mutex::new(None);
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts to write lines of `level` and above into `folder`, which is created if it is missing; at most `most_bytes` are
/// kept. Files that are being written elsewhere end.
///
/// # Errors
///
/// What the file system says; lines then go where they went before.
pub fn start(folder: &Path, names: Names, level: LevelFilter, most_bytes: u64) -> io::Result<()> {
    let files = LogFiles::open(folder, names, most_bytes)?;
    *FILES.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
    set_level(level);
    Ok(())
}

/// Ends writing; with `delete` the files are removed. Nothing to do when nothing is written.
///
/// # Errors
///
/// What the file system says to the removal.
pub fn stop(delete: bool) -> io::Result<()> {
    set_level(LevelFilter::OFF);
    let files = FILES.lock().unwrap_or_else(PoisonError::into_inner).take();
    match files {
        Some(files) if delete => files.remove(),
        _ => Ok(()),
    }
}

/// The layer that writes, and its filter, which [`start`] and [`stop`] turn.
pub(crate) fn layer() -> impl Layer<Registry> {
    let (filter, handle) = reload::Layer::new(LevelFilter::OFF);
    // The first one counts: a process has one subscriber.
    let _ = LEVEL.set(handle);
    FileLayer.with_filter(filter)
}

fn set_level(level: LevelFilter) {
    if let Some(handle) = LEVEL.get() {
        // It fails only when the subscriber is gone, and then nothing writes.
        let _ = handle.modify(|filter| *filter = level);
    }
}

struct FileLayer;

impl<S: Subscriber> Layer<S> for FileLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = format!("{}\n", LogRecord::of(event));
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        // A full disk must not stop the gateway, and saying so in the log would come here again.
        if files.as_mut().is_some_and(|files| files.write(line.as_bytes()).is_err()) {
            *files = None;
        }
    }
}

/// The pair of files.
struct LogFiles {
    current: PathBuf,
    previous: PathBuf,
    file: File,
    size_bytes: u64,
    half_bytes: u64,
}

impl LogFiles {
    fn open(folder: &Path, names: Names, most_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (current, previous) = (folder.join(names.current), folder.join(names.previous));
        let file = append(&current)?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { current, previous, file, size_bytes, half_bytes: (most_bytes / 2).max(1024) })
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size_bytes > 0 && self.size_bytes.saturating_add(length) > self.half_bytes {
            fs::rename(&self.current, &self.previous)?;
            self.file = append(&self.current)?;
            self.size_bytes = 0;
        }
        self.size_bytes = self.size_bytes.saturating_add(length);
        self.file.write_all(line)
    }

    fn remove(self) -> io::Result<()> {
        drop(self.file);
        for path in [&self.current, &self.previous] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("edgebind-log-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        folder
    }

    #[test]
    fn two_files_hold_no_more_than_was_allowed() {
        let folder = folder("bounded").join("made/on/the/way");
        let mut files = LogFiles::open(&folder, GATEWAY, 4096).unwrap();
        for number in 0..500 {
            files.write(format!("line {number} {}\n", "x".repeat(80)).as_bytes()).unwrap();
        }
        let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
        assert!(size(GATEWAY.current) <= 2048 && size(GATEWAY.previous) <= 2048);
        let text = fs::read_to_string(folder.join(GATEWAY.current)).unwrap();
        assert!(text.contains("line 499"), "the latest line is in the current file");
        files.remove().unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_was_written_before_is_kept_and_counted() {
        let folder = folder("kept");
        LogFiles::open(&folder, GATEWAY, 4096).unwrap().write(&[b'a'; 1500]).unwrap();
        let mut files = LogFiles::open(&folder, GATEWAY, 4096).unwrap();
        files.write(&[b'b'; 1000]).unwrap();
        assert_eq!(fs::read(folder.join(GATEWAY.previous)).unwrap(), [b'a'; 1500]);
        assert_eq!(fs::read(folder.join(GATEWAY.current)).unwrap(), [b'b'; 1000]);
        fs::remove_dir_all(folder).unwrap();
    }
}
