//! What the gateway counts. Recording is one or two relaxed atomic additions; a snapshot can be read at any time, and
//! a collector gets the same cells when there is one.
//!
//! The name of a thing is never a label: a gateway with 100,000 things would have as many series.

mod cells;
mod export;
mod label;
mod names;
mod snapshot;

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::metrics::Histogram;

pub use label::{Connect, Direction, Outcome, Peer, Registration, RequestKind, Unit};
pub use names::{ALL, Definition, Kind};
pub use snapshot::{Sample, SampleValue, Snapshot};

use cells::{Counts, Gauge, Latencies};
use label::{CodeLabel, Pair, Triple};

/// Every instrument of the gateway.
#[derive(Debug)]
pub struct Instruments {
    link_up: Gauge,
    connects: Counts<Connect>,
    auth: Counts<Outcome>,
    binds: Counts<CodeLabel>,
    things_bound: Gauge,
    things_desired: Gauge,
    requests: Counts<Triple<Direction, RequestKind, Outcome>>,
    request_duration: Latencies<Pair<Direction, RequestKind>>,
    values_pushed: Counts<()>,
    violations: Counts<Peer>,
    registrations: Counts<Registration>,
    spool_records: Gauge,
    spool_bytes: Gauge,
    spool_oldest_s: Gauge,
    spool_dead: Gauge,
    spool_appended: Counts<()>,
    spool_delivered: Counts<()>,
    spool_dead_lettered: Counts<()>,
    restarts: Counts<Unit>,
    exported_duration: OnceLock<Histogram<f64>>,
}

/// The instruments of this process.
pub fn instruments() -> &'static Instruments {
    static INSTRUMENTS: OnceLock<Instruments> = OnceLock::new();
    INSTRUMENTS.get_or_init(Instruments::new)
}

impl Instruments {
    /// Makes a set of its own, for tests; the program uses [`instruments`].
    pub fn new() -> Self {
        Self {
            link_up: Gauge::default(),
            connects: Counts::new(),
            auth: Counts::new(),
            binds: Counts::new(),
            things_bound: Gauge::default(),
            things_desired: Gauge::default(),
            requests: Counts::new(),
            request_duration: Latencies::new(),
            values_pushed: Counts::new(),
            violations: Counts::new(),
            registrations: Counts::new(),
            spool_records: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_oldest_s: Gauge::default(),
            spool_dead: Gauge::default(),
            spool_appended: Counts::new(),
            spool_delivered: Counts::new(),
            spool_dead_lettered: Counts::new(),
            restarts: Counts::new(),
            exported_duration: OnceLock::new(),
        }
    }

    /// Says whether the link to the platform is authenticated.
    pub fn link_up(&self, up: bool) {
        self.link_up.set(i64::from(up));
    }

    /// Counts an attempt to reach the platform.
    pub fn connect(&self, outcome: Connect) {
        self.connects.add(outcome, 1);
    }

    /// Counts an answer to AUTH, or its absence.
    pub fn auth(&self, outcome: Outcome) {
        self.auth.add(outcome, 1);
    }

    /// Counts an answer to BIND by its code (protocol notes, 3.1), for `names` names.
    pub fn bind(&self, code: u8, names: u64) {
        self.binds.add(CodeLabel(code), names);
    }

