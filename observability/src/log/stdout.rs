//! Log lines on standard output, as the original script resource writes them (script resource notes, 1.8).

use std::io::{self, Write as _};

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::LogRecord;

/// Writes each line of the log to standard output.
pub(crate) struct StdoutLayer;

impl<S: Subscriber> Layer<S> for StdoutLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = format!("{}\n", LogRecord::of(event).lines());
        // Whoever reads may be gone; that must not stop the scripts.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }
}
