//! What the messages in the original's store are: which are kept on, which are not, chunks joined (notes on files and tunnels,
//! part 4).

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use edgebind_actors::things::kind_of;
use edgebind_alwayson::{
    Body, Chunk, Incoming, Limits, Message, Reassembler, ReassemblyLimits, Request, decode,
};
use edgebind_kernel::clock;
use edgebind_observability::instruments::RequestKind;

/// The messages of a store, sorted out.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// Pushes, writes and events, in stored order.
    pub(crate) requests: Vec<Request>,
    pub(crate) counts: Counts,
}

/// What is not taken over, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Nobody waits for their answer any more.
    pub(crate) reads: usize,
    /// The original keeps calls that may have been carried out already; to do them again is for people to decide.
    pub(crate) calls: usize,
    /// AUTH, BIND and whatever else a connection makes anew.
    pub(crate) others: usize,
    /// Chunks whose message is not complete: the original stores as many as there is room for.
    pub(crate) stray_chunks: usize,
    /// Bytes that are no message.
    pub(crate) unreadable: usize,
}

impl Counts {
    fn pairs(self) -> [(usize, &'static str); 5] {
        [
            (self.reads, "reads"),
            (self.calls, "calls"),
            (self.others, "messages of the connection"),
            (self.stray_chunks, "chunks of messages that are not whole"),
            (self.unreadable, "unreadable messages"),
        ]
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = false;
        for (count, what) in self.pairs().into_iter().filter(|(count, _)| *count != 0) {
            let comma = if std::mem::replace(&mut said, true) { ", " } else { "" };
            write!(f, "{comma}{count} {what}")?;
        }
        if said { Ok(()) } else { f.write_str("nothing") }
    }
}

/// Sorts what a store holds.
pub(crate) fn sorted(messages: &[Bytes]) -> Sorted {
    let mut sorted = Sorted::default();
    // Chunks of one message stand behind each other, and numbers come again after a restart of the original: a first
    // chunk begins anew, whatever was open under its number.
    let mut open: HashMap<u32, Vec<Chunk>> = HashMap::new();
    for bytes in messages {
        match decode(bytes, &LIMITS) {
            Ok(Incoming::Message(message)) => sorted.take(message),
            Ok(Incoming::Chunk(chunk)) => {
                let set = open.entry(chunk.header.request_id).or_default();
                if chunk.number == 1 {
                    sorted.counts.stray_chunks += std::mem::take(set).len();
                }
                let follows = set.last().map_or(chunk.number == 1, |last| {
                    last.number.checked_add(1) == Some(chunk.number)
                        && (last.count, last.size, &last.entity) == (chunk.count, chunk.size, &chunk.entity)
                });
                if !follows {
                    sorted.counts.stray_chunks += 1;
                    continue;
                }
                let whole = chunk.number == chunk.count;
                set.push(chunk);
                if whole {
                    match joined(std::mem::take(set)) {
                        Some(message) => sorted.take(message),
                        None => sorted.counts.unreadable += 1,
                    }
                }
            }
            Err(_) => sorted.counts.unreadable += 1,
        }
    }
    sorted.counts.stray_chunks += open.values().map(Vec::len).sum::<usize>();
    sorted
}

impl Sorted {
    fn take(&mut self, message: Message) {
        let Body::Request(request) = message.body else {
            self.counts.others += 1;
            return;
        };
        match kind_of(&request) {
            RequestKind::Push | RequestKind::Write | RequestKind::Event => self.requests.push(request),
            RequestKind::Read => self.counts.reads += 1,
            RequestKind::Call => self.counts.calls += 1,
            _ => self.counts.others += 1,
        }
    }
}

fn joined(chunks: Vec<Chunk>) -> Option<Message> {
    let limits = ReassemblyLimits {
        message: LIMITS,
        max_bytes: LIMITS.max_message_bytes,
        ..ReassemblyLimits::DEFAULT
    };
    let mut reassembler = Reassembler::new(limits);
    let mut message = None;
    for chunk in chunks {
        message = reassembler.receive(clock::now(), chunk).ok()?;
    }
    message
}

/// The original's messages are as long as its configuration allows, which we do not know.
const LIMITS: Limits = Limits { max_message_bytes: u32::MAX as usize, max_depth: Limits::DEFAULT.max_depth };

#[cfg(test)]
mod tests {
    use edgebind_alwayson::{Auth, Characteristic, Content, InfoTable, Method, Value, encode, split};

