//! The way to the platform, step by step, and the port at which agents find us.

use std::{
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    time::Duration,
};

use edgebind_actors::link::{Target, Trial};
use edgebind_alwayson::{Bind, Gateway};
use edgebind_config::Config;
use edgebind_kernel::clock;
use tokio::time::timeout;

use super::{Finding, Patient};
use crate::gateway::link_settings;

/// Whether agents can find the gateway at its port.
pub(super) fn local_port(patient: &Patient<'_>) -> Finding {
    let server = &patient.loaded.config.http_server;
    if let Some(running) = &patient.running {
        let address =
            running.status.get("http").and_then(|address| address.as_str()).unwrap_or("an unknown address");
        return if address.ends_with(&format!(":{}", server.port)) || server.port == 0 {
            Finding::fine("LOCAL-PORT", format!("the gateway listens at {address}"))
        } else {
            Finding::warning(
                "LOCAL-PORT",
                format!("the gateway listens at {address}: port {} was taken when it started", server.port),
                format!("free port {} and start the gateway again, or change http_server.port", server.port),
            )
        };
    }
    match TcpListener::bind((server.host.as_str(), server.port)) {
        Ok(_) => Finding::fine("LOCAL-PORT", format!("{}:{} is free", server.host, server.port)),
        Err(error) => Finding::failure(
            "LOCAL-PORT",
            format!("cannot listen at {}:{}: {error}", server.host, server.port),
            "end the program that has the port (ss -ltnp), or change http_server.host and port",
        ),
    }
}

/// The platform: by the running gateway's word, and by connections of our own.
pub(super) async fn platform(patient: &Patient<'_>, tell: &mut impl FnMut(Finding)) {
    let config = &patient.loaded.config;
    let settings = match link_settings(config) {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "mend the file or the value that the key names; edgebind check says the same";
            return tell(Finding::failure("TLS", error.to_string(), remedy));
        }
    };
    // A BIND of ours would take the name from a gateway that runs, or be refused because of it.
    let bind = patient.running.is_none().then(|| first_name(config)).flatten();
    for target in &settings.targets {
        if !reachable(target, tell).await || !trusted(target, tell).await {
            continue;
        }
        let trial = target.try_out(settings.session.clone(), bind.clone()).await;
        report(target, trial, bind.as_ref(), tell);
    }
}

/// Name and TCP; false if the way ends there.
async fn reachable(target: &Target, tell: &mut impl FnMut(Finding)) -> bool {
    if let Some(proxy) = &target.proxy {
        let text = format!("the proxy {proxy} looks {} up and connects to it", target.host);
        tell(Finding::skipped("DNS", text));
        return true;
    }
    let server = target.server();
    let (host, port) = (target.host.clone(), target.port);
    let begin = clock::now();
    let looked_up = tokio::task::spawn_blocking(move || (host.as_str(), port).to_socket_addrs());
    let addresses: Vec<SocketAddr> = match timeout(PATIENCE, looked_up).await {
        Ok(Ok(Ok(addresses))) => addresses.collect(),
        Ok(Ok(Err(error))) => {
            tell(Finding::failure(
                "DNS",
                format!("{}: {error}", target.host),
                "check the name in ws_servers, and /etc/resolv.conf; behind a proxy the group proxy",
            ));
            return false;
        }
        Ok(Err(_)) | Err(_) => {
            tell(Finding::failure(
                "DNS",
                format!("{}: no answer within {PATIENCE:?}", target.host),
                "check that the name server in /etc/resolv.conf can be reached",
            ));
            return false;
        }
    };
    let took = clock::now().duration_since(begin);
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    tell(Finding::fine("DNS", format!("{} is {} ({} ms)", target.host, shown.join(", "), took.as_millis())));
    let mut refusals = Vec::new();
    for address in &addresses {
        let begin = clock::now();
        match timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let took = clock::now().duration_since(begin);
                tell(Finding::fine("TCP", format!("{server} at {} ({} ms)", address.ip(), took.as_millis())));
                return true;
            }
            Ok(Err(error)) => refusals.push(format!("{}: {error}", address.ip())),
            Err(_) => refusals.push(format!("{}: no answer within {PATIENCE:?}", address.ip())),
        }
    }
    tell(Finding::failure(
        "TCP",
        format!("{server}: {}", refusals.join("; ")),
        "check that the platform runs, its port in ws_servers, and the firewall; behind a proxy set the group proxy",
    ));
    false
}

