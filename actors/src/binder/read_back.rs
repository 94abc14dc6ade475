//! Decides what the platform is asked after it has confirmed a BIND: whether it sees the thing as connected, and the
//! name behind an identifier (design: binding; protocol notes, section 7.3). Without clock and socket.

use std::{
    collections::{HashSet, VecDeque},
    time::{Duration, Instant},
};

use crate::ThingName;

/// Questions about bound things: few at a time, none that the platform has shown not to answer.
pub(crate) struct ReadBack {
    after: Option<Duration>,
    connected: Subject,
    name: Subject,
    in_flight: usize,
    next: Instant,
    /// Said to be disconnected right after a BIND: bound again once, then the BIND is believed.
    doubted: HashSet<ThingName>,
}

/// Questions of one kind.
#[derive(Default)]
struct Subject {
    /// The platform does not answer them on this connection.
    off: bool,
    queue: VecDeque<(Instant, ThingName)>,
}

/// What to ask of which thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// As it is bound.
    pub(crate) thing: ThingName,
    /// Which property.
    pub(crate) about: About,
}

/// Property that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// `isConnected`.
    Connected,
    /// `name`, of a thing bound by identifier.
    Name,
}

/// What the platform said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// `isConnected`.
    Connected(bool),
    /// `name`.
    Name(String),
    /// Not found, or nothing that answers the question.
    NotOffered,
    /// Nothing can be concluded: the connection was lost or is busy.
    Nothing,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The platform sees the thing as connected, or does not although it was bound twice.
    Connected(bool),
    /// The BIND was confirmed, but the thing is not connected: it should be bound again.
    Doubtful,
    /// The name behind the identifier.
    Name(String),
    /// The platform does not answer such questions.
    NotOffered,
}

impl About {
    /// Name of the property.
    pub(crate) const fn property(self) -> &'static str {
        match self {
            Self::Connected => "isConnected",
            Self::Name => "name",
        }
    }
}

impl ReadBack {
    /// Asks so long after a BIND; never without a time.
    pub(crate) fn new(after: Option<Duration>, now: Instant) -> Self {
        Self {
            after,
            connected: Subject::default(),
            name: Subject::default(),
            in_flight: 0,
            next: now,
            doubted: HashSet::new(),
        }
    }

    /// A new connection, or none: what waits is void, what was switched off has a new chance.
    pub(crate) fn reset(&mut self) {
        self.connected = Subject::default();
        self.name = Subject::default();
        self.in_flight = 0;
        self.doubted.clear();
    }

    /// The platform has confirmed the BIND of `thing`.
    pub(crate) fn bound(&mut self, thing: &ThingName, now: Instant) {
        let Some(after) = self.after else { return };
        if thing.as_str().starts_with('*') {
            self.name.ask(thing, now + after);
        }
        self.connected.ask(thing, now + after);
    }

    /// The next question, if one is due. Its answer comes back by [`ReadBack::answered`].
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Question> {
        if self.in_flight >= WINDOW || now < self.next {
            return None;
        }
        let question = match self.name.take(now) {
            Some(thing) => Question { thing, about: About::Name },
            None => Question { thing: self.connected.take(now)?, about: About::Connected },
        };
        self.in_flight += 1;
        self.next = now + INTERVAL;
        Some(question)
    }

    /// The answer to a question; `None` if nothing follows from it.
    pub(crate) fn answered(&mut self, question: &Question, said: Said) -> Option<Finding> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match (said, question.about) {
            (Said::Connected(true), About::Connected) => {
                self.doubted.remove(&question.thing);
                Some(Finding::Connected(true))
            }
            (Said::Connected(false), About::Connected) => {
                let first = self.doubted.insert(question.thing.clone());
                Some(if first { Finding::Doubtful } else { Finding::Connected(false) })
            }
            (Said::Name(name), About::Name) => Some(Finding::Name(name)),
            (Said::Nothing, _) => None,
            (_, about) => {
                let subject = match about {
                    About::Connected => &mut self.connected,
                    About::Name => &mut self.name,
                };
                let news = !subject.off;
                *subject = Subject { off: true, queue: VecDeque::new() };
                news.then_some(Finding::NotOffered)
            }
        }
    }

    /// When [`ReadBack::poll`] should be asked again.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        if self.in_flight >= WINDOW {
            return None;
        }
        let first = [&self.name, &self.connected].into_iter().filter_map(|subject| subject.queue.front());
        Some(first.map(|(due, _)| *due).min()?.max(self.next))
    }
}

