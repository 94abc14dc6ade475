//! The spool against a plain queue, over random steps with reopening and power cuts at any byte of the log.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use edgebind_store::{DeadLetter, Entry, FILE_NAME, JournalEntry, Options, Spool, StoreError, View};
use proptest::prelude::*;

use crate::support::{options, payloads, record};

#[derive(Clone, Debug)]
enum Step {
    Append(u8, usize),
    /// Confirms the record at this place of the queue.
    Delete(usize),
    GiveUp(usize),
    Retry(usize),
    Drop(usize),
    PutJournal(u8, u64),
    RemoveJournal(u8),
    Reopen,
}

/// What must be in the file.
#[derive(Default)]
struct Model {
    waiting: Vec<(Entry, Vec<u8>)>,
    dead: Vec<(Entry, Vec<u8>)>,
    journal: Vec<JournalEntry>,
    made: u64,
}

impl Model {
    fn step(&mut self, spool: &Spool, step: &Step) {
        match *step {
            Step::Append(entity, size) => self.append(spool, entity, size),
            Step::Delete(at) if !self.waiting.is_empty() => {
                let (entry, _) = self.waiting.remove(at % self.waiting.len());
                assert_eq!(spool.wait(|spool, done| spool.delete(vec![entry.seq], done)), Ok(1));
                assert_eq!(
                    spool.wait(|spool, done| spool.delete(vec![entry.seq], done)),
                    Ok(0),
                    "gone is gone"
                );
            }
            Step::GiveUp(at) if !self.waiting.is_empty() => {
                let letter = self.waiting.remove(at % self.waiting.len());
                assert_eq!(
                    spool.wait(|spool, done| spool.give_up(vec![letter.0.seq], "refused", done)),
                    Ok(1)
                );
                self.dead.push(letter);
                self.dead.sort_by_key(|(entry, _)| entry.seq);
            }
            Step::Retry(at) if !self.dead.is_empty() => {
                let (entry, payload) = self.dead.remove(at % self.dead.len());
                let back =
                    spool.wait(|spool, done| spool.retry_dead(vec![entry.seq], done)).expect("retried");
                let [back] = &back[..] else { panic!("one was asked for: {back:?}") };
                assert_eq!((&back.entity, back.kind), (&entry.entity, entry.kind));
                self.waiting.push((back.clone(), payload));
            }
            Step::Drop(at) if !self.dead.is_empty() => {
                let (entry, _) = self.dead.remove(at % self.dead.len());
                assert_eq!(spool.wait(|spool, done| spool.drop_dead(vec![entry.seq], done)), Ok(1));
            }
            Step::PutJournal(name, revision) => {
                let body = format!("{{\"revision\":{revision}}}").into();
                self.put_journal(spool, JournalEntry { name: format!("thing-{name}"), revision, body });
            }
            Step::RemoveJournal(name) => {
                let name = format!("thing-{name}");
                spool
                    .wait(|spool, done| spool.remove_journal(name.clone(), done).expect("taken"))
                    .expect("removed");
                self.journal.retain(|entry| entry.name != name);
            }
            _ => {}
        }
    }

