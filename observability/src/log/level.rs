//! Which lines are written, changed while the process runs.

use std::sync::OnceLock;

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::reload;

static TURN: OnceLock<Vec<Turn>> = OnceLock::new();

type Turn = Box<dyn Fn(EnvFilter) + Send + Sync>;

/// Writes lines by another filter from now on: a level, or a list like `warn,edgebind_actors=debug`.
///
/// Nothing happens in a process without telemetry.
///
/// # Errors
///
/// What is wrong with the filter; the one before stays.
pub fn set(filter: &str) -> Result<(), ParseError> {
    // Each place has its own: a filter cannot be shared.
    for turn in TURN.get().into_iter().flatten() {
        turn(EnvFilter::try_new(filter)?);
    }
    Ok(())
}

/// Keeps the handles that [`set`] turns; the first ones count, for a process has one subscriber.
pub(crate) fn keep(turns: Vec<Turn>) {
    TURN.set(turns).unwrap_or_default();
}

/// What turns the filter of one place.
pub(crate) fn turn<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> Turn {
    // It fails only when the subscriber is gone, and then nothing writes.
    Box::new(move |filter| handle.reload(filter).unwrap_or_default())
}
