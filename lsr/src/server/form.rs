//! Query strings and form bodies, decoded (script resource notes, 2.4).

use percent_encoding::percent_decode;

/// Names and values in the order in which they came. Values are bytes, as Lua has them.
pub(super) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Decodes `a=1&b=two+words`. A name without `=` is dropped, as the original does.
pub(super) fn pairs(text: &[u8]) -> Pairs {
    let decode = |part: &[u8]| -> Vec<u8> {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect()
    };
    text.split(|byte| *byte == b'&')
        .filter_map(|part| {
            let equals = part.iter().position(|byte| *byte == b'=')?;
            let (name, value) = part.split_at(equals);
            Some((decode(name), decode(value.get(1..).unwrap_or_default())))
        })
        .collect()
}

/// The last value of `name`, if it is text.
pub(super) fn value<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let found = pairs.iter().rev().find(|(known, _)| known == name.as_bytes())?;
    std::str::from_utf8(&found.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pairs: &Pairs) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pairs.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn names_and_values_are_decoded_and_a_name_alone_is_dropped() {
        let found = text(&pairs(b"a=1&b=two+words&alone&c%20d=%C3%A4%3D&=x&e="));
        let wanted = [("a", "1"), ("b", "two words"), ("c d", "\u{e4}="), ("", "x"), ("e", "")];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(pairs(b"").is_empty());
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(value(&pairs(b"a=1&a=2"), "a"), Some("2"));
        assert_eq!(value(&pairs(b"a=%ff"), "a"), None);
    }
}
