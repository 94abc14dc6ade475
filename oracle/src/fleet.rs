//! Many agents in groups: a group has one endpoint and dies as a whole, as a process of agents does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::agent::Agent;
use crate::endpoint::{Endpoint, Executions};
use crate::ledger::Ledger;

/// Who the agents are and what they do.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// Where they reach the gateway.
    pub gateway: SocketAddr,
    /// Names of the things; each needs `properties` properties `p0`, `p1`, ... of type NUMBER on the platform.
    pub things: Vec<String>,
    /// Properties of each.
    pub properties: usize,
    /// Mean pause between two requests of one of the two lanes of an agent.
    pub pause: Duration,
    /// Time between two questions whether it is registered still.
    pub keepalive: Duration,
    /// Pause after a failure.
    pub retry: Duration,
    /// Longest wait for an answer of the gateway.
    pub patience: Duration,
    /// Decides what is sent when.
    pub seed: u64,
}

/// Running agents; its drop kills them all.
#[derive(Debug)]
pub struct Fleet {
    settings: Arc<FleetSettings>,
    ledger: Arc<Ledger>,
    executions: Arc<Executions>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    things: Vec<Arc<str>>,
    /// Where the gateway shall reach the endpoint, through whatever stands between.
    entrance: SocketAddr,
    life: Option<Life>,
}

#[derive(Debug)]
struct Life {
    /// Held for its drop.
    _endpoint: Endpoint,
    /// Aborted with its drop.
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Fleet {
    /// Divides the things among as many groups as there are entrances; none of them lives yet.
    #[must_use]
    pub fn new(settings: FleetSettings, entrances: &[SocketAddr], ledger: Arc<Ledger>) -> Self {
        let group = |(index, entrance): (usize, &SocketAddr)| {
            let own = settings.things.iter().skip(index).step_by(entrances.len().max(1));
            Group {
                things: own.map(|name| Arc::from(name.as_str())).collect(),
                entrance: *entrance,
                life: None,
            }
        };
        let groups = entrances.iter().enumerate().map(group).collect();
        Self { settings: Arc::new(settings), ledger, executions: Arc::default(), groups }
    }

    /// Starts the agents of a group and answers where their endpoint listens: the entrance has to lead there.
    ///
    /// # Errors
    ///
    /// As the system says when no port is free; [`io::ErrorKind::NotFound`] for a group that there is not.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(&mut self, group: usize) -> io::Result<SocketAddr> {
        let endpoint = Endpoint::open(Arc::clone(&self.executions)).await?;
        let address = endpoint.address();
        let group = self.groups.get_mut(group).ok_or(io::ErrorKind::NotFound)?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for thing in &group.things {
            let agent = Agent {
                thing: Arc::clone(thing),
                endpoint: group.entrance,
                ledger: Arc::clone(&self.ledger),
                settings: Arc::clone(&self.settings),
            };
            tasks.spawn(agent.clone().register(stopped.clone()));
            for lane in 0..LANES {
                tasks.spawn(agent.clone().send(lane, stopped.clone()));
            }
        }
        group.life = Some(Life { _endpoint: endpoint, tasks, stop });
        Ok(address)
    }

    /// Ends a group in the middle of whatever it does.
    pub fn kill(&mut self, group: usize) {
        if let Some(group) = self.groups.get_mut(group) {
            group.life = None;
        }
    }

    /// Lets every lane wait for its answer and send no more. The endpoints go on.
    pub async fn finish(&mut self) {
        for life in self.groups.iter_mut().filter_map(|group| group.life.as_mut()) {
            // Nobody listens any more if all tasks panicked; then they are joined at once.
            let _ = life.stop.send(true);
            while life.tasks.join_next().await.is_some() {}
        }
    }

    /// How many groups there are.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Calls of the platform that an agent carried out more than once.
    #[must_use]
    pub fn carried_out_twice(&self) -> u64 {
        self.executions.twice()
    }
}

/// Requests of one agent that may be under way at a time.
const LANES: u64 = 2;
