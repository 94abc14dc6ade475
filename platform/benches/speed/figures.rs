//! Clock, processor time, memory, and how figures are printed.

use std::{collections::BTreeMap, fs, time::Instant};

/// Threads whose names begin so make the load and are not counted.
pub(crate) const LOAD: &str = "load";

pub(crate) fn now() -> Instant {
    edgebind_kernel::clock::now()
}

/// Processor time in nanoseconds of every living thread of this process that does not make load.
pub(crate) fn processor_time() -> BTreeMap<String, u64> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        if read("comm").starts_with(LOAD) {
            continue;
        }
        let nanos = read("schedstat").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        times.insert(task.file_name().into_string().unwrap(), nanos);
    }
    times
}

/// What was spent since `before`.
pub(crate) fn spent_since(before: &BTreeMap<String, u64>) -> u64 {
    let spent = |(id, nanos): (String, u64)| nanos.saturating_sub(before.get(&id).copied().unwrap_or(0));
    processor_time().into_iter().map(spent).sum()
}

/// Memory of this process in MiB: the load generator is in it, with little more than its buffers.
pub(crate) fn memory_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Some figures of one kind.
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty());
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which so many of a hundred lie.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    /// Median and range.
    pub(crate) fn spread(&self) -> String {
        format!("{:.0} ({:.0} to {:.0})", self.percentile(50), self.0[0], self.0[self.0.len() - 1])
    }

    /// Median and 99th percentile in milliseconds, of seconds.
    pub(crate) fn milliseconds(&self) -> String {
        format!("{:.2} / {:.2} ms", self.percentile(50) * 1e3, self.percentile(99) * 1e3)
    }
}
