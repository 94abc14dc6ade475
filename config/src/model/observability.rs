//! Group `observability`, ours: logs, traces and metrics. The usual `OTEL_…` variables are read elsewhere and win.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::millis;

/// What the gateway tells about itself, and to whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Observability {
    /// Collector for OTLP over HTTP, `http://host:4318`; `/v1/traces` and `/v1/metrics` are added; default none:
    /// nothing is exported.
    pub otlp_endpoint: Option<String>,
    /// Headers sent to the collector, as a table or as `name=value,name=value`; default none.
    pub otlp_headers: BTreeMap<String, SecretString>,
    /// Longest wait for the collector; default 10000 ms; 1 to 600 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub otlp_timeout: Duration,
    /// Name under which telemetry appears; default `edgebind`.
    pub service_name: String,
    /// Further attributes of the resource, as a table or as `name=value,name=value`; default none.
    pub resource_attributes: BTreeMap<String, String>,
    /// Shape of log lines on standard error, `text` (default) or `json`.
    pub log_format: LogFormat,
    /// Filter in the notation of `tracing` (`warn,edgebind_actors=debug`); default none: `logger.level`.
    pub log_filter: Option<String>,
    /// Part of requests that are traced; default 0.1; 0 to 1. Effective with a collector only.
    pub traces_sample_ratio: f64,
    /// Time between exports of metrics; default 60000 ms; 100 to 86 400 000.
    #[serde(deserialize_with = "millis::deserialize")]
    pub metrics_interval: Duration,
}

impl Default for Observability {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_headers: BTreeMap::new(),
            otlp_timeout: Duration::from_millis(10_000),
            service_name: "edgebind".to_owned(),
            resource_attributes: BTreeMap::new(),
            log_format: LogFormat::Text,
            log_filter: None,
            traces_sample_ratio: 0.1,
            metrics_interval: Duration::from_millis(60_000),
        }
    }
}

/// Shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
