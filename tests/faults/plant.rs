//! A plant under faults: gateway and platform as processes, agents that record, a network of relays between all of them.

use std::{
    collections::BTreeSet,
    future::Future,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use edgebind_kernel::clock;
use edgebind_oracle::{Arrival, Evidence, Fleet, FleetSettings, Ledger, Network, Verdict, read_arrivals};
use edgebind_platform::relay::{Admission, Cut, Faults, Relay, Way, WayFaults, Which};
use edgebind_store::View;
use serde_json::{Value, json};
use tokio::{runtime::Handle, sync::oneshot};

use crate::support::{EDGE_GATEWAY, Process, Site, remote_thing, wait_until};

/// How many of whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Agents that record, in groups that die together.
    pub(crate) agents: usize,
    pub(crate) groups: usize,
    /// Agents of a process of their own, `edgebind agents`; they record nothing, and must be bound.
    pub(crate) simulated: usize,
    /// Mean pause between two requests of a lane of a recording agent; it has two.
    pub(crate) pause: Duration,
}

/// Everything that runs, and the network between.
pub(crate) struct Plant {
    // Dropped in this order: what uses the network before its thread, the processes before the folder with their logs.
    pub(crate) fleet: Fleet,
    pub(crate) gateway: Option<Process>,
    pub(crate) platform: Option<Process>,
    simulated: Option<Process>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) site: Site,
    size: Size,
    up: Relay,
    local: Relay,
    down: Vec<Relay>,
    network: NetworkThread,
}

/// The thread on which relays and agents live.
struct NetworkThread {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NetworkThread {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            // An error says the same: the plant is gone.
            let _ = runtime.block_on(stopped);
        });
        Self { handle, stop: Some(stop), thread: Some(thread) }
    }

    /// Runs `work` and waits for it; the thread of the network drives its sockets and timers.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }
}

impl Drop for NetworkThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the hook.
            let _ = thread.join();
        }
    }
}

impl Plant {
    /// Builds the network and writes the configuration; nothing runs yet.
    pub(crate) fn new(size: Size, seed: u64) -> Self {
        let names: Vec<String> = (1..=size.agents).map(|number| format!("Line-{number:03}")).collect();
        let simulated = (1..=size.simulated).map(|number| remote_thing(&format!("Agent-{number:04}")));
        let mut site = Site::new(names.iter().map(|name| counting_thing(name)).chain(simulated));
        let network = NetworkThread::start();
        let relay = |target: u16| {
            let _inside = network.handle.enter();
            Relay::start_with_seed(loopback(0), loopback(target), seed).expect("a free port")
        };
        let (up, local) = (relay(site.platform_port), relay(site.gateway_port));
        // They lead nowhere until their agents live.
        let down: Vec<Relay> = (0..size.groups).map(|_| relay(9)).collect();
        configure(site.config(), up.address().port());
        let ledger = Arc::new(Ledger::default());
        let settings = FleetSettings {
            gateway: local.address(),
            things: names,
            properties: PROPERTIES,
            pause: size.pause,
            keepalive: Duration::from_secs(2),
            retry: Duration::from_millis(300),
            patience: Duration::from_secs(20),
            seed,
        };
        let entrances: Vec<_> = down.iter().map(Relay::address).collect();
        let fleet = Fleet::new(settings, &entrances, Arc::clone(&ledger));
        Self {
            fleet,
            ledger,
            site,
            size,
            up,
            local,
            down,
            gateway: None,
            platform: None,
            simulated: None,
            network,
        }
    }

    /// Starts everybody and waits until all things are bound for the first time.
    pub(crate) fn start(&mut self) {
        self.start_platform();
        self.start_gateway(&[]);
        for group in 0..self.fleet.groups() {
            self.start_agents(group);
        }
        self.start_simulated();
        wait_until("all things are bound for the first time", || self.unbound().is_empty().then_some(()));
    }

    pub(crate) fn start_platform(&mut self) {
        let log = self.arrival_log();
        let platform = self.site.platform_flagged(&["--arrivals", &log]);
        self.platform = Some(platform);
    }

    pub(crate) fn start_gateway(&mut self, environment: &[(&str, &str)]) {
        self.gateway = Some(self.site.gateway_in(environment));
    }

    pub(crate) fn start_agents(&mut self, group: usize) {
        let address = self.network.run(self.fleet.start(group)).expect("a free port");
        if let Some(relay) = self.down.get(group) {
            relay.retarget(address);
        }
    }

    pub(crate) fn start_simulated(&mut self) {
        if self.size.simulated == 0 {
            return;
        }
        let count = self.size.simulated.to_string();
        let flags = ["--count", &count, "--shared-port", "--rate", "0.5", "--keepalive-ms", "2000"];
        self.simulated = Some(self.site.agents(&flags));
    }

    pub(crate) fn kill_simulated(&mut self) {
        if let Some(mut process) = self.simulated.take() {
            process.kill();
        }
    }

    /// The relay of a network.
    pub(crate) fn relay(&self, network: Network) -> &Relay {
        match network {
            Network::Up => &self.up,
            Network::Local => &self.local,
            Network::Down(group) => &self.down[group % self.down.len()],
        }
    }

    pub(crate) fn cut(&self, network: Network, reset: bool) {
        self.relay(network).cut(Which::All, if reset { Cut::Reset } else { Cut::Finish });
    }

    pub(crate) fn cut_within(&self, network: Network, bytes: u64) {
        self.relay(network).cut_after(Which::All, Way::Both, bytes, Cut::Reset);
    }

