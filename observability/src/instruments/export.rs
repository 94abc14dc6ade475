//! The way of the instruments to a collector: observed cells, and one histogram that is recorded beside them.

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use super::Instruments;
use super::cells::{BOUNDS_S, Counts, Gauge};
use super::label::Label;
use super::names::{self, Definition};

impl Instruments {
    /// Offers every instrument to `meter`; a second meter is ignored for the histogram.
    pub(crate) fn export_to(&self, meter: &Meter) {
        gauge(meter, &names::LINK_UP, &self.link_up);
        counter(meter, &names::CONNECTS, &self.connects);
        counter(meter, &names::AUTH, &self.auth);
        counter(meter, &names::BINDS, &self.binds);
        gauge(meter, &names::THINGS_BOUND, &self.things_bound);
        gauge(meter, &names::THINGS_DESIRED, &self.things_desired);
        counter(meter, &names::REQUESTS, &self.requests);
        counter(meter, &names::VALUES_PUSHED, &self.values_pushed);
        counter(meter, &names::VIOLATIONS, &self.violations);
        counter(meter, &names::REGISTRATIONS, &self.registrations);
        gauge(meter, &names::SPOOL_RECORDS, &self.spool_records);
        gauge(meter, &names::SPOOL_BYTES, &self.spool_bytes);
        gauge(meter, &names::SPOOL_OLDEST, &self.spool_oldest_s);
        gauge(meter, &names::SPOOL_DEAD, &self.spool_dead);
        counter(meter, &names::SPOOL_APPENDED, &self.spool_appended);
        counter(meter, &names::SPOOL_DELIVERED, &self.spool_delivered);
        counter(meter, &names::SPOOL_DEAD_LETTERED, &self.spool_dead_lettered);
        counter(meter, &names::RESTARTS, &self.restarts);
        let definition = &names::REQUEST_DURATION;
        self.exported_duration.get_or_init(|| {
            meter
                .f64_histogram(definition.name)
                .with_unit(definition.unit)
                .with_description(definition.help)
                .with_boundaries(BOUNDS_S.to_vec())
                .build()
        });
    }
}

/// Labels as attributes of a recording.
pub(super) fn attributes(label: impl Label) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(2);
    label.visit(&mut |key, value| attributes.push(KeyValue::new(key, value)));
    attributes
}

fn gauge(meter: &Meter, definition: &Definition, gauge: &Gauge) {
    let gauge = gauge.clone();
    meter
        .i64_observable_gauge(definition.name)
        .with_unit(definition.unit)
        .with_description(definition.help)
        .with_callback(move |observer| observer.observe(gauge.value(), &[]))
        .build();
}

fn counter<L: Label + 'static>(meter: &Meter, definition: &Definition, counts: &Counts<L>) {
    let counts = counts.clone();
    meter
        .u64_observable_counter(definition.name)
        .with_unit(definition.unit)
        .with_description(definition.help)
        .with_callback(move |observer| {
            for (labels, count) in counts.series() {
                let attributes: Vec<KeyValue> =
                    labels.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
                observer.observe(count, &attributes);
            }
        })
        .build();
}
