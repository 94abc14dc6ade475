//! How far the delivery is and how the store does, for status, health and instruments.

use std::time::{Duration, Instant};

use actix::prelude::*;
use edgebind_kernel::clock;
use edgebind_observability::instruments;
use edgebind_store::{Health, Progress, State, StoreError, Waiting};

use super::{Delivery, Store};
use crate::{Units, spool::Absence};

/// Asks how far the delivery is.
#[derive(Message)]
#[rtype(result = "DeliveryView")]
pub struct Look;

/// How far the delivery is.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// Counts and rates of what waits.
    pub progress: Progress,
    /// Entities that wait for a retry, soonest first; at most [`DeliveryView::SHOWN`].
    pub waiting: Vec<Waiting>,
    /// When everything that waits is tried again, after the platform had refused the key; milliseconds since 1970 UTC.
    pub halted_until_unix_ms: Option<i64>,
    /// Whether an update was refused lately because the spool is full.
    pub full: bool,
}

/// The store, in one word and with its figures.
#[derive(Clone, Debug)]
pub enum SpoolStanding {
    /// Off by configuration.
    Off,
    /// There is no place for it; why.
    Nowhere(String),
    /// Its thread is being started, again and again if it keeps dying.
    Down,
    /// It runs, well or not.
    Up(Box<Health>),
}

impl DeliveryView {
    /// Entities told of one by one.
    pub const SHOWN: usize = 20;
}

impl Units {
    /// How far the delivery is; `None` while it is being restarted.
    pub async fn delivery_view(&self) -> Option<DeliveryView> {
        let delivery = self.delivery.resolve(&())?;
        tokio::time::timeout(PATIENCE, delivery.send(Look)).await.ok()?.ok()
    }

    /// How the store does.
    #[must_use]
    pub fn spool_standing(&self) -> SpoolStanding {
        match self.spool.absence() {
            Some(Absence::Off) => SpoolStanding::Off,
            Some(Absence::Nowhere(why)) => SpoolStanding::Nowhere(why.clone()),
            None => {
                self.spool.health().map_or(SpoolStanding::Down, |health| SpoolStanding::Up(Box::new(health)))
            }
        }
    }
}

impl SpoolStanding {
    /// One word for people.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Nowhere(_) => "none",
            Self::Down => "down",
            Self::Up(health) => match health.state {
                State::Opening => "opening",
                State::Ready => "open",
                State::Failed(_) => "failed",
            },
        }
    }

    /// Why nothing is taken.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Nowhere(why) => Some(why.clone()),
            Self::Up(health) => match &health.state {
                State::Failed(error) => Some(error.to_string()),
                _ => None,
            },
            Self::Off | Self::Down => None,
        }
    }

    /// Its figures.
    #[must_use]
    pub fn health(&self) -> Option<&Health> {
        match self {
            Self::Up(health) => Some(health),
            _ => None,
        }
    }

    /// What somebody has to mend, in one sentence.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        const REFUSED: &str = "updates that cannot be delivered are answered 503";
        match self {
            Self::Off => None,
            Self::Nowhere(why) => Some(format!("no spool: {why}; {REFUSED}")),
            Self::Down => Some(format!("the spool does not run; {REFUSED}")),
            Self::Up(health) => match (&health.state, &health.set_aside) {
                (State::Failed(error), _) => Some(format!("spool: {error}; {REFUSED}")),
                (_, Some(file)) => Some(format!(
                    "a damaged spool was set aside as {}; what it holds is not delivered",
                    file.display()
                )),
                _ => None,
            },
        }
    }
}

impl Handler<Look> for Delivery {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        let progress = self.order.progress(clock::now());
        MessageResult(DeliveryView {
            halted_until_unix_ms: progress.halted_until.map(clock::unix_millis_at),
            progress,
            waiting: self.order.waiting().take(DeliveryView::SHOWN).collect(),
            full: self.full.0,
        })
    }
}

impl Delivery {
    /// Sets the instruments and the words of the tree.
    pub(super) fn measure(&mut self, now: Instant) {
        let health = self.units.spool.health();
        if let Some(health) = &health {
            self.full.look(health);
        }
        let progress = self.order.progress(now);
        let dead = health.as_ref().map_or(0, |health| health.dead_records);
        instruments().spool(progress.records, progress.bytes, progress.oldest.unwrap_or_default(), dead);
        self.lifeline.report(match (&self.store, progress.records) {
            (Store::Absent, _) => "without a spool".into(),
            (Store::Opening, _) => "waiting for the spool".into(),
            (Store::Failed(error), _) => format!("the spool has failed: {error}").into(),
            (Store::Open, 0) => std::borrow::Cow::Borrowed("nothing waits"),
            (Store::Open, records) => format!("{records} records wait").into(),
        });
    }
}

/// Whether the spool refuses for want of room: said once, until there is room again.
#[derive(Debug, Default)]
pub(super) struct Fullness(pub(super) bool);

impl Fullness {
    /// Something was taken.
    pub(super) const fn taken(&mut self) {
        self.0 = false;
    }

    /// Whether this refusal is the first of its kind.
    pub(super) const fn refused(&mut self, error: &StoreError) -> bool {
        let first = matches!(error, StoreError::SpoolFull { .. }) && !self.0;
        self.0 |= first;
        first
    }

    /// Also when nobody tries any more.
    fn look(&mut self, health: &Health) {
        let taken = health.bytes.saturating_add(health.dead_bytes);
        self.0 &= taken >= health.limit_bytes / 10 * 9;
    }
}

/// The delivery answers within a second; this is for one that is being restarted.
const PATIENCE: Duration = Duration::from_secs(2);
