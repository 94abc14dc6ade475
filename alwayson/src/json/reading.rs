//! What the visitors of one text share: the place of a fault, the limits.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
};

use serde::de::{DeserializeSeed, Error};
use serde_json::value::RawValue;

use super::error::{JsonError, message, position};

/// One text being read; carries path and position of the first fault out of the visitors.
pub(super) struct Reading<'a> {
    text: &'a str,
    path: RefCell<String>,
    /// Message, line and column of a fault inside a part that was read a second time.
    inner: RefCell<Option<(String, usize, usize)>>,
    cells: Cell<usize>,
}

impl<'a> Reading<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, path: RefCell::new(String::new()), inner: RefCell::new(None), cells: Cell::new(0) }
    }

    /// The error to report after a visitor returned `error`.
    pub(super) fn fault(&self, error: &serde_json::Error) -> JsonError {
        let (message, line, column) = match self.inner.take() {
            Some(inner) => inner,
            None => (message(error), error.line(), error.column()),
        };
        JsonError::new(self.path.take(), message, line, column)
    }

    /// Puts a part in front of the path while an error passes upwards.
    pub(super) fn at(&self, part: impl Display) {
        let mut path = self.path.borrow_mut();
        let point = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        *path = format!("{part}{point}{path}");
    }

    /// Reads a part that was kept as text, with positions that count from the start of the whole text.
    pub(super) fn again<'de, S, E>(&self, raw: &'de RawValue, seed: S) -> Result<S::Value, E>
    where
        S: DeserializeSeed<'de>,
        E: Error,
    {
        let mut source = serde_json::Deserializer::from_str(raw.get());
        seed.deserialize(&mut source).map_err(|error| {
            let mut inner = self.inner.borrow_mut();
            if inner.is_none() {
                let (line, column) = self.start_of(raw.get());
                let within = if error.line() > 1 { error.column() } else { column - 1 + error.column() };
                *inner = Some((message(&error), line - 1 + error.line().max(1), within));
            }
            E::custom("")
        })
    }

    /// Counts cells of a row to come; rows of `{}` under a wide shape would else cost memory without end.
    pub(super) fn count_cells<E: Error>(&self, count: usize) -> Result<(), E> {
        let cells = self.cells.get().saturating_add(count);
        self.cells.set(cells);
        if cells > MAX_CELLS {
            return Err(E::custom(format_args!("more than {MAX_CELLS} cells")));
        }
        Ok(())
    }

    /// Checks the nesting of tables and variants.
    pub(super) fn check_depth<E: Error>(depth: u32) -> Result<(), E> {
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("more than {MAX_DEPTH} tables or variants in each other")));
        }
        Ok(())
    }

    fn start_of(&self, part: &str) -> (usize, usize) {
        // `part` is a slice of `text`, borrowed by the deserializer; the difference of addresses is its offset.
        let offset = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        position(self.text.as_bytes(), offset)
    }
}

/// Every cell is at least one byte on the wire, and a message has at most 1 MiB by default.
const MAX_CELLS: usize = 1 << 20;

/// Tables and variants in each other; three tables were seen in the field.
const MAX_DEPTH: u32 = 24;
