//! Maps the configuration to what the process tells about itself.

use edgebind_config::{LogFormat, Observability};
use edgebind_kernel::observe_restarts;
use edgebind_observability::{
    InitError, LogFormat as Format, Otlp, Sampling, Settings, Telemetry, init, instruments, instruments::Unit,
};
use secrecy::ExposeSecret;

/// Starts log, traces and metrics; `level` counts unless the configuration has a filter of its own.
pub(super) fn start(observability: &Observability, level: &str) -> Result<Telemetry, InitError> {
    let otlp = observability.otlp_endpoint.as_deref().map(|endpoint| Otlp {
        headers: observability
            .otlp_headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose_secret().to_owned()))
            .collect(),
        timeout: observability.otlp_timeout,
        ..Otlp::at(endpoint)
    });
    let settings = Settings {
        service_name: observability.service_name.clone(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        resource_attributes: observability.resource_attributes.clone().into_iter().collect(),
        log_format: match observability.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        },
        level: observability.log_filter.clone().unwrap_or_else(|| level.to_owned()),
        otlp,
        sampling: Sampling { ratio: observability.traces_sample_ratio, ..Sampling::default() },
        metrics_interval: observability.metrics_interval,
    };
    init(&settings.with_environment(crate::state_dir::environment()))
}

/// Counts each restart in the supervision tree by the kind of its unit.
pub(super) fn count_restarts() {
    observe_restarts(|kind| {
        instruments().restart(match kind {
            "link" => Unit::Link,
            "binder" => Unit::Binder,
            "delivery" => Unit::Delivery,
            "spool" => Unit::Spool,
            "thing" => Unit::Thing,
            "session" => Unit::Session,
            _ => Unit::Other,
        });
    });
}
