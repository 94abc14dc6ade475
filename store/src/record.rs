//! What is kept: an opaque payload with the entity it belongs to and its kind, and the checksum over all of it.
//!
//! The crate never looks into a payload; merging and encoding are the caller's.

use std::sync::Arc;

use bytes::Bytes;

/// Which kind of request a record is (design, delivery table): only [`Kind::Push`] records may be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Values of subscribed properties; consecutive ones of one entity may travel together.
    Push,
    /// Write of a property of an entity of the platform.
    Write,
    /// Event of an entity of the platform.
    Event,
    /// Any other service, accepted while there was no connection.
    Call,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Push, Self::Write, Self::Event, Self::Call];

    /// The word for lists and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Write => "write",
            Self::Event => "event",
            Self::Call => "call",
        }
    }

    /// The number in the file; never changes its meaning.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Push => 1,
            Self::Write => 2,
            Self::Event => 3,
            Self::Call => 4,
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.code()) == code)
    }
}

/// A request to be kept until the platform has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose order it belongs to, for instance `Things/Pump-1`.
    pub entity: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// What will be sent; opaque here.
    pub payload: Bytes,
}

impl Record {
    /// What it counts against the limits, in bytes: payload, entity and a flat share for the row.
    #[must_use]
    pub fn cost_bytes(&self) -> u64 {
        cost_bytes(self.entity.len(), self.payload.len())
    }
}

/// A record on disk without its payload: what [`crate::Order`] decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Position in the spool; grows with every record, over restarts too while records remain.
    pub seq: u64,
    /// Whose order it belongs to.
    pub entity: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// Length of the payload.
    pub size_bytes: u32,
    /// When it was accepted, milliseconds since 1970 UTC.
    pub stored_ms: i64,
}

/// A record read back, its checksum found right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Place, kind and time.
    pub entry: Entry,
    /// What was handed in.
    pub payload: Bytes,
}

/// A record that the platform will not take, kept for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The record as it was.
    pub stored: Stored,
    /// When it was given up, milliseconds since 1970 UTC.
    pub died_ms: i64,
    /// Why, for people: `refused with 0x80`, `older than the limit`, `damaged`.
    pub reason: String,
}

/// One entry of the journal: what must be known again after a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Name of the registration.
    pub name: String,
    /// Chosen by the caller; a lower one never replaces a higher one.
    pub revision: u64,
    /// Opaque; secrets in it are encrypted by the caller.
    pub body: Bytes,
}

pub(crate) fn cost_bytes(entity_len: usize, payload_len: usize) -> u64 {
    // About what SQLite adds: cell header, the integers, the share of the page.
    const ROW_BYTES: u64 = 64;
    ROW_BYTES + u64::try_from(entity_len.saturating_add(payload_len)).unwrap_or(u64::MAX / 2)
}

/// Checksum over everything that makes a record, so that a flipped bit anywhere in the row shows.
pub(crate) fn record_crc(seq: u64, entity: &str, kind: i64, stored_ms: i64, payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&seq.to_le_bytes());
    crc.update(&kind.to_le_bytes());
    crc.update(&stored_ms.to_le_bytes());
    crc.update(entity.as_bytes());
    // The boundary counts too: "ab" + "c" is not "a" + "bc".
    crc.update(&[0xFF]);
    crc.update(payload);
    crc.finalize()
}

pub(crate) fn journal_crc(name: &str, revision: u64, body: &[u8]) -> u32 {
    record_crc(revision, name, 0, 0, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_keep_their_codes() {
        let codes = Kind::ALL.map(Kind::code);
        assert_eq!(codes, [1, 2, 3, 4], "files of older versions depend on these");
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(i64::from(kind.code())), Some(kind));
        }
        assert_eq!(Kind::from_code(0), None);
    }

    #[test]
    fn every_field_changes_the_checksum() {
        let base = record_crc(7, "Things/A", 1, 1000, b"xyz");
        assert_ne!(base, record_crc(8, "Things/A", 1, 1000, b"xyz"));
        assert_ne!(base, record_crc(7, "Things/B", 1, 1000, b"xyz"));
        assert_ne!(base, record_crc(7, "Things/A", 2, 1000, b"xyz"));
        assert_ne!(base, record_crc(7, "Things/A", 1, 1001, b"xyz"));
        assert_ne!(base, record_crc(7, "Things/A", 1, 1000, b"xyZ"));
        assert_ne!(base, record_crc(7, "Things/Ax", 1, 1000, b"yz"));
    }
}
