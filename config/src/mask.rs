//! Finds secrets in a text by its look, so that no diagnostic shows one: not even when the text is no JSON at all, or
//! when the key is misspelt.

use std::ops::Range;

/// Bytes of `text` that are values of keys which sound like secrets.
///
/// Works on the bare text: a quoted name that sounds secret, a colon, then a quoted text or a bare word. A broken
/// text is read as far as it goes: an unterminated value is secret to its line's end.
pub(crate) fn secret_ranges(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut colons = text.match_indices(':');
    for (colon, _) in colons.by_ref() {
        let Some(name) = name_before(text, colon) else { continue };
        if !sounds_secret(name) {
            continue;
        }
        let start = skip_blank(bytes, colon + 1);
        match bytes.get(start) {
            Some(b'"') => found.push(start + 1..text_end(bytes, start + 1)),
            Some(b'{') if sounds_like_headers(name) => {
                let end = bytes
                    .iter()
                    .skip(start)
                    .position(|&byte| byte == b'}')
                    .map_or(bytes.len(), |n| start + n);
                found.push(start + 1..end);
            }
            Some(b'{' | b'[') | None => {}
            Some(_) => {
                let len = bytes
                    .iter()
                    .skip(start)
                    .take_while(|byte| !matches!(byte, b',' | b'}' | b'\n' | b'\r'))
                    .count();
                found.push(start..start + len);
            }
        }
    }
    found
}

/// Whether a key of this name may hold a secret; a misspelt one does too.
pub(crate) fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["appkey", "app_key", "pass", "secret", "pwd"].iter().any(|part| name.contains(part))
        || sounds_like_headers(&name)
        || ["appkey", "password", "passphrase"]
            .iter()
            .any(|known| strsim::damerau_levenshtein(&name, known) <= 2)
}

fn sounds_like_headers(name: &str) -> bool {
    name.to_ascii_lowercase().contains("headers")
}

/// The quoted name that ends right before `colon`.
fn name_before(text: &str, colon: usize) -> Option<&str> {
    // No name of a secret is longer; looking further back would cost the square of a hostile text.
    const FARTHEST_BYTES: usize = 80;
    let mut from = colon.saturating_sub(FARTHEST_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let inner = text.get(from..colon)?.trim_end().strip_suffix('"')?;
    inner.rfind('"').and_then(|start| inner.get(start + 1..))
}

/// Skips white space and comments.
fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [b' ' | b'\t' | b'\r' | b'\n', ..] => at += 1,
            [b'/', b'/', ..] => at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => {
                at += rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |n| n + 4);
            }
            _ => return at,
        }
    }
}

/// Where a quoted text ends: its closing quote, or the end of the line.
fn text_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        match bytes.get(at) {
            None | Some(b'"' | b'\n') => return at,
            Some(b'\\') => at = (at + 2).min(bytes.len()),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for range in secret_ranges(text) {
            for byte in &mut bytes[range] {
                *byte = b'*';
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn values_of_secret_keys_are_found_whatever_surrounds_them() {
        assert_eq!(masked(r#"{"appKey": "abc", "port": 1}"#), r#"{"appKey": "***", "port": 1}"#);
        assert_eq!(masked(r#"{"APPKEY":"a\"bc","x":"y"}"#), r#"{"APPKEY":"*****","x":"y"}"#);
        assert_eq!(masked("\"password\" : /* a */\n\t12345,"), "\"password\" : /* a */\n\t*****,");
        assert_eq!(masked(r#"// "pasword": "old"#), r#"// "pasword": "***"#);
        assert_eq!(masked(r#"don't "say" "appKye": "old" }"#), r#"don't "say" "appKye": "***" }"#);
        assert_eq!(masked(r#""otlp_headers": {"k": "v"}"#), r#""otlp_headers": {********}"#);
    }

    #[test]
    fn references_and_ordinary_keys_stay_readable() {
        for text in [
            r#"{"appKey": {"env": "KEY"}}"#,
            r#"{"private_key": "a.pem", "key_file": "b"}"#,
            r#""http://x:1""#,
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
