//! JSON text without the blanks between its tokens.

/// Copies the first JSON value of `text` without blanks; `None` if it is nested deeper than [`MAX_DEPTH`].
///
/// `text` has been checked before: what is not JSON gives some text, never a panic. Strings and numbers are
/// copied as they stand, so no digit is lost.
pub(super) fn compact(text: &str) -> Option<String> {
    let text = text.trim_start_matches(BLANKS);
    let mut out = String::with_capacity(text.len().min(FIRST_ALLOCATION));
    let mut depth = 0_usize;
    let mut from = 0;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                out.push_str(text.get(from..at).unwrap_or_default());
                from = at + 1;
                if depth == 0 {
                    return Some(out);
                }
            }
            b'"' => {
                skip_string(&mut bytes);
                if depth == 0 {
                    break;
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return None;
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            _ => {}
        }
    }
    let end = bytes.next().map_or(text.len(), |(at, _)| at);
    out.push_str(text.get(from..end).unwrap_or_default());
    Some(out)
}

fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'"' => return,
            _ => {}
        }
    }
}

/// Nesting that common JSON readers take.
pub(super) const MAX_DEPTH: usize = 128;

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

/// A text of many blanks must not reserve its whole length at once.
const FIRST_ALLOCATION: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_between_tokens_go_and_those_in_strings_stay() {
        assert_eq!(compact(" { \"a b\" : [ 1 , \"x \\\" y\" ] }\n").unwrap(), r#"{"a b":[1,"x \" y"]}"#);
    }

    #[test]
    fn only_the_first_value_is_copied() {
        assert_eq!(compact(r#"{"a":1} xx"#).unwrap(), r#"{"a":1}"#);
        assert_eq!(compact("[1]x").unwrap(), "[1]");
        assert_eq!(compact(r#""a" "b""#).unwrap(), r#""a""#);
        assert_eq!(compact("12 ").unwrap(), "12");
    }

    #[test]
    fn digits_and_letters_beyond_ascii_stay_as_they_are() {
        assert_eq!(compact("[ 1.50 , \"€😀\" ]").unwrap(), "[1.50,\"€😀\"]");
    }

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        assert!(compact(&"[".repeat(MAX_DEPTH)).is_some());
        assert!(compact(&"[".repeat(MAX_DEPTH + 1)).is_none());
    }
}
