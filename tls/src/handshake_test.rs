//! Both sides over real sockets: what a client and a server of ours say to each other, and to what is none of ours.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, web};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    Authorities, Client, ClientSettings, Criteria, HttpLimits, Identity, Trust, connector, direct, provider,
    read_certificates, serve,
    test_certificates::{Authority, Wish},
    test_names::NAMES,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn settings(authority: &Path) -> ClientSettings {
    let trust = Trust {
        validate: true,
        authorities: Authorities::Files(vec![authority.to_path_buf()]),
        allow_self_signed: false,
        check_name: true,
        criteria: Criteria::default(),
        fingerprints: Vec::new(),
        names: &NAMES,
    };
    ClientSettings { trust, identity: None, cipher_list: None }
}

/// An authority and a server certificate of it, in files.
struct Stage {
    folder: tempfile::TempDir,
    authority: Authority,
    certificate: PathBuf,
    key: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Plant CA");
        let leaf = authority.issue(&Wish::for_names(&["127.0.0.1"]));
        let (certificate, key) = leaf.write(folder.path(), "server");
        Self { folder, authority, certificate, key }
    }

    /// Settings of a client that trusts the authority.
    fn settings(&self) -> ClientSettings {
        settings(&self.authority.write(self.folder.path(), "authority"))
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        read_certificates(&self.certificate).unwrap()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).unwrap()
    }
}

fn start(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = HttpLimits {
        workers: Some(1),
        connections: 100,
        request_timeout: PATIENCE,
        keep_alive: PATIENCE,
        shutdown_s: 1,
        half_closed: true,
    };
    let answer = |request: HttpRequest| async move {
        let peer = request.peer_addr().map_or_else(String::new, |peer| peer.ip().to_string());
        HttpResponse::Ok().body(format!("{:?} {peer}", request.version()))
    };
    let app = move || App::new().default_service(web::to(answer));
    actix_rt::spawn(serve(listener, config, limits, |_, _| {}, app).unwrap());
    address
}

async fn ask(client: ClientSettings, address: SocketAddr) -> Result<String, String> {
    let client = Client::new(client).unwrap();
    let awc = awc::Client::builder()
        .connector(awc::Connector::new().connector(connector(Some(client), direct)).timeout(PATIENCE))
        .timeout(PATIENCE)
        .finish();
    let mut answer = awc.get(format!("http://{address}/")).send().await.map_err(|error| error.to_string())?;
    let body = answer.body().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Runs a test where actix wants to be run.
fn run(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

/// A handshake alone, for the text of its failure.
async fn shake(client: ClientSettings, address: SocketAddr) -> String {
    let tcp = TcpStream::connect(address).await.unwrap();
    let client = Client::new(client).unwrap();
    match timeout(PATIENCE, client.handshake(tcp, &address.ip().to_string())).await.unwrap() {
        Ok(_) => panic!("the handshake succeeded"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_client_and_a_server_of_ours_speak_http_1_in_tls() {
    run(async {
        let stage = Stage::new();
        let identity = Identity::read(&stage.certificate, &stage.key, None).unwrap();
        let address = start(identity.into_server(None).unwrap());
        assert_eq!(ask(stage.settings(), address).await.unwrap(), "HTTP/1.1 127.0.0.1");
        let stranger = Authority::new("Somebody").write(stage.folder.path(), "stranger");
        let refused = ask(settings(&stranger), address).await.unwrap_err();
        assert!(refused.contains("CN=Plant CA") && refused.contains("`cert_chain`"), "{refused}");
    });
}

#[test]
fn tls_1_2_is_enough_and_a_cipher_list_chooses_in_it() {
    run(async {
        let stage = Stage::new();
        let config = ServerConfig::builder_with_provider(provider(None))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(stage.chain(), stage.key())
            .unwrap();
        let address = start(Arc::new(config));
        let with = |list: &str| ClientSettings { cipher_list: Some(list.to_owned()), ..stage.settings() };
        assert!(ask(with("ECDHE-ECDSA-AES128-GCM-SHA256"), address).await.is_ok());
        // The server's key is of the other kind.
        let refused = shake(with("ECDHE-RSA-AES128-GCM-SHA256"), address).await;
        assert!(refused.contains("none of the cipher suites"), "{refused}");
    });
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_ours_or_the_failure_names_the_key() {
    run(async {
        let stage = Stage::new();
        let mut roots = RootCertStore::empty();
        roots.add(stage.authority.der().into()).unwrap();
        let provider = provider(None);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
        // With 1.3 a client learns of it only when it reads.
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(stage.chain(), stage.key())
            .unwrap();
        let address = start(Arc::new(config));
        let refused = shake(stage.settings(), address).await;
        assert!(refused.contains("`client_cert`"), "{refused}");

        let showing = |authority: &Authority| {
            let ours = authority.issue(&Wish::for_names(&["gateway"]).for_clients());
            let (certificate, key) = ours.write(stage.folder.path(), "gateway");
            let identity = Some(Identity::read(&certificate, &key, None).unwrap());
            ClientSettings { identity, ..stage.settings() }
        };
        assert!(ask(showing(&stage.authority), address).await.is_ok());
        let refused = shake(showing(&Authority::new("Somebody")), address).await;
        assert!(refused.contains("does not accept our certificate (`client_cert`)"), "{refused}");
    });
}

#[test]
fn what_speaks_no_tls_is_said_so() {
    run(async {
        let plain = answered(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        assert!(plain.contains("does not speak TLS"), "{plain}");
        let silent = answered(b"").await;
        assert!(silent.contains("broke off in the TLS handshake"), "{silent}");
    });
}

#[test]
fn a_server_that_knows_static_rsa_only_is_explained() {
    run(async {
        // Alert, TLS 1.2, two bytes: fatal, handshake_failure (RFC 5246, 7.2), as the original answers (EMS notes, 4.4).
        let text = answered(&[21, 3, 3, 0, 2, 2, 40]).await;
        assert!(text.contains("static RSA"), "{text}");
    });
}

/// What becomes of a handshake with a server that sends `bytes` and closes.
async fn answered(bytes: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    actix_rt::spawn(async move {
        let (mut server, _) = listener.accept().await.unwrap();
        // The whole of the offer, so that closing is an end and not a reset.
        let mut head = [0; 5];
        server.read_exact(&mut head).await.unwrap();
        let mut offer = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        server.read_exact(&mut offer).await.unwrap();
        server.write_all(bytes).await.unwrap();
    });
    shake(Stage::new().settings(), address).await
}

#[test]
fn an_installation_makes_its_certificate_once_and_keeps_it_to_itself() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let names = ["box-7".to_owned(), "127.0.0.1".to_owned()];
        let first = Identity::of_installation(folder.path(), &names).unwrap().facts().unwrap();
        let again = Identity::of_installation(folder.path(), &[]).unwrap();
        assert_eq!(again.facts().unwrap(), first);
        assert_eq!(first.names, names);
        let other = tempfile::tempdir().unwrap();
        let theirs = Identity::of_installation(other.path(), &names).unwrap().facts().unwrap();
        assert_ne!(theirs.fingerprint, first.fingerprint, "no two installations share one");
        #[cfg(unix)]
        for file in std::fs::read_dir(folder.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o077, 0);
        }
        let address = start(again.into_server(None).unwrap());
        let pinned =
            Trust { fingerprints: vec![first.fingerprint], authorities: Authorities::System, ..trust() };
        assert!(
            ask(ClientSettings { trust: pinned, identity: None, cipher_list: None }, address).await.is_ok()
        );
    });
}

fn trust() -> Trust {
    settings(Path::new("")).trust
}
