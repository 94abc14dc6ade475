//! The gateway's own HTTP server in TLS: certificates of ours and of the installation, and what cannot be served.
#![cfg(unix)]
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
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
};

use certificates::{Authority, Wish};
use edgebind_tls::{
    Authorities, Client, ClientSettings, Facts, SettingNames, Trust, connector, direct, read_certificates,
};
use serde_json::{Value, json};
use support::{SOON, Site};

/// A call of LocalEms by https, trusting the certificates of `authority`: status and body.
fn ask(site: &Site, authority: &Path) -> Result<(u16, String), String> {
    let trust = Trust::strict(Authorities::Files(vec![authority.to_path_buf()]), &SettingNames::NONE);
    let tls = Client::new(ClientSettings { trust, identity: None, cipher_list: None }).unwrap();
    let url =
        format!("http://localhost:{}/Thingworx/Things/LocalEms/Properties/isConnected", site.gateway_port);
    actix_rt::System::new().block_on(async move {
        let connector = awc::Connector::new().connector(connector(Some(tls), direct)).timeout(SOON);
        let client = awc::Client::builder().connector(connector).timeout(SOON).finish();
        let request = client.get(url).basic_auth("plant", "very-secret");
        let mut answer = request.send().await.map_err(|error| error.to_string())?;
        let body = answer.body().await.map_err(|error| error.to_string())?;
        Ok((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
    })
}

/// A site whose gateway serves in TLS.
fn secure(server: &Value) -> Site {
    let mut site = Site::new([]);
    let group = &mut site.config()["http_server"];
    group["ssl"] = json!(true);
    for (key, value) in server.as_object().unwrap() {
        group[key] = value.clone();
    }
    site
}

#[test]
fn callers_are_served_in_tls_with_the_certificate_and_its_encrypted_key() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/tests/data").join(name);
    let clear = std::fs::read_to_string(data("clear.pem")).unwrap();
    let certificate = folder.path().join("server.pem");
    std::fs::write(&certificate, authority.certify(&Wish::for_names(&["localhost"]), &clear)).unwrap();
    let site = secure(&json!({
        "certificate": certificate, "private_key": data("des3.pem"), "passphrase": "gravel",
        "authenticate": true, "user": "plant", "password": "very-secret"
    }));
    let gateway = site.gateway();
    site.ready(&gateway);
    let (status, body) = ask(&site, &authority.write(folder.path(), "authority")).unwrap();
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("isConnected"), "{body}");
    let stranger = Authority::new("Somebody").write(folder.path(), "stranger");
    assert!(ask(&site, &stranger).unwrap_err().contains("CN=Plant CA"));

    // In clear there is no answer that could be taken for one.
    let mut plain = TcpStream::connect(("127.0.0.1", site.gateway_port)).unwrap();
    plain.set_read_timeout(Some(SOON)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    for secret in ["gravel", "very-secret"] {
        assert!(!gateway.log().contains(secret));
    }
}

#[test]
fn where_the_original_has_one_certificate_for_all_each_installation_has_its_own() {
    let default = json!({ "use_default_certificate": true });
    let fingerprint = |site: &Site| {
        let path = site.folder().join("state/tls-certificate.pem");
        Facts::read(&read_certificates(&path).unwrap()[0]).unwrap().fingerprint
    };
    let (one, two) = (secure(&default), secure(&default));
    let (mut first, second) = (one.gateway(), two.gateway());
    one.ready(&first);
    two.ready(&second);
    let made = fingerprint(&one);
    assert_ne!(made, fingerprint(&two));
    first.logs(&made.to_string());
    let key = std::fs::metadata(one.folder().join("state/tls-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o077, 0, "closed to others");
    assert_eq!(ask(&one, &one.folder().join("state/tls-certificate.pem")).unwrap().0, 200);

    first.terminate();
    let again = one.gateway();
    one.ready(&again);
    assert_eq!(fingerprint(&one), made, "it stays the same");
}

#[test]
fn a_server_that_cannot_show_its_certificate_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/tests/data").join(name);
    let (certificate, key) = Wish::for_names(&["localhost"]).self_signed().write(folder.path(), "own");
    let cases = [
        (
            json!({ "certificate": certificate, "private_key": "/no/key.pem" }),
            "`http_server.private_key`: /no/key.pem",
        ),
        (
            json!({ "certificate": "/no/own.pem", "private_key": key }),
            "`http_server.certificate`: /no/own.pem",
        ),
        (
            json!({ "certificate": certificate, "private_key": data("aes256.pem") }),
            "is encrypted, and there is no passphrase",
        ),
        (
            json!({ "certificate": certificate, "private_key": data("aes256.pem"), "passphrase": "sand" }),
            "the passphrase is not the one",
        ),
        (json!({ "certificate": certificate, "private_key": data("clear.pem") }), "cannot be used together"),
        (
            json!({ "certificate": certificate, "private_key": data("legacy.pem"), "passphrase": "gravel" }),
            "openssl pkcs8 -topk8",
        ),
    ];
    for (server, said) in cases {
        let site = secure(&server);
        let mut gateway = site.gateway();
        assert_eq!(gateway.ended().code(), Some(78), "{}", gateway.log());
        assert!(gateway.log().contains(said), "{said:?} is not in {}", gateway.log());
        assert!(!gateway.log().contains("gravel") && !gateway.log().contains("sand\""));
    }
}
