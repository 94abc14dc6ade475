//! The model again, with a medium that fails: a crash at every write, a flipped byte, a file cut off.
//!
//! What was acknowledged is read back as it was, or is missed by name: never changed, never out of order, never lost in silence.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use edgebind_store::{Entry, FILE_NAME, Spool, StoreError, Stored, salvage};
use proptest::prelude::*;

use crate::support::{options, payloads, record};

#[derive(Clone, Debug)]
enum Step {
    Append(u8, usize),
    Acknowledge(usize),
    GiveUp(usize),
}

/// What must be in the file: place to payload.
type Queue = BTreeMap<u64, Vec<u8>>;

/// Carries steps out one by one; answers the queue after each, with the length of the log at that moment.
fn carry_out(folder: &Path, spool: &Spool, steps: &[Step]) -> Vec<(u64, Queue)> {
    let log = folder.join(format!("{FILE_NAME}-wal"));
    let length = || fs::metadata(&log).map_or(0, |log| log.len());
    let mut queue = Queue::new();
    let mut states = vec![(length(), queue.clone())];
    for (number, step) in steps.iter().enumerate() {
        let oldest_but = |which: usize| queue.keys().nth(which % queue.len().max(1)).copied();
        match step {
            Step::Append(entity, size) => {
                let payload: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(*size).collect();
                let new = record(&format!("Things/{}", entity % 3), payload.clone());
                let entry = spool.append_blocking(new).expect("there is room");
                queue.insert(entry.seq, payload);
            }
            Step::Acknowledge(which) => {
                let Some(seq) = oldest_but(*which) else { continue };
                spool.wait(|spool, done| spool.delete(vec![seq], done)).expect("deleted");
                queue.remove(&seq);
            }
            Step::GiveUp(which) => {
                let Some(seq) = oldest_but(*which) else { continue };
                spool.wait(|spool, done| spool.give_up(vec![seq], "refused", done)).expect("moved");
                queue.remove(&seq);
            }
        }
        states.push((length(), queue.clone()));
    }
    states
}

fn read_all(spool: &Spool, entries: &[Entry]) -> Queue {
    let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert!(seqs.is_sorted(), "in order: {seqs:?}");
    seqs.iter().copied().zip(payloads(spool, seqs.clone())).collect()
}

/// Closes a spool with these records in it and answers the bytes of its file.
fn closed(folder: &Path, steps: &[Step]) -> (Vec<u8>, Queue) {
    let (spool, _) = Spool::open(options(folder)).expect("it opens");
    let (_, queue) = carry_out(folder, &spool, steps).pop().expect("a first state");
    drop(spool);
    (fs::read(folder.join(FILE_NAME)).expect("a file"), queue)
}

/// Opens damaged bytes: what is read is right, what is not is missed by name, and the spool works on.
fn survives(bytes: &[u8], place: Option<usize>, queue: &Queue) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(FILE_NAME), bytes).expect("written");
    let (spool, opened) = match Spool::open(options(folder.path())) {
        Ok(opened) => opened,
        // Two bytes in front say who may write the file, four which version it has: such a file is left alone.
        Err(StoreError::ReadOnly { .. } | StoreError::Newer { .. })
            if place.is_some_and(|place| place < 64) =>
        {
            let left = fs::read(folder.path().join(FILE_NAME)).expect("left");
            return assert!(left == bytes, "left alone");
        }
        Err(error) => panic!("damage at {place:?} does not keep it from working: {error}"),
    };
    let right =
        |stored: &Stored| queue.get(&stored.entry.seq).is_some_and(|payload| *payload == stored.payload);
    match &opened.set_aside {
        Some(aside) => {
            assert!(fs::read(aside).expect("kept") == bytes, "kept whole");
            assert!(opened.entries.is_empty());
            let salvaged = salvage(aside).expect("readable");
            assert!(salvaged.records.is_sorted_by_key(|stored| stored.entry.seq));
            // A record that was given up or confirmed may come back out of a page that was in use before.
            for stored in salvaged.records.iter().filter(|stored| queue.contains_key(&stored.entry.seq)) {
                assert!(right(stored), "changed: {:?}", stored.entry);
            }
        }
        None => {
            let seqs: Vec<u64> = opened.entries.iter().map(|entry| entry.seq).collect();
            let back = spool.wait(|spool, done| spool.read(seqs, done)).expect("readable");
            assert!(back.records.iter().all(right), "changed, or invented");
            let missing = queue.len() - back.records.len();
            assert!(back.damaged.len() >= missing, "{missing} are missing, {:?} are named", back.damaged);
        }
    }
    spool.append_blocking(record("Things/A", "next")).expect("it works on");
}

fn steps(least: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<u8>(), 0..2500_usize).prop_map(|(entity, size)| Step::Append(entity, size)),
        3 => any::<usize>().prop_map(Step::Acknowledge),
        1 => any::<usize>().prop_map(Step::GiveUp),
    ];
    proptest::collection::vec(step, least..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_crash_at_every_write_leaves_the_queue_as_it_was_after_a_whole_commit(
        steps in steps(1), anywhere in proptest::collection::vec(any::<proptest::sample::Index>(), 6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
        let states = carry_out(folder.path(), &spool, &steps);
        let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap_or_default();
        let (file, log) = (bytes(FILE_NAME), bytes(&format!("{FILE_NAME}-wal")));
        drop(spool);
        let whole = log.len() as u64;
        prop_assert!(states.is_sorted_by_key(|(length, _)| *length), "the log was not begun anew");
        let marks = states.iter().flat_map(|(length, _)| [length.saturating_sub(1), *length, length + 1]);
        let anywhere = anywhere.iter().map(|index| index.index(log.len() + 1) as u64);
        for cut in marks.chain(anywhere).filter(|cut| *cut <= whole) {
            let copy = tempfile::tempdir().expect("a folder");
            fs::write(copy.path().join(FILE_NAME), &file).expect("written");
            let rest = &log[..usize::try_from(cut).expect("small")];
            fs::write(copy.path().join(format!("{FILE_NAME}-wal")), rest).expect("written");
            let (spool, opened) = Spool::open(options(copy.path())).expect("a crash is no damage");
            prop_assert_eq!(&opened.set_aside, &None);
            // Before the first state the tables were being made.
            let (_, durable) = states.iter().rev().find(|(length, _)| *length <= cut).unwrap_or(&states[0]);
            prop_assert_eq!(&read_all(&spool, &opened.entries), durable, "cut at {} of {}", cut, whole);
        }
    }

    #[test]
    fn a_flipped_byte_anywhere_changes_no_record_and_hides_none(
        steps in steps(10), flips in proptest::collection::vec((any::<proptest::sample::Index>(), 0..8_u8), 8),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (bytes, queue) = closed(folder.path(), &steps);
        for (place, bit) in flips {
            let mut flipped = bytes.clone();
            let place = place.index(bytes.len());
            flipped[place] ^= 1 << bit;
            survives(&flipped, Some(place), &queue);
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_changes_no_record_and_hides_none(
        steps in steps(10), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 6),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (bytes, queue) = closed(folder.path(), &steps);
        for cut in cuts {
            let length = cut.index(bytes.len());
            if length == 0 {
                // An empty file is what a fresh one is made of; that a file was there before cannot be seen.
                continue;
            }
            survives(&bytes[..length], None, &queue);
        }
    }
}
