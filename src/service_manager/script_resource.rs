//! How the script resource stands.

use std::time::Duration;

use edgebind_kernel::Pulse;
use edgebind_lsr::{Host, Phase};

use super::Vitals;

/// Its scripts and their tree, and the threads of its HTTP server.
pub(crate) struct ScriptVitals {
    pub(crate) host: Host,
    pub(crate) pulse: Pulse,
}

impl Vitals for ScriptVitals {
    fn status_line(&self) -> String {
        let scripts = self.host.scripts();
        let running = scripts.iter().filter(|script| script.phase == Phase::Running).count();
        format!("{running} of {} scripts running", scripts.len())
    }

    /// A script that does not answer is no reason to end the others: their tree answers without it, and says so.
    async fn lives(&self, patience: Duration) -> bool {
        let tree = tokio::time::timeout(patience, self.host.tree());
        tree.await.is_ok_and(|tree| tree.is_some()) && self.pulse.beats(patience).await
    }
}
