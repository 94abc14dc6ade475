//! Causes from outside: a full disk, a directory that may not be written, a second process, a file taken away.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use edgebind_store::{Event, FILE_NAME, JournalEntry, Options, Spool, State, StoreError, View};

use crate::support::{options, payloads, record, until};

#[test]
fn a_full_disk_is_told_and_heals_when_records_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let small = Options { max_pages: Some(160), ..options(folder.path()) };
    let spool =
        Spool::start(small, move |event| heard.lock().expect("no panic").push(event)).expect("a thread");
    until("it is open", || spool.health().state == State::Ready);
    let mut seqs = Vec::new();
    let refusal = loop {
        match spool.append_blocking(record("Things/A", vec![1; 20_000])) {
            Ok(entry) => seqs.push(entry.seq),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal, StoreError::DiskFull { path: folder.path().join(FILE_NAME) });
    assert!(seqs.len() > 5, "{}", seqs.len());
    assert!(matches!(spool.health().state, State::Failed(StoreError::DiskFull { .. })));
    // Refused at once while it lasts, without asking the disk; what is in it can be read.
    let again = spool.append(record("Things/A", "x"), |_| panic!("refused by the return value"));
    assert!(matches!(again, Err(StoreError::DiskFull { .. })), "{again:?}");
    assert_eq!(payloads(&spool, seqs.clone()).len(), seqs.len());
    // The backlog is delivered: its deletion makes room.
    let gone = seqs.len() as u64;
    assert_eq!(spool.wait(|spool, done| spool.delete(seqs, done)), Ok(gone));
    until("it takes records again", || spool.append_blocking(record("Things/A", "fresh")).is_ok());
    let events = events.lock().expect("no panic");
    assert!(
        matches!(
            events[..],
            [Event::Opened(_), Event::Failed(StoreError::DiskFull { .. }), Event::Healed, ..]
        ),
        "{events:?}"
    );
}

#[test]
fn the_limit_of_the_configuration_keeps_what_is_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = Options { max_bytes: 5000, max_records: 3, ..options(folder.path()) };
    let (spool, _) = Spool::open(small).expect("it opens");
    let large = spool.append_blocking(record("Things/A", vec![0; 6000])).expect_err("never fits");
    assert!(
        matches!(large, StoreError::TooLarge { limit_bytes: 5000, .. }) && !large.is_transient(),
        "{large}"
    );
    let first = spool.append_blocking(record("Things/A", vec![1; 4000])).expect("room");
    let full = spool.append_blocking(record("Things/A", vec![2; 4000])).expect_err("no room");
    assert!(matches!(full, StoreError::SpoolFull { records: 1, .. }) && full.is_transient(), "{full}");
    for _ in 0..2 {
        spool.append_blocking(record("Things/A", "small")).expect("room for small ones");
    }
    let full = spool.append_blocking(record("Things/A", "")).expect_err("three is the limit");
    assert!(matches!(full, StoreError::SpoolFull { records: 3, limit_records: 3, .. }), "{full}");
    assert_eq!(payloads(&spool, [first.seq]), [vec![1; 4000]]);
    assert_eq!(spool.wait(|spool, done| spool.delete(vec![first.seq], done)), Ok(1));
    spool.append_blocking(record("Things/A", vec![2; 4000])).expect("room again");
}

#[test]
fn what_is_appended_at_once_is_there_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = Options { max_records: 5, ..options(folder.path()) };
    let (spool, _) = Spool::open(small).expect("it opens");
    let all = |count: u8| (0..count).map(|number| record("Things/A", vec![number])).collect::<Vec<_>>();
    let refused = spool.append_all(all(6), |_| panic!("refused by the return value"));
    assert!(matches!(refused, Err(StoreError::SpoolFull { limit_records: 5, .. })), "{refused:?}");
    assert_eq!(spool.health().records, 0);
    let (told, answer) = mpsc::channel();
    spool.append_all(all(4), move |result| told.send(result).expect("heard")).expect("room");
    let entries = answer.recv().expect("an answer").expect("on disk");
    let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(payloads(&spool, seqs.clone()), [[0], [1], [2], [3]]);
    assert_eq!(spool.health().records, 4);
    // In pages, from behind a place.
    let view = View::open(folder.path()).expect("readable");
    let mut found = Vec::new();
    let walk = view.each_waiting_after(seqs[1], Some("Things/A"), |line| {
        found.push(line.expect("undamaged").entry.seq);
        std::ops::ControlFlow::Continue(())
    });
    walk.expect("readable");
    assert_eq!(found, seqs[2..]);
    let entities = view.entities().expect("readable");
    assert_eq!((entities.len(), entities[0].records, entities[0].bytes), (1, 4, 4));
}

