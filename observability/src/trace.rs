//! Spans along the path of a request: local caller, gateway, platform, gateway, agent.
//!
//! Whether a request is traced is decided before its first span is made, because a span costs a microsecond even when
//! nobody wants it. What is not traced is [`Span::none`], which costs nothing; spans below it are none as well.

pub mod attribute;
mod parent;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use opentelemetry::trace::TraceContextExt as _;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

pub use parent::TraceParent;

use crate::instruments::Outcome;
use crate::settings::Sampling;

/// Target of every span of ours; spans of other targets are not exported.
pub const TARGET: &str = "edgebind::trace";

/// Name of the HTTP header that carries a trace (W3C Trace Context).
pub const TRACEPARENT: &str = "traceparent";

/// Makes the span of a request that a local caller or an agent sent. `route` is the pattern of the path, not the path.
///
/// `traceparent` is the caller's header as it came; a broken one counts as none.
pub fn span_http_receive(method: &str, route: &str, traceparent: Option<&str>) -> Span {
    let parent = traceparent.and_then(TraceParent::parse);
    if !is_sampled(parent.as_ref()) {
        return Span::none();
    }
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "http receive",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        { attribute::HTTP_REQUEST_METHOD } = method,
        { attribute::HTTP_ROUTE } = route,
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::THING } = Empty,
        { attribute::OUTCOME } = Empty,
    );
    if let Some(parent) = parent {
        // Refused only for a span that was entered already or has no layer; then it is a root, which is no loss.
        let _ = span.set_parent(parent.context());
    }
    span
}

/// Makes the span of a request that the platform sent: the first one, for the platform's protocol carries no trace.
pub fn span_platform_receive(kind: &str, thing: &str, name: &str) -> Span {
    if !is_sampled(None) {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        parent: None,
        "platform receive",
        otel.name = format!("{kind} from platform"),
        otel.kind = "server",
        otel.status_code = Empty,
        { attribute::THING } = thing,
        { attribute::CHARACTERISTIC } = name,
        { attribute::CODE } = Empty,
        { attribute::OUTCOME } = Empty,
    )
}

/// Makes the span of a request to the platform, below `above`.
pub fn span_platform_send(above: &Span, kind: &str, thing: &str, name: &str) -> Span {
    if above.is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        parent: above,
        "platform send",
        otel.name = format!("{kind} to platform"),
        otel.kind = "client",
        otel.status_code = Empty,
        { attribute::THING } = thing,
        { attribute::CHARACTERISTIC } = name,
        { attribute::CODE } = Empty,
        { attribute::OUTCOME } = Empty,
    )
}

/// Makes the span of a request to an agent, below `above`.
pub fn span_http_send(above: &Span, method: &str, host: &str, port: u16) -> Span {
    if above.is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        parent: above,
        "http send",
        otel.name = format!("{method} to agent"),
        otel.kind = "client",
        otel.status_code = Empty,
        { attribute::HTTP_REQUEST_METHOD } = method,
        { attribute::SERVER_ADDRESS } = host,
        { attribute::SERVER_PORT } = port,
        { attribute::HTTP_RESPONSE_STATUS_CODE } = Empty,
        { attribute::OUTCOME } = Empty,
    )
}

/// Makes a span for a step inside the gateway, below `above`.
pub fn span_step(above: &Span, step: &'static str) -> Span {
    if above.is_none() {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        parent: above,
        "step",
        otel.name = step,
        otel.kind = "internal",
        otel.status_code = Empty,
        { attribute::OUTCOME } = Empty,
    )
}

/// Notes which thing a request is about, once the path is understood.
pub fn record_thing(span: &Span, thing: &str) {
    span.record(attribute::THING, thing);
}

/// Notes how an HTTP request ended.
pub fn record_status(span: &Span, status: u16) {
    if !span.is_none() {
        span.record(attribute::HTTP_RESPONSE_STATUS_CODE, status);
        record_outcome(span, Outcome::of_status(status));
    }
}

/// Notes how a request of the platform's protocol ended.
pub fn record_code(span: &Span, code: u8) {
    if !span.is_none() {
        span.record(attribute::CODE, format_args!("{code:02X}"));
        record_outcome(span, Outcome::of_code(code));
    }
}

/// Notes how a step ended.
pub fn record_outcome(span: &Span, outcome: Outcome) {
    if span.is_none() {
        return;
    }
    span.record(attribute::OUTCOME, outcome.as_str());
    if !matches!(outcome, Outcome::Success | Outcome::Stored) {
        span.record("otel.status_code", "ERROR");
    }
}

/// Value of `traceparent` for an outgoing request made in `span`; `None` when it is not traced.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_none() {
        return None;
    }
    let context = span.context();
    let span = context.span();
    let known = span.span_context();
    known.is_valid().then(|| TraceParent::from_context(known).to_string())
}

/// Decides from now on which requests are traced.
pub(crate) fn sample(sampling: Sampling) {
    THRESHOLD.store(threshold(sampling.ratio), Ordering::Relaxed);
    FOLLOW_CALLER.store(sampling.follow_caller, Ordering::Relaxed);
}

/// Traces nothing from now on.
pub(crate) fn sample_nothing() {
    sample(Sampling { ratio: 0.0, follow_caller: false });
}

/// Whether a request is traced: its caller says so, or chance does.
fn is_sampled(parent: Option<&TraceParent>) -> bool {
    match parent {
        Some(parent) if FOLLOW_CALLER.load(Ordering::Relaxed) => parent.is_sampled(),
        _ => match THRESHOLD.load(Ordering::Relaxed) {
            0 => false,
            u64::MAX => true,
            threshold => fastrand::u64(..) < threshold,
        },
    }
}

/// The part of all 64-bit numbers that is below the threshold is `ratio`.
fn threshold(ratio: f64) -> u64 {
    if ratio >= 1.0 {
        return u64::MAX;
    }
    // A ratio in millionths is fine enough, and exact without casts.
    let millionths: u64 = format!("{:.0}", ratio.max(0.0) * 1e6).parse().unwrap_or(0);
    (u64::MAX / 1_000_000).saturating_mul(millionths)
}

static THRESHOLD: AtomicU64 = AtomicU64::new(0);
static FOLLOW_CALLER: AtomicBool = AtomicBool::new(false);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_collector_every_span_is_none() {
        let span =
            span_http_receive("GET", "/x", Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(span.is_none());
        assert!(span_platform_send(&span, "read", "t", "p").is_none());
        assert!(span_http_send(&span, "GET", "h", 1).is_none());
        assert!(span_step(&span, "s").is_none());
        assert!(span_platform_receive("call", "t", "s").is_none());
        assert_eq!(traceparent(&span), None);
        record_status(&span, 200);
        record_code(&span, 0x40);
    }

    #[test]
    fn the_threshold_is_the_ratio() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(-1.0), 0);
        assert_eq!(threshold(f64::NAN), 0);
        assert_eq!(threshold(1.0), u64::MAX);
        let half = threshold(0.5);
        assert!(half > u64::MAX / 2 - u64::MAX / 1000 && half < u64::MAX / 2 + u64::MAX / 1000);
        assert!(threshold(0.000_001) > 0);
    }
}
