//! Cuts an encoded message into chunks (protocol notes, sections 6.1 and 6.2).

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::chunk::{Chunk, ChunkEntity};
use crate::Method;
use crate::wire::{DecodeError, Header, Limits, Reader, Writer};

/// Chunk size that both sides are set to where nobody says otherwise (section 6.4).
pub const DEFAULT_CHUNK_BYTES: u16 = 8192;

/// Why a message cannot be cut.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitError {
    /// The bytes are not the start of a whole message.
    #[error("not an encoded message")]
    Message(#[from] DecodeError),
    /// The bytes are a chunk already.
    #[error("a chunk cannot be cut again")]
    Chunk,
    /// The chunk size leaves no room for data besides the header and the name of the entity.
    #[error("chunk size {chunk_bytes} is too small, this message needs at least {need}")]
    ChunkBytes {
        /// Chunk size given, in bytes.
        chunk_bytes: u16,
        /// Smallest chunk size for this message, in bytes.
        need: usize,
    },
    /// The message takes more chunks than their count can say.
    #[error("message of {length} bytes takes {count} chunks, at most {max} can be sent", max = u16::MAX)]
    Count {
        /// Length of the message in bytes.
        length: usize,
        /// Chunks that it takes.
        count: usize,
    },
}

/// The WebSocket messages in which an encoded message travels: itself if it is short enough, else chunks.
///
/// No message is longer than `chunk_bytes` and no chunk is empty (section 14.4). Every message that
/// fits whole goes whole, so that section 14.5 is not repeated.
///
/// # Errors
///
/// [`SplitError`], before anything is cut.
pub fn split(message: &Bytes, chunk_bytes: u16) -> Result<Vec<Bytes>, SplitError> {
    let Some(cut) = Cut::of(message, chunk_bytes)? else { return Ok(vec![message.clone()]) };
    let body = message.slice(Header::LEN..);
    Ok((1..=cut.count)
        .zip(body.chunks(cut.slice_bytes))
        .map(|(number, slice)| {
            // The entity stands at the start of the first slice already.
            let repeated = if number == 1 { &[][..] } else { &cut.entity[..] };
            assemble(&cut.header, [number, cut.count, chunk_bytes], repeated, slice)
        })
        .collect())
}

/// What a receiver takes the message for: its length, or of a message in chunks whole chunks (section 6.3).
///
/// # Errors
///
/// [`SplitError`] as [`split`].
pub(crate) fn announced_bytes(message: &Bytes, chunk_bytes: u16) -> Result<usize, SplitError> {
    let cut = Cut::of(message, chunk_bytes)?;
    Ok(cut.map_or(message.len(), |cut| usize::from(cut.count) * usize::from(chunk_bytes)))
}

/// How a message is cut.
struct Cut {
    header: Header,
    entity: Bytes,
    slice_bytes: usize,
    count: u16,
}

impl Cut {
    /// `None` for a message that goes whole.
    fn of(message: &Bytes, chunk_bytes: u16) -> Result<Option<Self>, SplitError> {
        let header = Header::decode(message)?;
        if header.multipart {
            return Err(SplitError::Chunk);
        }
        let size = usize::from(chunk_bytes);
        if message.len() + Chunk::PREFIX_LEN <= size {
            return Ok(None);
        }
        let body = message.slice(Header::LEN..);
        let entity = entity_part(&header, &body)?;
        let front = Header::LEN + Chunk::PREFIX_LEN + entity.len();
        // Chunk 1 holds the entity as data of the body: a slice must take more than the entity.
        let need = front + entity.len() + 1;
        if size < need {
            return Err(SplitError::ChunkBytes { chunk_bytes, need });
        }
        let slice_bytes = size - front;
        let slices = body.len().div_ceil(slice_bytes);
        let count =
            u16::try_from(slices).map_err(|_| SplitError::Count { length: message.len(), count: slices })?;
        Ok(Some(Self { header, entity, slice_bytes, count }))
    }
}

/// Entity type and name at the front of the body of a request, empty for other messages.
fn entity_part(header: &Header, body: &Bytes) -> Result<Bytes, DecodeError> {
    if Method::from_code(header.code).is_none() {
        return Ok(Bytes::new());
    }
    let mut reader = Reader::new(body, Header::LEN, Limits::DEFAULT.max_depth);
    ChunkEntity::read(&mut reader)?;
    Ok(body.slice(..body.len() - reader.remaining()))
}

fn assemble(header: &Header, prefix: [u16; 3], entity: &[u8], slice: &[u8]) -> Bytes {
    let length = Header::LEN + Chunk::PREFIX_LEN + entity.len() + slice.len();
    let mut buffer = BytesMut::with_capacity(length);
    let mut writer = Writer::new(&mut buffer);
    Header { multipart: true, ..*header }.encode(&mut writer);
    for number in prefix {
        writer.u16(number);
    }
    writer.bytes(entity);
    writer.bytes(slice);
    buffer.freeze()
}
