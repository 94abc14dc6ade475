//! The last values of a property, for charts and for questions like "when did that begin?".

use std::collections::VecDeque;

use edgebind_alwayson::{InfoTable, Value};

use super::Sample;

/// The newest samples of one property: at most [`History::limit`] of them, and at most [`History::MAX_BYTES`] of long
/// values. Kept in memory only, from the start of the platform on.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    samples: VecDeque<Sample>,
    limit: usize,
    /// Bytes of texts, blobs and tables in it.
    bytes: usize,
}

impl History {
    /// Samples kept of a property that does not say.
    pub const DEFAULT_LIMIT: usize = 100;

    /// Most samples that a property can ask for.
    pub const MAX_LIMIT: usize = 10_000;

    /// Bytes that the texts, blobs and tables of one history may have; numbers do not count. The newest sample is
    /// kept however long it is, unless the limit is 0.
    pub const MAX_BYTES: usize = 64 << 10;

    /// An empty history of at most `limit` samples, 0 for none; cut to [`History::MAX_LIMIT`].
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { samples: VecDeque::new(), limit: limit.min(Self::MAX_LIMIT), bytes: 0 }
    }

    /// Keeps a sample; the oldest go when there are too many, or too long ones.
    pub fn push(&mut self, sample: Sample) {
        if self.limit == 0 {
            return;
        }
        self.bytes += weight(&sample.value);
        self.samples.push_back(sample);
        while self.samples.len() > self.limit || (self.bytes > Self::MAX_BYTES && self.samples.len() > 1) {
            let Some(oldest) = self.samples.pop_front() else { break };
            self.bytes -= weight(&oldest.value);
        }
    }

    /// The newest samples of this history, as one of another limit.
    #[must_use]
    pub fn limited(&self, limit: usize) -> Self {
        let mut history = Self::new(limit);
        self.samples.iter().cloned().for_each(|sample| history.push(sample));
        history
    }

    /// Most samples that are kept.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Samples in the order of their times; those of one time, or without one, in the order in which they came.
    #[must_use]
    pub fn by_time(&self) -> Vec<&Sample> {
        let mut samples: Vec<&Sample> = self.samples.iter().collect();
        samples.sort_by_key(|sample| sample.time);
        samples
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIMIT)
    }
}

/// Bytes of a value that are not in the sample itself.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::Text(_, text) => text.len(),
        Value::Blob(bytes) | Value::Image(bytes) => bytes.len(),
        Value::Variant(inner) => size_of::<Value>() + weight(inner),
        Value::Table(table) => table_weight(table),
        _ => 0,
    }
}

/// Bytes of a table: of its fields, its cells and what is in them.
pub(super) fn table_weight(table: &InfoTable) -> usize {
    let cells = table.rows.iter().flatten();
    let fields: usize = table
        .fields
        .iter()
        .map(|field| size_of_val(field) + field.name.len() + field.description.len())
        .sum();
    fields + cells.map(|cell| size_of::<Value>() + weight(cell)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(history: &History) -> Vec<i64> {
        history.by_time().iter().filter_map(|sample| sample.time).collect()
    }

    #[test]
    fn the_newest_samples_are_kept_and_shown_in_the_order_of_their_times() {
        let mut history = History::new(3);
        for time in [10, 20, 15, 30] {
            history.push(Sample::good(Value::Number(1.0), time));
        }
        assert_eq!(times(&history), [15, 20, 30], "10 was the first to come");
        let mut none = History::new(0);
        none.push(Sample::good(Value::Number(1.0), 1));
        assert!(none.by_time().is_empty());
        assert_eq!(History::new(usize::MAX).limit(), History::MAX_LIMIT);
    }

    #[test]
    fn long_values_push_out_older_ones_and_the_newest_always_stays() {
        let mut history = History::new(100);
        for time in 0..10 {
            history.push(Sample::good(Value::string("x".repeat(20_000)), time));
        }
        assert_eq!(times(&history), [7, 8, 9], "three times 20,000 bytes fit");
        history.push(Sample::good(Value::string("x".repeat(200_000)), 10));
        assert_eq!(times(&history), [10]);
        for time in 11..20 {
            history.push(Sample::good(Value::Number(0.0), time));
        }
        assert_eq!(times(&history).len(), 9, "the long one went with the next");
        assert_eq!(history.bytes, 0);
    }

    #[test]
    fn tables_and_variants_weigh_what_is_in_them() {
        let table = InfoTable::single("p", Value::variant(Value::string("abc")));
        assert!(weight(&Value::table(table)) > 2 * size_of::<Value>() + 3);
        assert_eq!(weight(&Value::Number(1.0)), 0);
    }
}
