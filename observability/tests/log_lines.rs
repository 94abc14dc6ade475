//! Without a collector there are log lines and nothing else; a second start is refused.

use edgebind_observability::{InitError, Otlp, Settings, init, trace};

#[test]
fn without_a_collector_nothing_is_traced_and_nothing_waits() {
    let wrong = init(&Settings { level: "a=b=c".to_owned(), ..Settings::default() });
    assert!(matches!(wrong, Err(InitError::Level { .. })));
    let encrypted = Settings { otlp: Some(Otlp::at("https://collector:4318")), ..Settings::default() };
    let Err(InitError::Export { reason, .. }) = init(&encrypted) else {
        panic!("there is no TLS to the collector")
    };
    assert!(reason.contains("https://collector:4318/v1/traces"), "{reason}");
    assert!(trace::span_http_receive("GET", "/x", None).is_none());
    // The lines of the refused start are written already: that was the only subscriber of this process.
    assert!(matches!(init(&Settings::default()), Err(InitError::AlreadyStarted(_))));
}
