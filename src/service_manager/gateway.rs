//! How the gateway stands.

use std::time::Duration;

use edgebind_actors::{BindState, Units, tree::Survey};
use edgebind_kernel::Pulse;

use super::Vitals;

/// Its units, its tree, and the threads of its HTTP server.
pub(crate) struct GatewayVitals {
    pub(crate) units: Units,
    pub(crate) survey: Survey,
    pub(crate) pulse: Pulse,
}

impl Vitals for GatewayVitals {
    fn status_line(&self) -> String {
        let units = &self.units;
        let link = units.link_status.borrow().clone();
        let bound = units.roster.counts().get(&BindState::Bound).copied().unwrap_or_default();
        format!("{} {}, {bound} of {} things bound", link.server, link.phase.name(), units.registry.len())
    }

    async fn lives(&self, patience: Duration) -> bool {
        let tree = tokio::time::timeout(patience, self.survey.look());
        tree.await.is_ok_and(|tree| tree.is_some()) && self.pulse.beats(patience).await
    }
}
