//! `edgebind platform`: a development platform to try gateways, agents and templates against.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args as ClapArgs;
use edgebind_kernel::clock;
use edgebind_observability as observability;
use edgebind_platform::{
    AppKey, Platform, Settings,
    model::Model,
    relay::{self, Relay, RelayControl},
};
use edgebind_tls::Identity;
use serde_json::json;
use tracing::warn;

use super::{exit, signals::stop_signal};

/// Runs a development platform: AlwaysOn at /Thingworx/WS, REST under /Thingworx, a page at /.
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "Example: edgebind platform --port 8080 --app-key 00000000-aaaa-bbbb-cccc-000000000001 \
                        --model things.json\n\n\
                  With a network that misbehaves on request (docs/reference/relay.md):\n  \
                  edgebind platform --port 8080 --relay --relay-control-port 8081\n\nThe format of the model file is described in \
                        docs/reference/platform-model.md,\n\
                        the control interface in docs/reference/platform-control.md."
)]
pub(crate) struct Args {
    /// Name or address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Key that gateways and callers of the REST interface show; may be repeated. Without any a key is made up.
    ///
    /// Rights are some of read, write, invoke and bind, with commas between them (default all); an end is a point in time or a span from
    /// now on: KEY:read,bind@2030-12-31T12:00:00Z, KEY@+8h.
    #[arg(long = "app-key", value_name = "KEY[:RIGHTS][@END]")]
    app_keys: Vec<String>,
    /// JSON file with keys, as docs/reference/platform.md describes it; keys in it do not show in the list of processes.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// JSON file with the things to begin with.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Writes the model file after changes, values included; one that is not there yet is made.
    #[arg(long, requires = "model")]
    persist: bool,
    /// Certificate in PEM, with those that lead to its signer: the platform serves in TLS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, PEM or PKCS#8, not encrypted.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Writes what gateways deliver to this file, a line of JSON each, before it is confirmed; for tests.
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// Port of the control interface for tests on 127.0.0.1, 0 for any free one: scripted answers and faults.
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// Gives a thing to the gateway that binds it last, instead of refusing the second.
    #[arg(long)]
    last_in_wins: bool,
    /// Puts a fault relay on the port instead, which leads to the platform on a free port of 127.0.0.1.
    #[arg(long)]
    relay: bool,
    /// Port of the relay's control interface on 127.0.0.1; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "relay")]
    relay_control_port: u16,
    /// Begins faults by chance at once, with this seed, so that a run can be repeated.
    #[arg(long, value_name = "SEED", requires = "relay")]
    relay_chaos: Option<u64>,
    /// Prints the address and the key as one JSON line on standard output.
    #[arg(long)]
    json: bool,
    /// Log filter: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
}

/// Runs until it is told to stop.
pub(crate) fn run(args: &Args) -> ExitCode {
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(text) => {
            eprintln!("edgebind platform: {text}");
            return exit::configuration();
        }
    };
    let telemetry = observability::Settings { level: args.log.clone(), ..observability::Settings::default() };
    let telemetry = match observability::init(&telemetry) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("edgebind platform: {error}");
            return ExitCode::FAILURE;
        }
    };
    edgebind_kernel::install_panic_hook();
    let code = actix_rt::System::new().block_on(serve(args, settings));
    telemetry.shutdown(Duration::from_secs(1));
    code
}

fn settings(args: &Args) -> Result<Settings, String> {
    let mut settings = Settings::default();
    // Behind a relay the defaults hold: a free port of the loopback address.
    if !args.relay {
        settings.host.clone_from(&args.host);
        settings.port = args.port;
    }
    if let Some(file) = &args.model {
        settings.model = model(file, args.persist)?;
    }
    settings.persist = args.model.clone().filter(|_| args.persist);
    settings.arrivals.clone_from(&args.arrivals);
    settings.control_port = args.control_port;
    settings.app_keys = keys(args)?;
    if let (Some(certificate), Some(key)) = (&args.tls_cert, &args.tls_key) {
        let identity = Identity::read(certificate, key, None).and_then(|identity| identity.into_server(None));
        settings.tls = Some(identity.map_err(|error| format!("--tls-cert, --tls-key: {error}"))?);
    }
    if args.last_in_wins {
        settings.policy = edgebind_platform::model::Policy::LastInWins;
    }
    Ok(settings)
}

