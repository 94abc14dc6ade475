//! What telemetry does, and how the usual `OTEL_…` variables change it.

use std::fmt;
use std::time::Duration;

/// What telemetry does. Start from [`Settings::default`], map the configuration onto it, then let the environment
/// have the last word with [`Settings::with_environment`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Name under which telemetry appears; default `edgebind`.
    pub service_name: String,
    /// Version of the program, `service.version`; default that of this crate.
    pub service_version: String,
    /// Further attributes of the resource; default none.
    pub resource_attributes: Vec<(String, String)>,
    /// Shape of log lines; default text.
    pub log_format: LogFormat,
    /// Which log lines are written, in the notation of `tracing` (`warn,edgebind_actors=debug`); default `info`.
    pub level: String,
    /// The collector; default none: nothing leaves the process.
    pub otlp: Option<Otlp>,
    /// Which requests are traced; default a tenth.
    pub sampling: Sampling,
    /// Time between exports of metrics; default 60 s.
    pub metrics_interval: Duration,
}

impl Settings {
    /// Lets the OpenTelemetry variables override what is set; a value nobody understands is left out.
    ///
    /// Read are `OTEL_SDK_DISABLED`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_ENDPOINT`,
    /// `OTEL_EXPORTER_OTLP_{TRACES,METRICS}_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT`,
    /// `OTEL_{TRACES,METRICS}_EXPORTER` (`none`), `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` and
    /// `OTEL_METRIC_EXPORT_INTERVAL`.
    #[must_use]
    pub fn with_environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<(String, String)> = variables
            .into_iter()
            .filter(|(name, value)| name.starts_with("OTEL_") && !value.is_empty())
            .collect();
        let get =
            |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        if let Some(attributes) = get("OTEL_RESOURCE_ATTRIBUTES") {
            for (name, value) in pairs(attributes) {
                if name == "service.name" {
                    self.service_name = value;
                } else {
                    self.resource_attributes.retain(|(known, _)| *known != name);
                    self.resource_attributes.push((name, value));
                }
            }
        }
        if let Some(name) = get("OTEL_SERVICE_NAME") {
            self.service_name = name.to_owned();
        }
        self.collector(&get);
        self.sampler(&get);
        if let Some(interval) = millis(get("OTEL_METRIC_EXPORT_INTERVAL")) {
            self.metrics_interval = interval;
        }
        self
    }

    fn collector<'a>(&mut self, get: &impl Fn(&str) -> Option<&'a str>) {
        if let Some(endpoint) = get("OTEL_EXPORTER_OTLP_ENDPOINT") {
            let known = self.otlp.take();
            let mut otlp = Otlp::at(endpoint);
            if let Some(known) = known {
                otlp.headers = known.headers;
                otlp.timeout = known.timeout;
            }
            self.otlp = Some(otlp);
        }
        for (variable, is_traces) in
            [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", true), ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", false)]
        {
            let Some(endpoint) = get(variable) else { continue };
            let otlp = self.otlp.get_or_insert_with(Otlp::nowhere);
            let place = if is_traces { &mut otlp.traces } else { &mut otlp.metrics };
            *place = Some(endpoint.to_owned());
        }
        let Some(otlp) = &mut self.otlp else { return };
        if let Some(headers) = get("OTEL_EXPORTER_OTLP_HEADERS") {
            for (name, value) in pairs(headers) {
                otlp.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
                otlp.headers.push((name, value));
            }
        }
        if let Some(timeout) = millis(get("OTEL_EXPORTER_OTLP_TIMEOUT")) {
            otlp.timeout = timeout;
        }
        if get("OTEL_TRACES_EXPORTER") == Some("none") {
            otlp.traces = None;
        }
        if get("OTEL_METRICS_EXPORTER") == Some("none") {
            otlp.metrics = None;
        }
        let disabled = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if disabled || (otlp.traces.is_none() && otlp.metrics.is_none()) {
            self.otlp = None;
        }
    }

    fn sampler<'a>(&mut self, get: &impl Fn(&str) -> Option<&'a str>) {
        let ratio = get("OTEL_TRACES_SAMPLER_ARG")
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|ratio| (0.0..=1.0).contains(ratio));
        let (ratio, follow_caller) = match get("OTEL_TRACES_SAMPLER") {
            Some("always_on") => (1.0, false),
            Some("always_off") => (0.0, false),
            Some("traceidratio") => (ratio.unwrap_or(1.0), false),
            Some("parentbased_always_on") => (1.0, true),
            Some("parentbased_always_off") => (0.0, true),
            Some("parentbased_traceidratio") => (ratio.unwrap_or(1.0), true),
            _ => (ratio.unwrap_or(self.sampling.ratio), self.sampling.follow_caller),
        };
        self.sampling = Sampling { ratio, follow_caller };
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service_name: "edgebind".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
            resource_attributes: Vec::new(),
            log_format: LogFormat::Text,
            level: "info".to_owned(),
            otlp: None,
            sampling: Sampling::default(),
            metrics_interval: Duration::from_secs(60),
        }
    }
}

