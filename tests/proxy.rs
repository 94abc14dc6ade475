//! The gateway reaches its platform through squid: open, with Basic, with Digest; and says why it does not.
#![cfg(all(unix, feature = "dev"))]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is missing fails the test, as it should"
)]

#[path = "../tls/src/test_certificates.rs"]
mod certificates;
#[path = "support/all.rs"]
mod support;

use std::process::Command;

use certificates::{Authority, Wish};
use serde_json::{Value, json};
use support::{Process, Server, Site, free_port};

const OPEN: &str = "http_access allow all";

/// A platform that only squid with `rules` leads to: its name is one that squid alone knows.
fn behind_squid(rules: &str, credentials: &Value) -> (Site, Process, Server) {
    let mut site = Site::new([]);
    let (proxy, platform) = (free_port(), site.platform_port);
    site.config()["ws_servers"] = json!([{ "host": "platform.test", "port": platform }]);
    site.config()["proxy"] = credentials.clone();
    site.config()["proxy"]["host"] = json!("localhost");
    site.config()["proxy"]["port"] = json!(proxy);
    let hosts = site.file("hosts", "127.0.0.1 platform.test\n");
    let rules = rules.replace("FOLDER", &site.folder().display().to_string());
    let squid = Server::squid(site.folder(), proxy, &format!("hosts_file {hosts}\n{rules}"));
    let platform = site.platform();
    (site, platform, squid)
}

fn connects(site: &Site) {
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().online(true);
    assert!(!gateway.log().contains("very-secret"), "the password is a secret");
}

fn refused(site: &Site, said: &str) {
    let gateway = site.gateway();
    gateway.logs(said);
    site.ready(&gateway);
    assert!(!site.local().is_online());
    assert!(!gateway.log().contains("very-secret"), "the password is a secret");
}

/// Rules of a squid that knows `plant` with the password `very-secret`.
fn authenticated(scheme: &str) -> String {
    format!("{scheme}\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all")
}

/// Squid's helpers read their users from here.
fn users() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    std::fs::write(folder.path().join("digest"), "plant:very-secret\n").unwrap();
    let hash = Command::new("openssl").args(["passwd", "-apr1", "very-secret"]).output().unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    std::fs::write(folder.path().join("basic"), format!("plant:{hash}")).unwrap();
    folder
}

fn basic(users: &tempfile::TempDir) -> String {
    let file = users.path().join("basic");
    authenticated(&format!("auth_param basic program /usr/lib/squid/basic_ncsa_auth {}", file.display()))
}

fn digest(users: &tempfile::TempDir) -> String {
    let file = users.path().join("digest");
    authenticated(&format!(
        "auth_param digest program /usr/lib/squid/digest_file_auth {}\nauth_param digest realm plant",
        file.display()
    ))
}

#[test]
fn an_open_proxy_looks_the_platform_up_and_leads_there() {
    let (site, _platform, squid) = behind_squid(OPEN, &json!({}));
    connects(&site);
    drop(squid);
}

#[test]
fn basic_and_digest_are_answered_with_user_and_password() {
    let users = users();
    for rules in [basic(&users), digest(&users)] {
        let (site, _platform, _squid) =
            behind_squid(&rules, &json!({ "user": "plant", "password": "very-secret" }));
        connects(&site);
    }
}

#[test]
fn wrong_and_missing_credentials_are_said_with_the_key() {
    let users = users();
    for rules in [basic(&users), digest(&users)] {
        let (site, _platform, _squid) =
            behind_squid(&rules, &json!({ "user": "nobody", "password": "very-secret" }));
        refused(&site, "does not accept `proxy.user` \"nobody\"");
        let (site, _platform, _squid) = behind_squid(&rules, &json!({}));
        refused(&site, "wants user and password: `proxy.user` and `proxy.password`");
    }
}

#[test]
fn a_proxy_that_may_not_or_is_not_there_is_said() {
    let (site, _platform, squid) = behind_squid("http_access deny all", &json!({}));
    refused(&site, "answered 403 to CONNECT platform.test:");
    drop(squid);
    refused(&site, "Connection refused");
}

#[test]
fn tls_is_spoken_with_the_platform_through_the_proxy() {
    let authority = Authority::new("Plant CA");
    let (mut site, mut platform, _squid) = behind_squid(OPEN, &json!({}));
    platform.terminate();
    let (certificate, key) =
        authority.issue(&Wish::for_names(&["platform.test"])).write(site.folder(), "platform");
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let _platform = site.platform_flagged(&["--tls-cert", &certificate, "--tls-key", &key]);
    let trusted = authority.write(site.folder(), "authority");
    site.config()["ws_connection"]["encryption"] = json!("ssl");
    site.config()["certificates"] = json!({ "cert_chain": trusted });
    connects(&site);
}