/// The model of `file`; one that will be written need not be there yet.
fn model(file: &Path, persist: bool) -> Result<Model, String> {
    let problem = |error: &dyn std::error::Error| format!("{}: {error}", file.display());
    match fs::read_to_string(file) {
        Ok(text) => Model::parse(&text).map_err(|error| problem(&error)),
        Err(error) if persist && error.kind() == io::ErrorKind::NotFound => Ok(Model::new()),
        Err(error) => Err(problem(&error)),
    }
}

/// The keys of the flags, then those of the file; one is made up when there is none.
fn keys(args: &Args) -> Result<Vec<AppKey>, String> {
    let now_ms = clock::unix_millis();
    let mut keys = Vec::new();
    for text in &args.app_keys {
        keys.push(AppKey::parse(text, now_ms).map_err(|error| format!("--app-key: {error}"))?);
    }
    if let Some(file) = &args.keys {
        let problem = |error: &dyn std::error::Error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| problem(&error))?;
        keys.extend(AppKey::parse_file(&text, now_ms).map_err(|error| problem(&error))?);
    } else if keys.is_empty() {
        keys.push(AppKey::new(made_up_key()));
    }
    Ok(keys)
}

/// A key for one run, of the form that platforms give out.
pub(super) fn made_up_key() -> String {
    let mut parts = [8, 4, 4, 4, 12].map(|digits| {
        (0..digits).filter_map(|_| char::from_digit(fastrand::u32(0..16), 16)).collect::<String>()
    });
    if let Some(version) = parts.get_mut(2) {
        version.replace_range(..1, "4");
    }
    parts.join("-")
}

async fn serve(args: &Args, settings: Settings) -> ExitCode {
    let platform = match edgebind_platform::start(settings).await {
        Ok(platform) => platform,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("edgebind platform: {error}{cause}");
            return ExitCode::FAILURE;
        }
    };
    let fault_relay = match relay_before(args, &platform).await {
        Ok(fault_relay) => fault_relay,
        Err(text) => {
            eprintln!("edgebind platform: {text}");
            return ExitCode::FAILURE;
        }
    };
    announce(args, &platform, fault_relay.as_ref());
    stop_signal().await;
    let forced = stop_signal();
    tokio::select! {
        report = platform.stop(STOP_DEADLINE) => {
            if !report.is_clean() {
                warn!(cut = ?report.cut, "Some connections did not end in time.");
            }
            ExitCode::SUCCESS
        }
        () = forced => ExitCode::FAILURE,
    }
}

/// The relay that was asked for, and its control interface.
async fn relay_before(args: &Args, platform: &Platform) -> Result<Option<(Relay, RelayControl)>, String> {
    if !args.relay {
        return Ok(None);
    }
    let problem = |error: &dyn std::error::Error| match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let mut addresses = tokio::net::lookup_host((args.host.as_str(), args.port))
        .await
        .map_err(|error| format!("{}: {error}", args.host))?;
    let listen = addresses.next().ok_or_else(|| format!("{} has no address", args.host))?;
    let relay = Relay::start(listen, platform.address()).map_err(|error| problem(&error))?;
    let control =
        relay::serve_control(relay.clone(), args.relay_control_port).map_err(|error| problem(&error))?;
    if let Some(seed) = args.relay_chaos {
        let chaos = relay::Chaos { seed: Some(seed), ..relay::Chaos::default() };
        relay.chaos(chaos).map_err(|error| problem(&error))?;
    }
    Ok(Some((relay, control)))
}

