//! What the gateway tells about itself: log lines on standard error, traces and metrics by OTLP over HTTP, and the
//! instruments everything else counts with.
//!
//! Nothing here delays a message or grows: recording is an atomic addition, a span that is not sampled is never made,
//! and what waits for the collector waits in bounded queues whose overflow is dropped.
//!
//! This crate knows nothing of the configuration file; the composition root maps one to [`Settings`].

pub mod instruments;
pub mod log;
pub mod trace;

mod otlp;
mod settings;
mod telemetry;

pub use instruments::{Instruments, instruments};
pub use settings::{LogFormat, Otlp, Sampling, Settings};
pub use telemetry::{InitError, Telemetry, init};
