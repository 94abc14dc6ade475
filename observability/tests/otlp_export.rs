//! What a collector receives: our spans, our instruments, the resource and the headers.

#![allow(clippy::indexing_slicing, reason = "a missing element fails the test, as it should")]

#[path = "support/collector.rs"]
mod collector;

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};

use collector::Collector;
use edgebind_observability::instruments::{Direction, Outcome, RequestKind};
use edgebind_observability::{LogFormat, Otlp, Sampling, Settings, init, instruments, trace};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_collector_receives_spans_and_instruments_with_names_and_units() {
    let collector = Collector::start();
    let mut otlp = Otlp::at(&collector.address);
    otlp.headers.push(("api-key".to_owned(), "k1".to_owned()));
    let telemetry = init(&Settings {
        service_name: "test-gateway".to_owned(),
        resource_attributes: vec![("site".to_owned(), "Ulm".to_owned())],
        log_format: LogFormat::Json,
        otlp: Some(otlp),
        sampling: Sampling { ratio: 1.0, follow_caller: true },
        ..Settings::default()
    })
    .expect("telemetry starts");
    assert!(telemetry.is_exporting());

    let receive =
        trace::span_http_receive("PUT", "/Thingworx/Things/{thing}/Properties/{name}", Some(CALLER));
    trace::record_thing(&receive, "Boiler");
    let send = trace::span_platform_send(&receive, "write", "Boiler", "temperature");
    let onward = trace::traceparent(&send).expect("it is traced");
    assert!(onward.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{onward}");
    trace::record_code(&send, 0xA4);
    drop(send);
    trace::record_status(&receive, 504);
    drop(receive);
    let unwanted = trace::span_http_receive("GET", "/x", Some(&CALLER.replace("-01", "-00")));
    assert!(unwanted.is_none(), "the caller does not trace it");
    instruments().link_up(true);
    instruments().bind(0x40, 3);
    instruments().request(Direction::Up, RequestKind::Write, Outcome::Timeout, Duration::from_millis(20));

    assert!(telemetry.shutdown(Duration::from_secs(20)), "everything is sent");
    let exports: Vec<collector::Export> = collector.exports.try_iter().collect();
    assert!(!exports.is_empty() && exports.iter().all(|(_, key, _)| key.as_deref() == Some("k1")));
    check_spans(&exports);
    check_metrics(&exports);
}

fn check_spans(exports: &[collector::Export]) {
    let requests: Vec<ExportTraceServiceRequest> = bodies(exports, "/v1/traces");
    let resource = requests[0].resource_spans[0].resource.as_ref().expect("a resource");
    assert_eq!(text(&resource.attributes, "service.name"), "test-gateway");
    assert_eq!(text(&resource.attributes, "site"), "Ulm");
    let spans: Vec<&Span> = requests
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|of_resource| &of_resource.scope_spans)
        .flat_map(|of_scope| &of_scope.spans)
        .collect();
    assert_eq!(spans.len(), 2);
    let named = |name: &str| *spans.iter().find(|span| span.name == name).expect("the span is there");
    let receive = named("PUT /Thingworx/Things/{thing}/Properties/{name}");
    let send = named("write to platform");
    assert_eq!(hex(&receive.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&receive.parent_span_id), "b7ad6b7169203331");
    assert_eq!(send.parent_span_id, receive.span_id);
    assert_eq!(send.trace_id, receive.trace_id);
    assert_eq!((receive.kind, send.kind), (2, 3), "server, client");
    assert_eq!(text(&receive.attributes, trace::attribute::THING), "Boiler");
    assert_eq!(text(&receive.attributes, trace::attribute::HTTP_RESPONSE_STATUS_CODE), "504");
    assert_eq!(text(&send.attributes, trace::attribute::CODE), "A4");
    assert_eq!(text(&send.attributes, trace::attribute::CHARACTERISTIC), "temperature");
    let status = receive.status.as_ref().expect("a status");
    assert_eq!(status.code(), StatusCode::Error);
}

fn check_metrics(exports: &[collector::Export]) {
    let requests: Vec<ExportMetricsServiceRequest> = bodies(exports, "/v1/metrics");
    let metrics: Vec<&Metric> = requests
        .iter()
        .flat_map(|request| &request.resource_metrics)
        .flat_map(|of_resource| &of_resource.scope_metrics)
        .flat_map(|of_scope| &of_scope.metrics)
        .collect();
    let named =
        |name: &str| *metrics.iter().rev().find(|metric| metric.name == name).expect("the metric is there");
    for definition in edgebind_observability::instruments::ALL {
        if let Some(metric) = metrics.iter().find(|metric| metric.name == definition.name) {
            assert_eq!(
                (metric.unit.as_str(), metric.description.as_str()),
                (definition.unit, definition.help)
            );
        }
    }
    let Some(Data::Sum(binds)) = &named("edgebind.bind.results").data else { panic!("no sum") };
    assert!(binds.is_monotonic);
    assert_eq!(text(&binds.data_points[0].attributes, "code"), "40");
    assert_eq!(binds.data_points[0].value, Some(number_data_point::Value::AsInt(3)));
    let Some(Data::Gauge(link)) = &named("edgebind.link.up").data else { panic!("no gauge") };
    assert_eq!(link.data_points[0].value, Some(number_data_point::Value::AsInt(1)));
    let Some(Data::Histogram(durations)) = &named("edgebind.request.duration").data else {
        panic!("no histogram")
    };
    assert_eq!(durations.data_points[0].count, 1);
    assert_eq!(durations.data_points[0].sum, Some(0.02));
    assert_eq!(text(&durations.data_points[0].attributes, "kind"), "write");
}

fn bodies<T: prost::Message + Default>(exports: &[collector::Export], wanted: &str) -> Vec<T> {
    let requests: Vec<T> = exports
        .iter()
        .filter(|(path, ..)| path == wanted)
        .map(|(_, _, body)| T::decode(body.as_slice()).expect("protobuf"))
        .collect();
    assert!(!requests.is_empty(), "nothing came to {wanted}");
    requests
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let attribute = attributes.iter().find(|attribute| attribute.key == name);
    let value = attribute.unwrap_or_else(|| panic!("{name} is missing in {attributes:?}")).value.as_ref();
    match value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(Value::IntValue(number)) }) => number.to_string(),
        other => panic!("{name} is {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
