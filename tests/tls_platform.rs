//! The gateway connects to its platform in TLS, or says in words why not: our own platform, and nginx in front of it.
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

use std::path::Path;

use certificates::{Authority, Leaf, Wish};
use edgebind_tls::Fingerprint;
use serde_json::{Value, json};
use support::{EDGE_GATEWAY, Process, Server, Site, free_port};

/// A site whose gateway speaks TLS and whose platform shows `leaf`.
fn site(leaf: &Leaf, trust: Value) -> (Site, Process) {
    let mut site = Site::new([]);
    site.config()["ws_connection"]["encryption"] = json!("ssl");
    site.config()["certificates"] = trust;
    let (certificate, key) = leaf.write(site.folder(), "platform");
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    let arguments = ["--tls-cert", &certificate, "--tls-key", &key];
    let platform = site.platform_flagged(&arguments);
    (site, platform)
}

/// The gateway of `site` gets through, and what it asks is answered by the platform.
fn connects(site: &Site) {
    let gateway = site.gateway();
    site.ready(&gateway);
    site.local().online(true);
    let answer = site.local().get(&format!("{EDGE_GATEWAY}/Properties/name"));
    assert_ne!(answer.status, 503, "{answer:?}");
    assert!(!gateway.log().contains(&site.key), "the key is a secret");
}

#[test]
fn trust_is_by_authority_by_the_certificate_itself_by_fingerprint_or_not_at_all() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let of_authority = authority.write(folder.path(), "authority");
    let leaf = authority.issue(&Wish::for_names(&["localhost"]));
    let own = Wish::for_names(&["localhost"]).authority().self_signed();
    let elsewhere = authority.issue(&Wish::for_names(&["plat.example"]));
    let cases = [
        (&leaf, json!({ "cert_chain": [of_authority] })),
        (&leaf, json!({ "cert_chain": of_authority, "cipher_suite": "HIGH:!aNULL" })),
        (&own, json!({ "allow_self_signed": true })),
        (&own, json!({ "cert_chain": own.write(folder.path(), "own").0 })),
        (&own, json!({ "fingerprint_allowlist": [Fingerprint::of(&own.der()).to_string()] })),
        (&elsewhere, json!({ "cert_chain": of_authority, "disable_hostname_validation": true })),
        (&elsewhere, json!({ "validate": false, "validation_criteria": { "Cert_Organization": "Plant" } })),
    ];
    for (leaf, trust) in cases {
        let (site, platform) = site(leaf, trust);
        connects(&site);
        platform.logs("Edge");
    }
}

#[test]
fn a_platform_that_is_not_trusted_is_refused_with_what_was_seen_and_the_key_that_changes_it() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let of_authority = authority.write(folder.path(), "authority");
    let stranger = Authority::new("Somebody").write(folder.path(), "stranger");
    let names = |names: &[&str]| authority.issue(&Wish::for_names(names));
    let old = authority.issue(&Wish::for_names(&["localhost"]).years(2000, 2020));
    let future = authority.issue(&Wish::for_names(&["localhost"]).years(2048, 2049));
    let own = Wish::for_names(&["localhost"]).self_signed();
    let pin = Fingerprint::of(b"another").to_string();
    let known = json!({ "cert_chain": of_authority });
    let cases: [(Leaf, Value, &[&str]); 7] = [
        (
            names(&["localhost"]),
            json!({ "cert_chain": stranger }),
            &["CN=Plant CA", "`certificates.cert_chain`"],
        ),
        (names(&["localhost"]), json!({}), &["whom this system does not trust"]),
        (
            names(&["plat.example"]),
            known.clone(),
            &["is for plat.example, not for localhost", "`certificates.disable_hostname_validation` true"],
        ),
        (old, known.clone(), &["has expired on 2020-01-01", "`certificates.validate` false"]),
        (future, known.clone(), &["is valid from 2048-01-01"]),
        (own, known, &["is signed by itself", "`certificates.allow_self_signed`"]),
        (
            names(&["localhost"]),
            json!({ "fingerprint_allowlist": [pin] }),
            &["has the SHA-256 fingerprint", "`certificates.fingerprint_allowlist`"],
        ),
    ];
    for (leaf, trust, said) in cases {
        let (site, platform) = site(&leaf, trust);
        let gateway = site.gateway();
        for text in said {
            gateway.logs(text);
        }
        assert!(!site.local().is_online());
        // Not a byte of HTTP has reached the platform.
        assert!(!platform.log().contains("Edge"), "{}", platform.log());
    }
}

