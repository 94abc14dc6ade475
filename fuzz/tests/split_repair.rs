//! Any sequence of messages through the repair of requests cut without a marker.

use std::time::Duration;

use bytes::Bytes;
use edgebind_alwayson::{Header, Limits, Method, RepairOutcome, SplitRepair};
use edgebind_fuzz::{Script, start, vectors};

/// At most one request is held, never longer than its time, and each is settled exactly once.
#[test]
fn split_repair() {
    let seeds: Vec<Vec<u8>> = vectors().into_iter().filter(|vector| vector.len() < 400).collect();
    let first = start();
    let inputs = bolero::produce::<Vec<u8>>().with().len(0..400_usize);
    bolero::check!().with_generator(inputs).with_iterations(4000).for_each(|input| {
        let mut script = Script::new(input);
        let mut repair = SplitRepair::default();
        let mut now = first;
        let mut held: Option<Header> = None;
        while !script.is_over() {
            now += Duration::from_millis(u64::from(script.byte()) * 2);
            if script.byte().is_multiple_of(4) {
                let due = repair.deadline().is_some_and(|at| at <= now);
                let expired = repair.expire(now);
                assert_eq!(expired.is_some(), due);
                held = if due { None } else { held };
            }
            for bytes in next_messages(&mut script, &seeds) {
                let repaired = repair.receive(now, &bytes, &Limits::DEFAULT);
                if let Some(released) = repaired.released {
                    assert_eq!(Some(released), held.take());
                } else if let Some(first) = held.take() {
                    assert_eq!(Header::decode(&bytes), Ok(first), "joined with another message");
                    assert_ne!(repaired.outcome, RepairOutcome::Held);
                }
                if repaired.outcome == RepairOutcome::Held {
                    let header = Header::decode(&bytes).expect("what is held has a header");
                    assert!(Method::from_code(header.code).is_some() && !header.multipart);
                    held = Some(header);
                }
                assert_eq!(repair.deadline().is_some(), held.is_some());
                assert!(repair.deadline().is_none_or(|at| at <= now + SplitRepair::HOLD));
            }
        }
    });
}

/// One message, spoiled or not, or the two halves of one.
fn next_messages(script: &mut Script<'_>, seeds: &[Vec<u8>]) -> Vec<Bytes> {
    let bytes = script.spoiled(seeds);
    let at = Header::LEN + script.below(bytes.len().saturating_sub(Header::LEN));
    let (Some(front), Some((first, rest))) = (bytes.get(..Header::LEN), bytes.split_at_checked(at)) else {
        return vec![bytes.into()];
    };
    match script.byte() % 4 {
        0 | 1 => vec![Bytes::copy_from_slice(first), [front, rest].concat().into()],
        2 => vec![Bytes::copy_from_slice(first)],
        _ => vec![bytes.into()],
    }
}
