//! The fixed front of every message (protocol notes, section 3).

use bytes::{Bytes, BytesMut};

use super::error::{DecodeError, DecodeReason};
use super::writer::Writer;
use crate::{Body, Code, Message};

/// Fixed front of every message: 15 bytes, big-endian (protocol notes, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Method or status, section 3.1.
    pub code: Code,
    /// Chosen by the requester, repeated in the response.
    pub request_id: u32,
    /// Routing mark of a connection server, section 3.3.
    pub endpoint_id: u32,
    /// Assigned by the platform's answer to AUTH, section 3.2.
    pub session_id: u32,
    /// Whether the message is a chunk of a multipart one, section 6.
    pub multipart: bool,
}

impl Header {
    /// Encoded size in bytes.
    pub const LEN: usize = 15;
    /// The only version there is.
    pub const VERSION: u8 = 1;

    /// Reads the header from the front of `message`.
    ///
    /// # Errors
    ///
    /// [`DecodeReason::Truncated`] with fewer than [`Header::LEN`] bytes,
    /// [`DecodeReason::Version`] if the first byte is not 1.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let Some(&[version, code, r0, r1, r2, r3, e0, e1, e2, e3, s0, s1, s2, s3, marker]) =
            message.first_chunk::<{ Self::LEN }>()
        else {
            let reason = DecodeReason::Truncated { need: Self::LEN, have: message.len() };
            return Err(DecodeError::new(0, reason));
        };
        if version != Self::VERSION {
            return Err(DecodeError::new(0, DecodeReason::Version(version)));
        }
        Ok(Self {
            code: Code(code),
            request_id: u32::from_be_bytes([r0, r1, r2, r3]),
            endpoint_id: u32::from_be_bytes([e0, e1, e2, e3]),
            session_id: u32::from_be_bytes([s0, s1, s2, s3]),
            multipart: marker != 0,
        })
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(Self::VERSION);
        writer.u8(self.code.0);
        writer.u32(self.request_id);
        writer.u32(self.endpoint_id);
        writer.u32(self.session_id);
        writer.u8(u8::from(self.multipart));
    }

    /// A copy of an encoded message with this header in place of its own.
    pub(crate) fn in_front_of(&self, message: &Bytes) -> Bytes {
        let mut buffer = BytesMut::with_capacity(message.len());
        let mut writer = Writer::new(&mut buffer);
        self.encode(&mut writer);
        writer.bytes(message.get(Self::LEN..).unwrap_or_default());
        buffer.freeze()
    }

    /// The message of this header and `body`.
    pub(crate) const fn with(&self, body: Body) -> Message {
        Message {
            request_id: self.request_id,
            endpoint_id: self.endpoint_id,
            session_id: self.session_id,
            body,
        }
    }
}

impl Message {
    /// Header of the whole message.
    #[must_use]
    pub const fn header(&self) -> Header {
        Header {
            code: self.body.code(),
            request_id: self.request_id,
            endpoint_id: self.endpoint_id,
            session_id: self.session_id,
            multipart: false,
        }
    }
}
