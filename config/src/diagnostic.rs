//! A complaint about the configuration: where, what was found, what is allowed. Shown the way rustc shows its own.

use std::fmt;

use serde::Serialize;

/// One complaint. Values of secret keys never appear in it: the line shown has them masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is, for programs.
    pub code: Code,
    /// The key it is about, `http_server.port` or `auto_bind[2].name`; empty for the text as a whole.
    pub key: String,
    /// The file, or `environment variable NAME`, or `option KEY`.
    pub file: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// Column in characters, from 1.
    pub column: Option<usize>,
    /// What was found and what is allowed.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line with the caret's place, when there is one.
    pub excerpt: Option<Excerpt>,
}

/// The line a diagnostic is about, cut to a readable length, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The line or a part of it.
    pub text: String,
    /// Characters of `text` before the caret.
    pub caret: usize,
    /// Characters underlined, at least 1.
    pub width: usize,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]: ", self.severity, self.code)?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", self.key)?;
        }
        write!(f, "{}", self.message)?;
        let number = self.line.map(|line| line.to_string()).unwrap_or_default();
        let gutter = " ".repeat(number.len().max(1));
        write!(f, "\n{gutter}--> {}", self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            let blank: String = excerpt
                .text
                .chars()
                .take(excerpt.caret)
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            write!(f, "\n{gutter} |\n{number} | {}\n{gutter} | {blank}", excerpt.text)?;
            write!(f, "{}", "^".repeat(excerpt.width.max(1)))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{gutter} = help: {help}")?;
        }
        Ok(())
    }
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Understood or left out, and the gateway runs; `check --strict` refuses it.
    Warning,
    /// The gateway does not start with it.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// Kind of a diagnostic; its text is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// The file cannot be read.
    Unreadable,
    /// The text is not JSON with comments.
    Syntax,
    /// A key nobody knows.
    UnknownKey,
    /// A key that stands twice in its group.
    DuplicateKey,
    /// A value of the wrong type.
    WrongType,
    /// A text where a number or a boolean belongs, understood nevertheless.
    Converted,
    /// A number outside its range.
    OutOfRange,
    /// A text that is none of the words allowed.
    UnknownWord,
    /// A key that must be there.
    Missing,
    /// Keys that do not go together.
    Conflict,
    /// A secret that cannot be had.
    Secret,
    /// A value the original accepts and we do not offer, or that has no effect.
    NotSupported,
    /// An entry of a list that is left out.
    Skipped,
}

impl Code {
    /// Returns the stable text, `out-of-range` for example.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Syntax => "syntax",
            Self::UnknownKey => "unknown-key",
            Self::DuplicateKey => "duplicate-key",
            Self::WrongType => "wrong-type",
            Self::Converted => "converted",
            Self::OutOfRange => "out-of-range",
            Self::UnknownWord => "unknown-word",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::Secret => "secret",
            Self::NotSupported => "not-supported",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_the_same_for_people_and_programs() {
        for code in [Code::Syntax, Code::UnknownKey, Code::OutOfRange, Code::NotSupported] {
            assert_eq!(serde_json::to_value(code).expect("JSON"), code.as_str());
        }
    }
}
