//! Decides what has to be written into the journal: what is wanted against what is on disk. Pure; writes are carried out
//! elsewhere, in the order in which they are given out.

use std::{collections::HashMap, sync::Arc};

use crate::{Registration, ThingName};

/// What the journal should hold, and what is known to be on disk.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Nothing is written before it is known what stands there: revisions go on from the highest.
    loaded: bool,
    revision: u64,
    lines: HashMap<ThingName, Line>,
}

#[derive(Debug)]
struct Line {
    /// `None`: it is to be taken out.
    wanted: Option<Arc<Registration>>,
    state: Writing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    /// It has to be written.
    Owed,
    /// It is on its way, under this revision.
    Under(u64),
    /// It is on disk.
    Done,
}

/// A change to be carried out now, and reported by [`Ledger::written`].
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) name: ThingName,
    /// Grows with every write.
    pub(crate) revision: u64,
    /// `None`: the entry is taken out.
    pub(crate) registration: Option<Arc<Registration>>,
}

impl Ledger {
    /// A registration is to be kept; nothing has to be written if the same is there.
    pub(crate) fn keep(&mut self, registration: &Arc<Registration>) {
        let line = self.lines.entry(registration.name.clone());
        let line = line.or_insert(Line { wanted: None, state: Writing::Owed });
        if line.wanted.as_ref().is_some_and(|wanted| wanted.is_same(registration)) {
            return;
        }
        *line = Line { wanted: Some(Arc::clone(registration)), state: Writing::Owed };
    }

    /// A registration has ended, if it was kept.
    pub(crate) fn forget(&mut self, name: &ThingName) {
        match self.lines.get_mut(name) {
            Some(line) if line.wanted.is_none() => {}
            Some(line) => *line = Line { wanted: None, state: Writing::Owed },
            // What stands on disk is not known yet.
            None if !self.loaded => {
                self.lines.insert(name.clone(), Line { wanted: None, state: Writing::Owed });
            }
            None => {}
        }
    }

    /// What stands on disk is known, with the highest revision there; what nobody has spoken of since the start is
    /// taken over and answered, for it to be restored.
    pub(crate) fn load(&mut self, found: Vec<Arc<Registration>>, revision: u64) -> Vec<Arc<Registration>> {
        if std::mem::replace(&mut self.loaded, true) {
            return Vec::new();
        }
        self.revision = self.revision.max(revision);
        let mut fresh = Vec::new();
        for registration in found {
            self.lines.entry(registration.name.clone()).or_insert_with(|| {
                fresh.push(Arc::clone(&registration));
                Line { wanted: Some(registration), state: Writing::Done }
            });
        }
        fresh
    }

    /// The file was opened anew, and holds these names: what it lacks is written again.
    pub(crate) fn reopened(&mut self, holds: impl Fn(&ThingName) -> bool, revision: u64) {
        self.revision = self.revision.max(revision);
        for (name, line) in &mut self.lines {
            let is_there = holds(name);
            if is_there != line.wanted.is_some() {
                line.state = Writing::Owed;
            }
        }
    }

    /// Whether it is known what stands on disk.
    pub(crate) const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Everything that has to be written now; all of it counts as being on its way.
    pub(crate) fn take(&mut self) -> Vec<Write> {
        if !self.loaded {
            return Vec::new();
        }
        let mut writes = Vec::new();
        for (name, line) in &mut self.lines {
            if line.state == Writing::Owed {
                self.revision += 1;
                line.state = Writing::Under(self.revision);
                let (name, registration) = (name.clone(), line.wanted.clone());
                writes.push(Write { name, revision: self.revision, registration });
            }
        }
        writes
    }

    /// As [`Ledger::take`], of one name.
    pub(crate) fn take_one(&mut self, name: &ThingName) -> Option<Write> {
        let line = self.lines.get_mut(name).filter(|line| self.loaded && line.state == Writing::Owed)?;
        self.revision += 1;
        line.state = Writing::Under(self.revision);
        Some(Write { name: name.clone(), revision: self.revision, registration: line.wanted.clone() })
    }

    /// What became of a write; one that was overtaken by a later one says nothing any more.
    pub(crate) fn written(&mut self, name: &ThingName, revision: u64, done: bool) {
        let Some(line) = self.lines.get_mut(name) else { return };
        if line.state != Writing::Under(revision) {
            return;
        }
        if !done {
            line.state = Writing::Owed;
        } else if line.wanted.is_none() {
            self.lines.remove(name);
        } else {
            line.state = Writing::Done;
        }
    }

    /// How many entries are not on disk as they should be.
    pub(crate) fn owed(&self) -> usize {
        self.lines.values().filter(|line| line.state != Writing::Done).count()
    }