    fn append(&mut self, spool: &Spool, entity: u8, size: usize) {
        self.made += 1;
        let payload: Vec<u8> = self.made.to_le_bytes().into_iter().cycle().take(size).collect();
        let before = spool.health();
        let new = record(&format!("Things/{}", entity % 3), payload.clone());
        let cost = new.cost_bytes();
        match spool.append_blocking(new) {
            Ok(entry) => {
                let last = self.waiting.iter().chain(&self.dead).map(|(entry, _)| entry.seq).max();
                assert!(Some(entry.seq) > last, "places grow");
                self.waiting.push((entry, payload));
            }
            Err(StoreError::SpoolFull { .. }) => {
                assert!(before.bytes + before.dead_bytes + cost > before.limit_bytes, "{before:?}");
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn put_journal(&mut self, spool: &Spool, entry: JournalEntry) {
        spool.wait(|spool, done| spool.put_journal(entry.clone(), done).expect("taken")).expect("written");
        match self.journal.iter_mut().find(|old| old.name == entry.name) {
            Some(old) if old.revision > entry.revision => {}
            Some(old) => *old = entry,
            None => self.journal.push(entry),
        }
        self.journal.sort_by(|one, other| one.name.cmp(&other.name));
    }

    fn compare(&self, directory: &Path, spool: &Spool) {
        let seqs = self.waiting.iter().map(|(entry, _)| entry.seq);
        let expected: Vec<_> = self.waiting.iter().map(|(_, payload)| payload.clone()).collect();
        assert_eq!(payloads(spool, seqs), expected);
        // Another reader sees the same while the spool is open.
        let view = View::open(directory).expect("readable beside the writer");
        let mut dead = Vec::new();
        let collect = |line: Result<DeadLetter, u64>| {
            dead.push(line.expect("undamaged").stored);
            std::ops::ControlFlow::Continue(())
        };
        view.each_dead(None, collect).expect("readable");
        let dead: Vec<_> = dead.into_iter().map(|stored| (stored.entry, stored.payload.to_vec())).collect();
        assert_eq!(dead, self.dead);
        assert_eq!(view.journal().expect("readable"), self.journal);
        let summary = view.summary().expect("readable");
        let health = spool.health();
        assert_eq!((summary.records, summary.dead_records), (health.records, health.dead_records));
        assert_eq!(health.records, self.waiting.len() as u64);
        let cost = |(entry, payload): &(Entry, Vec<u8>)| record(&entry.entity, payload.clone()).cost_bytes();
        assert_eq!(health.bytes, self.waiting.iter().map(cost).sum::<u64>());
        assert_eq!(health.dead_bytes, self.dead.iter().map(cost).sum::<u64>());
        assert_eq!(health.queued, 0);
    }

    fn reopen(&self, options: Options) -> Spool {
        let (spool, opened) = Spool::open(options).expect("it opens");
        let expected: Vec<_> = self.waiting.iter().map(|(entry, _)| entry.clone()).collect();
        assert_eq!(opened.entries, expected);
        assert_eq!(opened.journal, self.journal);
        spool
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (any::<u8>(), 0..3000_usize).prop_map(|(entity, size)| Step::Append(entity, size)),
        4 => any::<usize>().prop_map(Step::Delete),
        2 => any::<usize>().prop_map(Step::GiveUp),
        1 => any::<usize>().prop_map(Step::Retry),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => (0..4_u8, 0..5_u64).prop_map(|(name, revision)| Step::PutJournal(name, revision)),
        1 => (0..4_u8).prop_map(Step::RemoveJournal),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_spool_is_a_queue_that_survives_reopening(steps in steps()) {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { max_bytes: 20_000, ..options(folder.path()) };
        let mut model = Model::default();
        let mut spool = model.reopen(options.clone());
        for step in steps {
            if matches!(step, Step::Reopen) {
                drop(spool);
                spool = model.reopen(options.clone());
            } else {
                model.step(&spool, &step);
            }
            model.compare(folder.path(), &spool);
        }
    }
}

#[test]
fn a_power_cut_at_any_byte_of_the_log_leaves_whole_commits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (spool, _) = Spool::open(options(folder.path())).expect("it opens");
    let file = folder.path().join(FILE_NAME);
    let log = folder.path().join(format!("{FILE_NAME}-wal"));
    // After each commit: how long the log is. What was synced up to there must survive.
    let mut lengths = Vec::new();
    for number in 0..12_u64 {
        spool.append_blocking(record("Things/A", vec![7; 300 * (number as usize + 1)])).expect("committed");
        lengths.push(fs::metadata(&log).expect("a log").len());
    }
    let (file_bytes, log_bytes) = (fs::read(file).expect("a file"), fs::read(log).expect("a log"));
    drop(spool);
    let marks = lengths.iter().flat_map(|length| [length - 1, *length, length + 1]);
    let anywhere = (0..40).map(|_| fastrand::u64(..log_bytes.len() as u64));
    for cut in marks.chain(anywhere).filter(|cut| *cut <= log_bytes.len() as u64) {
        let copy = tempfile::tempdir().expect("a folder");
        fs::write(copy.path().join(FILE_NAME), &file_bytes).expect("written");
        let log = copy.path().join(format!("{FILE_NAME}-wal"));
        fs::write(log, &log_bytes[..usize::try_from(cut).expect("small")]).expect("written");
        let (spool, opened) = Spool::open(options(copy.path())).expect("a cut log is no damage");
        assert_eq!(opened.set_aside, None);
        let durable = lengths.iter().filter(|length| **length <= cut).count();
        assert_eq!(opened.entries.len(), durable, "cut at {cut} of {lengths:?}");
        assert_eq!(payloads(&spool, opened.entries.iter().map(|entry| entry.seq)).len(), durable);
    }
}

#[test]
fn what_comes_together_is_committed_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let patient = Options { commit_after: std::time::Duration::from_millis(5), ..options(folder.path()) };
    let (spool, _) = Spool::open(patient).expect("it opens");
    let (sender, receiver) = mpsc::channel();
    for number in 0..2000_u32 {
        let sender = sender.clone();
        let done = move |result: Result<Entry, _>| drop(sender.send(result.map(|entry| entry.seq)));
        spool.append(record("Things/A", number.to_le_bytes()), done).expect("there is room");
    }
    let seqs: Vec<_> = receiver.iter().take(2000).map(|result| result.expect("committed")).collect();
    assert!(seqs.is_sorted(), "answers keep the order of the calls");
    let health = spool.health();
    assert_eq!(health.appended, 2000);
    assert!(health.commits <= 100, "{} commits for 2000 records", health.commits);
    let commits = health.commits;
    assert_eq!(spool.wait(|spool, done| spool.delete(seqs, done)), Ok(2000));
    assert_eq!(spool.health().commits, commits + 1, "deletions go together too");
}
