//! Appends the canonical form of the parts of a message to a buffer.

use bytes::{BufMut, BytesMut};

use super::Limits;
use super::error::EncodeError;
use super::reader::LONG_LENGTH;

/// Appends to a buffer; on an error the caller cuts the buffer back.
pub(crate) struct Writer<'a> {
    buffer: &'a mut BytesMut,
    depth: u8,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(buffer: &'a mut BytesMut) -> Self {
        Self { buffer, depth: 0 }
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.buffer.put_u8(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.buffer.put_u16(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.buffer.put_u32(value);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// A count of one byte.
    pub(crate) fn count_u8(&mut self, what: &'static str, count: usize) -> Result<(), EncodeError> {
        let max = usize::from(u8::MAX);
        self.u8(u8::try_from(count).map_err(|_| EncodeError::Count { what, count, max })?);
        Ok(())
    }

    /// A count of two bytes.
    pub(crate) fn count_u16(&mut self, what: &'static str, count: usize) -> Result<(), EncodeError> {
        let max = usize::from(u16::MAX);
        self.u16(u16::try_from(count).map_err(|_| EncodeError::Count { what, count, max })?);
        Ok(())
    }

    /// Text with the shortest length prefix (section 4.1).
    pub(crate) fn string(&mut self, text: &str) -> Result<(), EncodeError> {
        let length = length_u32(text.len(), MAX_TEXT)?;
        match u8::try_from(length) {
            Ok(short @ 0..0x80) => self.u8(short),
            _ => self.u32(LONG_LENGTH | length),
        }
        self.bytes(text.as_bytes());
        Ok(())
    }

    /// Bytes with a length of four bytes (section 4.2).
    pub(crate) fn blob(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let length = length_u32(bytes.len(), u32::MAX)?;
        self.u32(length);
        self.bytes(bytes);
        Ok(())
    }

    /// Enters a nested table or variant; [`Writer::leave`] ends it.
    pub(crate) const fn enter(&mut self) -> Result<(), EncodeError> {
        let max = Limits::DEFAULT.max_depth;
        if self.depth >= max {
            return Err(EncodeError::Depth { max });
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) const fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}

/// Longest text that a prefix can say: the top bit is its mark (section 4.1).
const MAX_TEXT: u32 = LONG_LENGTH - 1;

fn length_u32(length: usize, max: u32) -> Result<u32, EncodeError> {
    match u32::try_from(length) {
        Ok(fitting) if fitting <= max => Ok(fitting),
        _ => Err(EncodeError::Length { length, max: usize::try_from(max).unwrap_or(usize::MAX) }),
    }
}
