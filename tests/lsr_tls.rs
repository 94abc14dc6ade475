//! The script resource in TLS: towards its callers, and towards the gateway (script resource notes, 1.4, 3.7).
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

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use certificates::{Authority, Wish};
use edgebind_tls::{
    Authorities, Client, ClientSettings, Facts, SettingNames, Trust, connector, direct, read_certificates,
};
use serde_json::json;
use support::{Process, Request, SOON, Scripts, Site, remote_thing, result, wait_for};

const THING: &str = "OtherEdgeThing";
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A gateway's installation in TLS: `server` are further settings of `http_server`.
fn secure(things: Vec<serde_json::Value>, server: &serde_json::Value) -> Site {
    let mut site = Site::new(things);
    let group = &mut site.config()["http_server"];
    group["ssl"] = json!(true);
    for (key, value) in server.as_object().unwrap() {
        group[key] = value.clone();
    }
    site
}

/// Lines of `config.lua` for the gateway of `site`.
fn gateway_at(site: &Site) -> String {
    format!(
        "scripts.rap_host, scripts.rap_port = 'localhost', {}\nscripts.rap_server_authenticate = false\n",
        site.gateway_port
    )
}

fn rap_cert_file(path: &Path) -> String {
    format!("scripts.rap_cert_file = '{}'\n", path.display())
}

fn key_of_tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/tests/data").join(name)
}

/// A certificate for the key of the tests that a passphrase opens.
fn certificate(authority: &Authority, folder: &Path) -> PathBuf {
    let clear = fs::read_to_string(key_of_tests("clear.pem")).unwrap();
    let path = folder.join("lsr.pem");
    fs::write(&path, authority.certify(&Wish::for_names(&NAMES), &clear)).unwrap();
    path
}

#[test]
fn a_thing_works_through_a_gateway_and_a_script_resource_that_speak_tls_only() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let trusted = authority.write(folder.path(), "authority");
    let (chain, key) = authority.issue(&Wish::for_names(&NAMES)).write(folder.path(), "gateway");
    let server = json!({ "certificate": chain, "private_key": key });
    let mut site = secure(vec![remote_thing(THING)], &server);
    site.config()["certificates"]["http_client_ca_certs"] = json!([&trusted]);
    let lines = format!(
        "{}{}scripts.script_resource_ssl = true\n\
         scripts.script_resource_certificate_chain = '{}'\nscripts.script_resource_private_key = '{}'\n\
         scripts.script_resource_passphrase = 'gravel'\n\
         scripts.{THING} = {{ file = 'thing.lua', template = 'device', scanRate = 600, keepAliveRate = 2000, \
         register = true }}",
        gateway_at(&site),
        rap_cert_file(&trusted),
        certificate(&authority, folder.path()).display(),
        key_of_tests("des3.pem").display(),
    );
    let scripts = Scripts::new(&lines);
    scripts.file("custom/templates/device.lua", include_str!("lua/device.lua"));

    let (_platform, gateway) = (site.platform(), site.gateway());
    site.ready(&gateway);
    let mut resource = scripts.start();
    let address = scripts.address(&resource);
    let rest = site.rest();
    rest.connected(THING, true);
    rest.moves(THING, "count");
    assert_eq!(rest.put(THING, "label", &json!("pump 3")).status, 200);
    wait_for("the label", || rest.value(THING, "label"), |label| label == "pump 3");
    assert_eq!(result(&rest.call(THING, "Add", &json!({ "a": 2, "b": 3.5 }))), 5.5);

    assert!(Request::get("/scripts").send(&address).is_err(), "in clear there is no answer");
    assert!(resource.terminate().success());
    rest.connected(THING, false);
    assert!(!(resource.output() + &resource.log() + &gateway.log()).contains("gravel"));
}

/// What a script is told that asks the gateway for one of its properties: code and text.
fn asked(site: &Site, settings: &str) -> String {
    let lines = format!("{}{settings}scripts.look = {{ file = 'look.lua' }}", gateway_at(site));
    let scripts = Scripts::new(&lines);
    let look = "local text, code = tw_ems.get('/Thingworx/Things/LocalEms/Properties/isConnected') \
                return tostring(code) .. ' ' .. text";
    scripts.file("custom/scripts/look.lua", look);
    let process = scripts.start();
    let address = scripts.address(&process);
    scripts.phase(&address, "look", "Finished");
    scripts.send(&address, &Request::get("/scripts/look/result")).text()
}