impl Subject {
    fn ask(&mut self, thing: &ThingName, due: Instant) {
        // Bounded by the number of things: each BIND is confirmed once.
        if !self.off {
            self.queue.push_back((due, thing.clone()));
        }
    }

    fn take(&mut self, now: Instant) -> Option<ThingName> {
        self.queue.front().filter(|(due, _)| *due <= now)?;
        Some(self.queue.pop_front()?.1)
    }
}

/// 20 questions a second: thousands of things are asked beside the live traffic, not before it.
const INTERVAL: Duration = Duration::from_millis(50);
/// Questions without an answer.
const WINDOW: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::instant;

    const SETTLED: Duration = Duration::from_secs(1);

    fn name(text: &str) -> ThingName {
        ThingName::parse(text).unwrap()
    }

    /// All questions that come within `span`, answered by `said`.
    fn ask(
        read_back: &mut ReadBack,
        from: Instant,
        span: Duration,
        said: impl Fn(&Question) -> Said,
    ) -> Vec<Question> {
        let (mut now, mut asked) = (from, Vec::new());
        while now <= from + span {
            while let Some(question) = read_back.poll(now) {
                read_back.answered(&question, said(&question));
                asked.push(question);
            }
            now += Duration::from_millis(10);
        }
        asked
    }

    #[test]
    fn each_bound_thing_is_asked_once_at_a_limited_rate() {
        let start = instant();
        let mut read_back = ReadBack::new(Some(SETTLED), start);
        for n in 0..100 {
            read_back.bound(&name(&n.to_string()), start);
        }
        let early =
            ask(&mut read_back, start, SETTLED - Duration::from_millis(10), |_| Said::Connected(true));
        assert!(early.is_empty(), "{early:?}");
        let asked = ask(&mut read_back, start + SETTLED, Duration::from_secs(1), |_| Said::Connected(true));
        assert!((20..=21).contains(&asked.len()), "{}", asked.len());
        let rest = ask(&mut read_back, start + SETTLED, Duration::from_secs(60), |_| Said::Connected(true));
        assert_eq!(asked.len() + rest.len(), 100);
        assert_eq!(read_back.next_wake(), None);
    }

    #[test]
    fn a_platform_that_does_not_know_the_property_is_not_asked_again() {
        let start = instant();
        let mut read_back = ReadBack::new(Some(SETTLED), start);
        for n in 0..10 {
            read_back.bound(&name(&n.to_string()), start);
        }
        let asked = ask(&mut read_back, start, Duration::from_secs(10), |_| Said::NotOffered);
        assert_eq!(asked.len(), 1);
        read_back.bound(&name("late"), start);
        assert_eq!(read_back.next_wake(), None);
        read_back.reset();
        read_back.bound(&name("late"), start);
        assert_eq!(ask(&mut read_back, start, Duration::from_secs(10), |_| Said::Nothing).len(), 1);
    }

    #[test]
    fn a_thing_that_is_not_connected_is_doubted_once_only() {
        let start = instant();
        let mut read_back = ReadBack::new(Some(SETTLED), start);
        let question = Question { thing: name("T"), about: About::Connected };
        assert_eq!(read_back.answered(&question, Said::Connected(false)), Some(Finding::Doubtful));
        assert_eq!(read_back.answered(&question, Said::Connected(false)), Some(Finding::Connected(false)));
    }

    #[test]
    fn the_name_is_asked_of_identifiers_only() {
        let start = instant();
        let mut read_back = ReadBack::new(Some(SETTLED), start);
        read_back.bound(&name("*id"), start);
        read_back.bound(&name("T"), start);
        let asked = ask(&mut read_back, start + SETTLED, Duration::ZERO, |_| Said::Name("Real".to_owned()));
        assert_eq!(asked, [Question { thing: name("*id"), about: About::Name }]);
    }

    #[test]
    fn unanswered_questions_hold_back_further_ones() {
        let start = instant();
        let mut read_back = ReadBack::new(Some(SETTLED), start);
        for n in 0..10 {
            read_back.bound(&name(&n.to_string()), start);
        }
        let late = start + Duration::from_secs(60);
        let open = (0..10).filter(|n| read_back.poll(late + INTERVAL * *n).is_some()).count();
        assert_eq!(open, WINDOW);
        assert_eq!(read_back.next_wake(), None);
    }

    #[test]
    fn nothing_is_asked_when_it_is_switched_off() {
        let start = instant();
        let mut read_back = ReadBack::new(None, start);
        read_back.bound(&name("*id"), start);
        assert_eq!(read_back.next_wake(), None);
    }
}
