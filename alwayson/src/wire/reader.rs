//! A cursor over received bytes that never reads past the end and never trusts a length.

use super::error::{DecodeError, DecodeReason};

/// Cursor over the bytes of one message.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest` from the start of the header, for errors.
    end: usize,
    depth: u8,
    max_depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which start `base` bytes behind the start of the header.
    pub(crate) const fn new(bytes: &'a [u8], base: usize, max_depth: u8) -> Self {
        Self { rest: bytes, end: base.saturating_add(bytes.len()), depth: 0, max_depth }
    }

    /// The next `need` bytes.
    pub(crate) fn take(&mut self, need: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(need) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(need)),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.truncated(N)),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_be_bytes)
    }

    /// A marker byte, 0 or 1.
    pub(crate) fn marker(&mut self) -> Result<bool, DecodeError> {
        let offset = self.offset();
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(DecodeError::new(offset, DecodeReason::Marker(other))),
        }
    }

    /// Text with its length prefix (section 4.1); the long form of a small length is accepted.
    pub(crate) fn string(&mut self) -> Result<String, DecodeError> {
        let length = match self.rest.first() {
            None | Some(0..0x80) => usize::from(self.u8()?),
            Some(0x80..) => to_usize(self.u32()? & !LONG_LENGTH),
        };
        let offset = self.offset();
        let text = self.take(length)?;
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(DecodeError::new(offset + error.valid_up_to(), DecodeReason::Utf8 { length })),
        }
    }

    /// Bytes with their length prefix, which carries no mark (section 4.2).
    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, DecodeError> {
        let length = to_usize(self.u32()?);
        self.take(length).map(<[u8]>::to_vec)
    }

    /// Enters a nested table or variant; [`Reader::leave`] ends it.
    pub(crate) const fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth >= self.max_depth {
            return Err(DecodeError::new(self.offset(), DecodeReason::Depth { max: self.max_depth }));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) const fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// How many of the announced `count` elements to make room for before they are seen.
    ///
    /// Each takes at least one byte of what is left. The cap keeps counts that stand one inside the
    /// other from reserving much; more elements than that grow their list as they are read.
    pub(crate) fn room_for(&self, count: usize) -> usize {
        count.min(self.rest.len()).min(MAX_ROOM)
    }

    /// Bytes not read yet.
    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Offset of the next byte from the start of the header.
    pub(crate) const fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    const fn truncated(&self, need: usize) -> DecodeError {
        DecodeError::new(self.offset(), DecodeReason::Truncated { need, have: self.rest.len() })
    }
}

/// Mark of a length prefix of four bytes (section 4.1).
pub(crate) const LONG_LENGTH: u32 = 0x8000_0000;

/// Most elements that an announced count makes room for.
const MAX_ROOM: usize = 1024;

/// A length that no memory can hold becomes one that no message has.
fn to_usize(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
