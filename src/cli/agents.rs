//! `edgebind agents`: simulated things behind a gateway.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args as ClapArgs;
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::signals::stop_signal;
use crate::agents::{self, Agents, Credentials, Event, Names, Settings, What};

/// Simulates things that register with a gateway as a script resource does and push changing values.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example: edgebind agents --gateway 127.0.0.1:8000 --count 3 --rate 2")]
pub(crate) struct Args {
    /// Host and port of the gateway's HTTP server.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000")]
    gateway: String,
    /// User that the gateway demands.
    #[arg(long, value_name = "USER", requires = "gateway_password")]
    gateway_user: Option<String>,
    /// Password that the gateway demands.
    #[arg(long, value_name = "PASSWORD", requires = "gateway_user")]
    gateway_password: Option<String>,
    /// How many things.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: usize,
    /// What the names begin with: Agent gives Agent-0001, Agent-0002 and so on.
    #[arg(long, value_name = "PREFIX", default_value = "Agent")]
    name_prefix: String,
    /// Exact name, for a single thing.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["count", "name_prefix"])]
    name: Option<String>,
    /// Registers as *ID instead of by name (several things: *ID-0001 and so on).
    #[arg(long, value_name = "ID")]
    identifier: Option<String>,
    /// Where to listen, and what the gateway is told.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// First port, one for each thing; 0 takes any.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// All things on one port, as the scripts of one script resource.
    #[arg(long)]
    shared_port: bool,
    /// Pushes per second and thing, for example 0.1; 0 pushes only after a registration and a write.
    #[arg(long, value_name = "R", default_value_t = 1.0)]
    rate: f64,
    /// Properties of each thing; four there are always.
    #[arg(long, value_name = "N", default_value_t = 4)]
    properties: usize,
    /// Serves and pushes without registering: for things that stand in the gateway's auto_bind.
    #[arg(long)]
    no_register: bool,
    /// Pushes every property, also what the platform does not subscribe to.
    #[arg(long)]
    push_all: bool,
    /// Milliseconds between two HasEdgeThing; also sent as the registration's keepalive.
    #[arg(long, value_name = "MS", default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(1..))]
    keepalive_ms: u64,
    /// Milliseconds from a failed registration to the next.
    #[arg(long, value_name = "MS", default_value_t = 5000, value_parser = clap::value_parser!(u64).range(1..))]
    retry_ms: u64,
    /// Milliseconds that the gateway is asked to wait for an answer of a thing.
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
    /// Fires the event Heartbeat every so many milliseconds.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    event_every: Option<u64>,
    /// Requests to the gateway at the same time, over all things.
    #[arg(long, value_name = "N", default_value_t = 24)]
    connections: usize,
    /// Keeps connections to the gateway open; a script resource opens one for each request.
    #[arg(long)]
    keep_connections: bool,
    /// Prints what happens as JSON lines.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn settings(&self) -> Settings {
        let credentials = self.gateway_user.clone().zip(self.gateway_password.clone());
        Settings {
            gateway: self.gateway.clone(),
            credentials: credentials
                .map(|(user, password)| Credentials { user, password: SecretString::from(password) }),
            names: match &self.name {
                Some(name) => Names::Exact(name.clone()),
                None => Names::Numbered { prefix: self.name_prefix.clone(), count: self.count },
            },
            identifier: self.identifier.clone(),
            host: self.host.clone(),
            port: self.port,
            shared_port: self.shared_port,
            rate_per_s: self.rate,
            properties: self.properties,
            register: !self.no_register,
            push_all: self.push_all,
            keepalive: Duration::from_millis(self.keepalive_ms),
            retry: Duration::from_millis(self.retry_ms),
            timeout: Duration::from_millis(self.timeout_ms),
            event_every: self.event_every.map(Duration::from_millis),
            connections: self.connections,
            keep_connections: self.keep_connections,
            ..Settings::default()
        }
    }
}

