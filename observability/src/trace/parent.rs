//! The header `traceparent` (W3C Trace Context, level 1, section 3.2).

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};

/// The part of a trace that a caller brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    sampled: bool,
}

impl TraceParent {
    /// Reads the header's value; `None` when it is against the recommendation, and must then be ignored.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let sizes_fit = version.len() == 2 && trace.len() == 32 && span.len() == 16 && flags.len() == 2;
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !sizes_fit || ![version, trace, span, flags].into_iter().all(is_hex) || version == "ff" {
            return None;
        }
        // A later version may append something; version 0 may not.
        if version == "00" && parts.next().is_some() {
            return None;
        }
        let trace = TraceId::from_hex(trace).ok().filter(|&id| id != TraceId::INVALID)?;
        let span = SpanId::from_hex(span).ok().filter(|&id| id != SpanId::INVALID)?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace, span, sampled })
    }

    /// Whether the caller traces this request.
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    pub(super) fn from_context(context: &SpanContext) -> Self {
        Self { trace: context.trace_id(), span: context.span_id(), sampled: context.is_sampled() }
    }

    pub(super) fn context(&self) -> Context {
        // A span of ours below this one is made only when it is wanted, so it is sampled whatever the caller does.
        let state = TraceState::default();
        let remote = SpanContext::new(self.trace, self.span, TraceFlags::SAMPLED, true, state);
        Context::new().with_remote_span_context(remote)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_header_is_read_and_written_unchanged() {
        let parent = TraceParent::parse(GOOD).expect("it is good");
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), GOOD);
        assert!(!TraceParent::parse(&GOOD.replace("-01", "-00")).expect("it is good").is_sampled());
    }

    proptest::proptest! {
        #[test]
        fn any_header_is_read_without_panic_and_a_good_one_unchanged(
            any in ".{0,80}",
            version in "0[0-9a-f]",
            ids in "[0-9a-f]{32}-[0-9a-f]{16}",
            flags in 0_u8..,
        ) {
            let _ = TraceParent::parse(&any);
            if let Some(parent) = TraceParent::parse(&format!("{version}-{ids}-{flags:02x}")) {
                proptest::prop_assert_eq!(parent.to_string(), format!("00-{ids}-{:02x}", flags & 1));
            }
        }
    }

    #[test]
    fn what_is_against_the_recommendation_is_ignored() {
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-011",
            "00-0af7651916cd43dd8448eb211c8031éé-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
        let later = GOOD.replacen("00", "01", 1) + "-more";
        assert!(TraceParent::parse(&later).is_some(), "a later version may append");
    }
}
