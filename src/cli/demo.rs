//! `edgebind demo`: platform, gateway and a script resource with a few things in one process, with real sockets between them.

mod samples;

use std::{
    collections::BTreeSet,
    io::{IsTerminal, Write},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_actors::{link::LinkStatus, local::LocalSettings};
use edgebind_config::{AutoBind, Config, Encryption, Server};
use edgebind_kernel::clock;
use edgebind_lsr::log as script_log;
use edgebind_observability as observability;
use edgebind_platform::{AppKey, News, Platform, Watch, model::Change};

use self::samples::Samples;
use super::{platform::made_up_key, signals::stop_signal};
use crate::{gateway::Gateway, script_resource::ScriptResource};

/// Shows a gateway at work: a development platform, the gateway and some things, all in one go.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example: edgebind demo --things 5\n\nOpen the page that it prints: the things are connected, \
                        their values move."
)]
pub(crate) struct Args {
    /// How many things in Lua: sensors, machines and notebooks of examples/lua.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    things: u16,
    /// Port of the platform and its page; the next free one if it is taken.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    platform_port: u16,
    /// Port of the gateway for script resources and local callers; the next free one if it is taken.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    gateway_port: u16,
    /// Port of the script resource; the next free one if it is taken.
    #[arg(long, value_name = "PORT", default_value_t = 8001)]
    script_port: u16,
    /// Ends by itself after so many seconds.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Log filter for what happens behind the account: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

/// Runs until Ctrl-C, or as long as was asked for.
pub(crate) fn run(args: &Args) -> ExitCode {
    let settings = observability::Settings { level: args.log.clone(), ..observability::Settings::default() };
    let telemetry = match observability::init(&settings.with_environment(std::env::vars())) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("edgebind demo: {error}");
            return ExitCode::FAILURE;
        }
    };
    edgebind_kernel::install_panic_hook();
    let code = actix_rt::System::new().block_on(async {
        match Demo::start(args).await {
            Ok(demo) => demo.show(args.seconds.map(Duration::from_secs)).await,
            Err(text) => {
                eprintln!("edgebind demo: {text}");
                ExitCode::FAILURE
            }
        }
    });
    telemetry.shutdown(Duration::from_secs(1));
    code
}

struct Demo {
    platform: Platform,
    gateway: Gateway,
    resource: ScriptResource,
    samples: Samples,
    watch: Watch,
}

impl Demo {
    async fn start(args: &Args) -> Result<Self, String> {
        let key = made_up_key();
        let samples = Samples::new(args.things)?;
        let mut settings = edgebind_platform::Settings::default();
        settings.port = free_port("the platform", args.platform_port)?;
        settings.app_keys = vec![AppKey::new(key.as_str())];
        settings.model = samples.model()?;
        let platform = edgebind_platform::start(settings).await.map_err(|error| error.to_string())?;
        println!("Platform   {}", platform.address());
        println!("Page       {}", platform.page_url());
        let watch = platform.watch();

        let gateway_port = free_port("the gateway", args.gateway_port)?;
        let gateway =
            Gateway::start(&config(platform.address(), &key, gateway_port), LocalSettings::default(), None)
                .map_err(|error| error.to_string())?;
        println!("Gateway    {}", gateway.address());

        let port = free_port("the script resource", args.script_port)?;
        let (configuration, settings) = samples.configuration(gateway_port, port)?;
        script_log::set_level(settings.log_level);
        let resource = ScriptResource::start(configuration, &settings, None, None)
            .await
            .map_err(|error| error.to_string())?;
        println!("Scripts    {}", resource.address());
        println!(
            "Things     {} in Lua; their templates: {}",
            samples.names().len(),
            samples.folder().display()
        );
        println!("Stop with Ctrl-C.\n");
        Ok(Self { platform, gateway, resource, samples, watch })
    }

