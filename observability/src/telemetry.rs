//! The start and the end of telemetry in a process.

use std::io::IsTerminal as _;
use std::time::Duration;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::log::level;
use crate::otlp::{Pipeline, PipelineError};
use crate::settings::{LogFormat, Settings};
use crate::trace;

/// Telemetry of this process; keep it, and end it with [`Telemetry::shutdown`].
#[derive(Debug)]
#[must_use = "without it nothing is flushed at the end"]
pub struct Telemetry {
    pipeline: Option<Pipeline>,
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The filter for log lines is no filter.
    #[error(
        "\"{level}\" is no filter for log lines; allowed is a level or a list like warn,edgebind_actors=debug"
    )]
    Level {
        /// What was found.
        level: String,
        /// What the parser says.
        source: tracing_subscriber::filter::ParseError,
    },
    /// A process has one subscriber, and it has one already.
    #[error("log lines of this process go somewhere else already")]
    AlreadyStarted(#[source] tracing_subscriber::util::TryInitError),
    /// There can be no export; log lines are written nevertheless.
    #[error("telemetry cannot be exported: {reason}")]
    Export {
        /// What is wrong with the collector's settings.
        reason: String,
        /// The error below, when there is one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

/// Starts writing log lines (to standard error, but for [`LogFormat::ScriptResource`]) and, with a collector, exporting traces and metrics.
///
/// # Errors
///
/// [`InitError`]. With [`InitError::Export`] log lines are written already: the caller may say so and go on.
pub fn init(settings: &Settings) -> Result<Telemetry, InitError> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|source| InitError::Level { level: settings.level.clone(), source })?;
    let kept = EnvFilter::try_new(&settings.level)
        .map_err(|source| InitError::Level { level: settings.level.clone(), source })?;
    let (filter, lines_handle) = reload::Layer::new(filter);
    let (kept, kept_handle) = reload::Layer::new(kept);
    let pipeline = match &settings.otlp {
        Some(otlp) => Pipeline::start(settings, otlp).map(Some),
        None => Ok(None),
    };
    let (pipeline, trouble) = match pipeline {
        Ok(pipeline) => (pipeline, None),
        Err(error) => (None, Some(error)),
    };
    let tracer = pipeline.as_ref().and_then(Pipeline::tracer);
    let is_traced = tracer.is_some();
    // Spans of ours only: libraries below make many, and theirs tell nobody anything here.
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == trace::TARGET))
    });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::ScriptResource => crate::log::stdout::StdoutLayer.with_filter(filter).boxed(),
    };
    // The files come first: their filter is turned while the process runs, and its handle knows the type below it.
    tracing_subscriber::registry()
        .with(crate::log::file::layer())
        .with(lines)
        .with(crate::log::ring::RingLayer.with_filter(kept))
        .with(spans)
        .try_init()
        .map_err(InitError::AlreadyStarted)?;
    level::keep(vec![level::turn(lines_handle), level::turn(kept_handle)]);
    if is_traced {
        trace::sample(settings.sampling);
    }
    match trouble {
        None => Ok(Telemetry { pipeline }),
        Some(error) => Err(export_error(error)),
    }
}

impl Telemetry {
    /// Sends what still waits for the collector and stops; gives up after `deadline`. Says whether everything was
    /// sent; without a collector that is so at once.
    ///
    /// Blocks the calling thread: call it after the tree has stopped.
    pub fn shutdown(self, deadline: Duration) -> bool {
        trace::sample_nothing();
        self.pipeline.is_none_or(|pipeline| pipeline.shutdown(deadline))
    }

    /// Whether traces or metrics leave the process.
    pub fn is_exporting(&self) -> bool {
        self.pipeline.is_some()
    }
}

fn export_error(error: PipelineError) -> InitError {
    let reason = error.to_string();
    let source: Option<Box<dyn std::error::Error + Send + Sync>> = match error {
        PipelineError::Thread(source) => Some(Box::new(source)),
        PipelineError::Exporter { source, .. } => Some(Box::new(source)),
        _ => None,
    };
    InitError::Export { reason, source }
}
