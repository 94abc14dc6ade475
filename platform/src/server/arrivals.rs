//! The arrival log: what edges delivered, written before they are told that it was taken.
//!
//! A test that kills the platform asks this file what had arrived: whatever an edge was told is taken stands in it, in the
//! order in which it was taken. It is not synced: it outlives the process, not the machine.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use edgebind_alwayson::{Characteristic, Method, Request, Value};
use edgebind_kernel::clock;
use serde::Serialize;
use serde_json::value::RawValue;

use super::rest::event_data;
use crate::model::{Change, ConnectionId, value_as_json};

/// An open arrival log; the caller keeps the order, by the lock of the model.
#[derive(Debug)]
pub(super) struct Arrivals {
    file: File,
    run: String,
}

/// One line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Arrival<'a> {
    /// Process of the platform: numbers of connections count anew in each.
    run: &'a str,
    connection: u64,
    at_ms: i64,
    request: &'static str,
    thing: &'a str,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'a> {
    Value {
        property: &'a str,
        #[serde(serialize_with = "value_as_json")]
        value: &'a Value,
        time: Option<i64>,
    },
    Event {
        event: &'a str,
        data: Box<RawValue>,
    },
}

impl Arrivals {
    /// Opens the file at its end, or makes it.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        if file.metadata()?.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // The platform before this one was killed in the middle of a line, which it had not confirmed yet.
                file.write_all(b"\n")?;
            }
        }
        let run = format!("{}-{}", std::process::id(), clock::unix_millis());
        Ok(Self { file, run })
    }

    /// Writes what a request of an edge changed.
    ///
    /// # Errors
    ///
    /// As the system says; then the edge must not be told that it was taken.
    pub(super) fn note(
        &self,
        connection: ConnectionId,
        request: &Request,
        changes: &[Change],
    ) -> io::Result<()> {
        let at_ms = clock::unix_millis();
        let mut lines = Vec::new();
        for change in changes {
            let what = match change {
                Change::Value { property, sample, .. } => {
                    What::Value { property, value: &sample.value, time: sample.time }
                }
                Change::Event { event, data, .. } => What::Event { event, data: event_data(data) },
                _ => continue,
            };
            let (run, connection, request, thing) =
                (self.run.as_str(), connection.0, kind(request), change.thing());
            let arrival = Arrival { run, connection, at_ms, request, thing, what };
            serde_json::to_writer(&mut lines, &arrival)?;
            lines.push(b'\n');
        }
        // One write, so that a kill cuts at most the last line.
        if lines.is_empty() { Ok(()) } else { (&self.file).write_all(&lines) }
    }
}

/// What kind of request it was (the table of deliveries has one column for each).
fn kind(request: &Request) -> &'static str {
    match (request.characteristic, request.method) {
        (Characteristic::Properties, Method::Put) => "write",
        (Characteristic::Events, _) => "event",
        (Characteristic::Services, _) if request.name.starts_with("UpdateSubscribedPropertyValues") => "push",
        _ => "call",
    }
}