/// Shape of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// As the original script resource writes them, on standard output.
    ScriptResource,
}

/// Which requests are traced. The decision falls before a span is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Part of requests, 0 to 1; default 0.1.
    pub ratio: f64,
    /// Whether a caller that sends `traceparent` decides for its own request; default true.
    pub follow_caller: bool,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { ratio: 0.1, follow_caller: true }
    }
}

/// A collector that takes OTLP over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// Full address for traces; none: no traces are exported.
    pub traces: Option<String>,
    /// Full address for metrics; none: no metrics are exported.
    pub metrics: Option<String>,
    /// Headers sent with every export; their values may be secret.
    pub headers: Vec<(String, String)>,
    /// Longest wait for the collector; default 10 s.
    pub timeout: Duration,
}

impl Otlp {
    /// A collector at a base address, `http://host:4318`: `/v1/traces` and `/v1/metrics` are added.
    pub fn at(endpoint: &str) -> Self {
        let base = endpoint.trim_end_matches('/');
        Self {
            traces: Some(format!("{base}/v1/traces")),
            metrics: Some(format!("{base}/v1/metrics")),
            ..Self::nowhere()
        }
    }

    fn nowhere() -> Self {
        Self { traces: None, metrics: None, headers: Vec::new(), timeout: Duration::from_secs(10) }
    }
}

impl fmt::Debug for Otlp {
    /// Shows the names of headers, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Otlp")
            .field("traces", &self.traces)
            .field("metrics", &self.metrics)
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Reads `name=value,name=value` with percent escapes in values, as OpenTelemetry writes it.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then(|| (name.to_owned(), unescape(value.trim())))
    })
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let escaped =
            (first == b'%').then(|| tail.split_at_checked(2)).flatten().and_then(|(digits, after)| {
                let value = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                Some((value, after))
            });
        match escaped {
            Some((value, after)) => {
                bytes.push(value);
                rest = after;
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn millis(text: Option<&str>) -> Option<Duration> {
    text?.parse().ok().filter(|&millis| millis > 0).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Settings {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::default().with_environment(owned)
    }

    #[test]
    fn an_endpoint_serves_both_signals_until_one_is_named_or_switched_off() {
        let otlp = with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/")]).otlp.expect("a collector");
        assert_eq!(otlp.traces.as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(otlp.metrics.as_deref(), Some("http://c:4318/v1/metrics"));
        let otlp = with(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ])
        .otlp
        .expect("a collector");
        assert_eq!((otlp.traces.as_deref(), otlp.metrics), (Some("http://t/x"), None));
        let otlp = with(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://m/x")]).otlp.expect("a collector");
        assert_eq!((otlp.traces, otlp.metrics.as_deref()), (None, Some("http://m/x")));
    }

    #[test]
    fn disabled_means_that_nothing_is_exported() {
        for disabled in ["true", "TRUE"] {
            let settings =
                with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_SDK_DISABLED", disabled)]);
            assert_eq!(settings.otlp, None);
        }
        assert_eq!(with(&[]).otlp, None);
    }

    #[test]
    fn names_headers_and_attributes_come_from_the_environment() {
        let settings = with(&[
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,site=Ulm%20West, ,broken"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret%3D,x=1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ]);
        assert_eq!(settings.service_name, "a");
        assert_eq!(settings.resource_attributes, [("site".to_owned(), "Ulm West".to_owned())]);
        assert_eq!(settings.metrics_interval, Duration::from_secs(60), "0 is no interval");
        let otlp = settings.otlp.clone().expect("a collector");
        assert_eq!(otlp.headers[0], ("api-key".to_owned(), "s3cret=".to_owned()));
        assert_eq!(otlp.timeout, Duration::from_millis(250));
        assert!(!format!("{settings:?}").contains("s3cret"));
        assert_eq!(
            with(&[("OTEL_SERVICE_NAME", "b"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a")]).service_name,
            "b"
        );
    }

    #[test]
    fn the_usual_samplers_are_known() {
        let sampling = |sampler, arg| {
            with(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", arg)]).sampling
        };
        assert_eq!(sampling("always_on", ""), Sampling { ratio: 1.0, follow_caller: false });
        assert_eq!(sampling("parentbased_always_off", ""), Sampling { ratio: 0.0, follow_caller: true });
        assert_eq!(sampling("traceidratio", "0.25"), Sampling { ratio: 0.25, follow_caller: false });
        assert_eq!(sampling("parentbased_traceidratio", "7"), Sampling { ratio: 1.0, follow_caller: true });
        assert_eq!(sampling("nonsense", ""), Sampling::default());
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(unescape("%"), "%");
        assert_eq!(unescape("a%2"), "a%2");
        assert_eq!(unescape("%zz%41"), "%zzA");
        assert_eq!(unescape("%é"), "%é");
    }
}
