//! Keeps the model in a file: written by a thread of its own, as a whole, some time after changes.
//!
//! Changes are coalesced: between two writes lies at least the pause of the settings, and ten times as long as the
//! last write took. A failed write is said once and tried again, more and more slowly, until one succeeds; nothing
//! waits for it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use edgebind_kernel::clock;
use tracing::{info, warn};

use crate::model::Snapshot;

/// Tells the thread that there is something to write, and when to end.
#[derive(Default)]
pub(super) struct Signal {
    /// Set while a write is asked for already: then asking again costs one load.
    asked: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    dirty: bool,
    stopped: bool,
}

impl Signal {
    /// Asks for a write.
    pub(super) fn mark(&self) {
        if !self.asked.swap(true, Ordering::AcqRel) {
            self.lock().dirty = true;
            self.changed.notify_one();
        }
    }

    /// Ends the thread behind a last write, if there is something to write.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is to be written; false if there is nothing and nothing will come.
    fn wait_for_work(&self) -> bool {
        let state = self.lock();
        let idle = |state: &mut State| !state.dirty && !state.stopped;
        let state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.dirty
    }

    /// Waits for `pause`, or until the end; true at the end.
    fn rest(&self, pause: Duration) -> bool {
        let running = |state: &mut State| !state.stopped;
        let waited = self.changed.wait_timeout_while(self.lock(), pause, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// From here on changes ask for another write.
    fn begin(&self) {
        self.lock().dirty = false;
        self.asked.store(false, Ordering::Release);
    }
}

/// Starts the thread; `snapshot` is asked before each write, `None` ends the thread.
pub(super) fn start(
    file: PathBuf,
    pause: Duration,
    signal: Arc<Signal>,
    snapshot: impl Fn() -> Option<Snapshot> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("model-file".to_owned()).spawn(move || keep(&file, pause, &signal, snapshot))
}

fn keep(file: &Path, pause: Duration, signal: &Signal, snapshot: impl Fn() -> Option<Snapshot>) {
    let mut failures: u32 = 0;
    let mut rest = pause;
    while signal.wait_for_work() {
        let last = signal.rest(rest);
        signal.begin();
        let Some(snapshot) = snapshot() else { return };
        let begun = clock::now();
        match write(file, snapshot.to_json().as_bytes()) {
            Ok(()) => {
                if std::mem::take(&mut failures) > 0 {
                    info!(file = %file.display(), "Model file written again.");
                }
                rest = pause.max(clock::now().saturating_duration_since(begun) * 10);
            }
            Err(error) => {
                if failures == 0 || last {
                    warn!(file = %file.display(), %error, "Model file not written; its last state stays.");
                }
                if last {
                    return;
                }
                failures = failures.saturating_add(1);
                rest = pause.saturating_mul(1 << failures.min(10)).min(LONGEST_REST);
                signal.mark();
            }
        }
    }
}

/// Writes the whole file beside the old one, then puts it in its place: a reader finds one or the other.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    // A link stays one: what it points to is replaced.
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mut beside = target.clone().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = (|| {
        let mut new = File::create(&beside)?;
        if let Ok(old) = fs::metadata(&target) {
            new.set_permissions(old.permissions())?;
        }
        new.write_all(text)?;
        new.sync_all()?;
        fs::rename(&beside, &target)
    })();
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Rest after many failed writes.
const LONGEST_REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::model::Model;

    fn until(what: &str, check: impl Fn() -> bool) {
        let begun = clock::now();
        while !check() {
            assert!(clock::now() - begun < Duration::from_secs(10), "{what} did not happen in time");
            thread::yield_now();
        }
    }

    fn snapshots(count: &Arc<AtomicUsize>) -> impl Fn() -> Option<Snapshot> + Send + 'static {
        let count = Arc::clone(count);
        move || {
            count.fetch_add(1, Ordering::SeqCst);
            Some(Model::parse(r#"{"things": [{"name": "T"}]}"#).unwrap().snapshot())
        }
    }

    #[test]
    fn many_changes_are_one_write_and_the_end_writes_what_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("model.json");
        let (signal, count) = (Arc::new(Signal::default()), Arc::new(AtomicUsize::new(0)));
        let thread =
            start(file.clone(), Duration::from_secs(3600), Arc::clone(&signal), snapshots(&count)).unwrap();
        for _ in 0..1000 {
            signal.mark();
        }
        signal.stop();
        thread.join().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(Model::parse(&fs::read_to_string(&file).unwrap()).unwrap().things().len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn nothing_is_written_when_nothing_changed() {
        let (signal, count) = (Arc::new(Signal::default()), Arc::new(AtomicUsize::new(0)));
        let thread =
            start("/nowhere".into(), Duration::ZERO, Arc::clone(&signal), snapshots(&count)).unwrap();
        signal.stop();
        thread.join().unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_failed_write_is_tried_again_until_it_succeeds() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("missing").join("model.json");
        let (signal, count) = (Arc::new(Signal::default()), Arc::new(AtomicUsize::new(0)));
        let thread =
            start(file.clone(), Duration::from_millis(1), Arc::clone(&signal), snapshots(&count)).unwrap();
        signal.mark();
        until("a second attempt", || count.load(Ordering::SeqCst) > 1);
        assert!(!file.exists());
        fs::create_dir(directory.path().join("missing")).unwrap();
        until("the write", || file.exists());
        signal.stop();
        thread.join().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("real.json"), directory.path().join("link.json"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
