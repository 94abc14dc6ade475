//! Any text as the JSON notation of a message.

use edgebind_alwayson::{
    Limits, decode,
    notation::{from_json, to_json},
};
use edgebind_fuzz::{Script, vectors};

/// What is taken gives bytes that decode, and their notation gives the same bytes.
#[test]
fn notation() {
    let seeds: Vec<Vec<u8>> = vectors()
        .into_iter()
        .filter(|vector| vector.len() < 1000)
        .map(|vector| to_json(&vector.into(), &Limits::DEFAULT).expect("vectors decode").into_bytes())
        .collect();
    let inputs = bolero::produce::<Vec<u8>>().with().len(0..100_usize);
    bolero::check!().with_generator(inputs).with_iterations(8000).for_each(|input| {
        let text = Script::new(input).spoiled(&seeds);
        let Ok(bytes) = from_json(&String::from_utf8_lossy(&text)) else { return };
        decode(&bytes, &Limits::DEFAULT).expect("what was encoded decodes");
        let json = to_json(&bytes, &Limits::DEFAULT).expect("what was encoded decodes");
        assert_eq!(from_json(&json).expect("notation of a message"), bytes, "{json}");
    });
}