    pub(crate) fn refuse(&self, network: Network) {
        self.relay(network).set_faults(Faults::admitting(Admission::Refuse)).expect("in range");
    }

    pub(crate) fn slow(&self, network: Network) {
        let late = WayFaults::late(Duration::from_millis(300), Duration::from_millis(200));
        self.relay(network).set_faults(Faults::on(Way::Both, late)).expect("in range");
    }

    /// A good network between all.
    pub(crate) fn heal(&self) {
        for relay in [&self.up, &self.local].into_iter().chain(&self.down) {
            relay.heal();
        }
    }

    /// Callers at the platform, for every recording agent.
    pub(crate) fn callers(&self) -> edgebind_oracle::Callers {
        let _inside = self.network.handle.enter();
        let platform = loopback(self.site.platform_port);
        let pause = Duration::from_millis(200);
        edgebind_oracle::Callers::start(platform, &self.site.key, &self.names(), 2, pause)
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.network.run(work)
    }

    /// Lets each agent wait for its last answer.
    pub(crate) fn finish_agents(&mut self) {
        let Self { fleet, network, .. } = self;
        network.run(fleet.finish());
    }

    /// Things that the platform does not show as connected, the gateway's own among them.
    pub(crate) fn unbound(&self) -> Vec<String> {
        let answer = self.site.rest().send("GET", "", None);
        let list = answer.map_or(Value::Null, |answer| answer.json());
        let rows = list["rows"].as_array().cloned().unwrap_or_default();
        let bound = |name: &str| rows.iter().any(|row| row["name"] == name && row["isConnected"] == true);
        self.everybody().into_iter().filter(|name| !bound(name)).collect()
    }

    /// Agents of which nothing was accepted since `tick`.
    pub(crate) fn silent_since(&self, tick: u64) -> usize {
        let attempts = self.ledger.attempts();
        let speaks = |name: &String| {
            attempts.iter().any(|attempt| {
                attempt.sent > tick && attempt.is_accepted() && *attempt.update.thing == *name.as_str()
            })
        };
        self.names().iter().filter(|name| !speaks(name)).count()
    }

    /// What the platform took of the recording agents so far.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        let names: BTreeSet<String> = self.names().into_iter().collect();
        let mut arrivals = read_arrivals(self.arrival_log().as_ref()).expect("the log of the platform");
        arrivals.retain(|arrival| names.contains(&arrival.thing));
        arrivals
    }

    /// Holds what is known now against the promises.
    pub(crate) fn judge(&self, healed: u64, bound_in: Option<Duration>) -> Verdict {
        let (attempts, arrivals) = (self.ledger.attempts(), self.arrivals());
        Evidence {
            attempts: &attempts,
            arrivals: &arrivals,
            dead: &[],
            surplus: self.ledger.surplus(),
            healed,
            bound_in,
            bind_limit: BIND_LIMIT,
        }
        .judge()
    }

    /// Records that wait in the spool, and dead letters.
    pub(crate) fn spooled(&self) -> (u64, u64) {
        let view = View::open(&self.site.folder().join("state")).expect("a spool");
        let summary = view.summary().expect("readable");
        (summary.records, summary.dead_records)
    }

    fn names(&self) -> Vec<String> {
        (1..=self.size.agents).map(|number| format!("Line-{number:03}")).collect()
    }

    fn everybody(&self) -> Vec<String> {
        let simulated = (1..=self.size.simulated).map(|number| format!("Agent-{number:04}"));
        self.names().into_iter().chain(simulated).chain([EDGE_GATEWAY.to_owned()]).collect()
    }

    fn arrival_log(&self) -> String {
        self.site.folder().join("arrivals.jsonl").display().to_string()
    }
}

/// From the moment at which the network is good and every party runs: a platform keeps the session of a link that it does not
/// know to be dead for 60 s, and a refused thing is tried again after 30 s at the latest; the rest is for a busy machine.
pub(crate) const BIND_LIMIT: Duration = Duration::from_secs(120);

/// Waits until every thing is bound; `None` if that takes longer than it may.
pub(crate) fn time_to_bind(plant: &Plant) -> Option<Duration> {
    let begun = clock::now();
    loop {
        if plant.unbound().is_empty() {
            return Some(clock::now() - begun);
        }
        if clock::now() - begun > BIND_LIMIT {
            eprintln!("not bound: {:?}", plant.unbound());
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Short waits, so that many faults fit into a run; everything else as it is delivered.
fn configure(config: &mut Value, platform_port: u16) {
    config["ws_servers"] = json!([{ "host": "127.0.0.1", "port": platform_port }]);
    config["http_server"]["max_clients"] = json!(500);
    config["ws_connection"] = json!({
        "encryption": "none",
        "connect_retry_interval": 300,
        "connect_timeout": 3000,
        "msg_timeout": 3000,
        "ping_rate": 2000,
        "pingpong_timeout": 2000,
    });
}

/// A model's thing for a recording agent.
fn counting_thing(name: &str) -> Value {
    let property = |number: usize| json!({ "name": format!("p{number}"), "baseType": "NUMBER", "remote": { "pushType": "ALWAYS" } });
    let properties: Vec<Value> = (0..PROPERTIES).map(property).collect();
    let echo = json!({ "name": "Echo", "inputs": [{ "name": "text", "baseType": "STRING" }], "output": { "baseType": "STRING" } });
    json!({ "name": name, "properties": properties, "services": [echo] })
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

const PROPERTIES: usize = 5;
