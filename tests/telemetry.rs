//! What a collector learns of a running gateway: spans along the path of a request, and what is counted.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "../observability/tests/support/collector.rs"]
mod collector;
#[path = "support/all.rs"]
mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

use collector::Collector;
use edgebind_kernel::clock;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value as Attribute},
    metrics::v1::{NumberDataPoint, metric::Data, number_data_point},
    trace::v1::Span,
};
use prost::Message as _;
use serde_json::json;
use support::{Request, SOON, Site, free_port, remote_thing, result, wait_until};

#[test]
fn spans_follow_a_request_through_the_gateway_in_both_directions() {
    let (site, mut seen, _running) = traced();
    let _agent = site.agents(&["--name", "Pump", "--rate", "5"]);
    let rest = site.rest();
    rest.connected("Pump", true);
    rest.moves("Pump", "count");
    assert_eq!(result(&rest.call("Pump", "Add", &json!({ "a": 1, "b": 2 }))), 3);

    let up = seen.pair("POST /Thingworx/", "push to platform");
    assert_eq!(text(&up.inner.attributes, "edgebind.thing"), "Pump");
    assert_eq!(text(&up.inner.attributes, "edgebind.code"), "40");
    assert_eq!(text(&up.outer.attributes, "http.response.status_code"), "200");
    assert_eq!(text(&up.outer.attributes, "edgebind.outcome"), "success");

    let down = seen.pair("call from platform", "POST to agent");
    assert_eq!(text(&down.outer.attributes, "edgebind.thing"), "Pump");
    assert_eq!(text(&down.inner.attributes, "server.address"), "127.0.0.1");
    assert_eq!(text(&down.inner.attributes, "http.response.status_code"), "200");
    for span in [&up.outer, &up.inner, &down.outer, &down.inner] {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
    }
}

#[test]
fn a_caller_s_trace_goes_on_through_the_gateway() {
    let (site, mut seen, _running) = traced();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = Request::get("/Thingworx/Things/Pump/Properties/label")
        .header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
    assert_eq!(site.local().send(&request).status, 200);
    // A broken one is none: the request is served, in a trace of its own.
    let broken = Request::get("/Thingworx/Things/Pump/Properties/label").header("traceparent", "00-zz-1-01");
    assert_eq!(site.local().send(&broken).status, 200);

    let of_caller = |span: &Span| hex(&span.trace_id) == trace;
    let receive = seen.span("the caller's", |span| of_caller(span) && span.name.starts_with("GET "));
    assert_eq!(hex(&receive.parent_span_id), "b7ad6b7169203331");
    let send = seen.span("what follows from it", |span| of_caller(span) && span.name == "read to platform");
    assert_eq!(send.parent_span_id, receive.span_id);
    seen.span("the other caller's", |span| {
        span.name.starts_with("GET ") && !of_caller(span) && span.parent_span_id.is_empty()
    });
}

#[test]
fn an_agent_is_told_the_trace_of_a_platform_s_request() {
    let (site, mut seen, _running) = traced();
    let (address, heads) = target();
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    let body = json!({ "name": "Pump", "host": "127.0.0.1", "port": port, "path": "/x" });
    assert_eq!(site.local().post("LocalEms/Services/AddEdgeThing", &body).status, 200);
    site.rest().connected("Pump", true);
    assert_eq!(site.rest().call("Pump", "Add", &json!({ "a": 1, "b": 2 })).status, 200);
    let head = wait_until("the call at the agent", || {
        heads.try_iter().find(|head| head.starts_with("post /x/things/pump/services/add "))
    });
    let parent =
        head.lines().find_map(|line| line.strip_prefix("traceparent: ")).expect("a header traceparent");
    let parts: Vec<&str> = parent.trim().split('-').collect();
    assert!(matches!(parts[..], ["00", _, _, "01"]), "{parent}");
    let send = seen.span("the one that the agent was told", |span| hex(&span.span_id) == parts[2]);
    assert_eq!((hex(&send.trace_id).as_str(), send.name.as_str()), (parts[1], "POST to agent"));
}

#[test]
fn requests_and_values_are_counted_by_direction_kind_and_outcome() {
    let (site, mut seen, _running) = traced();
    let _agent = site.agents(&["--name", "Pump", "--rate", "5"]);
    let rest = site.rest();
    rest.connected("Pump", true);
    for _ in 0..7 {
        assert_eq!(rest.call("Pump", "Add", &json!({ "a": 1, "b": 2 })).status, 200);
    }
    assert_eq!(rest.call("Pump", "Fail", &json!({})).status, 500);
    assert_eq!(site.local().get("Pump/Properties/nope").status, 404);
    rest.moves("Pump", "count");

    let add = |point: &NumberDataPoint| {
        is(point, "down", "call") && text(&point.attributes, "outcome") == "success"
    };
    let calls = seen.counted("edgebind.requests", add, 7);
    assert!(calls < 20, "{calls} calls, NotifyPropertyUpdate included");
    let failed = |point: &NumberDataPoint| {
        is(point, "down", "call") && text(&point.attributes, "outcome") != "success"
    };
    assert_eq!(seen.counted("edgebind.requests", failed, 1), 1);
    let unknown =
        |point: &NumberDataPoint| is(point, "up", "read") && text(&point.attributes, "outcome") != "success";
    assert_eq!(seen.counted("edgebind.requests", unknown, 1), 1);
    let pushes = |point: &NumberDataPoint| is(point, "up", "push");
    seen.counted("edgebind.requests", pushes, 2);
    seen.counted("edgebind.values.pushed", |_| true, 4);
    seen.counted("edgebind.bind.results", |point| text(&point.attributes, "code") == "40", 2);
}

