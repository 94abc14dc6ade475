//! Waits for files.

use std::time::Duration;

use mlua::Result;
use tokio::time::{Instant, sleep, timeout};

use super::{info::Info, info_or_nil, place::Place};
use crate::{
    host::{Arity, Natives},
    library::arguments::Arguments,
};

/// Fills in `waitForFile` and `dwell`.
pub(super) fn install(natives: &Natives<'_>) -> Result<()> {
    let library = natives.table("tw_dir")?;
    library.raw_set(
        "waitForFile",
        natives.blocking(Arity::exactly(2), |_, arguments: Arguments| {
            let (place, patience) = (Place::needed(&arguments, 0)?, span(arguments.number(1)?));
            Ok(async move {
                let there = appears(&place, patience).await;
                Natives::finish(move |_| Ok(there))
            })
        })?,
    )?;
    library.raw_set(
        "dwell",
        natives.blocking(Arity::between(2, 3), |_, arguments: Arguments| {
            let (place, pause) = (Place::needed(&arguments, 0)?, span(arguments.number(1)?));
            Ok(async move {
                let info = unchanged(&place, pause).await;
                Natives::finish(move |lua| info_or_nil(lua, info))
            })
        })?,
    )
}

/// Whether it is there before `patience` ends.
async fn appears(place: &Place, patience: Duration) -> bool {
    let look = async {
        while place.metadata().is_err() {
            sleep(STEP).await;
        }
    };
    timeout(patience, look).await.is_ok()
}

/// What it is once it has not changed for `pause`; nothing if it is not there, or changes for an hour.
async fn unchanged(place: &Place, pause: Duration) -> Option<Info> {
    let give_up = Instant::now() + LONGEST;
    let mut before = Info::read(place, false).ok()?;
    loop {
        sleep(pause).await;
        let now = Info::read(place, false).ok()?;
        if now == before {
            return Some(now);
        }
        if Instant::now() > give_up {
            return None;
        }
        before = now;
    }
}

/// Milliseconds of a script; an hour at most.
fn span(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms.max(0.0) / 1000.0).unwrap_or(LONGEST).min(LONGEST)
}

/// As the original polls.
const STEP: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3600);
