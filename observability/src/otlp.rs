//! Traces and metrics on their way to a collector: exporters of OpenTelemetry over an HTTP client of our own, so that
//! no second HTTP stack comes with telemetry.

mod client;
mod health;
mod pipeline;

pub(crate) use pipeline::{Pipeline, PipelineError};
