//! A collector that takes connections and never answers delays nothing and nobody.

#[path = "support/deadline.rs"]
mod deadline;

use std::net::TcpListener;
use std::time::Duration;

use edgebind_observability::{Otlp, Sampling, Settings, init, instruments, trace};

#[test]
fn a_hanging_collector_delays_neither_work_nor_shutdown() {
    // The system accepts for a listener nobody serves; nothing is ever read or answered.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let telemetry = init(&Settings {
        otlp: Some(Otlp { timeout: Duration::from_secs(600), ..Otlp::at(&format!("http://{address}")) }),
        sampling: Sampling { ratio: 1.0, follow_caller: false },
        metrics_interval: Duration::from_millis(100),
        ..Settings::default()
    })
    .expect("telemetry starts");
    deadline::within(Duration::from_secs(20), || {
        for _ in 0..10_000 {
            let span = trace::span_platform_receive("call", "Boiler", "reset");
            trace::record_code(&span, 0x40);
            instruments().values_pushed(1);
        }
    });
    let sent =
        deadline::within(Duration::from_secs(5), move || telemetry.shutdown(Duration::from_millis(300)));
    assert!(!sent, "nothing was confirmed");
    drop(silent);
}
