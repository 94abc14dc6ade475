//! Any sequence of chunks into one reassembler.

use std::time::Duration;

use bytes::Bytes;
use edgebind_alwayson::{Chunk, Header, Incoming, Limits, Reassembler, ReassemblyLimits, decode, split};
use edgebind_fuzz::{Script, start, vectors};

/// Nothing exceeds the bounds, and everything is gone once its time is over.
#[test]
fn chunks() {
    let seeds = chunk_seeds();
    let limits = ReassemblyLimits {
        message: Limits { max_message_bytes: 20_000, ..Limits::DEFAULT },
        max_sets: 4,
        max_bytes: 24_000,
        expiry: Duration::from_secs(50),
    };
    let now = start();
    let inputs = bolero::produce::<Vec<u8>>().with().len(0..600_usize);
    bolero::check!().with_generator(inputs).with_iterations(3000).for_each(|input| {
        let mut script = Script::new(input);
        let mut reassembler = Reassembler::new(limits);
        // A few neighbours, so that messages complete.
        let (_, seeds) = seeds.split_at(script.below(seeds.len()));
        let (seeds, _) = seeds.split_at(seeds.len().min(8));
        let mut now = now;
        while !script.is_over() {
            now += Duration::from_secs(u64::from(script.byte() / 16));
            let Some(chunk) = next_chunk(&mut script, seeds) else { continue };
            let code = chunk.header.code;
            match reassembler.receive(now, chunk) {
                Ok(Some(message)) => assert_eq!(message.body.code(), code),
                Ok(None) => {}
                Err(error) => assert!(error.answer().is_none() || !code.is_response(), "{error}"),
            }
            assert!(reassembler.held_bytes() <= limits.max_bytes, "{} held", reassembler.held_bytes());
            assert!(reassembler.next_expiry().is_none_or(|at| at > now && at <= now + limits.expiry));
        }
        assert!(reassembler.expire(now + limits.expiry) <= limits.max_sets * 256);
        assert_eq!((reassembler.held_bytes(), reassembler.next_expiry()), (0, None));
    });
}

/// Mostly a chunk as it was cut, now and then a spoiled one or one with other numbers.
fn next_chunk(script: &mut Script<'_>, seeds: &[Vec<u8>]) -> Option<Chunk> {
    let kind = script.byte() % 4;
    let bytes = if kind == 0 { script.spoiled(seeds) } else { script.choice(seeds)?.clone() };
    let Ok(Incoming::Chunk(mut chunk)) = decode(&bytes.into(), &Limits::DEFAULT) else { return None };
    if kind == 1 {
        chunk.number = u16::from(script.byte() % 8);
        chunk.header.request_id = u32::from(script.byte() % 8);
        chunk.size = u16::from(script.byte()) * 16;
    }
    Some(chunk)
}

/// The chunks of the vectors, and all longer vectors cut small.
fn chunk_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for vector in vectors() {
        if Header::decode(&vector).is_ok_and(|header| header.multipart) {
            seeds.push(vector);
        } else if vector.len() > 100 {
            let parts = split(&Bytes::from(vector), 96).expect("names in the vectors are short");
            seeds.extend(parts.into_iter().map(Into::into));
        }
    }
    seeds
}
