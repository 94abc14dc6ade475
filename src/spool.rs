//! What an operator sees of the spool and does to it, the same with a running gateway as without one: lists, single
//! records decoded, and what is done to dead letters.

mod access;
mod original;
mod rescue;

use std::{ops::ControlFlow, path::Path};

use bytes::Bytes;
use edgebind_alwayson::{Limits, notation};
use edgebind_store::{DeadLetter, Entry, Line, StoreError, Stored, View};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

pub(crate) use access::{Access, ChangeError, Changed, Wanted};
pub(crate) use original::original_lines;
pub(crate) use rescue::{RescueError, Rescued, rescue, rescued_lines};

/// The spool at a glance.
#[derive(Debug, Serialize)]
pub(crate) struct Overview {
    records: u64,
    bytes: u64,
    oldest_unix_ms: Option<i64>,
    dead_records: u64,
    dead_bytes: u64,
    registrations: u64,
    entities: Vec<EntityView>,
    /// The oldest dead letters.
    dead: Vec<RecordView>,
}

/// What waits of one entity.
#[derive(Debug, Serialize)]
struct EntityView {
    entity: String,
    records: u64,
    bytes: u64,
    oldest_unix_ms: i64,
}

/// A record, with what it says if that was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct RecordView {
    id: u64,
    /// `waiting`, `dead` or `damaged`.
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    died_unix_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The request, as `edgebind wire decode --json` shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Box<RawValue>>,
    /// What cannot be decoded, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_hex: Option<String>,
}

/// Some records in order, and where to go on.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    records: Vec<RecordView>,
    /// The place behind which the next page begins; none if this was the last.
    next: Option<u64>,
}

/// Which records a page shows.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Cut {
    pub(crate) dead: bool,
    /// Of this entity only, as `Things/Pump-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) entity: Option<String>,
    /// Behind this place.
    pub(crate) after: u64,
    /// Whether the messages are shown.
    pub(crate) messages: bool,
}

impl Overview {
    /// Reads the spool of a state directory.
    pub(crate) fn of(folder: &Path) -> Result<Self, StoreError> {
        let view = View::open(folder)?;
        let summary = view.summary()?;
        let entities = view.entities()?.into_iter().map(|found| EntityView {
            entity: found.entity,
            records: found.records,
            bytes: found.bytes,
            oldest_unix_ms: found.oldest_ms,
        });
        let cut = Cut { dead: true, ..Cut::default() };
        Ok(Self {
            records: summary.records,
            bytes: summary.bytes,
            oldest_unix_ms: summary.oldest_ms,
            dead_records: summary.dead_records,
            dead_bytes: summary.dead_bytes,
            registrations: summary.journal,
            entities: entities.collect(),
            dead: Page::read(&view, &cut)?.records,
        })
    }
}

impl Page {
    /// Most records of a page; with messages it ends earlier.
    pub(crate) const MOST: usize = 500;
    const MOST_BYTES: usize = 4 * 1024 * 1024;

    /// Reads a page of a state directory.
    pub(crate) fn of(folder: &Path, cut: &Cut) -> Result<Self, StoreError> {
        Self::read(&View::open(folder)?, cut)
    }

    fn read(view: &View, cut: &Cut) -> Result<Self, StoreError> {
        let mut page = Self { records: Vec::new(), next: None };
        let mut bytes = 0_usize;
        let mut take = |record: RecordView, size: usize| {
            if page.records.len() >= Self::MOST || (cut.messages && bytes > Self::MOST_BYTES) {
                page.next = page.records.last().map(|last| last.id);
                return ControlFlow::Break(());
            }
            bytes = bytes.saturating_add(size);
            page.records.push(record);
            ControlFlow::Continue(())
        };
        let entity = cut.entity.as_deref();
        if cut.dead {
            view.each_dead_after(cut.after, entity, |line| {
                let size = line.as_ref().map_or(0, |letter| letter.stored.payload.len());
                take(RecordView::of_letter(line, cut.messages), size)
            })?;
        } else {
            view.each_waiting_after(cut.after, entity, |line| {
                let size = line.as_ref().map_or(0, |stored| stored.payload.len());
                take(RecordView::of_waiting(line, cut.messages), size)
            })?;
        }
        Ok(page)
    }
}

impl RecordView {
    /// Reads one record with its message; `None` if there is none of this number.
    pub(crate) fn of(folder: &Path, id: u64) -> Result<Option<Self>, StoreError> {
        let found = View::open(folder)?.show(id)?;
        Ok(found.map(|letter| {
            if letter.reason.is_empty() && letter.died_ms == 0 {
                Self::of_waiting(Ok(letter.stored), true)
            } else {
                Self::of_letter(Ok(letter), true)
            }
        }))
    }

    fn of_waiting(line: Line<Stored>, message: bool) -> Self {
        match line {
            Ok(Stored { entry, payload }) => Self::new("waiting", &entry, &payload, message),
            Err(id) => Self::damaged(id),
        }
    }

    fn of_letter(line: Line<DeadLetter>, message: bool) -> Self {
        match line {
            Ok(DeadLetter { stored: Stored { entry, payload }, died_ms, reason }) => Self {
                died_unix_ms: Some(died_ms),
                reason: Some(reason),
                ..Self::new("dead", &entry, &payload, message)
            },
            Err(id) => Self::damaged(id),
        }
    }

    fn new(state: &'static str, entry: &Entry, payload: &Bytes, message: bool) -> Self {
        let (message, bytes_hex) = if message { said(payload) } else { (None, None) };
        Self {
            id: entry.seq,
            state,
            entity: Some(entry.entity.to_string()),
            kind: Some(entry.kind.name()),
            size_bytes: Some(entry.size_bytes),
            accepted_unix_ms: Some(entry.stored_ms),
            died_unix_ms: None,
            reason: None,
            message,
            bytes_hex,
        }
    }

    fn damaged(id: u64) -> Self {
        Self {
            id,
            state: "damaged",
            entity: None,
            kind: None,
            size_bytes: None,
            accepted_unix_ms: None,
            died_unix_ms: None,
            reason: None,
            message: None,
            bytes_hex: None,
        }
    }
}

/// What a payload says, or its bytes.
fn said(payload: &Bytes) -> (Option<Box<RawValue>>, Option<String>) {
    // What was once taken stays readable when the limit of the configuration is lowered.
    let limits = Limits { max_message_bytes: usize::MAX, ..Limits::DEFAULT };
    let compact = notation::to_json(payload, &limits).ok().and_then(|text| {
        let value: Value = serde_json::from_str(&text).ok()?;
        serde_json::value::to_raw_value(&value).ok()
    });
    match compact {
        Some(message) => (Some(message), None),
        None => (None, Some(notation::to_hex(payload))),
    }
}