    /// Tells what happens until it is time to stop, then stops in order.
    async fn show(mut self, limit: Option<Duration>) -> ExitCode {
        let mut account = Account::new(self.samples.names());
        let stop = async {
            match limit {
                Some(limit) => tokio::select! {
                    () = stop_signal() => {}
                    () = tokio::time::sleep(limit) => {}
                },
                None => stop_signal().await,
            }
        };
        tokio::pin!(stop);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut link = self.gateway.units().link_status.clone();
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = second.tick() => account.tick(),
                Ok(()) = link.changed() => account.link(&link.borrow_and_update()),
                news = self.watch.next() => match news {
                    Some(News::Change(change)) => account.tell(&change),
                    Some(_) => {}
                    None => break,
                },
                exit = self.gateway.failed() => {
                    eprintln!("edgebind demo: the gateway gave up: {exit}");
                    return super::exit::defect();
                }
                reason = self.resource.failed() => {
                    eprintln!("edgebind demo: the script resource gave up: {reason}");
                    return super::exit::defect();
                }
            }
        }
        account
            .say("Stopping: things say goodbye, the gateway unbinds and closes. Ctrl-C again stops at once.");
        let clean = self.stop(&mut account).await;
        account.say("Stopped.");
        if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Things say goodbye, the gateway unbinds and closes, then the platform goes.
    async fn stop(self, account: &mut Account) -> bool {
        let Self { platform, gateway, resource, samples: _samples, mut watch } = self;
        let stopped = async {
            let scripts = resource.stop(STOP_DEADLINE).await;
            let gateway = gateway.stop(STOP_DEADLINE).await;
            let platform = platform.stop(STOP_DEADLINE).await;
            scripts.is_clean() && gateway.is_clean() && platform.is_clean()
        };
        let forced = stop_signal();
        tokio::pin!(stopped, forced);
        loop {
            tokio::select! {
                biased;
                Some(News::Change(change)) = watch.next() => account.tell(&change),
                clean = &mut stopped => return clean,
                () = &mut forced => return false,
            }
        }
    }
}

/// What is told in the terminal: a line for each change of a connection, a line that renews itself for the values.
struct Account {
    /// Those that are still to be connected for the first time.
    missing: BTreeSet<String>,
    things: usize,
    begun: std::time::Instant,
    terminal: bool,
    connected: BTreeSet<String>,
    online: bool,
    complete: bool,
    values: u64,
    line: bool,
}

impl Account {
    fn new(things: &[String]) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            missing: things.iter().cloned().collect(),
            things: things.len(),
            begun: clock::now(),
            terminal,
            connected: BTreeSet::new(),
            online: false,
            complete: false,
            values: 0,
            line: false,
        }
    }

    fn tell(&mut self, change: &Change) {
        match change {
            Change::Bound { thing, .. } => {
                self.connected.insert(thing.clone());
                self.say(format!("{thing} is connected."));
                self.missing.remove(thing);
                if !self.complete && self.missing.is_empty() {
                    self.complete = true;
                    self.say(format!("All {} things are connected; their values arrive.", self.things));
                }
            }
            Change::Unbound { thing, .. } => {
                self.connected.remove(thing);
                self.say(format!("{thing} is disconnected."));
            }
            Change::Value { .. } => self.values += 1,
            _ => {}
        }
    }

    fn link(&mut self, status: &LinkStatus) {
        if status.is_online() != self.online {
            self.online = status.is_online();
            self.say(match (&status.last_error, self.online) {
                (_, true) => "The gateway is connected and authenticated.".to_owned(),
                (Some(reason), false) => format!("The gateway lost its connection: {reason}."),
                (None, false) => "The gateway closed its connection.".to_owned(),
            });
        }
    }

    fn tick(&mut self) {
        let values = std::mem::take(&mut self.values);
        if self.terminal {
            print!("\r{} connected, {values} values/s   ", self.connected.len());
            self.line = true;
            // A terminal that is gone is no reason to stop.
            std::io::stdout().flush().unwrap_or_default();
        } else if self.complete && values > 0 && !self.line {
            self.line = true;
            self.say(format!("{values} values arrived within the last second."));
        }
    }

    fn say(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        let seconds = clock::now().duration_since(self.begun).as_secs_f64();
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        println!("{clear}{seconds:7.2} s  {text}");
    }
}

/// The configuration that scenario A writes by hand.
fn config(platform: SocketAddr, key: &str, port: u16) -> Config {
    let gateway = AutoBind { name: GATEWAY.to_owned(), gateway: true, ..AutoBind::default() };
    let mut config = Config {
        ws_servers: vec![Server { host: platform.ip().to_string(), port: platform.port() }],
        app_key: key.into(),
        auto_bind: vec![gateway],
        ..Config::default()
    };
    config.http_server.host = "127.0.0.1".to_owned();
    config.http_server.port = port;
    config.ws_connection.encryption = Encryption::None;
    // Nothing is to outlive a demonstration.
    config.offline_msg_store.enabled = false;
    config
}

/// The port, or the next free one; says so if it is not the one that was asked for.
fn free_port(whose: &str, wanted: u16) -> Result<u16, String> {
    let last = wanted.saturating_add(PORTS_TO_TRY);
    let free = (wanted..=last).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    match free {
        Some(port) if port == wanted => Ok(port),
        Some(port) => {
            println!("Port {wanted} for {whose} is taken; {port} is used instead.");
            Ok(port)
        }
        None => Err(format!("no port from {wanted} to {last} is free for {whose}")),
    }
}

const GATEWAY: &str = "EdgeGateway";
const PORTS_TO_TRY: u16 = 50;
const STOP_DEADLINE: Duration = Duration::from_secs(5);
