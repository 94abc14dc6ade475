//! Providers of OpenTelemetry with their exporters and queues, and their end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider,
};

use super::client::{ClientThread, CollectorClient};
use crate::instruments::instruments;
use crate::settings::{Otlp, Settings};

/// What collects traces and metrics and sends them.
#[derive(Debug)]
pub(crate) struct Pipeline {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    client: ClientThread,
}

/// Why there can be no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PipelineError {
    #[error("{0} is no address that begins with http://; TLS to the collector is not offered")]
    Endpoint(String),
    #[error("the thread for telemetry cannot be started")]
    Thread(#[source] std::io::Error),
    #[error("the exporter for {signal} cannot be made")]
    Exporter { signal: &'static str, source: opentelemetry_otlp::ExporterBuildError },
}

impl Pipeline {
    /// Spans that wait for the collector; beyond that they are dropped.
    const QUEUED_SPANS: usize = 2048;
    /// Largest wait before a batch of spans goes out.
    const BATCH_DELAY: Duration = Duration::from_secs(2);

    /// Builds exporters, queues and providers; offers the instruments to the meter.
    pub(crate) fn start(settings: &Settings, otlp: &Otlp) -> Result<Self, PipelineError> {
        for endpoint in [&otlp.traces, &otlp.metrics].into_iter().flatten() {
            check(endpoint)?;
        }
        let (client, thread) = CollectorClient::start(otlp.timeout).map_err(PipelineError::Thread)?;
        let client: Arc<dyn HttpClient> = Arc::new(client);
        let resource = resource(settings);
        let traces =
            otlp.traces.as_deref().map(|endpoint| traces(otlp, endpoint, &client, &resource)).transpose()?;
        let metrics = otlp
            .metrics
            .as_deref()
            .map(|endpoint| metrics(otlp, endpoint, &client, &resource, settings.metrics_interval))
            .transpose()?;
        if let Some(metrics) = &metrics {
            instruments().export_to(&metrics.meter(SCOPE));
        }
        Ok(Self { traces, metrics, client: thread })
    }

    /// The tracer, when traces are exported.
    pub(crate) fn tracer(&self) -> Option<SdkTracer> {
        self.traces.as_ref().map(|traces| traces.tracer(SCOPE))
    }

    /// Sends what waits and stops; gives up after `deadline`. Says whether everything was sent.
    pub(crate) fn shutdown(self, deadline: Duration) -> bool {
        let Self { traces, metrics, client } = self;
        let (done, finished) = mpsc::channel();
        let stop = move || {
            // Each on a thread of its own: a flush blocks, and one that hangs must not hold up the other.
            let traces =
                traces.map(|traces| thread().spawn(move || traces.shutdown_with_timeout(deadline).is_ok()));
            let metrics = metrics.is_none_or(|metrics| metrics.shutdown_with_timeout(deadline).is_ok());
            let traces =
                traces.is_none_or(|thread| thread.is_ok_and(|thread| thread.join().unwrap_or(false)));
            // Nobody listens any more when the deadline has passed.
            let _ = done.send(traces && metrics);
        };
        let started = thread().spawn(stop).is_ok();
        let sent = started && finished.recv_timeout(deadline).unwrap_or(false);
        // Ends requests that still hang, and with them the threads that wait for them.
        drop(client);
        sent
    }
}

const SCOPE: &str = "edgebind";

fn check(endpoint: &str) -> Result<(), PipelineError> {
    let valid = endpoint
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
    if valid { Ok(()) } else { Err(PipelineError::Endpoint(endpoint.to_owned())) }
}

fn resource(settings: &Settings) -> Resource {
    let text = |name: &'static str, value: &str| KeyValue::new(name, value.to_owned());
    Resource::builder_empty()
        .with_attributes([
            text("service.name", &settings.service_name),
            text("service.version", &settings.service_version),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.language", "rust"),
        ])
        .with_attributes(
            settings
                .resource_attributes
                .iter()
                .map(|(name, value)| KeyValue::new(name.clone(), value.clone())),
        )
        .build()
}

fn traces(
    otlp: &Otlp,
    endpoint: &str,
    client: &Arc<dyn HttpClient>,
    resource: &Resource,
) -> Result<SdkTracerProvider, PipelineError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_shared_http_client(Arc::clone(client))
        .with_retry_policy(retry())
        .with_headers(headers(otlp))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(otlp.timeout)
        .build()
        .map_err(|source| PipelineError::Exporter { signal: "traces", source })?;
    let queue = BatchConfigBuilder::default()
        .with_max_queue_size(Pipeline::QUEUED_SPANS)
        .with_scheduled_delay(Pipeline::BATCH_DELAY)
        .build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(queue).build();
    // The decision fell before the span was made: see `trace`.
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_span_processor(processor)
        .with_resource(resource.clone())
        .build())
}

fn metrics(
    otlp: &Otlp,
    endpoint: &str,
    client: &Arc<dyn HttpClient>,
    resource: &Resource,
    interval: Duration,
) -> Result<SdkMeterProvider, PipelineError> {
    let exporter = MetricExporter::builder()
        .with_http()
        .with_shared_http_client(Arc::clone(client))
        .with_retry_policy(retry())
        .with_headers(headers(otlp))
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_timeout(otlp.timeout)
        .build()
        .map_err(|source| PipelineError::Exporter { signal: "metrics", source })?;
    let reader = PeriodicReader::builder(exporter).with_interval(interval).build();
    Ok(SdkMeterProvider::builder().with_reader(reader).with_resource(resource.clone()).build())
}

/// One more attempt, soon: what is lost then is lost, and the next batch comes anyway.
fn retry() -> RetryPolicy {
    RetryPolicy::recommended().with_max_retries(1)
}

fn headers(otlp: &Otlp) -> HashMap<String, String> {
    otlp.headers.iter().cloned().collect()
}

fn thread() -> std::thread::Builder {
    std::thread::Builder::new().name("telemetry-stop".to_owned())
}
