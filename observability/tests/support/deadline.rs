//! A bound for what a test waits for.

use std::sync::mpsc;
use std::time::Duration;

/// Runs `work` on a thread of its own and gives its result; panics when it takes longer than `deadline`.
pub(crate) fn within<T: Send + 'static>(deadline: Duration, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    finished.recv_timeout(deadline).expect("it ends before the deadline")
}