#[test]
fn the_certificate_of_the_gateway_is_refused_in_words_unless_the_settings_trust_it() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (Authority::new("Plant CA"), Authority::new("Somebody"));
    let [right_file, wrong_file] =
        [(&right, "right"), (&wrong, "wrong")].map(|(authority, name)| authority.write(folder.path(), name));
    let (chain, key) = right.issue(&Wish::for_names(&NAMES)).write(folder.path(), "gateway");
    let site = secure(vec![], &json!({ "certificate": chain, "private_key": key }));
    let gateway = site.gateway();
    site.ready(&gateway);
    let by_right = rap_cert_file(&right_file);
    let trusted = asked(&site, &by_right);
    assert!(trusted.starts_with("200 "), "{trusted}");
    assert!(asked(&site, "scripts.rap_ssl, scripts.rap_validate = true, false\n").starts_with("200 "));
    let refused = asked(&site, &rap_cert_file(&wrong_file));
    assert!(refused.starts_with(&format!("503 localhost:{}: ", site.gateway_port)), "{refused}");
    assert!(refused.contains("CN=Plant CA") && refused.contains("scripts.rap_cert_file"), "{refused}");
    let unknown = asked(&site, "scripts.rap_ssl = true\n");
    assert!(unknown.starts_with("503 "), "{unknown}");
    let clear = asked(&site, &format!("{by_right}scripts.rap_ssl = false\n"));
    assert!(!clear.starts_with("200 "), "{clear}");
}

#[test]
fn a_gateway_with_a_certificate_of_its_own_is_taken_by_file_or_by_word() {
    let site = secure(vec![], &json!({ "use_default_certificate": true }));
    let gateway = site.gateway();
    site.ready(&gateway);
    let own = rap_cert_file(&site.folder().join("state/tls-certificate.pem"));
    assert!(asked(&site, &own).starts_with("200 "));
    let by_word = asked(&site, "scripts.rap_deny_selfsigned = false\n");
    assert!(by_word.starts_with("200 "), "{by_word}");
}

#[test]
fn where_nobody_speaks_tls_the_text_says_so() {
    let site = Site::new([]);
    let gateway = site.gateway();
    site.ready(&gateway);
    let text = asked(&site, "scripts.rap_ssl, scripts.rap_validate = true, false\n");
    assert!(text.starts_with("503 ") && text.contains("does not speak TLS"), "{text}");
}

/// Asks a script resource by https, trusting the certificate in `trusted`: the status.
fn ask(address: &str, trusted: &Path) -> u16 {
    let trust = Trust::strict(Authorities::Files(vec![trusted.to_path_buf()]), &SettingNames::NONE);
    let tls = Client::new(ClientSettings { trust, identity: None, cipher_list: None }).unwrap();
    let url = format!("http://{address}/scripts");
    actix_rt::System::new().block_on(async move {
        let connector = awc::Connector::new().connector(connector(Some(tls), direct)).timeout(SOON);
        let client = awc::Client::builder().connector(connector).timeout(SOON).finish();
        client.get(url).send().await.unwrap().status().as_u16()
    })
}

#[test]
fn where_the_original_has_one_certificate_for_all_each_script_resource_has_its_own() {
    let made = || {
        Scripts::new(
            "scripts.script_resource_ssl, scripts.script_resource_use_default_certificate = true, true",
        )
    };
    let fingerprint = |scripts: &Scripts| {
        let path = scripts.folder().join("state/tls-certificate.pem");
        Facts::read(&read_certificates(&path).unwrap()[0]).unwrap().fingerprint
    };
    let (one, two) = (made(), made());
    let (mut first, second) = (one.start(), two.start());
    let address = one.address(&first);
    two.address(&second);
    let own = fingerprint(&one);
    assert_ne!(own, fingerprint(&two));
    let key = fs::metadata(one.folder().join("state/tls-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0, "closed to others");
    assert_eq!(ask(&address, &one.folder().join("state/tls-certificate.pem")), 200);

    assert!(first.terminate().success());
    let again = one.start();
    one.address(&again);
    assert_eq!(fingerprint(&one), own, "it stays the same");
}

/// The exit code of a resource that does not start, and what it says.
fn refused(lines: &str) -> (Option<i32>, String) {
    let scripts = Scripts::new(lines);
    let mut process: Process = scripts.start();
    (process.ended().code(), process.output())
}

#[test]
fn certificates_that_cannot_be_used_keep_it_from_starting_with_the_name_of_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = Wish::for_names(&NAMES).self_signed().write(folder.path(), "own");
    let files = |chain: &Path, key: &Path| {
        format!(
            "scripts.script_resource_ssl = true\nscripts.script_resource_certificate_chain = '{}'\n\
             scripts.script_resource_private_key = '{}'\n",
            chain.display(),
            key.display()
        )
    };
    let none = Path::new("/no/file.pem");
    let encrypted = key_of_tests("aes256.pem");
    let wrong_passphrase = files(&chain, &encrypted) + "scripts.script_resource_passphrase = 'sand'";
    for (lines, said) in [
        ("scripts.script_resource_ssl = true".to_owned(), "script_resource_use_default_certificate = true"),
        (files(none, &key), "`scripts.script_resource_certificate_chain`: /no/file.pem"),
        (files(&chain, none), "`scripts.script_resource_private_key`: /no/file.pem"),
        (files(&chain, &encrypted), "is encrypted, and there is no passphrase"),
        (wrong_passphrase, "the passphrase is not the one"),
        (rap_cert_file(none), "`scripts.rap_cert_file`: /no/file.pem"),
    ] {
        let (code, output) = refused(&lines);
        assert_eq!(code, Some(78), "{lines}\n{output}");
        assert!(output.contains(said), "{said:?} in {output}");
    }
}
