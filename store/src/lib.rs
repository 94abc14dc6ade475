//! The durable store of edgebind: what was accepted is on disk before it is answered, and stays until the platform has it.
//!
//! * [`Spool`]: a thread that keeps records, dead letters and the journal of registrations in one SQLite file, with group
//!   commit, checksums, bounds, and failures that are told apart and heal.
//! * [`Order`]: the pure decisions of delivery: what is sent next, what waits behind what, what is given up.
//! * [`View`]: read-only listing, also while the gateway runs; [`salvage`]: reading what is left of a damaged file.
//! * [`read_offline_messages`]: the offline store of the original program.
//!
//! Payloads are opaque bytes: this crate knows neither the protocol nor actors nor a runtime.
//!
//! ```
//! # #![allow(clippy::disallowed_methods)]
//! use edgebind_store::{Clock, Kind, Options, Record, Spool};
//!
//! let folder = tempfile::tempdir()?;
//! // In a program: `Clock { now: edgebind_kernel::clock::now, unix_ms: edgebind_kernel::clock::unix_millis }`.
//! let clock = Clock { now: std::time::Instant::now, unix_ms: || 1_700_000_000_000 };
//! let (spool, opened) = Spool::open(Options::new(folder.path(), clock))?;
//! assert!(opened.entries.is_empty());
//! let record = Record { entity: "Things/Pump-1".into(), kind: Kind::Push, payload: b"values"[..].into() };
//! let entry = spool.append_blocking(record)?; // on disk from here on
//! let back = spool.wait(|spool, done| spool.read(vec![entry.seq], done))?;
//! assert_eq!(&back.records[0].payload[..], b"values");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clock;
mod error;
mod fail_point;
mod import;
mod order;
mod record;
mod salvage;
mod spool;
mod view;

pub use clock::Clock;
pub use error::StoreError;
pub use fail_point::fail_point;
pub use import::{
    OFFLINE_FILE_NAME, OfflineMessages, mark_imported, parse_offline_messages, read_offline_messages,
};
pub use order::{Action, Admission, Answer, Flight, Id, Limits, Order, Progress, Reason, Waiting};
pub use record::{DeadLetter, Entry, JournalEntry, Kind, Record, Stored};
pub use salvage::{Salvaged, salvage};
pub use spool::{Event, FILE_NAME, Health, LOCK_NAME, Opened, Options, ReadBack, Spool, State};
pub use view::{EntitySummary, Line, Summary, View};
