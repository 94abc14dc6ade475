//! The text of the configuration with its lines, and the way from text to [`Node`].

use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind};

use crate::diagnostic::Excerpt;
use crate::mask;
use crate::node::{Entry, Node, NodeValue, Place};

/// A text, its name and where its lines begin.
#[derive(Debug)]
pub(crate) struct SourceText {
    name: String,
    text: String,
    line_starts: Vec<usize>,
    secrets: Vec<Range<usize>>,
}

/// Why a text is not JSON with comments.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

impl SourceText {
    pub(crate) fn new(name: String, text: String) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        let secrets = mask::secret_ranges(&text);
        Self { name, text, line_starts, secrets }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Line and column, both from 1, the column in characters.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.boundary(offset);
        let line = self.line_starts.partition_point(|&start| start <= offset).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// Shows the line where `range` begins: at most 100 characters around it, secrets as asterisks.
    pub(crate) fn excerpt(&self, range: &Range<usize>) -> Excerpt {
        const BEFORE: usize = 60;
        const LONGEST: usize = 100;
        let (line, column) = self.position(range.start);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let end = self.line_starts.get(line).copied().unwrap_or(self.text.len());
        let body = self.text.get(start..end).unwrap_or("").trim_end_matches(['\n', '\r']);
        let length = body.chars().count();
        let caret = (column - 1).min(length);
        let first = if length > LONGEST { caret.saturating_sub(BEFORE) } else { 0 };
        let window = body.char_indices().skip(first).take(LONGEST);
        let text: String = window.map(|(at, c)| self.shown(start + at, c)).collect();
        let room = text.chars().count().saturating_sub(caret - first).max(1);
        let marked = self.text.get(self.boundary(range.start)..self.boundary(range.end));
        let width = marked.map_or(1, |text| text.split('\n').next().unwrap_or("").trim_end().chars().count());
        Excerpt { text, caret: caret - first, width: width.clamp(1, room) }
    }

    /// Reads the text as JSON with comments and trailing commas; nothing looser.
    pub(crate) fn parse(&self) -> Result<Option<Node>, SyntaxError> {
        parse(&self.text)
    }

    fn shown(&self, at: usize, c: char) -> char {
        if self.secrets.iter().any(|range| range.contains(&at)) {
            '*'
        } else if c.is_control() && c != '\t' {
            '\u{fffd}'
        } else {
            c
        }
    }

    fn boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }
}

/// Reads a text into a tree; `None` when there is nothing but white space and comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, SyntaxError> {
    let parsed =
        jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options()).map_err(|error| {
            let range = error.range();
            SyntaxError {
                range: range.start..range.end,
                message: lower_first(&error.kind().to_string()),
                help: advice(error.kind()),
            }
        })?;
    Ok(parsed.value.map(node))
}

/// JSON with comments and trailing commas; nothing looser.
pub(crate) fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn node(value: ast::Value<'_>) -> Node {
    let place = place(&value);
    let value = match value {
        ast::Value::StringLit(text) => NodeValue::Text(text.value.into_owned()),
        ast::Value::NumberLit(number) => NodeValue::Number(number.value.to_owned()),
        ast::Value::BooleanLit(flag) => NodeValue::Bool(flag.value),
        ast::Value::NullKeyword(_) => NodeValue::Null,
        ast::Value::Array(list) => NodeValue::List(list.elements.into_iter().map(node).collect()),
        ast::Value::Object(table) => NodeValue::Table(
            table
                .properties
                .into_iter()
                .map(|property| Entry {
                    place: self::place(&property.name),
                    name: property.name.into_string(),
                    node: node(property.value),
                })
                .collect(),
        ),
    };
    Node::new(place, value)
}

fn place(part: &impl Ranged) -> Place {
    let range = part.range();
    Place::File(range.start..range.end)
}

fn advice(kind: &ParseErrorKind) -> Option<&'static str> {
    Some(match kind {
        ParseErrorKind::String(
            ParseStringErrorKind::InvalidEscape
            | ParseStringErrorKind::InvalidEscapeInDoubleQuoteString
            | ParseStringErrorKind::ExpectedFourHexDigits,
        ) => "a backslash in a text is written twice: \"c:\\\\folder\"",
        ParseErrorKind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            "a text ends with a double quote on the line it begins on"
        }
        ParseErrorKind::UnterminatedObject => "a closing brace is missing",
        ParseErrorKind::UnterminatedArray => "a closing bracket is missing",
        ParseErrorKind::ExpectedComma => "a comma belongs between two entries",
        ParseErrorKind::SingleQuotedStringsNotAllowed => "texts stand in double quotes",
        ParseErrorKind::ExpectedStringObjectProperty => "keys stand in double quotes",
        ParseErrorKind::UnexpectedWord => {
            "allowed here: a text in double quotes, a number, true, false, null, { or ["
        }
        _ => return None,
    })
}

fn lower_first(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_lowercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> SourceText {
        SourceText::new("t.json".to_owned(), text.to_owned())
    }

    #[test]
    fn positions_count_characters_and_lines() {
        let text = source("ä\n{\n  \"x\": ü1\n}");
        assert_eq!(text.position(0), (1, 1));
        assert_eq!(text.position(3), (2, 1));
        assert_eq!(text.position(text.text.find('1').expect("there is one")), (3, 9));
        assert_eq!(text.position(1_000), (4, 2));
        assert_eq!(text.position(1), (1, 1), "inside a character");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let long = format!("[{}, 77777]", "1, ".repeat(500));
        let text = source(&long);
        let at = long.find("77777").expect("there");
        let excerpt = text.excerpt(&(at..at + 5));
        assert!(excerpt.text.chars().count() <= 100);
        let shown: String = excerpt.text.chars().skip(excerpt.caret).take(excerpt.width).collect();
        assert_eq!(shown, "77777");
    }

    #[test]
    fn looser_spellings_than_comments_and_trailing_commas_are_refused() {
        assert!(parse("{ // a\n \"a\": [1,], /* b */ }").is_ok());
        for text in ["{a: 1}", "{'a': 1}", "[0x10]", "[1 2]", "[+1]", "[.5]", "[NaN]", "{\"a\" 1}", "[1] [2]"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(matches!(parse(" // nothing\n"), Ok(None)));
    }
}
