//! What a service manager is told over the socket in `NOTIFY_SOCKET` (systemd's sd_notify): ready, a line of status,
//! that we are alive, that we stop. Without the variable nobody is told anything.

mod gateway;
mod script_resource;

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

pub(crate) use gateway::GatewayVitals;
pub(crate) use script_resource::ScriptVitals;

/// How a running process stands.
pub(crate) trait Vitals {
    /// The line that `systemctl status` shows.
    fn status_line(&self) -> String;

    /// Whether everything that must answer does, within `patience`.
    async fn lives(&self, patience: Duration) -> bool;
}

/// Says that the process serves, then how it stands and that it lives, for as long as this is polled.
///
/// The watchdog (`WATCHDOG_USEC`) is fed twice in its time, and only when every part has answered.
pub(crate) async fn report(vitals: impl Vitals) {
    tell(&[NotifyState::Ready, NotifyState::Status(&vitals.status_line())]);
    let watchdog = sd_notify::watchdog_enabled();
    let rate = watchdog.map_or(STATUS_RATE, |time| (time / 2).min(STATUS_RATE));
    loop {
        tokio::time::sleep(rate).await;
        let status = vitals.status_line();
        if watchdog.is_none() {
            tell(&[NotifyState::Status(&status)]);
        } else if vitals.lives(rate).await {
            tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
        } else {
            warn!("A part of the process does not answer; the service manager's watchdog is not fed.");
        }
    }
}

/// Says that the process stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Succeeds without a socket, too.
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "The service manager cannot be told.");
    }
}

/// How often the line of status is renewed without a watchdog that wants more.
const STATUS_RATE: Duration = Duration::from_secs(10);
