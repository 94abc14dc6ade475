//! Requests of the platform to an edge at a rate, with a report of how they were answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, http::StatusCode, web};
use edgebind_alwayson::{Characteristic, Content, Method, json};
use edgebind_kernel::clock;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use super::{RestError, read, text};
use crate::server::shared::{CallError, Shared};

/// Pushes that run or have run; the oldest that has ended is forgotten first.
#[derive(Default)]
pub(super) struct Loads {
    next_id: AtomicU64,
    runs: Mutex<BTreeMap<u64, Arc<Run>>>,
}

/// One push of many requests.
struct Run {
    wanted: Wanted,
    stopped: AtomicBool,
    tally: Mutex<Tally>,
}

/// What is to be sent: `name` of `entity`, `count` times, `rate_per_s` in a second.
struct Wanted {
    entity: String,
    method: Method,
    characteristic: Characteristic,
    name: String,
    params: Content,
    rate_per_s: f64,
    count: u64,
}

#[derive(Default)]
struct Tally {
    sent: u64,
    open: u64,
    /// Not sent, because too many were open.
    skipped: u64,
    done: bool,
    outcomes: BTreeMap<String, u64>,
    /// Of those that were answered, in the order of the answers; at most [`MAX_LATENCIES`].
    latencies_us: Vec<u32>,
}

/// What became of a push so far.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    id: u64,
    running: bool,
    sent: u64,
    open: u64,
    skipped: u64,
    /// By the name of the code that the edge answered with; else LOST, TIMED_OUT, BUSY, NOT_CONNECTED, GARBLED, UNSENDABLE.
    outcomes: BTreeMap<String, u64>,
    latency_us: Option<Latency>,
}

#[derive(Serialize)]
struct Latency {
    min: u32,
    p50: u32,
    p90: u32,
    p99: u32,
    max: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body<'a> {
    entity: String,
    #[serde(default = "services")]
    characteristic: String,
    method: Option<String>,
    name: String,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default = "one")]
    rate_per_s: f64,
    #[serde(default = "once")]
    count: u64,
}

fn services() -> String {
    "Services".to_owned()
}

const fn one() -> f64 {
    1.0
}

const fn once() -> u64 {
    1
}

pub(super) async fn begin(
    shared: web::Data<Shared>,
    loads: web::Data<Loads>,
    body: web::Payload,
) -> Result<HttpResponse, RestError> {
    let body = text(&shared, body).await?;
    let wanted = Wanted::of(read(&body)?)?;
    // A thing that is not there is said at once; one that is lost later is in the report.
    drop(shared.with_model(|model| wanted.call(model))?);
    let (id, run) = loads.add(wanted)?;
    drop(actix_rt::spawn(drive(shared.into_inner(), run)));
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}

pub(super) async fn report(loads: web::Data<Loads>, id: web::Path<u64>) -> Result<HttpResponse, RestError> {
    let run = loads.run(*id)?;
    Ok(HttpResponse::Ok().json(run.report(*id)))
}

/// Sends no more; answers that are open are still counted.
pub(super) async fn end(loads: web::Data<Loads>, id: web::Path<u64>) -> Result<HttpResponse, RestError> {
    let run = loads.run(*id)?;
    run.stopped.store(true, Ordering::Relaxed);
    Ok(HttpResponse::Ok().json(run.report(*id)))
}

impl Loads {
    pub(super) fn reports(&self) -> Vec<Report> {
        self.lock().iter().map(|(id, run)| run.report(*id)).collect()
    }

    /// Ends and forgets every push.
    pub(super) fn clear(&self) {
        for (_, run) in std::mem::take(&mut *self.lock()) {
            run.stopped.store(true, Ordering::Relaxed);
        }
    }

    fn add(&self, wanted: Wanted) -> Result<(u64, Arc<Run>), RestError> {
        let mut runs = self.lock();
        if runs.len() >= MAX_RUNS {
            let ended = runs.iter().find(|(_, run)| run.tally().done).map(|(id, _)| *id);
            let Some(ended) = ended else {
                let problem = format!("{MAX_RUNS} pushes run already: end one of them");
                return Err(RestError::new(StatusCode::CONFLICT, problem));
            };
            runs.remove(&ended);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed) + 1;
        let run = Arc::new(Run { wanted, stopped: AtomicBool::new(false), tally: Mutex::default() });
        runs.insert(id, Arc::clone(&run));
        Ok((id, run))
    }