#[test]
fn the_queue_before_the_disk_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let narrow = Options { queue: 4, ..options(folder.path()) };
    let (spool, _) = Spool::open(narrow).expect("it opens");
    // The thread is held up inside a callback, so that nothing leaves the queue.
    let (release, held) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    spool.load_journal(move |_| {
        entered.send(()).expect("the test listens");
        let _ = held.recv();
    });
    inside.recv().expect("the thread is in the callback");
    let (sender, receiver) = mpsc::channel();
    for _ in 0..4 {
        let sender = sender.clone();
        spool
            .append(record("Things/A", "x"), move |result| drop(sender.send(result)))
            .expect("room in the queue");
    }
    let refused = spool.append(record("Things/A", "x"), |_| panic!("refused by the return value"));
    assert_eq!(refused, Err(StoreError::QueueFull { limit: 4 }));
    release.send(()).expect("the thread waits");
    assert!(receiver.iter().take(4).all(|result| result.is_ok()));
    spool.append_blocking(record("Things/A", "x")).expect("room again");
}

#[test]
fn a_second_process_is_refused_and_may_look() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
    let entry = spool.append_blocking(record("Things/A", "seen")).expect("written");
    let second = Spool::open(options(folder.path())).map(|_| ()).expect_err("it is held");
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    let view = View::open(folder.path()).expect("looking is allowed");
    let shown = view.show(entry.seq).expect("readable").expect("there");
    assert_eq!((&shown.stored.payload[..], shown.reason.as_str()), (&b"seen"[..], ""));
    // Waiting in line, it takes over when the first is gone.
    let third = Spool::start(options(folder.path()), |_| ()).expect("a thread");
    until("it is refused", || matches!(third.health().state, State::Failed(StoreError::Locked { .. })));
    drop(spool);
    until("it has taken over", || third.health().state == State::Ready);
    assert_eq!(third.health().records, 1);
}

#[cfg(unix)]
#[test]
fn a_directory_that_may_not_be_written_is_told_and_heals() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own folder");
    };
    let folder = tempfile::tempdir().expect("a folder");
    mode(folder.path(), 0o500);
    if fs::write(folder.path().join("probe"), "x").is_ok() {
        // Nothing is forbidden to root: a file where the directory should be is the next best obstacle.
        let blocked = folder.path().join("state");
        fs::write(&blocked, "in the way").expect("written");
        let spool = Spool::start(options(&blocked), |_| ()).expect("a thread");
        until("it has failed", || matches!(spool.health().state, State::Failed(StoreError::Io { .. })));
        fs::remove_file(&blocked).expect("removed");
        until("it heals", || spool.health().state == State::Ready);
        return;
    }
    let spool = Spool::start(options(folder.path()), |_| ()).expect("a thread");
    until("it has failed", || matches!(spool.health().state, State::Failed(StoreError::ReadOnly { .. })));
    let refused = spool.append_blocking(record("Things/A", "x")).expect_err("nothing can be written");
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    mode(folder.path(), 0o700);
    until("it heals", || spool.append_blocking(record("Things/A", "x")).is_ok());
}

#[test]
fn a_file_taken_away_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
    spool.append_blocking(record("Things/A", "x")).expect("written");
    fs::rename(folder.path().join(FILE_NAME), folder.path().join("elsewhere")).expect("renamed");
    until("a new file is there", || {
        folder.path().join(FILE_NAME).exists() && spool.health().state == State::Ready
    });
    assert!(spool.health().failures > 0);
    spool.append_blocking(record("Things/A", "y")).expect("written");
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(Spool::open(options(folder.path())).expect("it opens"));
    let file = folder.path().join(FILE_NAME);
    let mut bytes = fs::read(&file).expect("readable");
    // The user version stands at byte 60 of the first page.
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    fs::write(&file, &bytes).expect("written");
    let refused = Spool::open(options(folder.path())).map(|_| ()).expect_err("it is newer");
    assert_eq!(refused, StoreError::Newer { path: file.clone(), found: 7, known: 1 });
    assert_eq!(&fs::read(&file).expect("still there")[60..64], &7_u32.to_be_bytes());
}

#[test]
fn what_is_queued_is_written_when_the_spool_is_dropped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
    for number in 0..50_u8 {
        spool.append(record("Things/A", [number]), |_| ()).expect("room");
    }
    let entry = JournalEntry { name: "Pump-1".to_owned(), revision: 1, body: b"sealed"[..].into() };
    spool.put_journal(entry.clone(), |_| ()).expect("room");
    drop(spool);
    let (_, opened) = Spool::open(options(folder.path())).expect("it opens");
    assert_eq!(opened.entries.len(), 50);
    assert_eq!(opened.journal, [entry]);
}
