//! One part of a multipart message (protocol notes, section 6.2).

use bytes::{Bytes, BytesMut};

use crate::wire::{DecodeError, EncodeError, Header, Limits, Reader, Writer};
use crate::{EntityType, Method};

/// One chunk: the header, its place in the whole, and a slice of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Header with the multipart marker, the same in every chunk of a message.
    pub header: Header,
    /// Place of the chunk, from 1.
    pub number: u16,
    /// How many chunks there are.
    pub count: u16,
    /// Chunk size that the sender is set to, in bytes; not the size of this chunk.
    pub size: u16,
    /// Start of the body, repeated in every chunk of a request; `None` in other messages.
    pub entity: Option<ChunkEntity>,
    /// Slice of the body, without the entity; may be empty in the last chunk (section 14.4).
    pub data: Bytes,
}

/// Entity of a request, as every chunk of it repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkEntity {
    /// Collection.
    pub entity_type: EntityType,
    /// Name as bound.
    pub name: String,
}

impl Chunk {
    /// Size of the part between header and entity: number, count and size.
    pub const PREFIX_LEN: usize = 6;

    /// Reads what follows `header`; `body` starts behind the header.
    pub(crate) fn decode(header: Header, body: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body, Header::LEN, Limits::DEFAULT.max_depth);
        let (number, count, size) = (reader.u16()?, reader.u16()?, reader.u16()?);
        let entity = if Method::from_code(header.code).is_some() {
            Some(ChunkEntity::read(&mut reader)?)
        } else {
            None
        };
        let data = body.slice(body.len() - reader.remaining()..);
        Ok(Self { header, number, count, size, entity, data })
    }

    /// Encodes the chunk as one WebSocket message.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Length`] for a name that is too long, [`EncodeError::Code`] if a request has
    /// no entity or another message has one.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        if Method::from_code(self.header.code).is_some() != self.entity.is_some() {
            return Err(EncodeError::Code(self.header.code));
        }
        let mut buffer = BytesMut::with_capacity(Header::LEN + Self::PREFIX_LEN + self.data.len() + 64);
        let mut writer = Writer::new(&mut buffer);
        Header { multipart: true, ..self.header }.encode(&mut writer);
        writer.u16(self.number);
        writer.u16(self.count);
        writer.u16(self.size);
        if let Some(entity) = &self.entity {
            entity.write(&mut writer)?;
        }
        writer.bytes(&self.data);
        Ok(buffer.freeze())
    }
}

impl ChunkEntity {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { entity_type: EntityType(reader.u8()?), name: reader.string()? })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u8(self.entity_type.0);
        writer.string(&self.name)
    }
}
