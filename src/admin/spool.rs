//! What the admin interface shows of the spool and its delivery, and what of it somebody has to mend.

use std::time::Duration;

use edgebind_actors::{
    Units,
    delivery::{DeliveryView, SpoolStanding},
};
use edgebind_alwayson::Code;
use edgebind_kernel::clock;
use serde::Serialize;

/// The spool in a few figures; null what is not known.
#[derive(Serialize)]
pub(super) struct SpoolView {
    /// `open`, `opening`, `failed`, `down`, `off` or `none`.
    state: &'static str,
    /// Why it does not take records.
    error: Option<String>,
    /// Records that the platform has not confirmed.
    records: u64,
    bytes: u64,
    /// Entities with such records.
    entities: usize,
    oldest_age_ms: Option<u64>,
    /// Records confirmed a second, over the last ten seconds.
    rate_per_s: f64,
    /// Time to the end at this rate.
    remaining_ms: Option<u64>,
    /// Messages from the spool without an answer yet.
    in_flight: usize,
    /// Everything waits until then: the platform refuses the key.
    halted_until_unix_ms: Option<i64>,
    /// Entities that wait for a retry; `waiting` tells of the first.
    waiting_entities: usize,
    waiting: Vec<WaitingView>,
    /// Room taken, dead letters included, and the limit.
    taken_bytes: u64,
    limit_bytes: u64,
    dead_records: u64,
    /// Records put into it since the start, and how long the last commit took.
    appended: u64,
    last_commit_us: Option<u64>,
    /// Where a damaged file was put.
    set_aside: Option<String>,
}

#[derive(Serialize)]
struct WaitingView {
    entity: String,
    records: usize,
    /// The last refusal; none when there was no answer.
    code: Option<String>,
    attempts: u32,
    next_retry_unix_ms: i64,
}

impl SpoolView {
    /// The view, and what somebody has to mend.
    pub(super) async fn of(units: &Units) -> (Self, Vec<String>) {
        let (standing, delivery) = (units.spool_standing(), units.delivery_view().await);
        let mut degraded: Vec<String> = standing.complaint().into_iter().collect();
        degraded.extend(delivery.as_ref().and_then(complaint));
        (Self::from(&standing, delivery), degraded)
    }

    fn from(standing: &SpoolStanding, delivery: Option<DeliveryView>) -> Self {
        let health = standing.health();
        let progress = delivery.as_ref().map(|delivery| &delivery.progress);
        Self {
            state: standing.word(),
            error: standing.error(),
            records: progress.map_or_else(|| health.map_or(0, |health| health.records), |it| it.records),
            bytes: progress.map_or(0, |progress| progress.bytes),
            entities: progress.map_or(0, |progress| progress.entities),
            oldest_age_ms: progress.and_then(|progress| progress.oldest).map(millis),
            rate_per_s: progress.map_or(0.0, |progress| progress.rate_per_s),
            remaining_ms: progress.and_then(|progress| progress.remaining).map(millis),
            in_flight: progress.map_or(0, |progress| progress.in_flight),
            halted_until_unix_ms: delivery.as_ref().and_then(|delivery| delivery.halted_until_unix_ms),
            waiting_entities: progress.map_or(0, |progress| progress.waiting_entities),
            taken_bytes: health.map_or(0, |health| health.bytes + health.dead_bytes),
            limit_bytes: health.map_or(0, |health| health.limit_bytes),
            dead_records: health.map_or(0, |health| health.dead_records),
            appended: health.map_or(0, |health| health.appended),
            last_commit_us: health
                .filter(|health| health.commits > 0)
                .map(|health| u64::try_from(health.last_commit.as_micros()).unwrap_or(u64::MAX)),
            set_aside: health
                .and_then(|health| health.set_aside.as_ref())
                .map(|file| file.display().to_string()),
            waiting: delivery.map_or(Vec::new(), |delivery| {
                let view = |waiting: edgebind_store::Waiting| WaitingView {
                    entity: waiting.entity.to_string(),
                    records: waiting.records,
                    code: waiting.code.map(|code| Code(code).to_string()),
                    attempts: waiting.attempts,
                    next_retry_unix_ms: clock::unix_millis_at(waiting.until),
                };
                delivery.waiting.into_iter().map(view).collect()
            }),
        }
    }
}

fn complaint(delivery: &DeliveryView) -> Option<String> {
    if delivery.progress.halted_until.is_some() {
        let text =
            "the platform answers UNAUTHORIZED to what waits in the spool: has the application key expired?";
        return Some(text.to_owned());
    }
    delivery.full.then(|| "the spool is full: updates that cannot be delivered are answered 503".to_owned())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
