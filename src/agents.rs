//! Simulated agents: things that behave towards a gateway as a script resource does.
//!
//! Each has an HTTP endpoint for the platform's requests, registers with the gateway, asks what the
//! platform subscribes to, pushes changing values and says goodbye at an orderly end (EMS notes, 8 and 9).
//! They serve the demo, the tests and load measurements; they deliberately share no code with the gateway
//! beyond the names of the base types, so that one defect cannot hide in both.

mod agent;
mod answers;
mod course;
mod endpoint;
mod event;
mod gateway;
mod messages;
mod metadata;
mod settings;
#[cfg(test)]
mod tests;
mod thing;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

pub(crate) use self::agent::Tally;
pub(crate) use self::event::{Event, What};
pub(crate) use self::settings::{Credentials, Names, Settings, StartError};

use self::agent::Agent;
use self::gateway::Gateway;

/// The running agents of one process.
pub(crate) struct Agents {
    agents: Vec<Arc<Agent>>,
    tasks: JoinSet<()>,
    server: ServerHandle,
    stop: watch::Sender<bool>,
    events: broadcast::Sender<Event>,
}

/// Opens the endpoints and starts the agents; must be called inside an actix system.
///
/// # Errors
///
/// [`StartError`] if the settings contradict each other or an address cannot be listened on; nothing runs then.
pub(crate) async fn start(settings: Settings) -> Result<Agents, StartError> {
    let names = settings.check()?;
    let listeners = endpoint::listen(&settings).await?;
    let gateway = Gateway::new(&settings);
    let (events, _) = broadcast::channel(EVENTS);
    let settings = Arc::new(settings);
    let mut agents = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        // One listener for all, or one for each: then the lengths are equal.
        let Some(listener) = listeners.get(index).or_else(|| listeners.first()) else { continue };
        let address = listener.local_addr().map_err(StartError::Local)?;
        agents.push(Arc::new(Agent::new(index, name, address, Arc::clone(&settings), events.clone())));
    }
    let by_name: HashMap<_, _> =
        agents.iter().map(|agent| (agent.bound_name().to_owned(), Arc::clone(agent))).collect();
    let server = endpoint::serve(listeners, Arc::new(by_name), settings.shared_port)?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for agent in &agents {
        tasks.spawn_local(Arc::clone(agent).run(gateway.clone(), stopped.clone()));
    }
    Ok(Agents { agents, tasks, server, stop, events })
}

impl Agents {
    /// Ends in order: deregisters every registered thing, then closes the endpoints.
    ///
    /// What is not done after `deadline` is cut off. Answers how many things the gateway was still told of
    /// nothing: they are unbound later, when the gateway finds their ports closed.
    pub(crate) async fn stop(mut self, deadline: Duration) -> usize {
        self.stop.send_replace(true);
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all_ended).await.is_err() {
            self.tasks.shutdown().await;
        }
        self.server.stop(false).await;
        self.agents.iter().filter(|agent| agent.tally().registered).count()
    }

    /// Name under which each thing is bound, and the address of its endpoint.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.agents.iter().map(|agent| (agent.bound_name(), agent.address()))
    }

    /// What happens from now on.
    ///
    /// A reader that is more than 16,384 events late misses the oldest and is told how many.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Counts of each thing since the start, in the order of the names.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = (&str, Tally)> {
        self.agents.iter().map(|agent| (agent.bound_name(), agent.tally()))
    }

    /// Counts over all things; `registered` and others are sums.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for agent in &self.agents {
            let tally = agent.tally();
            totals.registered += usize::from(tally.registered);
            totals.accepted += tally.accepted;
            totals.refused += tally.refused;
            totals.failed += tally.failed;
        }
        totals
    }
}

/// Sums over all agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Things that are registered now.
    pub(crate) registered: usize,
    /// Pushes answered with 200 or 202.
    pub(crate) accepted: u64,
    /// Pushes answered with another status.
    pub(crate) refused: u64,
    /// Pushes without an answer.
    pub(crate) failed: u64,
}

/// Events kept for a slow reader; more than 2,000 things cause at once.
const EVENTS: usize = 16_384;
