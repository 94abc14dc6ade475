//! The questions asked of an installation.

use secrecy::ExposeSecret as _;

use super::lua::{Setting, settings};
use super::{Difference, Installation, Weight};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::load::{Sources, load};
use crate::model::{Config, Encryption, Protocol};

/// What `config.json` and its `.booted` copy say.
pub(super) fn gateway(installation: &Installation, found: &mut Vec<Difference>) {
    let name = installation.place("config.json");
    let booted_name = installation.place("config.json.booted");
    let Some(text) = &installation.config else {
        found.push(match installation.booted {
            Some(_) => Difference::new(
                Weight::Change,
                &name,
                "",
                format!("there is no config.json: the original runs on {booted_name}, and so does this program, loudly"),
            )
            .help(format!("copy {booted_name} to config.json")),
            None => Difference::new(
                Weight::Note,
                &name,
                "",
                "there is no config.json, so there is no gateway to replace here",
            ),
        });
        return;
    };
    readable_by_the_original(installation, text, found);
    let file = installation.root.join(&name).display().to_string();
    match load(&Sources::text(&file, text.as_bytes())) {
        Ok(loaded) => {
            found.extend(loaded.diagnostics.iter().map(|diagnostic| of_diagnostic(&name, diagnostic)));
            of_config(&name, &loaded.config, found);
        }
        Err(error) => {
            let unreadable = error.is_unreadable();
            found.extend(error.diagnostics.iter().map(|diagnostic| of_diagnostic(&name, diagnostic)));
            if unreadable && installation.booted.is_some() {
                let text =
                    format!("the original runs on {booted_name}; so does this program, and says so loudly");
                found.push(Difference::new(Weight::Change, &name, "", text).help("mend config.json"));
            }
        }
    }
}

/// A file with comments is read by us and not by the original: what it says comes into force only now.
fn readable_by_the_original(installation: &Installation, text: &str, found: &mut Vec<Difference>) {
    let name = installation.place("config.json");
    let strict: Result<serde_json::Value, _> = serde_json::from_str(text);
    let ours = crate::edit::masked(text);
    if strict.is_ok() || ours.is_none() {
        return;
    }
    let mut difference = Difference::new(
        Weight::Change,
        &name,
        "",
        "the original cannot read this file (comments, trailing commas or a byte-order mark), this program can",
    );
    if let Some(booted) = &installation.booted {
        let same = crate::edit::masked(booted) == ours;
        difference.text.push_str(&match same {
            true => "; the copy the original runs on says the same".to_owned(),
            false => format!(
                "; the original has been running on {}, which says something else",
                installation.place("config.json.booted")
            ),
        });
        if !same {
            difference = difference.help("compare the two, and keep what is right in config.json");
        }
    }
    found.push(difference);
}

fn of_diagnostic(file: &str, diagnostic: &Diagnostic) -> Difference {
    let weight = match diagnostic.severity {
        Severity::Note => Weight::Note,
        Severity::Warning => Weight::Change,
        Severity::Error => Weight::Must,
    };
    let place = diagnostic.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"));
    let mut text = diagnostic.message.clone();
    if diagnostic.code == Code::UnknownKey {
        text.push_str(", and has none with the original");
    }
    let mut difference = Difference::new(weight, place, &diagnostic.key, text);
    difference.help = diagnostic.help.clone();
    difference
}

fn of_config(file: &str, config: &Config, found: &mut Vec<Difference>) {
    let mut add = |weight, subject: &str, text: String, help: Option<&str>| {
        let difference = Difference::new(weight, file, subject, text);
        found.push(match help {
            Some(help) => difference.help(help),
            None => difference,
        });
    };
    let order: Vec<String> =
        config.servers_in_order().map(|server| format!("{}:{}", server.host, server.port)).collect();
    if let [first, _, ..] = order.as_slice() {
        let text = format!(
            "the original dials {first} only; the others are tried too, in this order: {}",
            order.join(", ")
        );
        add(Weight::Note, "ws_servers", text, None);
    }
    if let Some(server) = config.ws_servers.iter().find(|server| server.port > 32_767) {
        let text = format!("the original cannot dial port {}; this program does", server.port);
        add(Weight::Note, "ws_servers", text, None);
    }
    if config.ws_connection.encryption == Encryption::Ssl && config.certificates.validate {
        let text = "the host name in the platform's certificate is checked; the original did not".to_owned();
        add(
            Weight::Note,
            "certificates.validate",
            text,
            Some("`certificates.disable_hostname_validation` if it fails"),
        );
    }
    if let Some(proxy) = &config.proxy {
        let user = proxy.user.as_deref().unwrap_or_default();
        let weight = if user.contains('\\') { Weight::Must } else { Weight::Change };
        let text = "a proxy that demands NTLM cannot be used; Basic and Digest can, and none".to_owned();
        add(
            weight,
            "proxy",
            text,
            Some("ask who runs the proxy for Digest or Basic, or for a way around it by address"),
        );
    }
    for entry in config.auto_bind.iter().filter(|entry| entry.proto == Protocol::Https && !entry.gateway) {
        let text = format!("\"{}\": {STATIC_RSA}", entry.name);
        add(Weight::Must, "auto_bind[].proto", text, Some(PLAIN_ON_LOOPBACK));
    }
    let server = &config.http_server;
    if !server.is_loopback() && !server.authenticate && !config.edgebind.allow_remote_admin {
        let text = format!(
            "callers of other machines reach {} without a password; they may not register addresses that are not theirs, \
             change the configuration, restart or test ports, which the original lets them",
            server.host
        );
        add(
            Weight::Change,
            "http_server.authenticate",
            text,
            Some("set it, or `edgebind.allow_remote_admin`"),
        );
    }
    if server.ports_to_try > 0 && server.port != 0 {
        let text = format!(
            "when port {} is taken the next free one up to {} is used, as with the original; it is said in the log",
            server.port,
            server.port.saturating_add(server.ports_to_try)
        );
        add(
            Weight::Note,
            "http_server.ports_to_try",
            text,
            Some("0 makes a taken port an error, which is safer"),
        );
    }
    if config.offline_msg_store.enabled {
        let text = "pushes, writes and events that the original has stored are taken over at the first start, and its \
                    file is renamed; calls and reads are not"
            .to_owned();
        add(
            Weight::Note,
            "offline_msg_store",
            text,
            Some("let the original deliver its calls before it is stopped"),
        );
    }
    if config.app_key.expose_secret().is_empty() {
        return;
    }
    let text = "GetConfiguration shows the application key and passwords as asterisks, the original in clear"
        .to_owned();
    add(Weight::Note, "appKey", text, None);
}

