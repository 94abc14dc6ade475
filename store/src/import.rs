//! Reads the original's `offline_msgs.bin` (protocol notes, section 12.1): wire messages and chunks, one after the other.
//!
//! What they mean, and joining chunks, is the caller's; so is renaming the file, once everything is safe.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::StoreError;

/// Name of the original's file.
pub const OFFLINE_FILE_NAME: &str = "offline_msgs.bin";

/// What the file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfflineMessages {
    /// Wire messages or multipart chunks, in stored order.
    pub messages: Vec<Bytes>,
    /// Bytes between and behind the records that belong to none.
    pub garbage_bytes: usize,
    /// Whether the last record was cut off.
    pub truncated: bool,
}

/// Reads the file of a directory; `None` when there is none or it is empty.
///
/// # Errors
///
/// [`StoreError::Io`] and its like; [`StoreError::TooLarge`] above 256 MiB (the original's limit is 64 KiB).
pub fn read_offline_messages(directory: &Path) -> Result<Option<OfflineMessages>, StoreError> {
    const LARGEST: u64 = 256 * 1024 * 1024;
    let path = directory.join(OFFLINE_FILE_NAME);
    let size_bytes = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::from_io(&path, &error)),
    };
    if size_bytes > LARGEST {
        return Err(StoreError::TooLarge { size_bytes, limit_bytes: LARGEST });
    }
    let bytes = fs::read(&path).map_err(|error| StoreError::from_io(&path, &error))?;
    Ok((!bytes.is_empty()).then(|| parse_offline_messages(&Bytes::from(bytes))))
}

/// Renames the file to `.imported`, when all its messages are on disk elsewhere; the new path. Overwrites nothing.
///
/// # Errors
///
/// [`StoreError::Io`] and its like.
pub fn mark_imported(directory: &Path) -> Result<PathBuf, StoreError> {
    let from = directory.join(OFFLINE_FILE_NAME);
    let mut to = directory.join(format!("{OFFLINE_FILE_NAME}.imported"));
    let mut attempt = 1;
    while to.exists() {
        to = directory.join(format!("{OFFLINE_FILE_NAME}.imported-{attempt}"));
        attempt += 1;
    }
    fs::rename(&from, &to).map_err(|error| StoreError::from_io(&from, &error))?;
    // Otherwise a power cut could bring the old name back, and everything would be sent twice.
    let folder = fs::File::open(directory).and_then(|folder| folder.sync_all());
    folder.map_err(|error| StoreError::from_io(directory, &error))?;
    Ok(to)
}

/// Splits the content of the file into its messages; never fails, says what it skipped.
#[must_use]
pub fn parse_offline_messages(bytes: &Bytes) -> OfflineMessages {
    let mut found = OfflineMessages::default();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match record_at(rest) {
            Ok(length) => {
                let start = at + HEAD_LEN;
                found.messages.push(bytes.slice(start..start + length));
                at = start + length;
            }
            Err(cut) => {
                // On to the next marker; what lies between belongs to nobody.
                let skip =
                    rest.get(1..).and_then(|behind| find(behind, MARKER)).map_or(rest.len(), |gap| gap + 1);
                found.garbage_bytes += skip;
                found.truncated |= cut && skip == rest.len();
                at += skip;
            }
        }
    }
    found
}

/// Length of the message whose record begins here; `Err(true)` when it is cut off.
fn record_at(rest: &[u8]) -> Result<usize, bool> {
    if !rest.starts_with(MARKER) {
        // A marker may itself be cut off at the end.
        return Err(MARKER.starts_with(rest));
    }
    let length = rest.get(MARKER.len()..HEAD_LEN).and_then(|four| four.try_into().ok()).ok_or(true)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| true)?;
    let have = rest.len() - HEAD_LEN;
    if length > have {
        return Err(true);
    }
    // A wrong length would swallow the next records: behind a whole record stands a marker or the end.
    let behind = rest.get(HEAD_LEN + length..).unwrap_or_default();
    let plausible = behind.is_empty() || behind.starts_with(MARKER) || MARKER.starts_with(behind);
    // Also one that the wrong length cuts in two.
    let end = (HEAD_LEN + length + MARKER.len() - 1).min(rest.len());
    let inside = rest.get(HEAD_LEN..end).unwrap_or_default();
    if !plausible && find(inside, MARKER).is_some() {
        return Err(false);
    }
    Ok(length)
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

