//! The atomics behind the instruments.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::label::Label;
use super::names::Definition;
use super::snapshot::{Sample, SampleValue};

/// Upper bounds of the latency buckets in seconds; the last bucket has none.
pub(super) const BOUNDS_S: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The same bounds in microseconds, so that recording divides nothing.
const BOUNDS_US: [u64; BOUNDS_S.len()] = [
    500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// A value that goes up and down.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauge(Arc<AtomicI64>);

impl Gauge {
    pub(super) fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn sample(&self, definition: &'static Definition, samples: &mut Vec<Sample>) {
        let value = SampleValue::Gauge(self.value());
        samples.push(Sample { definition, labels: Vec::new(), value });
    }
}

/// A counter for each combination of labels.
#[derive(Clone, Debug)]
pub(super) struct Counts<L> {
    cells: Arc<[AtomicU64]>,
    labels: PhantomData<fn(L)>,
}

impl<L: Label> Counts<L> {
    pub(super) fn new() -> Self {
        Self { cells: (0..L::COUNT).map(|_| AtomicU64::new(0)).collect(), labels: PhantomData }
    }

    pub(super) fn add(&self, label: L, count: u64) {
        if let Some(cell) = self.cells.get(label.index()) {
            cell.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Series that were counted at least once.
    pub(super) fn series(&self) -> impl Iterator<Item = (Vec<(&'static str, String)>, u64)> + '_ {
        self.cells.iter().enumerate().filter_map(|(index, cell)| {
            let count = cell.load(Ordering::Relaxed);
            (count > 0).then(|| (L::describe(index), count))
        })
    }

    pub(super) fn sample(&self, definition: &'static Definition, samples: &mut Vec<Sample>) {
        samples.extend(self.series().map(|(labels, count)| Sample {
            definition,
            labels,
            value: SampleValue::Counter(count),
        }));
    }
}

/// A histogram of durations for each combination of labels.
#[derive(Debug)]
pub(super) struct Latencies<L> {
    series: Box<[Buckets]>,
    labels: PhantomData<fn(L)>,
}

#[derive(Debug, Default)]
struct Buckets {
    sum_us: AtomicU64,
    counts: [AtomicU64; BOUNDS_US.len() + 1],
}

impl<L: Label> Latencies<L> {
    pub(super) fn new() -> Self {
        Self { series: (0..L::COUNT).map(|_| Buckets::default()).collect(), labels: PhantomData }
    }

    pub(super) fn record(&self, label: L, took: Duration) {
        let Some(buckets) = self.series.get(label.index()) else { return };
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        buckets.sum_us.fetch_add(took_us, Ordering::Relaxed);
        let bucket = BOUNDS_US.partition_point(|&bound| bound < took_us);
        if let Some(count) = buckets.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn sample(&self, definition: &'static Definition, samples: &mut Vec<Sample>) {
        for (index, series) in self.series.iter().enumerate() {
            let bounds = BOUNDS_S.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> =
                bounds.zip(series.counts.iter().map(|count| count.load(Ordering::Relaxed))).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            if count > 0 {
                let sum = Duration::from_micros(series.sum_us.load(Ordering::Relaxed)).as_secs_f64();
                let value = SampleValue::Histogram { count, sum, buckets };
                samples.push(Sample { definition, labels: L::describe(index), value });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lists_of_bounds_say_the_same() {
        let seconds: Vec<f64> = BOUNDS_US.iter().map(|&us| Duration::from_micros(us).as_secs_f64()).collect();
        assert_eq!(seconds, BOUNDS_S);
    }

    #[test]
    fn a_duration_on_a_bound_belongs_below_it() {
        let latencies = Latencies::<()>::new();
        latencies.record((), Duration::from_micros(500));
        latencies.record((), Duration::from_micros(501));
        let counts: Vec<u64> =
            latencies.series[0].counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(&counts[..3], [1, 1, 0]);
    }
}
