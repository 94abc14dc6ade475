//! Name of a thing as it is bound.

use std::{borrow::Borrow, fmt, sync::Arc};

/// Name of a thing, or its identifier with a leading `*` (protocol notes, section 7.3).
///
/// Cheap to clone. Never empty, free of control characters, at most [`ThingName::MAX_BYTES`] long.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThingName(Arc<str>);

/// Why a text is not the name of a thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing, or only the asterisk of an identifier.
    #[error("the name of a thing is empty")]
    Empty,
    /// Longer than any platform takes.
    #[error("the name of a thing has {0} bytes, at most {max} are possible", max = ThingName::MAX_BYTES)]
    TooLong(usize),
    /// Control characters could end a header or a line of a log.
    #[error("the name of a thing holds the control character {0:?}")]
    Control(char),
}

impl ThingName {
    /// Longest name, in bytes.
    pub const MAX_BYTES: usize = 1024;

    /// Takes `text` for a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() || text == "*" {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong(text.len()));
        }
        match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(NameError::Control(control)),
            None => Ok(Self(text.into())),
        }
    }

    /// The text, with the asterisk of an identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ThingName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ThingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ThingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_slashes_and_umlauts_are_names() {
        for text in ["T1", "*id-42", "a b", "a/b?c", "Thérmomètre"] {
            assert_eq!(ThingName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn empty_long_and_controlling_names_are_refused() {
        assert_eq!(ThingName::parse(""), Err(NameError::Empty));
        assert_eq!(ThingName::parse("*"), Err(NameError::Empty));
        assert_eq!(ThingName::parse(&"x".repeat(1025)), Err(NameError::TooLong(1025)));
        assert_eq!(ThingName::parse("a\r\nb"), Err(NameError::Control('\r')));
    }
}
