//! `edgebind doctor` names what keeps a gateway from working, with what to do, and finds nothing where nothing is wrong.
#![cfg(all(unix, feature = "dev"))]
#![allow(clippy::indexing_slicing, reason = "what is missing fails the test, as it should")]

#[path = "../tls/src/test_certificates.rs"]
mod certificates;
#[path = "support/all.rs"]
mod support;

use std::{fs, os::unix::fs::PermissionsExt, process::Output};

use certificates::{Authority, Wish};
use serde_json::{Value, json};
use support::{Process, Site, edgebind, remote_thing, wait_for};

/// What the doctor says of a site: exit code, and the findings by their codes.
struct Report {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Report {
    fn of(site: &Site) -> Self {
        let output = doctor(site, &["--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        let findings = document["findings"].as_array().expect("a list").clone();
        Self { code: output.status.code(), findings }
    }

    /// Verdict and text of the finding with this code.
    fn said(&self, code: &str) -> (String, String) {
        let found = self.findings.iter().find(|finding| finding["code"] == code);
        let found = found.unwrap_or_else(|| panic!("no {code} in {:#?}", self.findings));
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        if text("verdict") == "failure" || text("verdict") == "warning" {
            assert!(!text("advice").is_empty(), "{code} tells what to do");
        }
        (text("verdict"), text("found"))
    }

    fn fails(&self, code: &str, because: &str) {
        let (verdict, found) = self.said(code);
        assert_eq!(verdict, "failure", "{code}: {found}");
        assert!(found.contains(because), "{code} says {found:?}, not {because:?}");
        assert_eq!(self.code, Some(1));
    }
}

fn doctor(site: &Site, more: &[&str]) -> Output {
    let file = site.config_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    let state = site.folder().join("state");
    let mut command = edgebind();
    command.args(["doctor", "-cfg", &file, "--state-dir"]).arg(state).args(more);
    command.output().expect("the doctor ends")
}

fn site() -> Site {
    let mut site = Site::new([remote_thing("Pump")]);
    site.config()["auto_bind"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "name": "Pump", "host": "127.0.0.1", "port": 1 }));
    site
}

#[test]
fn a_healthy_site_gets_no_complaint_before_and_while_its_gateway_runs() {
    let site = site();
    let platform = site.platform();
    site.serves(&platform);
    let before = Report::of(&site);
    assert_eq!(before.code, Some(0), "{:#?}", before.findings);
    for code in
        ["CLOCK", "DESCRIPTORS", "FILE-MODE", "ENDPOINTS", "LOCAL-PORT", "DNS", "TCP", "UPGRADE", "APP-KEY"]
    {
        assert_eq!(before.said(code).0, "fine", "{code}: {}", before.said(code).1);
    }
    assert!(before.said("BIND").1.contains("Pump can be bound"), "{:?}", before.said("BIND"));

    let gateway = site.gateway();
    site.ready(&gateway);
    site.rest().connected("Pump", true);
    let meanwhile = Report::of(&site);
    assert_eq!(meanwhile.code, Some(0), "{:#?}", meanwhile.findings);
    assert_ne!(meanwhile.said("DISK-SYNC").0, "failure");
    assert!(meanwhile.said("GATEWAY").1.contains(&gateway.id().to_string()));
    assert_eq!(meanwhile.said("THINGS").1, "all 2 things are bound");
    // The trial has taken nothing away from the gateway.
    assert!(site.rest().is_connected("Pump"));
}

#[test]
fn a_platform_that_is_not_there_or_does_not_know_us_is_found_at_the_step_where_it_fails() {
    let mut site = site();
    Report::of(&site).fails("TCP", "refused");
    let mut other = site.platform_with_key("another-key-of-the-platform");
    site.serves(&other);
    Report::of(&site).fails("APP-KEY", "UNAUTHORIZED");
    other.kill();
    let platform = site.platform();
    site.serves(&platform);
    site.config()["auto_bind"][1]["name"] = json!("Nobody");
    Report::of(&site).fails("BIND", "NOT_FOUND");
    site.config()["resource"] = json!("/elsewhere");
    Report::of(&site).fails("UPGRADE", "404");
    site.config()["ws_servers"][0]["host"] = json!("no-such-host.invalid");
    Report::of(&site).fails("DNS", "no-such-host.invalid");
}

#[test]
fn what_is_wrong_on_this_machine_is_named() {
    let mut site = site();
    site.config()["auto_bind"][1]["host"] = json!("0.0.0.0");
    let held = std::net::TcpListener::bind(("127.0.0.1", site.gateway_port)).expect("the port is free");
    let report = Report::of(&site);
    report.fails("LOCAL-PORT", &site.gateway_port.to_string());
    assert_eq!(report.said("ENDPOINTS").0, "warning");
    assert!(report.said("ENDPOINTS").1.contains("Pump"));
    drop(held);

    let file = site.config_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a file of ours");
    let output = edgebind().args(["doctor", "--json", "-cfg", &file]).output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("chmod 600"), "{said}");
    assert!(!said.contains(&site.key), "the key is not shown: {said}");
}

#[test]
fn a_thing_that_a_running_gateway_does_not_get_bound_is_told_with_its_reason() {
    let mut site = site();
    site.config()["auto_bind"][1]["name"] = json!("Nobody");
    let (_platform, _gateway): (Process, Process) = site.running();
    let report = || Report::of(&site).said("THINGS").1;
    wait_for("the refusal is known", report, |said| said.contains("Nobody (refused, "));
}

#[test]
fn people_get_a_line_for_each_look_and_a_broken_file_is_explained() {
    let mut site = site();
    let output = doctor(&site, &[]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("FAIL TCP"), "{said}");
    assert!(said.contains("-> check that the platform runs"), "{said}");
    assert!(said.ends_with("1 failed, 0 warnings.\n"), "{said}");
    site.config()["ws_connection"]["ping_rate"] = json!(-1);
    let output = doctor(&site, &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ping_rate"));
}

#[test]
fn the_platform_s_certificate_is_shown_with_its_end_or_told_why_it_is_not_trusted() {
    let authority = Authority::new("Plant CA");
    let mut site = Site::new([remote_thing("Pump")]);
    let trusted = authority.write(site.folder(), "authority");
    let leaf = authority.issue(&Wish::for_names(&["localhost"]));
    let (certificate, key) = leaf.write(site.folder(), "platform");
    let arguments =
        ["--tls-cert", certificate.to_str().expect("text"), "--tls-key", key.to_str().expect("text")];
    let platform = site.platform_flagged(&arguments);
    site.serves(&platform);
    site.config()["ws_connection"]["encryption"] = json!("ssl");
    site.config()["certificates"] = json!({ "cert_chain": trusted });
    let (verdict, found) = Report::of(&site).said("TLS");
    assert_ne!(verdict, "failure", "{found}");
    assert!(found.contains("Plant CA") && found.contains("days"), "{found}");
    assert_eq!(Report::of(&site).said("APP-KEY").0, "fine");

    let other = Authority::new("Another CA").write(site.folder(), "other");
    site.config()["certificates"] = json!({ "cert_chain": other });
    Report::of(&site).fails("TLS", "cert_chain");
}
