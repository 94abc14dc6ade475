//! How many records a second reach the disk at 1, 64 and 1024 a commit, with the disk's own time for the same.
//!
//! `cargo run --release -p edgebind-store --example commits -- [DIRECTORY]`; the directory should lie on the disk that counts.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use edgebind_store::{Clock, Kind, Options, Record, Spool};

const PAYLOAD_BYTES: usize = 200;
const SPAN: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let folder = tempfile::tempdir_in(directory)?;
    let (syncs, median) = fdatasync(folder.path())?;
    println!("fdatasync of 4 KiB: median {median:?}, {syncs:.0}/s");
    println!("{:>10} {:>12} {:>10} {:>14}", "a commit", "records/s", "commits/s", "of fdatasync/s");
    for together in [1, 64, 1024] {
        let (records, commits) = append(&folder.path().join(together.to_string()), together)?;
        println!("{together:>10} {records:>12.0} {commits:>10.0} {:>14.2}", commits / syncs);
    }
    Ok(())
}

/// Appends `together` records, waits for all their answers, and so on.
fn append(directory: &Path, together: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let options = Options::new(directory, Clock { now, unix_ms });
    let options = Options {
        // Only the number of records ends a commit here.
        commit_after: if together == 1 { Duration::ZERO } else { Duration::from_millis(5) },
        commit_records: together,
        commit_bytes: u64::MAX,
        max_bytes: u64::MAX,
        max_records: u64::MAX,
        queue: 2 * together,
        ..options
    };
    let (spool, _) = Spool::open(options)?;
    let record =
        Record { entity: "Things/Pump-1".into(), kind: Kind::Push, payload: vec![7; PAYLOAD_BYTES].into() };
    let (sender, receiver) = mpsc::channel();
    let start = now();
    let (mut sent, mut answered) = (0_u32, 0_u32);
    while start.elapsed() < SPAN || answered < sent {
        // Two commits' worth under way: while one is on its way to the disk the next gathers.
        while start.elapsed() < SPAN && usize::try_from(sent - answered)? < 2 * together {
            let sender = sender.clone();
            spool.append(record.clone(), move |result| drop(sender.send(result.map(|_| ()))))?;
            sent += 1;
        }
        receiver.recv()??;
        answered += 1;
    }
    let seconds = start.elapsed().as_secs_f64();
    let commits = u32::try_from(spool.health().commits)?;
    Ok((f64::from(answered) / seconds, f64::from(commits) / seconds))
}

/// What the disk itself needs to make a page durable.
fn fdatasync(directory: &Path) -> Result<(f64, Duration), Box<dyn Error>> {
    let mut file = File::create(directory.join("probe"))?;
    let mut times = Vec::new();
    for _ in 0..500 {
        let start = now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok((500.0 / total.as_secs_f64(), median))
}

#[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
