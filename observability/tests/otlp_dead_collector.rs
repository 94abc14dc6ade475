//! A collector that is not there delays nothing and nobody, the end of the process included.

#[path = "support/deadline.rs"]
mod deadline;

use std::net::TcpListener;
use std::time::Duration;

use edgebind_observability::instruments::{Direction, Outcome, RequestKind};
use edgebind_observability::{Otlp, Sampling, Settings, init, instruments, trace};

#[test]
fn a_dead_collector_delays_neither_work_nor_shutdown() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
    let telemetry = init(&Settings {
        otlp: Some(Otlp::at(&format!("http://127.0.0.1:{port}"))),
        sampling: Sampling { ratio: 1.0, follow_caller: false },
        metrics_interval: Duration::from_millis(100),
        ..Settings::default()
    })
    .expect("telemetry starts without its collector");
    deadline::within(Duration::from_secs(20), || {
        for _ in 0..10_000 {
            let span = trace::span_http_receive("GET", "/x", None);
            assert!(!span.is_none());
            trace::record_status(&span, 200);
            instruments().request(
                Direction::Up,
                RequestKind::Read,
                Outcome::Success,
                Duration::from_millis(1),
            );
        }
    });
    let sent =
        deadline::within(Duration::from_secs(5), move || telemetry.shutdown(Duration::from_millis(500)));
    assert!(!sent, "there is nobody to send it to");
}
