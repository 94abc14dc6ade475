//! The header `Date` as the original writes it (script resource notes, 2.1).

use std::time::SystemTime;

use edgebind_observability::log::Utc;

/// `2026-11-21T23:49:18Z`.
pub(super) fn iso(time: SystemTime) -> String {
    let Utc { year, month, day, hour, minute, second, .. } = Utc::of(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_date_reads_as_recorded() {
        assert_eq!(iso(UNIX_EPOCH + Duration::from_secs(1_795_304_958)), "2026-11-21T23:49:18Z");
    }
}
