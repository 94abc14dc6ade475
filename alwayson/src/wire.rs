//! Bytes of one WebSocket message to a [`Message`] or a [`Chunk`], and back.
//!
//! Every length and count is checked against the bytes that are left before anything is
//! reserved for it, so a message of `n` bytes needs at most about 60 `n` bytes decoded
//! (the worst cases are aspects and names without text, and many tables of one field). What is written is the canonical form:
//! shortest length prefixes, markers 0 and 1, no surplus bytes.
//!
//! Joining and cutting chunks is the business of [`crate::Reassembler`] and [`crate::split`].

mod error;
mod header;
mod message;
mod reader;
mod table;
mod value;
mod writer;

use bytes::{Bytes, BytesMut};

use crate::multipart::Chunk;
use crate::{Body, Message};

pub use error::{DecodeError, DecodeReason, EncodeError};
pub use header::Header;
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

/// What one WebSocket binary message holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A whole message.
    Message(Message),
    /// A part of a multipart message, for [`crate::Reassembler`].
    Chunk(Chunk),
}

/// Bounds that a message must keep to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest message in bytes, header included; default 1 048 576 (section 6.3).
    pub max_message_bytes: usize,
    /// Deepest nesting of tables and variants; default 32. The byte keeps the stack bounded.
    pub max_depth: u8,
}

impl Limits {
    /// The bounds that hold where nobody says otherwise.
    pub const DEFAULT: Self = Self { max_message_bytes: 1_048_576, max_depth: 32 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Decodes one WebSocket binary message (sections 3 to 6).
///
/// Bytes after the content field are ignored: some senders append zeros (section 14.1 and 14.2).
///
/// ```
/// use edgebind_alwayson::{Body, Incoming, Limits, Message, Response, decode, encode};
///
/// let body = Body::Response(Response::success());
/// let message = Message { request_id: 2, endpoint_id: 0, session_id: 1001, body };
/// let bytes = encode(&message)?;
/// assert_eq!(decode(&bytes, &Limits::DEFAULT)?, Incoming::Message(message));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`DecodeError`] with the offset and the reason. [`Header::decode`] still tells the request id,
/// so that a request can be answered with [`DecodeError::status`].
pub fn decode(message: &Bytes, limits: &Limits) -> Result<Incoming, DecodeError> {
    decode_with_trailing(message, limits).map(|(incoming, _)| incoming)
}

/// Like [`decode`], and also returns the surplus bytes after the message, empty for a chunk.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_with_trailing(message: &Bytes, limits: &Limits) -> Result<(Incoming, Bytes), DecodeError> {
    check_length(message.len(), limits)?;
    let header = Header::decode(message)?;
    let body = message.slice(Header::LEN..);
    if header.multipart {
        return Ok((Incoming::Chunk(Chunk::decode(header, &body)?), Bytes::new()));
    }
    let (message, trailing) = decode_body_with_trailing(&header, &body, limits)?;
    Ok((Incoming::Message(message), trailing))
}

/// Decodes a body whose header stands apart, as it does after reassembly.
///
/// Offsets in errors count from the start of the header, as if the message had come whole.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_body(header: &Header, body: &Bytes, limits: &Limits) -> Result<Message, DecodeError> {
    check_length(Header::LEN.saturating_add(body.len()), limits)?;
    decode_body_with_trailing(header, body, limits).map(|(message, _)| message)
}

/// Encodes a message in canonical form, whole whatever its length.
///
/// # Errors
///
/// [`EncodeError`] if the message cannot be said on the wire.
pub fn encode(message: &Message) -> Result<Bytes, EncodeError> {
    let mut buffer = BytesMut::with_capacity(FIRST_CAPACITY);
    encode_into(message, &mut buffer)?;
    Ok(buffer.freeze())
}

/// Appends the canonical form of `message` to `buffer`, which stays as it was on an error.
///
/// # Errors
///
/// As [`encode`].
pub fn encode_into(message: &Message, buffer: &mut BytesMut) -> Result<(), EncodeError> {
    let start = buffer.len();
    let mut writer = Writer::new(buffer);
    message.header().encode(&mut writer);
    let written = message::write_body(&mut writer, &message.body);
    if written.is_err() {
        buffer.truncate(start);
    }
    written
}

fn decode_body_with_trailing(
    header: &Header,
    body: &Bytes,
    limits: &Limits,
) -> Result<(Message, Bytes), DecodeError> {
    let mut reader = Reader::new(body, Header::LEN, limits.max_depth);
    let decoded = match message::read_body(&mut reader, header.code)? {
        Some(decoded) => decoded,
        None => {
            return Ok((header.with(Body::Other { code: header.code, bytes: body.clone() }), Bytes::new()));
        }
    };
    let trailing = body.slice(body.len() - reader.remaining()..);
    Ok((header.with(decoded), trailing))
}

fn check_length(length: usize, limits: &Limits) -> Result<(), DecodeError> {
    if length > limits.max_message_bytes {
        let reason = DecodeReason::MessageLength { length, max: limits.max_message_bytes };
        return Err(DecodeError::new(limits.max_message_bytes, reason));
    }
    Ok(())
}

/// Enough for most single values, so that they grow the buffer once at most.
const FIRST_CAPACITY: usize = 256;