    use super::*;

    fn message(request_id: u32, body: Body) -> Message {
        Message { request_id, endpoint_id: 0, session_id: 7, body }
    }

    fn request(method: Method, of: Characteristic, name: &str, text: &str) -> Request {
        let params = Content::Table(InfoTable::single("p", Value::string(text)));
        Request::thing(method, "T", of, name, params)
    }

    fn whole(request_id: u32, request: Request) -> Bytes {
        encode(&message(request_id, Body::Request(request))).expect("a message")
    }

    fn chunks(request_id: u32, text: &str) -> Vec<Bytes> {
        let request = request(Method::Put, Characteristic::Properties, "p", text);
        let parts = split(&whole(request_id, request), 500).expect("chunks");
        let parts: Vec<Bytes> = parts.into_iter().collect();
        assert!(parts.len() > 2);
        parts
    }

    #[test]
    fn updates_are_taken_in_their_order_and_everything_else_is_counted() {
        let (put, post) = (Method::Put, Method::Post);
        let (properties, services, events) =
            (Characteristic::Properties, Characteristic::Services, Characteristic::Events);
        let updates = [
            request(put, properties, "p", "1"),
            request(post, events, "e", "2"),
            request(post, services, "UpdateSubscribedPropertyValues", "3"),
        ];
        let mut messages = vec![
            whole(1, request(Method::Get, properties, "p", "")),
            whole(2, request(post, services, "AddRow", "")),
            encode(&message(3, Body::Auth(Auth::app_key("secret")))).expect("a message"),
            Bytes::from_static(b"no message"),
        ];
        for (at, update) in updates.iter().enumerate() {
            messages.insert(2 * at, whole(10, update.clone()));
        }
        let sorted = sorted(&messages);
        assert_eq!(sorted.requests, updates);
        let counts = Counts { reads: 1, calls: 1, others: 1, stray_chunks: 0, unreadable: 1 };
        assert_eq!(sorted.counts, counts);
        assert_eq!(
            counts.to_string(),
            "1 reads, 1 calls, 1 messages of the connection, 1 unreadable messages"
        );
        assert_eq!(Counts::default().to_string(), "nothing");
    }

    #[test]
    fn chunks_are_joined_also_between_others_and_under_a_number_that_comes_again() {
        let (long, other) = ("x".repeat(1500), "y".repeat(1500));
        let (first, second) = (chunks(5, &long), chunks(6, &other));
        let between = first.iter().zip(&second).flat_map(|(one, two)| [one.clone(), two.clone()]);
        let again = chunks(5, &other);
        let messages: Vec<Bytes> = between.chain(again).collect();
        let sorted = sorted(&messages);
        let texts = [&long, &other, &other];
        let expected = texts.map(|text| request(Method::Put, Characteristic::Properties, "p", text));
        assert_eq!(sorted.requests, expected);
        assert_eq!(sorted.counts, Counts::default());
    }

    #[test]
    fn a_message_that_was_stored_in_part_does_not_mix_with_a_whole_one() {
        let whole = chunks(5, &"y".repeat(1500));
        for kept in 1..whole.len() {
            let partly = chunks(5, &"x".repeat(1500));
            let messages: Vec<Bytes> =
                partly[..kept].iter().chain(&whole).chain(&partly[1..]).cloned().collect();
            let sorted = sorted(&messages);
            assert_eq!(
                sorted.requests,
                [request(Method::Put, Characteristic::Properties, "p", &"y".repeat(1500))]
            );
            assert_eq!(sorted.counts.stray_chunks, kept + partly.len() - 1);
        }
    }
}