/// Runs the agents until Ctrl-C or SIGTERM, then deregisters them.
pub(crate) fn run(args: &Args) -> ExitCode {
    actix_rt::System::new().block_on(simulate(args))
}

async fn simulate(args: &Args) -> ExitCode {
    let agents = match agents::start(args.settings()).await {
        Ok(agents) => agents,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("edgebind agents: {error}{cause}");
            return ExitCode::FAILURE;
        }
    };
    let mut account = Account::new(&agents, args);
    account.begin();
    let stopped = stop_signal();
    tokio::pin!(stopped);
    let mut events = agents.events();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => break,
            _ = second.tick() => account.tick(),
            event = events.recv() => match event {
                Ok(event) => account.tell(&event),
                Err(RecvError::Lagged(missed)) => account.missed(missed),
                // Cannot be while the agents are ours; then there is nothing more to tell.
                Err(RecvError::Closed) => break,
            },
        }
    }
    account.end();
    let forced = stop_signal();
    tokio::select! {
        left = agents.stop(STOP_DEADLINE) => {
            while let Ok(event) = events.try_recv() {
                if args.json {
                    print_json(&json!(event));
                }
            }
            if left > 0 {
                eprintln!("edgebind agents: {left} things were not deregistered; the gateway unbinds them by its probe");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        () = forced => ExitCode::FAILURE,
    }
}

/// What is told while the agents run: JSON lines, a line that renews itself, or a line for each change.
struct Account<'a> {
    agents: &'a Agents,
    json: bool,
    terminal: bool,
    pushes_before: u64,
}

impl<'a> Account<'a> {
    fn new(agents: &'a Agents, args: &Args) -> Self {
        Self { agents, json: args.json, terminal: std::io::stderr().is_terminal(), pushes_before: 0 }
    }

    fn begin(&self) {
        let mut addresses = self.agents.addresses();
        if self.json {
            for (thing, address) in addresses {
                print_json(&json!({"event": "listening", "thing": thing, "address": address.to_string()}));
            }
        } else if let Some((thing, address)) = addresses.next() {
            let more = match addresses.count() {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            eprintln!("{thing} listens on {address}{more}. Ctrl-C deregisters and ends.");
        }
    }

    fn tell(&self, event: &Event) {
        if self.json {
            return print_json(&json!(event));
        }
        if self.terminal {
            return;
        }
        match &event.what {
            What::Registered => eprintln!("{} is registered.", event.thing),
            What::Unregistered { reason } => eprintln!("{} is not registered: {reason}.", event.thing),
            _ => {}
        }
    }

    fn missed(&self, count: u64) {
        if self.json {
            print_json(&json!({"event": "missed", "count": count}));
        }
    }

    fn tick(&mut self) {
        let totals = self.agents.totals();
        let rate = totals.accepted.saturating_sub(self.pushes_before);
        self.pushes_before = totals.accepted;
        if self.json || !self.terminal {
            return;
        }
        let errors = totals.refused + totals.failed;
        eprint!("\r{} registered, {rate} pushes/s, {errors} errors   ", totals.registered);
        // A terminal that is gone is no reason to stop.
        let _ = std::io::stderr().flush();
    }

    fn end(&self) {
        let totals = self.agents.totals();
        if self.json {
            for (thing, tally) in self.agents.tallies() {
                print_json(&json!({
                    "event": "tally", "thing": thing, "accepted": tally.accepted,
                    "refused": tally.refused, "failed": tally.failed,
                }));
            }
        } else {
            let errors = totals.refused + totals.failed;
            let line = if self.terminal { "\r" } else { "" };
            eprintln!("{line}{} pushes accepted, {errors} errors. Deregistering.", totals.accepted);
        }
    }
}

fn print_json(value: &serde_json::Value) {
    // Whoever reads may have gone; the agents go on.
    let _ = writeln!(std::io::stdout().lock(), "{value}");
}

const STOP_DEADLINE: Duration = Duration::from_secs(10);