    /// Says how many things the platform has confirmed on this connection.
    pub fn things_bound(&self, count: usize) {
        self.things_bound.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Says how many things ought to be bound.
    pub fn things_desired(&self, count: usize) {
        self.things_desired.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts a request that is over, and how long it took.
    pub fn request(&self, direction: Direction, kind: RequestKind, outcome: Outcome, took: Duration) {
        self.requests.add(Triple(direction, kind, outcome), 1);
        self.request_duration.record(Pair(direction, kind), took);
        if let Some(histogram) = self.exported_duration.get() {
            histogram.record(took.as_secs_f64(), &export::attributes(Pair(direction, kind)));
        }
    }

    /// Counts property values that agents pushed and the platform took.
    pub fn values_pushed(&self, count: u64) {
        self.values_pushed.add((), count);
    }

    /// Counts a message that was against the protocol.
    pub fn violation(&self, peer: Peer) {
        self.violations.add(peer, 1);
    }

    /// Counts what became of a registration of an agent.
    pub fn registration(&self, what: Registration) {
        self.registrations.add(what, 1);
    }

    /// Says what waits in the spool: records, their bytes, the age of the oldest; and how many dead letters there are.
    pub fn spool(&self, records: u64, bytes: u64, oldest: Duration, dead: u64) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.spool_records.set(whole(records));
        self.spool_bytes.set(whole(bytes));
        self.spool_oldest_s.set(whole(oldest.as_secs()));
        self.spool_dead.set(whole(dead));
    }

    /// Counts a record put into the spool.
    pub fn spool_appended(&self) {
        self.spool_appended.add((), 1);
    }

    /// Counts records of the spool that the platform has confirmed.
    pub fn spool_delivered(&self, records: usize) {
        self.spool_delivered.add((), u64::try_from(records).unwrap_or(u64::MAX));
    }

    /// Counts records that were given up.
    pub fn spool_dead_lettered(&self, records: usize) {
        self.spool_dead_lettered.add((), u64::try_from(records).unwrap_or(u64::MAX));
    }

    /// Counts a restart of a supervised unit.
    pub fn restart(&self, unit: Unit) {
        self.restarts.add(unit, 1);
    }

    /// Reads everything as it stands; series that are still zero are left out, gauges never.
    pub fn snapshot(&self) -> Snapshot {
        let mut samples = Vec::new();
        self.link_up.sample(&names::LINK_UP, &mut samples);
        self.connects.sample(&names::CONNECTS, &mut samples);
        self.auth.sample(&names::AUTH, &mut samples);
        self.binds.sample(&names::BINDS, &mut samples);
        self.things_bound.sample(&names::THINGS_BOUND, &mut samples);
        self.things_desired.sample(&names::THINGS_DESIRED, &mut samples);
        self.requests.sample(&names::REQUESTS, &mut samples);
        self.request_duration.sample(&names::REQUEST_DURATION, &mut samples);
        self.values_pushed.sample(&names::VALUES_PUSHED, &mut samples);
        self.violations.sample(&names::VIOLATIONS, &mut samples);
        self.registrations.sample(&names::REGISTRATIONS, &mut samples);
        self.spool_records.sample(&names::SPOOL_RECORDS, &mut samples);
        self.spool_bytes.sample(&names::SPOOL_BYTES, &mut samples);
        self.spool_oldest_s.sample(&names::SPOOL_OLDEST, &mut samples);
        self.spool_dead.sample(&names::SPOOL_DEAD, &mut samples);
        self.spool_appended.sample(&names::SPOOL_APPENDED, &mut samples);
        self.spool_delivered.sample(&names::SPOOL_DELIVERED, &mut samples);
        self.spool_dead_lettered.sample(&names::SPOOL_DEAD_LETTERED, &mut samples);
        self.restarts.sample(&names::RESTARTS, &mut samples);
        Snapshot { samples }
    }
}

impl Default for Instruments {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_shows_what_was_recorded_and_no_series_of_zero() {
        let instruments = Instruments::new();
        instruments.link_up(true);
        instruments.bind(0x40, 7);
        instruments.bind(0x83, 1);
        instruments.request(Direction::Up, RequestKind::Push, Outcome::Success, Duration::from_millis(3));
        instruments.request(Direction::Up, RequestKind::Push, Outcome::Timeout, Duration::from_secs(99));
        let snapshot = instruments.snapshot();
        assert_eq!(snapshot.value("edgebind.link.up", &[]), Some(1.0));
        assert_eq!(snapshot.value("edgebind.things.bound", &[]), Some(0.0), "a gauge is always there");
        assert_eq!(snapshot.value("edgebind.bind.results", &[("code", "40")]), Some(7.0));
        assert_eq!(snapshot.value("edgebind.bind.results", &[("code", "83")]), Some(1.0));
        assert_eq!(snapshot.total("edgebind.bind.results"), 8.0);
        let labels = [("direction", "up"), ("kind", "push"), ("outcome", "success")];
        assert_eq!(snapshot.value("edgebind.requests", &labels), Some(1.0));
        assert_eq!(snapshot.value("edgebind.restarts", &[("unit", "link")]), None);
        let durations =
            snapshot.samples.iter().find(|sample| sample.definition.name == "edgebind.request.duration");
        let Some(Sample { value: SampleValue::Histogram { count, sum, buckets }, .. }) = durations else {
            panic!("the histogram is missing");
        };
        assert_eq!(*count, 2);
        assert!((sum - 99.003).abs() < 1e-6);
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 2);
        assert_eq!(buckets.last(), Some(&(f64::INFINITY, 1)));
    }

    #[test]
    fn threads_may_record_at_once() {
        let instruments = Instruments::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| instruments.values_pushed(2)));
            }
        });
        assert_eq!(instruments.snapshot().value("edgebind.values.pushed", &[]), Some(8000.0));
    }
}
