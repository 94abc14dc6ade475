//! Why bytes are no message, and why a message cannot be said in bytes.

use thiserror::Error;

use crate::{BaseType, Code};

/// Where and why decoding stopped.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("byte {offset}: {reason}")]
pub struct DecodeError {
    /// Offset in bytes from the start of the header.
    pub offset: usize,
    /// What is wrong there.
    pub reason: DecodeReason,
}

/// What is wrong with the bytes at an offset.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeReason {
    /// The message ends too early.
    #[error("message ends too early: {need} bytes needed, {have} left")]
    Truncated {
        /// Bytes that the next part takes at least.
        need: usize,
        /// Bytes left.
        have: usize,
    },
    /// The version byte is not 1; such a message is dropped without an answer (section 3).
    #[error("protocol version {0} is not supported, only 1 is")]
    Version(u8),
    /// The message is longer than the limit.
    #[error("message of {length} bytes is longer than the limit of {max}")]
    MessageLength {
        /// Length of the message in bytes.
        length: usize,
        /// Limit in bytes.
        max: usize,
    },
    /// A base type without a meaning known to us; its value has no known length (section 4.2).
    #[error("base type {0} is unknown")]
    UnknownBaseType(i8),
    /// A base type whose values have no known encoding (section 4.2).
    #[error("values of base type {0} have no known encoding")]
    UnsupportedBaseType(BaseType),
    /// Text is not UTF-8.
    #[error("text of {length} bytes is not valid UTF-8")]
    Utf8 {
        /// Length of the text in bytes.
        length: usize,
    },
    /// A marker is neither 0 nor 1.
    #[error("marker {0} is neither 0 nor 1")]
    Marker(u8),
    /// A row has not one cell per field.
    #[error("row of {cells} cells in a table of {fields} fields")]
    Cells {
        /// Cells that the row announces.
        cells: usize,
        /// Fields of the table.
        fields: usize,
    },
    /// Tables and variants are nested too deep.
    #[error("tables and variants are nested deeper than {max}")]
    Depth {
        /// Limit of nesting.
        max: u8,
    },
}

impl DecodeError {
    pub(crate) const fn new(offset: usize, reason: DecodeReason) -> Self {
        Self { offset, reason }
    }

    /// Whether more bytes could make a message of it (section 14.5).
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.reason, DecodeReason::Truncated { .. })
    }

    /// Status with which a receiver answers, if what it failed to decode was a request.
    #[must_use]
    pub const fn status(&self) -> Code {
        match self.reason {
            DecodeReason::UnknownBaseType(_) | DecodeReason::UnsupportedBaseType(_) => {
                Code::UNSUPPORTED_CONTENT_FORMAT
            }
            DecodeReason::MessageLength { .. } => Code::ENTITY_TOO_LARGE,
            _ => Code::BAD_REQUEST,
        }
    }
}

/// Why a message cannot be said on the wire.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// Text or bytes are longer than their length prefix can say.
    #[error("{length} bytes of text or data, at most {max} can be sent")]
    Length {
        /// Length in bytes.
        length: usize,
        /// Longest that the prefix can say.
        max: usize,
    },
    /// There are more of something than its count can say.
    #[error("{count} {what}, at most {max} can be sent")]
    Count {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// Most that the count can say.
        max: usize,
    },
    /// A text value carries a base type that is no text.
    #[error("text cannot be sent as base type {0}")]
    NotText(BaseType),
    /// A row has not one cell per field.
    #[error("row {row} has {cells} cells in a table of {fields} fields")]
    Cells {
        /// Index of the row, from 0.
        row: usize,
        /// Cells of the row.
        cells: usize,
        /// Fields of the table.
        fields: usize,
    },
    /// The code does not belong to this kind of body.
    #[error("code {0} does not fit this kind of body")]
    Code(Code),
    /// Tables and variants are nested deeper than our own decoder accepts.
    #[error("tables and variants are nested deeper than {max}")]
    Depth {
        /// Limit of nesting.
        max: u8,
    },
}