/// What `config.lua` says.
pub(super) fn script_resource(installation: &Installation, found: &mut Vec<Difference>) {
    let Some(text) = &installation.lua else { return };
    let name = installation.place("config.lua");
    let settings = settings(text);
    let global = |wanted: &str| {
        settings
            .iter()
            .rfind(|setting| setting.depth == 0 && setting.key.trim_start_matches("scripts.") == wanted)
    };
    let mut add = |weight, setting: &Setting, text: String, help: &str| {
        let place = format!("{name}:{}", setting.line);
        let subject = setting.key.trim_start_matches("scripts.");
        found.push(Difference::new(weight, place, subject, text).help(help));
    };
    let is = |wanted: &str, value: &str| {
        global(wanted).filter(|setting| setting.value.eq_ignore_ascii_case(value))
    };
    for setting in settings.iter().filter(|setting| setting.value.starts_with("AES:")) {
        let text = "a value encrypted by the original, which only the original can read".to_owned();
        add(Weight::Change, setting, text, "enter it anew when the script resource is replaced too");
    }
    if let Some(setting) = is("script_resource_ssl", "true") {
        add(Weight::Must, setting, STATIC_RSA.to_owned(), PLAIN_ON_LOOPBACK);
    }
    if let Some(setting) = is("script_resource_use_default_certificate", "true") {
        let text = "the certificate built into the original is not in this program".to_owned();
        add(
            Weight::Change,
            setting,
            text,
            "make a certificate of your own when the script resource is replaced too",
        );
    }
    if let Some(setting) = is("fips_enabled", "true") {
        let text = "there is no FIPS 140 validated module in this program".to_owned();
        add(Weight::Change, setting, text, "keep the original where FIPS is demanded");
    }
    if let Some(setting) = is("script_resource_host", "0.0.0.0") {
        let elsewhere = global("rap_host").filter(|host| !is_loopback(&host.value));
        let text = "the script resource registers as 127.0.0.1".to_owned();
        match elsewhere {
            Some(host) => add(
                Weight::Must,
                setting,
                format!(
                    "{text}, and its gateway is on another machine ({}): it is refused there",
                    host.value
                ),
                "set script_resource_host to this machine's address",
            ),
            None => add(Weight::Note, setting, text, "right as long as the gateway is on the same machine"),
        }
    }
    let port = installation.config.as_ref().and_then(|text| {
        load(&Sources::text("config.json", text.as_bytes())).ok().map(|loaded| loaded.config.http_server.port)
    });
    if let (Some(setting), Some(port)) = (global("rap_port"), port)
        && setting.value.parse() != Ok(port)
    {
        let text = format!(
            "the script resource calls port {}, the gateway is told to listen at {port}",
            setting.value
        );
        let help = "with the original this worked when the port was taken and the next one was used; name the same port in both";
        add(Weight::Change, setting, text, help);
    }
}

/// What the other files say.
pub(super) fn files(installation: &Installation, found: &mut Vec<Difference>) {
    let below = |folder: &str| installation.place(folder) + "/";
    let count = |test: &dyn Fn(&str) -> bool| installation.files.iter().filter(|file| test(file)).count();
    let framework = below("thingworx");
    let modules = count(&|file| file.starts_with(&framework) && file.ends_with(".lua"));
    if modules > 0 {
        let text = format!(
            "{modules} files of the original's framework: once the script resource is replaced, our own modules are used and these are \
             ignored, with one warning"
        );
        let help = "move changes of your own to etc/custom; the rest may stay";
        found.push(Difference::new(Weight::Change, framework, "", text).help(help));
    }
    let natives =
        count(&|file| file.contains("/clibs/") && (file.ends_with(".so") || file.ends_with(".dll")));
    if natives > 0 {
        let text = format!(
            "{natives} native modules (clibs): made for the original's script resource; ours cannot load them"
        );
        let help = "what they do must be done in Lua or by an agent of its own";
        found.push(Difference::new(Weight::Change, installation.place(""), "", text).help(help));
    }
    for (name, text) in [
        ("config.lua.p_data", "settings changed at run time, read after config.lua by the original"),
        (".setup.lua", "run before config.lua by the original"),
        (".customizations.lua", "run after config.lua by the original"),
    ] {
        let place = installation.place(name);
        if installation.files.contains(&place) {
            let text = format!("{text}: what it says was not looked at");
            found.push(Difference::new(Weight::Note, place, "", text));
        }
    }
    if installation.more {
        let text = "there are more files than were looked at";
        found.push(Difference::new(Weight::Note, installation.place(""), "", text));
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

const STATIC_RSA: &str = "an original script resource that serves https offers static RSA key exchange only, which this \
                          program does not speak: it cannot be called";
const PLAIN_ON_LOOPBACK: &str =
    "serve plain HTTP on 127.0.0.1 (script_resource_ssl = false), or replace the script resource too";
