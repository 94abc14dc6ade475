//! The instruments as they stood at one moment, for status and Prometheus.

use super::names::Definition;

/// Every series that has something to tell.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// In the order of the instruments, then of their labels.
    pub samples: Vec<Sample>,
}

impl Snapshot {
    /// Value of a series; `None` when it was never counted. A histogram gives its count.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.samples
            .iter()
            .find(|sample| {
                sample.definition.name == name
                    && sample.labels.len() == labels.len()
                    && sample.labels.iter().all(|(key, value)| labels.contains(&(key, value)))
            })
            .map(|sample| sample.value.as_number())
    }

    /// Sum over all series of an instrument.
    pub fn total(&self, name: &str) -> f64 {
        let series = self.samples.iter().filter(|sample| sample.definition.name == name);
        series.map(|sample| sample.value.as_number()).sum()
    }
}

/// One series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// The instrument.
    pub definition: &'static Definition,
    /// Names and values of the labels.
    pub labels: Vec<(&'static str, String)>,
    /// What was read.
    pub value: SampleValue,
}

/// What was read from a series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SampleValue {
    /// Of a counter.
    Counter(u64),
    /// Of a gauge.
    Gauge(i64),
    /// Of a histogram.
    Histogram {
        /// Observations.
        count: u64,
        /// Their sum, in the instrument's unit.
        sum: f64,
        /// Upper bound and observations of each bucket, not added up; the last bound is infinite.
        buckets: Vec<(f64, u64)>,
    },
}

impl SampleValue {
    /// The value as a number; of a histogram its count. Exact up to 2^53.
    pub fn as_number(&self) -> f64 {
        match self {
            Self::Counter(count) | Self::Histogram { count, .. } => number(*count),
            Self::Gauge(value) if *value < 0 => -number(value.unsigned_abs()),
            Self::Gauge(value) => number(value.unsigned_abs()),
        }
    }
}

/// A count as a floating-point number, without a cast: two exact halves.
fn number(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high).mul_add(4_294_967_296.0, f64::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_numbers_without_loss() {
        for count in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1] {
            assert_eq!(format!("{:.0}", number(count)), count.to_string());
        }
        assert_eq!(SampleValue::Gauge(-5).as_number(), -5.0);
    }
}
