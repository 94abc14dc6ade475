//! Reads settings out of a `config.lua` without running it: it may do anything when run.
//!
//! A scanner, not a parser: `key = value`, `scripts.key = value` and `scripts["key"] = value` with a text, a number or a
//! boolean are seen, wherever they stand outside comments. What is computed is not.

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    /// The value; a text without its quotes.
    pub(super) value: String,
    /// From 1.
    pub(super) line: usize,
    /// Braces around it: 0 is a global setting, 1 belongs to a script.
    pub(super) depth: usize,
}

/// Finds the assignments of a text.
pub(super) fn settings(text: &str) -> Vec<Setting> {
    let tokens = tokens(text);
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (index, (token, line)) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => depth += 1,
            Token::Sign('}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let at = |offset: usize| tokens.get(index + offset).map(|(token, _)| token);
        // `key = value`, or `["key"] = value`; not `==`.
        let (key, equals) = match (token, at(1), at(2)) {
            (Token::Word(key), Some(Token::Sign('=')), _) => (key, 1),
            (Token::Sign('['), Some(Token::Text(key)), Some(Token::Sign(']'))) => (key, 3),
            _ => continue,
        };
        if at(equals) != Some(&Token::Sign('=')) || at(equals + 1) == Some(&Token::Sign('=')) {
            continue;
        }
        let value = match at(equals + 1) {
            Some(Token::Text(value) | Token::Word(value)) => value.clone(),
            _ => continue,
        };
        found.push(Setting { key: key.clone(), value, line: *line, depth });
    }
    found
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a number, `true`, `false`, `nil`.
    Word(String),
    /// A text in any quotes, unescaped as far as it matters here.
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(c) = rest.chars().next() {
        let (token, length) = next(rest, c);
        if let Some(token) = token {
            tokens.push((token, line));
        }
        let (taken, after) = rest.split_at(length);
        line += taken.matches('\n').count();
        rest = after;
    }
    tokens
}

/// The token at the front, `None` for blanks and comments, and how many bytes it has, at least one character.
fn next(rest: &str, c: char) -> (Option<Token>, usize) {
    if let Some(comment) = rest.strip_prefix("--") {
        let length = long_text(comment)
            .map_or_else(|| rest.find('\n').unwrap_or(rest.len()), |(_, length)| length + 2);
        return (None, length);
    }
    if let Some((inner, length)) = long_text(rest) {
        return (Some(Token::Text(inner)), length);
    }
    match c {
        '"' | '\'' => {
            let (inner, length) = quoted(rest, c);
            (Some(Token::Text(inner)), length)
        }
        c if c.is_whitespace() => (None, c.len_utf8()),
        c if is_word(c) => {
            let word: String = rest.chars().take_while(|c| is_word(*c)).collect();
            let length = word.len();
            (Some(Token::Word(word)), length)
        }
        c => (Some(Token::Sign(c)), c.len_utf8()),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// A text in `[[ ]]` or `[==[ ]==]`.
fn long_text(rest: &str) -> Option<(String, usize)> {
    let level = rest.strip_prefix('[')?.chars().take_while(|c| *c == '=').count();
    let open = format!("[{}[", "=".repeat(level));
    let close = format!("]{}]", "=".repeat(level));
    let body = rest.strip_prefix(&open)?;
    let end = body.find(&close).unwrap_or(body.len());
    let length = (open.len() + end + close.len()).min(rest.len());
    Some((body.get(..end)?.to_owned(), length))
}

fn quoted(rest: &str, quote: char) -> (String, usize) {
    let mut inner = String::new();
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => {
                escaped = false;
                inner.push(c);
            }
            '\\' => escaped = true,
            '\n' => return (inner, at),
            c if c == quote => return (inner, at + 1),
            c => inner.push(c),
        }
    }
    (inner, rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str) -> Vec<(String, String, usize, usize)> {
        settings(text).into_iter().map(|found| (found.key, found.value, found.line, found.depth)).collect()
    }

    fn one(key: &str, value: &str, line: usize, depth: usize) -> (String, String, usize, usize) {
        (key.to_owned(), value.to_owned(), line, depth)
    }

    #[test]
    fn assignments_are_seen_and_comments_are_not() {
        let text = "-- scripts.rap_port = 1\nscripts.rap_port = 8000 --[[ x = 1\n y = 2 ]] scripts.rap_ssl=false\n\
            scripts[\"script_resource_host\"] = '0.0.0.0'\nif a == \"b\" then end\n\
            scripts.Thing = { file = \"thing.lua\", scanRate = 1000 }\nlocal s = [==[ a = 1 ]==]\nx = os.time()";
        assert_eq!(
            seen(text),
            [
                one("scripts.rap_port", "8000", 2, 0),
                one("scripts.rap_ssl", "false", 3, 0),
                one("script_resource_host", "0.0.0.0", 4, 0),
                one("file", "thing.lua", 6, 1),
                one("scanRate", "1000", 6, 1),
                one("s", " a = 1 ", 7, 0),
                one("x", "os.time", 8, 0),
            ]
        );
    }

    #[test]
    fn broken_texts_are_read_as_far_as_they_go() {
        assert_eq!(seen("a = \"never ends\nb = 2 }}}"), [one("a", "never ends", 1, 0), one("b", "2", 2, 0)]);
        assert_eq!(seen("a = [[x"), [one("a", "x", 1, 0)]);
        assert!(seen("--[[ a = 1").is_empty());
        assert!(seen("").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn no_text_makes_it_panic(text in "[\\-=\\[\\]{}\"'\\\\a ö\n.0]{0,60}") {
            settings(&text);
        }
    }
}