#[test]
fn settings_that_cannot_be_followed_end_with_78_and_check_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = Wish::for_names(&["gateway"]).self_signed().write(folder.path(), "gateway");
    let legacy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/tests/data/legacy.pem");
    let cases = [
        (json!({ "cert_chain": "/no/such/file.pem" }), "`certificates.cert_chain`: /no/such/file.pem"),
        (
            json!({ "cipher_suite": "AES256-SHA" }),
            "`certificates.cipher_suite`: \"AES256-SHA\" leaves no cipher suite",
        ),
        (json!({ "fingerprint_allowlist": ["AB:CD"] }), "`certificates.fingerprint_allowlist`: \"AB:CD\""),
        (
            json!({ "validation_criteria": { "Cert_Comon_Name": "x" } }),
            "`certificates.validation_criteria`: \"Cert_Comon_Name\" is no criterion",
        ),
        (
            json!({ "client_cert": certificate, "key_file": legacy, "key_passphrase": "gravel" }),
            "openssl pkcs8 -topk8",
        ),
    ];
    for (trust, said) in cases {
        let mut site = Site::new([]);
        site.config()["ws_connection"]["encryption"] = json!("ssl");
        site.config()["certificates"] = trust;
        let mut gateway = site.gateway();
        assert_eq!(gateway.ended().code(), Some(78));
        assert!(gateway.log().contains(said), "{said:?} is not in {}", gateway.log());
        assert!(!gateway.log().contains("gravel"), "the passphrase is a secret");
        let config = site.folder().join("config.json").display().to_string();
        let mut check = Process::start(site.folder(), &["check", &config], &[]);
        assert_eq!(check.ended().code(), Some(78));
        assert!(check.output().contains(said), "{said:?} is not in {}", check.output());
    }
}

/// nginx in front of a platform in clear, as platforms are often installed; the gateway knows nginx only.
fn behind_nginx(tls: &str, trust: Value, certificates: &Authority) -> (Site, Process, Server) {
    let mut site = Site::new([]);
    site.config()["ws_connection"]["encryption"] = json!("ssl");
    site.config()["certificates"] = trust;
    let (behind, front) = (free_port(), site.platform_port);
    let platform = site.platform_elsewhere(behind, &[]);
    let leaf = certificates.issue(&Wish::for_names(&["localhost"]));
    let (certificate, key) = leaf.write(site.folder(), "nginx");
    let server = format!(
        "listen 127.0.0.1:{front} ssl; server_name localhost; {tls}
        ssl_certificate {}; ssl_certificate_key {};
        location / {{
            proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection;
        }}",
        certificate.display(),
        key.display()
    );
    let nginx = Server::nginx(site.folder(), front, &server);
    (site, platform, nginx)
}

#[test]
fn nginx_in_front_of_the_platform_is_reached_with_tls_1_2_and_with_1_3() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let trust = json!({ "cert_chain": authority.write(folder.path(), "authority") });
    for tls in [
        "ssl_protocols TLSv1.3;",
        "ssl_protocols TLSv1.2;",
        "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;",
    ] {
        let (site, _platform, _nginx) = behind_nginx(tls, trust.clone(), &authority);
        connects(&site);
    }
}

#[test]
fn what_nginx_and_the_gateway_do_not_have_in_common_is_said() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let trust = json!({ "cert_chain": authority.write(folder.path(), "authority") });
    let static_rsa = "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-SHA;";
    let (site, _platform, _nginx) = behind_nginx(static_rsa, trust, &authority);
    let gateway = site.gateway();
    gateway.logs("accepts none of the cipher suites that are safe");
    assert!(!site.local().is_online());
}

#[test]
fn nginx_that_asks_for_a_certificate_gets_ours_with_its_encrypted_key() {
    let authority = Authority::new("Plant CA");
    let folder = tempfile::tempdir().unwrap();
    let of_authority = authority.write(folder.path(), "authority").display().to_string();
    // The key of the test data, and a certificate for it.
    let data = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tls/tests/data").join(name);
    let clear = std::fs::read_to_string(data("clear.pem")).unwrap();
    let certificate = folder.path().join("gateway.pem");
    std::fs::write(&certificate, authority.certify(&Wish::for_names(&["gateway"]).for_clients(), &clear))
        .unwrap();
    let ask = format!("ssl_verify_client on; ssl_client_certificate {of_authority};");
    let trust = json!({
        "cert_chain": of_authority, "client_cert": certificate,
        "key_file": data("aes256.pem"), "key_passphrase": "gravel"
    });
    let (site, _platform, _nginx) = behind_nginx(&ask, trust, &authority);
    connects(&site);

    let (site, _platform, _nginx) = behind_nginx(&ask, json!({ "cert_chain": of_authority }), &authority);
    let gateway = site.gateway();
    // nginx answers by HTTP that it wants a certificate.
    gateway.logs("answered 400 to the WebSocket upgrade");
    assert!(!site.local().is_online());
}
