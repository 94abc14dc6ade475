//! What a service manager is told over the socket in `NOTIFY_SOCKET` (systemd's sd_notify): ready, a line of status,
//! that we are alive, that we stop. Without the variable nobody is told anything.

use std::time::Duration;

use edgebind_actors::{BindState, Units, tree::Survey};
use sd_notify::NotifyState;
use tracing::warn;

use crate::pulse::Pulse;

/// Tells the service manager about one run of the gateway.
pub(crate) struct ServiceManager {
    units: Units,
    survey: Survey,
    pulse: Pulse,
}

impl ServiceManager {
    pub(crate) const fn new(units: Units, survey: Survey, pulse: Pulse) -> Self {
        Self { units, survey, pulse }
    }

    /// Says that the gateway serves, then how it stands and that it lives, for as long as this is polled.
    ///
    /// The watchdog (`WATCHDOG_USEC`) is fed twice in its time, and only when every supervisor of the tree and every
    /// thread of the HTTP server has answered.
    pub(crate) async fn report(self) {
        tell(&[NotifyState::Ready, NotifyState::Status(&status_line(&self.units))]);
        let watchdog = sd_notify::watchdog_enabled();
        let rate = watchdog.map_or(STATUS_RATE, |time| (time / 2).min(STATUS_RATE));
        loop {
            tokio::time::sleep(rate).await;
            let status = status_line(&self.units);
            if watchdog.is_none() {
                tell(&[NotifyState::Status(&status)]);
            } else if self.lives(rate).await {
                tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
            } else {
                warn!("A part of the gateway does not answer; the service manager's watchdog is not fed.");
            }
        }
    }

    async fn lives(&self, patience: Duration) -> bool {
        let tree = tokio::time::timeout(patience, self.survey.look());
        tree.await.is_ok_and(|tree| tree.is_some()) && self.pulse.beats(patience).await
    }
}

/// Says that the process stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How the gateway stands, in the line that `systemctl status` shows.
fn status_line(units: &Units) -> String {
    let link = units.link_status.borrow().clone();
    let bound = units.roster.counts().get(&BindState::Bound).copied().unwrap_or_default();
    format!("{} {}, {bound} of {} things bound", link.server, link.phase.name(), units.registry.len())
}

fn tell(states: &[NotifyState<'_>]) {
    // Succeeds without a socket, too.
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "The service manager cannot be told.");
    }
}

/// How often the line of status is renewed without a watchdog that wants more.
const STATUS_RATE: Duration = Duration::from_secs(10);
