//! What the tests share: the system's clock, records, and waiting for a state.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use edgebind_store::{Clock, Kind, Options, Record, Spool};

#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292277026")
}

pub(crate) fn options(directory: &Path) -> Options {
    let options = Options::new(directory, Clock { now, unix_ms });
    Options { probe_every: Duration::from_millis(20), ..options }
}

pub(crate) fn record(entity: &str, payload: impl Into<Vec<u8>>) -> Record {
    Record { entity: entity.into(), kind: Kind::Push, payload: payload.into().into() }
}

/// Waits until the condition holds; panics after ten seconds.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = now() + Duration::from_secs(10);
    while !condition() {
        assert!(now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The payloads of everything that waits, in order.
pub(crate) fn payloads(spool: &Spool, seqs: impl IntoIterator<Item = u64>) -> Vec<Vec<u8>> {
    let seqs = seqs.into_iter().collect();
    let back = spool.wait(|spool, done| spool.read(seqs, done)).expect("readable");
    assert!(back.damaged.is_empty(), "{:?}", back.damaged);
    back.records.into_iter().map(|stored| stored.payload.to_vec()).collect()
}
