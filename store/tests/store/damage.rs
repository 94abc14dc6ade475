//! The medium lies: flipped bits, lost pages, a file cut off, something else in its place.

use std::fs;
use std::path::{Path, PathBuf};

use edgebind_store::{FILE_NAME, JournalEntry, Opened, Salvaged, Spool, salvage};

use crate::support::{options, record};

const PAGE: usize = 4096;

/// A closed spool with this many records of about 200 bytes, one dead letter and one registration.
fn filled(folder: &Path, records: u32) -> PathBuf {
    let (spool, _) = Spool::open(options(folder)).expect("it opens");
    for number in 0..records {
        let payload = format!("{number:06}").repeat(33);
        spool.append(record("Things/A", payload), |result| drop(result.expect("written"))).expect("room");
    }
    assert_eq!(spool.wait(|spool, done| spool.give_up(vec![1], "refused with 0x80", done)), Ok(1));
    let entry = JournalEntry { name: "Pump-1".to_owned(), revision: 3, body: b"sealed"[..].into() };
    spool.wait(|spool, done| spool.put_journal(entry, done).expect("room")).expect("written");
    drop(spool);
    let file = folder.join(FILE_NAME);
    assert!(!folder.join(format!("{FILE_NAME}-wal")).exists(), "closed in order, the log is folded in");
    file
}

fn reopen(folder: &Path) -> (Spool, Opened) {
    Spool::open(options(folder)).expect("a damaged file does not keep it from working")
}

/// Opens a damaged folder; what was set aside must be the damaged bytes, and the spool works on.
fn set_aside(folder: &Path, damaged: &[u8]) -> (PathBuf, Opened) {
    let (spool, opened) = reopen(folder);
    let aside = opened.set_aside.clone().expect("it was set aside");
    assert!(fs::read(&aside).expect("kept") == damaged, "kept whole");
    assert!(opened.entries.is_empty());
    assert_eq!(spool.health().set_aside.as_ref(), Some(&aside));
    spool.append_blocking(record("Things/A", "fresh")).expect("it works on");
    (aside, opened)
}

fn whole(salvaged: &Salvaged) -> bool {
    salvaged.records.iter().all(|stored| {
        let number = stored.entry.seq - 1;
        stored.payload == format!("{number:06}").repeat(33)
    })
}

#[test]
fn a_flipped_byte_in_a_record_costs_that_record_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = filled(folder.path(), 40);
    let mut bytes = fs::read(&file).expect("readable");
    let text = b"000017000017000017";
    let at = bytes.windows(text.len()).position(|window| window == text).expect("record 17");
    bytes[at + 40] ^= 0x04;
    fs::write(&file, &bytes).expect("written");
    let (spool, opened) = reopen(folder.path());
    assert_eq!(opened.set_aside, None, "the structure is sound");
    let seqs: Vec<_> = opened.entries.iter().map(|entry| entry.seq).collect();
    let back = spool.wait(|spool, done| spool.read(seqs.clone(), done)).expect("readable");
    assert_eq!(back.damaged, [18]);
    assert_eq!(back.records.len(), 38);
    let health = spool.health();
    assert_eq!((health.records, health.dead_records), (38, 2), "it lies with the dead letters");
    let again = spool.wait(|spool, done| spool.read(seqs, done)).expect("readable");
    assert!(again.damaged.is_empty());
}

#[test]
fn a_broken_page_sets_the_file_aside_and_salvage_reads_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = filled(folder.path(), 400);
    let mut bytes = fs::read(&file).expect("readable");
    let text = b"000217000217";
    let at = bytes.windows(text.len()).position(|window| window == text).expect("record 217");
    let page = at / PAGE * PAGE;
    bytes[page..page + PAGE].fill(0xA5);
    fs::write(&file, &bytes).expect("written");
    let (aside, opened) = set_aside(folder.path(), &bytes);
    assert_eq!(opened.journal.len(), 1, "registrations are carried over");
    let salvaged = salvage(&aside).expect("readable");
    assert!(salvaged.unreadable);
    assert!(salvaged.records.len() > 350 && salvaged.records.len() < 399, "{}", salvaged.records.len());
    assert!(whole(&salvaged) && salvaged.records.is_sorted_by_key(|stored| stored.entry.seq));
    assert_eq!((salvaged.dead.len(), salvaged.journal.len()), (1, 1));
    assert_eq!(salvaged.dead[0].reason, "refused with 0x80");
    assert!(fs::read(&aside).expect("kept") == bytes, "salvage changes nothing");
}

#[test]
fn a_lost_first_page_costs_no_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = filled(folder.path(), 400);
    let mut bytes = fs::read(&file).expect("readable");
    bytes[..PAGE].fill(0);
    fs::write(&file, &bytes).expect("written");
    let (aside, _) = set_aside(folder.path(), &bytes);
    let salvaged = salvage(&aside).expect("readable");
    assert_eq!(salvaged.records.len(), 399);
    assert!(whole(&salvaged) && salvaged.unreadable);
    assert_eq!((salvaged.dead.len(), salvaged.journal.len()), (1, 1));
}

#[test]
fn a_file_cut_off_anywhere_is_set_aside_and_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    let original = fs::read(filled(folder.path(), 2000)).expect("readable");
    for tenth in [1, 3, 5, 7, 9] {
        let folder = tempfile::tempdir().expect("a folder");
        let cut = original.len() * tenth / 10;
        fs::write(folder.path().join(FILE_NAME), &original[..cut]).expect("written");
        let (aside, _) = set_aside(folder.path(), &original[..cut]);
        let salvaged = salvage(&aside).expect("readable");
        assert!(whole(&salvaged));
        // Pages fill in order, so about that share of the records is left.
        let least = (2000 * tenth / 10).saturating_sub(200);
        assert!(salvaged.records.len() >= least, "{} of 2000 at {tenth}/10", salvaged.records.len());
    }
}

#[test]
fn another_file_in_its_place_is_set_aside_whole() {
    for content in [&b"{ \"this\": \"is no database\" }\n"[..], &[0x5A; 20_000]] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE_NAME), content).expect("written");
        set_aside(folder.path(), content);
    }
}

#[test]
fn an_undamaged_file_is_salvaged_completely_also_with_its_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
    for number in 0..20_u8 {
        spool.append_blocking(record("Things/A", [number])).expect("written");
    }
    // The spool is open: everything still stands in the log.
    let salvaged = salvage(&folder.path().join(FILE_NAME)).expect("readable");
    assert_eq!(salvaged.records.len(), 20);
    assert_eq!((salvaged.damaged, salvaged.unreadable), (0, false));
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 4, "only the spool's own files: {left:?}");
}
