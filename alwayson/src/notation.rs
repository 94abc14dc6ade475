//! Messages as JSON and as text, for people and for test data.
//!
//! The JSON is the shape of `decoded` in `tests/data/vectors/alwayson.json` and says all that a
//! message says: `from_json(to_json(bytes))` gives the canonical form of `bytes`. It is not the
//! JSON of infotables in the HTTP interface, which is another module's.
//!
//! JSON shows secrets; the text of [`describe`] masks them.

mod hex;
mod json;
mod parse;
mod text;

use bytes::Bytes;
use thiserror::Error;

use crate::wire::{DecodeError, EncodeError, Incoming, Limits, decode_with_trailing};

pub use hex::{from_hex, to_hex};

/// Why a notation does not say a message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotationError {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// The JSON has another shape than a message.
    #[error("{path}: expected {expected}, found {found}")]
    Shape {
        /// Place in the document, for example `params.rows[0][1].v`.
        path: String,
        /// What would be right.
        expected: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// The JSON says a message that cannot be sent.
    #[error("message cannot be sent: {0}")]
    Encode(#[from] EncodeError),
}

/// The JSON of one WebSocket binary message, indented, in the order of the wire.
///
/// # Errors
///
/// [`DecodeError`] as of [`crate::decode`].
pub fn to_json(message: &Bytes, limits: &Limits) -> Result<String, DecodeError> {
    let (incoming, trailing) = decode_with_trailing(message, limits)?;
    let document = json::Document { incoming: &incoming, trailing: &trailing };
    Ok(serde_json::to_string_pretty(&document).expect("maps with text keys and no failing parts are JSON"))
}

/// The bytes of the message that `json` says; `trailing` bytes are appended.
///
/// `version`, `endpointId`, `sessionId`, `multipart`, `type`, `headers`, `paramsType`, `contentType`,
/// `description` and `aspects` may be left out.
///
/// # Errors
///
/// [`NotationError`], which names the place.
pub fn from_json(json: &str) -> Result<Bytes, NotationError> {
    let document = serde_json::from_str(json).map_err(NotationError::Json)?;
    parse::message(&document)
}

/// A description for people in several lines; claims and PASSWORD values show as `***`.
#[must_use]
pub fn describe(incoming: &Incoming, trailing: &[u8]) -> String {
    text::describe(incoming, trailing)
}