fn announce(args: &Args, platform: &Platform, relay: Option<&(Relay, RelayControl)>) {
    if args.json {
        let mut line = json!({ "address": platform.address(), "page": platform.page_url() });
        if let (Some((relay, control)), Some(line)) = (relay, line.as_object_mut()) {
            let view = json!({ "address": relay.address(), "control": control.address() });
            line.insert("relay".to_owned(), view);
        }
        if let (Some(control), Some(line)) = (platform.control_address(), line.as_object_mut()) {
            line.insert("control".to_owned(), json!(control));
        }
        println!("{line}");
        return;
    }
    println!("The development platform listens on {}.", platform.address());
    println!("Page: {}", platform.page_url());
    if let Some(control) = platform.control_address() {
        println!("Control: http://{control}/control/v1/state");
    }
    if let Some((relay, control)) = relay {
        println!("Gateways connect to the relay on {}.", relay.address());
        println!("Faults: http://{}/control/v1/relay", control.address());
        if let Some(seed) = relay.view().chaos_seed {
            println!("Faults by chance, seed {seed}.");
        }
    }
    println!("Stop it with Ctrl-C.");
}

const STOP_DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn settings_of(flags: &[&str]) -> Result<Settings, String> {
        let flags = std::iter::once("platform").chain(flags.iter().copied());
        settings(&Cli::try_parse_from(flags).map_err(|error| error.to_string())?.args)
    }

    #[test]
    fn keys_come_from_flags_and_file_and_one_is_made_up_without() {
        assert_eq!(settings_of(&[]).unwrap().app_keys.len(), 1);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.json");
        fs::write(&file, r#"{"keys": [{"key": "a:b", "rights": ["read"]}]}"#).unwrap();
        let file = file.to_str().unwrap();
        let keys = settings_of(&["--keys", file, "--app-key", "k:bind@+1h"]).unwrap().app_keys;
        assert_eq!(keys.len(), 2);
        assert!(keys[0].opens("k") && keys[1].opens("a:b"));
        let error = settings_of(&["--app-key", "k:fly"]).unwrap_err();
        assert_eq!(error, "--app-key: \"fly\" is no right of a key; known are read, write, invoke and bind");
        fs::write(file, "{}").unwrap();
        assert!(
            settings_of(&["--keys", file]).unwrap_err().contains("keys.json: the keys are not understood")
        );
    }

    #[test]
    fn a_model_that_is_written_need_not_be_there_and_any_other_has_to() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("things.json");
        let file = file.to_str().unwrap();
        let settings = settings_of(&["--model", file, "--persist", "--control-port", "0"]).unwrap();
        assert_eq!(settings.persist.as_deref(), Some(Path::new(file)));
        assert_eq!(settings.control_port, Some(0));
        assert!(settings_of(&["--model", file]).unwrap_err().contains("things.json: No such file"));
        fs::write(file, "{").unwrap();
        assert!(settings_of(&["--model", file, "--persist"]).unwrap_err().contains("line 1, column"));
        assert!(settings_of(&["--persist"]).unwrap_err().contains("--model"));
    }

    #[test]
    fn a_relay_takes_the_port_and_its_flags_mean_nothing_without_it() {
        let plain = settings_of(&["--host", "0.0.0.0", "--port", "9000"]).unwrap();
        assert_eq!((plain.host.as_str(), plain.port), ("0.0.0.0", 9000));
        let behind = settings_of(&["--host", "0.0.0.0", "--port", "9000", "--relay"]).unwrap();
        assert_eq!((behind.host.as_str(), behind.port), ("127.0.0.1", 0));
        for flag in [["--relay-control-port", "1"], ["--relay-chaos", "7"]] {
            assert!(settings_of(&flag).unwrap_err().contains("--relay"), "{flag:?}");
        }
    }
}