/// The proxy's tunnel and the platform's certificate; false if the way ends there.
async fn trusted(target: &Target, tell: &mut impl FnMut(Finding)) -> bool {
    if target.proxy.is_none() && target.tls.is_none() {
        tell(Finding::warning(
            "TLS",
            format!(
                "{} is spoken to in clear: everybody on the way has the application key",
                target.server()
            ),
            "set ws_connection.encryption to ssl, unless the platform is on this machine",
        ));
        return true;
    }
    let chain = match target.look().await {
        Ok(chain) => chain,
        Err(error) => {
            let code = if target.tls.is_some() { "TLS" } else { "PROXY" };
            tell(Finding::failure(
                code,
                error.to_string(),
                "see the reason; what it names stands in config.json",
            ));
            return false;
        }
    };
    if let Some(proxy) = &target.proxy {
        tell(Finding::fine("PROXY", format!("{proxy} opens a way to {}", target.server())));
    }
    if let Some(own) = chain.first() {
        let signers = chain.len().saturating_sub(1);
        let left_s = own.not_after_s.saturating_sub(unix_s());
        let found = format!(
            "{} shows {}, signed by {}, with {signers} more certificates; it ends in {} days",
            target.server(),
            own.subject.text,
            own.issuer.text,
            left_s / DAY_S
        );
        tell(if left_s < SOON_S {
            Finding::warning(
                "TLS",
                found,
                "have the certificate of the platform renewed: the gateway stays out from then on",
            )
        } else {
            Finding::fine("TLS", found)
        });
    }
    true
}

fn unix_s() -> u64 {
    u64::try_from(clock::unix_millis() / 1000).unwrap_or_default()
}

fn report(target: &Target, trial: Trial, bind: Option<&Bind>, tell: &mut impl FnMut(Finding)) {
    let server = target.server();
    match trial.upgrade {
        Ok(took) => {
            tell(Finding::fine("UPGRADE", format!("{server} speaks AlwaysOn ({} ms)", took.as_millis())))
        }
        Err(error) => {
            return tell(Finding::failure(
                "UPGRADE",
                error.to_string(),
                "check resource (the path), the application key's form, ws_connection.encryption and what stands in between",
            ));
        }
    }
    match trial.auth {
        None => return,
        Some(Ok(took)) => {
            tell(Finding::fine("APP-KEY", format!("the platform accepts the key ({} ms)", took.as_millis())));
        }
        Some(Err(error)) => {
            return tell(Finding::failure(
                "APP-KEY",
                error.to_string(),
                "check appKey: on the platform it must exist, not have expired, and belong to an active user",
            ));
        }
    }
    match (trial.bind, bind.and_then(|bind| bind.names.first())) {
        (Some(Ok(took)), Some(name)) => {
            tell(Finding::fine("BIND", format!("{name} can be bound ({} ms)", took.as_millis())));
        }
        (Some(Err(error)), Some(name)) => tell(Finding::failure(
            "BIND",
            format!("{name}: {error}"),
            "check that a thing of that name (or identifier) exists on the platform, is a RemoteThing, is not bound by \
             another gateway, and that the key's user may use it",
        )),
        _ => tell(Finding::skipped(
            "BIND",
            "nothing is bound for a trial: a gateway runs, or nothing is configured",
        )),
    }
}

/// The first thing of the configuration that is not the gateway, with the gateway's marker; else the gateway.
fn first_name(config: &Config) -> Option<Bind> {
    let gateway = config.auto_bind.iter().find(|entry| entry.gateway);
    let entry = config.auto_bind.iter().find(|entry| !entry.gateway).or(gateway)?;
    let gateway =
        gateway.map(|entry| Gateway { name: entry.name.to_string(), template: "EMSGateway".to_owned() });
    Some(Bind { unbind: false, gateway, names: vec![entry.name.to_string()] })
}

/// For a name server, and for each address.
const PATIENCE: Duration = Duration::from_secs(5);
const DAY_S: u64 = 86_400;
/// A certificate that ends sooner is to be renewed.
const SOON_S: u64 = 30 * DAY_S;