const MARKER: &[u8] = b"!twMsg!";
/// Marker and length.
const HEAD_LEN: usize = 11;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            bytes.extend_from_slice(MARKER);
            bytes.extend_from_slice(&u32::try_from(message.len()).expect("small").to_le_bytes());
            bytes.extend_from_slice(message);
        }
        bytes
    }

    fn parse(bytes: Vec<u8>) -> OfflineMessages {
        parse_offline_messages(&Bytes::from(bytes))
    }

    #[test]
    fn the_example_of_the_notes_is_read() {
        // Protocol notes, section 12.1: length 0x3F, little-endian.
        let mut bytes = b"!twMsg!\x3f\0\0\0\x01\x02\0\0\0\x1c\0\0\0\0\0\0\x03\xec\0\x0a\x08SrethiNg".to_vec();
        bytes.resize(11 + 0x3F, 0x20);
        let found = parse(bytes);
        assert_eq!(found.messages.len(), 1);
        assert_eq!(found.messages[0].len(), 0x3F);
        assert_eq!((found.garbage_bytes, found.truncated), (0, false));
    }

    #[test]
    fn every_truncation_keeps_the_whole_records_before_it() {
        let messages = [b"first".to_vec(), b"the second".to_vec(), Vec::new(), b"last".to_vec()];
        let whole = file(&messages);
        let ends: Vec<_> = (0..=4).map(|count| file(&messages[..count]).len()).collect();
        for cut in 0..whole.len() {
            let found = parse(whole[..cut].to_vec());
            let complete = ends.iter().filter(|end| **end <= cut && **end > 0).count();
            assert_eq!(found.messages, messages[..complete], "cut at {cut}");
            assert_eq!(found.truncated, !ends.contains(&cut), "cut at {cut}");
            assert_eq!(
                found.garbage_bytes,
                cut - ends.iter().filter(|end| **end <= cut).max().expect("zero")
            );
        }
    }

    #[test]
    fn garbage_in_the_middle_costs_only_itself() {
        let mut bytes = file(&[b"one".to_vec()]);
        bytes.extend_from_slice(b"rubbish!tw");
        bytes.extend_from_slice(&file(&[b"two".to_vec()]));
        let found = parse(bytes);
        assert_eq!(found.messages, [&b"one"[..], b"two"]);
        assert_eq!((found.garbage_bytes, found.truncated), (10, false));
    }

    #[test]
    fn a_wrong_length_does_not_swallow_the_next_record() {
        let mut bytes = file(&[b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        bytes[7] = 9;
        let found = parse(bytes);
        assert_eq!(found.messages, [&b"two"[..], b"three"]);
    }

    #[test]
    fn the_file_is_renamed_only_when_told_and_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read_offline_messages(folder.path()), Ok(None));
        for expected in ["offline_msgs.bin.imported", "offline_msgs.bin.imported-1"] {
            fs::write(folder.path().join(OFFLINE_FILE_NAME), file(&[b"x".to_vec()])).expect("written");
            let found = read_offline_messages(folder.path()).expect("readable").expect("there");
            assert_eq!(found.messages, [&b"x"[..]]);
            assert!(folder.path().join(OFFLINE_FILE_NAME).exists(), "reading changes nothing");
            assert_eq!(mark_imported(folder.path()).expect("renamed"), folder.path().join(expected));
        }
        assert_eq!(read_offline_messages(folder.path()), Ok(None));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let found = parse(file(&messages));
            prop_assert_eq!(found.messages, messages);
            prop_assert_eq!(found.garbage_bytes, 0);
        }

        #[test]
        fn any_bytes_are_accounted_for(bytes in proptest::collection::vec(prop_oneof![Just(b'!'), Just(b't'), Just(0u8), any::<u8>()], 0..200)) {
            let found = parse(bytes.clone());
            let kept: usize = found.messages.iter().map(|message| message.len() + HEAD_LEN).sum();
            prop_assert_eq!(kept + found.garbage_bytes, bytes.len());
        }
    }
}