    fn run(&self, id: u64) -> Result<Arc<Run>, RestError> {
        let run = self.lock().get(&id).cloned();
        run.ok_or_else(|| RestError::new(StatusCode::NOT_FOUND, format!("there is no push {id}")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted {
    fn of(body: Body<'_>) -> Result<Self, RestError> {
        let wrong = |problem: String| RestError::new(StatusCode::BAD_REQUEST, problem);
        let (characteristic, usual) = match body.characteristic.as_str() {
            "Services" => (Characteristic::Services, Method::Post),
            "Properties" if body.content.is_some() => (Characteristic::Properties, Method::Put),
            "Properties" => (Characteristic::Properties, Method::Get),
            other => {
                return Err(wrong(format!("characteristic {other:?} is neither Services nor Properties")));
            }
        };
        let method = match body.method.as_deref() {
            None => usual,
            Some("GET") => Method::Get,
            Some("PUT") => Method::Put,
            Some("POST") => Method::Post,
            Some(other) => return Err(wrong(format!("method {other:?} is none of GET, PUT and POST"))),
        };
        let params = match body.content {
            None => Content::Nothing,
            Some(raw) => json::params_from_body(raw.get().as_bytes())
                .map_err(|error| wrong(format!("content: {error}")))?,
        };
        if !(body.rate_per_s > 0.0 && body.rate_per_s <= MAX_RATE_PER_S) {
            let problem = format!("ratePerS {} is not above 0 and up to {MAX_RATE_PER_S}", body.rate_per_s);
            return Err(wrong(problem));
        }
        if body.count == 0 {
            return Err(wrong("count 0 would send nothing".to_owned()));
        }
        let Body { entity, name, rate_per_s, count, .. } = body;
        Ok(Self { entity, method, characteristic, name, params, rate_per_s, count })
    }

    fn call(
        &self,
        model: &crate::model::Model,
    ) -> Result<crate::model::RemoteCall, crate::model::AccessError> {
        model.relay(&self.entity, self.method, self.characteristic, &self.name, self.params.clone())
    }

    /// How many requests are due at `elapsed`.
    fn due(&self, elapsed: Duration) -> u64 {
        let due = elapsed.as_secs_f64().mul_add(self.rate_per_s, 1.0);
        // A float that is not negative and below 2^53 by the limits of rate and of time.
        (due as u64).min(self.count)
    }
}

impl Run {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, id: u64) -> Report {
        let tally = self.tally();
        Report {
            id,
            running: !tally.done,
            sent: tally.sent,
            open: tally.open,
            skipped: tally.skipped,
            outcomes: tally.outcomes.clone(),
            latency_us: Latency::of(tally.latencies_us.clone()),
        }
    }
}

impl Tally {
    fn settle(&mut self, outcome: String, latency: Option<Duration>) {
        self.open -= 1;
        *self.outcomes.entry(outcome).or_default() += 1;
        if let Some(latency) = latency.filter(|_| self.latencies_us.len() < MAX_LATENCIES) {
            self.latencies_us.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        }
    }
}

impl Latency {
    fn of(mut latencies_us: Vec<u32>) -> Option<Self> {
        latencies_us.sort_unstable();
        let (min, max) = (*latencies_us.first()?, *latencies_us.last()?);
        let part = |percent: usize| {
            let at = (latencies_us.len() * percent).div_ceil(100).saturating_sub(1);
            latencies_us.get(at).copied().unwrap_or(max)
        };
        Some(Self { min, p50: part(50), p90: part(90), p99: part(99), max })
    }
}

/// Sends what is due, every millisecond, without waiting for answers.
async fn drive(shared: Arc<Shared>, run: Arc<Run>) {
    let start = clock::now();
    let mut begun = 0;
    while begun < run.wanted.count && !run.stopped.load(Ordering::Relaxed) {
        let due = run.wanted.due(clock::now().saturating_duration_since(start));
        while begun < due {
            begun += 1;
            if run.tally().open >= MAX_OPEN {
                run.tally().skipped += 1;
                continue;
            }
            run.tally().sent += 1;
            run.tally().open += 1;
            drop(actix_rt::spawn(one_request(Arc::clone(&shared), Arc::clone(&run), clock::now())));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Every request ends by its own deadline.
    while run.tally().open > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.tally().done = true;
}

async fn one_request(shared: Arc<Shared>, run: Arc<Run>, begun: Instant) {
    let (outcome, answered) = match shared.with_model(|model| run.wanted.call(model)) {
        Err(_) => ("NOT_CONNECTED".to_owned(), false),
        Ok(call) => match shared.call(call).await {
            Ok(response) => (response.code.to_string(), true),
            Err(CallError::Gone(_)) => ("NOT_CONNECTED".to_owned(), false),
            Err(CallError::Lost(_)) => ("LOST".to_owned(), false),
            Err(CallError::Busy(_)) => ("BUSY".to_owned(), false),
            Err(CallError::TimedOut { .. }) => ("TIMED_OUT".to_owned(), false),
            Err(CallError::Garbled { .. }) => ("GARBLED".to_owned(), false),
            Err(CallError::Unsendable { .. }) => ("UNSENDABLE".to_owned(), false),
        },
    };
    let latency = answered.then(|| clock::now().saturating_duration_since(begun));
    run.tally().settle(outcome, latency);
}

/// Pushes remembered at a time.
const MAX_RUNS: usize = 64;
/// Requests of one push that may be open at a time.
const MAX_OPEN: u64 = 10_000;
/// Latencies kept of one push.
const MAX_LATENCIES: usize = 100_000;
/// Requests a second of one push.
const MAX_RATE_PER_S: f64 = 100_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_is_due_at_once_and_the_others_at_the_rate() {
        let wanted = Wanted::of(
            serde_json::from_str(r#"{"entity": "T", "name": "s", "ratePerS": 10, "count": 5}"#).unwrap(),
        )
        .unwrap();
        let due = [0, 99, 100, 250, 400, 5_000].map(|ms| wanted.due(Duration::from_millis(ms)));
        assert_eq!(due, [1, 1, 2, 3, 5, 5]);
    }

    #[test]
    fn latencies_are_told_by_their_percentiles() {
        let latency = Latency::of((1..=200).rev().collect()).unwrap();
        let Latency { min, p50, p90, p99, max } = latency;
        assert_eq!((min, p50, p90, p99, max), (1, 100, 180, 198, 200));
        assert!(Latency::of(Vec::new()).is_none());
        assert_eq!(Latency::of(vec![7]).unwrap().p99, 7);
    }
}