#[test]
fn a_collector_that_is_not_there_disturbs_nobody() {
    let site = Site::new([remote_thing("Pump")]);
    let _platform = site.platform();
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let mut gateway = site.gateway_in(&environment(&nowhere));
    site.ready(&gateway);
    let _agent = site.agents(&["--name", "Pump", "--rate", "5"]);
    site.rest().connected("Pump", true);
    site.rest().moves("Pump", "count");
    let told = clock::now();
    assert!(gateway.terminate().success(), "{}", gateway.log());
    let took = clock::now().duration_since(told);
    assert!(took < Duration::from_secs(10), "stopped after {took:?}");
}

/// An installation whose gateway traces everything and reports to a collector of ours.
fn traced() -> (Site, Seen, [support::Process; 2]) {
    let collector = Collector::start();
    let site = Site::new([remote_thing("Pump")]);
    let platform = site.platform();
    let gateway = site.gateway_in(&environment(&collector.address));
    site.ready(&gateway);
    site.local().online(true);
    (site, Seen { collector, spans: Vec::new(), points: Vec::new() }, [platform, gateway])
}

fn environment(endpoint: &str) -> [(&'static str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "300"),
    ]
}

/// Everything that the collector got so far.
struct Seen {
    collector: Collector,
    spans: Vec<Span>,
    points: Vec<(String, NumberDataPoint)>,
}

struct Pair {
    outer: Span,
    inner: Span,
}

impl Seen {
    /// Waits for a span.
    fn span(&mut self, what: &str, wanted: impl Fn(&Span) -> bool) -> Span {
        wait_until(&format!("the span {what}"), || {
            self.read();
            self.spans.iter().find(|span| wanted(span)).cloned()
        })
    }

    /// Waits for a span and the one around it.
    fn pair(&mut self, outer: &str, inner: &str) -> Pair {
        wait_until(&format!("{inner} in {outer}"), || {
            self.read();
            self.spans.iter().filter(|span| span.name == inner).find_map(|within| {
                let around = self.spans.iter().find(|span| {
                    span.name.starts_with(outer)
                        && span.span_id == within.parent_span_id
                        && span.trace_id == within.trace_id
                })?;
                Some(Pair { outer: around.clone(), inner: within.clone() })
            })
        })
    }

    /// Waits until what a counter counted for `wanted` is at least `least`; answers the newest sum.
    fn counted(&mut self, name: &str, wanted: impl Fn(&NumberDataPoint) -> bool, least: i64) -> i64 {
        wait_until(&format!("{name} of {least}"), || {
            self.read();
            let points: Vec<_> =
                self.points.iter().filter(|(known, point)| known == name && wanted(point)).collect();
            let newest = points.iter().map(|(_, point)| point.time_unix_nano).max()?;
            let sum = points
                .iter()
                .filter(|(_, point)| point.time_unix_nano == newest)
                .map(|(_, point)| match point.value {
                    Some(number_data_point::Value::AsInt(value)) => value,
                    _ => panic!("a counter counts whole numbers: {point:?}"),
                })
                .sum();
            (sum >= least).then_some(sum)
        })
    }

    fn read(&mut self) {
        for (path, _, body) in self.collector.exports.try_iter() {
            match path.as_str() {
                "/v1/traces" => {
                    let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("protobuf");
                    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
                    self.spans.extend(scopes.flat_map(|scope| scope.spans));
                }
                "/v1/metrics" => {
                    let request = ExportMetricsServiceRequest::decode(body.as_slice()).expect("protobuf");
                    let scopes =
                        request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
                    for metric in scopes.flat_map(|scope| scope.metrics) {
                        if let Some(Data::Sum(sum)) = metric.data {
                            assert!(sum.is_monotonic, "{} is a counter", metric.name);
                            let points = sum.data_points.into_iter();
                            self.points.extend(points.map(|point| (metric.name.clone(), point)));
                        }
                    }
                }
                other => panic!("nothing is sent to {other}"),
            }
        }
    }
}

/// An endpoint that answers everything with 200 and shows the heads of the requests, in lower case.
fn target() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, heads) = mpsc::channel();
    // Ends with the test's process.
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || answer(stream, &sender));
        }
    });
    (address, heads)
}

/// Answers one request; a probe says nothing and gets nothing.
fn answer(stream: std::net::TcpStream, heads: &mpsc::Sender<String>) -> Option<()> {
    stream.set_read_timeout(Some(SOON)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    reader.read_exact(&mut vec![0; length.unwrap_or(0)]).ok()?;
    heads.send(head).ok()?;
    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()
}

fn is(point: &NumberDataPoint, direction: &str, kind: &str) -> bool {
    text(&point.attributes, "direction") == direction && text(&point.attributes, "kind") == kind
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    match attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.as_ref()) {
        Some(AnyValue { value: Some(Attribute::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(Attribute::IntValue(number)) }) => number.to_string(),
        other => panic!("{name} is {other:?} in {attributes:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