    /// Whether the entry of this name is on disk as it should be.
    pub(crate) fn is_done(&self, name: &ThingName) -> bool {
        self.lines.get(name).is_none_or(|line| line.state == Writing::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use edgebind_alwayson::json::Inputs;
    use proptest::prelude::*;

    use super::*;

    fn thing(name: &str, port: u16) -> Arc<Registration> {
        let inputs = Inputs::from_json(&format!(r#"{{"name":"{name}","port":{port}}}"#)).expect("JSON");
        Arc::new(Registration::from_inputs(&inputs).expect("a registration"))
    }

    fn name(text: &str) -> ThingName {
        ThingName::parse(text).expect("a name")
    }

    fn loaded() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.load(Vec::new(), 0);
        ledger
    }

    #[test]
    fn a_renewal_without_a_change_writes_nothing() {
        let mut ledger = loaded();
        ledger.keep(&thing("T", 1));
        let write = ledger.take_one(&name("T")).expect("a write");
        // Not even while the first is on its way.
        ledger.keep(&thing("T", 1));
        assert!(ledger.take().is_empty());
        ledger.written(&write.name, write.revision, true);
        ledger.keep(&thing("T", 1));
        assert!(ledger.take().is_empty() && ledger.owed() == 0);
        ledger.keep(&thing("T", 2));
        assert_eq!(ledger.take().len(), 1);
    }

    #[test]
    fn nothing_is_written_before_it_is_known_what_stands_there() {
        let mut ledger = Ledger::default();
        ledger.keep(&thing("new", 1));
        ledger.keep(&thing("moved", 2));
        ledger.forget(&name("gone"));
        assert!(ledger.take().is_empty() && ledger.take_one(&name("new")).is_none());
        let found = [("moved", 1), ("gone", 1), ("old", 1)].map(|(name, port)| thing(name, port));
        let restored = ledger.load(found.to_vec(), 40);
        assert_eq!(restored.iter().map(|thing| thing.name.as_str()).collect::<Vec<_>>(), ["old"]);
        let mut writes: Vec<_> = ledger
            .take()
            .into_iter()
            .map(|write| (write.name.to_string(), write.registration.is_some()))
            .collect();
        writes.sort();
        let expected = [("gone", false), ("moved", true), ("new", true)];
        assert_eq!(writes, expected.map(|(name, kept)| (name.to_owned(), kept)));
        assert!(ledger.revision > 40);
        // A second look at the disk restores nothing.
        assert!(ledger.load(found.to_vec(), 40).is_empty());
    }

    #[test]
    fn a_failed_write_is_owed_and_an_overtaken_one_forgotten() {
        let mut ledger = loaded();
        ledger.keep(&thing("T", 1));
        let first = ledger.take_one(&name("T")).expect("a write");
        ledger.written(&first.name, first.revision, false);
        assert_eq!(ledger.owed(), 1);
        let second = ledger.take_one(&name("T")).expect("again");
        ledger.forget(&name("T"));
        let third = ledger.take_one(&name("T")).expect("taken out");
        assert!(third.registration.is_none() && third.revision > second.revision);
        ledger.written(&second.name, second.revision, true);
        assert_eq!(ledger.owed(), 1);
        ledger.written(&third.name, third.revision, true);
        assert_eq!((ledger.owed(), ledger.lines.len()), (0, 0));
    }

    #[test]
    fn a_file_that_was_opened_anew_gets_what_it_lacks() {
        let mut ledger = loaded();
        for text in ["a", "b"] {
            ledger.keep(&thing(text, 1));
        }
        for write in ledger.take() {
            ledger.written(&write.name, write.revision, true);
        }
        ledger.reopened(|name| name.as_str() == "a", 7);
        let writes = ledger.take();
        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].name.as_str(), "b");
        assert!(writes[0].revision > 7);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Keep(u8, u16),
        Forget(u8),
        Write,
        /// The oldest write under way ends, well or not.
        End(bool),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0_u8..3, 1_u16..4).prop_map(|(thing, port)| Step::Keep(thing, port)),
            (0_u8..3).prop_map(Step::Forget),
            Just(Step::Write),
            any::<bool>().prop_map(Step::End),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn the_disk_agrees_with_what_is_wanted_once_all_writes_succeed(steps in steps()) {
            let mut ledger = loaded();
            let (mut disk, mut wanted) = (BTreeMap::new(), BTreeMap::new());
            let mut under_way = std::collections::VecDeque::new();
            let names = ["a", "b", "c"].map(name);
            let mut apply = |ledger: &mut Ledger, write: Write, done: bool| {
                if done {
                    match &write.registration {
                        Some(kept) => disk.insert(write.name.clone(), kept.endpoint.port),
                        None => disk.remove(&write.name),
                    };
                }
                ledger.written(&write.name, write.revision, done);
            };
            for step in steps {
                match step {
                    Step::Keep(thing_index, port) => {
                        let name = &names[usize::from(thing_index)];
                        ledger.keep(&thing(name.as_str(), port));
                        wanted.insert(name.clone(), port);
                    }
                    Step::Forget(thing_index) => {
                        let name = &names[usize::from(thing_index)];
                        ledger.forget(name);
                        wanted.remove(name);
                    }
                    Step::Write => under_way.extend(ledger.take()),
                    Step::End(done) => if let Some(write) = under_way.pop_front() {
                        apply(&mut ledger, write, done);
                    },
                }
            }
            under_way.extend(ledger.take());
            while let Some(write) = under_way.pop_front() {
                apply(&mut ledger, write, true);
                under_way.extend(ledger.take());
            }
            prop_assert_eq!(ledger.owed(), 0);
            prop_assert_eq!(disk, wanted);
        }
    }
}
