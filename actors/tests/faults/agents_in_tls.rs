//! Agents that are reached by https: trusted or not, and never spoken to in clear.

use std::{net::TcpListener, path::Path, time::Duration};

use actix_web::{App, HttpResponse, web};
use awc::http::StatusCode;
use edgebind_actors::{Registration, Scheme};
use edgebind_tls::{HttpLimits, Identity, serve};
use tokio::io::AsyncReadExt;

use crate::{
    certificates::{Authority, Wish},
    endpoints::{Manner, body, open},
    plant::{PATIENCE, Plant, agents, model_thing, on_actix, thing, until},
};

/// An agent with a certificate of `authority` for `name`; it serves as long as the test runs.
fn secure_agent(folder: &Path, authority: &Authority, name: &str) -> u16 {
    let (certificate, key) = authority.issue(&Wish::for_names(&[name])).write(folder, "agent");
    let tls = Identity::read(&certificate, &key, None).unwrap().into_server(None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = HttpLimits {
        workers: Some(1),
        connections: 100,
        request_timeout: PATIENCE,
        keep_alive: Duration::from_secs(5),
        shutdown_s: 1,
        half_closed: true,
    };
    let answer = || async { HttpResponse::Ok().content_type("application/json").body(body()) };
    let app = move || App::new().default_service(web::to(answer));
    actix_rt::spawn(serve(listener, tls, limits, |_, _| {}, app).unwrap());
    port
}

fn by_https(name: &str, port: u16) -> Registration {
    let mut thing = thing(name, port);
    thing.endpoint.scheme = Scheme::Https;
    thing
}

#[test]
fn an_agent_of_the_right_authority_is_served_and_another_is_not() {
    on_actix(async {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Plant CA");
        let trusted = authority.write(folder.path(), "authority");
        let plant =
            Plant::start_with(["Ours", "Theirs", "Elsewhere", "Plain"].map(model_thing), |settings| {
                settings.agents = agents(vec![trusted]);
            })
            .await;
        let theirs = Authority::new("Somebody");
        plant.register(by_https("Ours", secure_agent(folder.path(), &authority, "127.0.0.1"))).await;
        plant.register(by_https("Theirs", secure_agent(folder.path(), &theirs, "127.0.0.1"))).await;
        plant.register(by_https("Elsewhere", secure_agent(folder.path(), &authority, "10.0.0.9"))).await;
        plant.register(thing("Plain", open(Manner::Good).await)).await;
        plant.all_answer(&["Ours", "Plain"]).await;
        for (name, reason) in [
            ("Theirs", "`certificates.http_client_ca_certs`"),
            ("Elsewhere", "is for 10.0.0.9, not for 127.0.0.1"),
        ] {
            until(name, async || {
                let (status, text) = plant.read(name).await;
                (status == StatusCode::GATEWAY_TIMEOUT && text.contains(reason)).then_some(())
            })
            .await;
        }
        plant.answers("Ours").await;
        plant.stop().await;
    });
}

#[test]
fn without_authorities_any_certificate_is_taken() {
    on_actix(async {
        let folder = tempfile::tempdir().unwrap();
        let plant = Plant::start([model_thing("Own")]).await;
        let port = secure_agent(folder.path(), &Authority::new("Somebody"), "box-7");
        plant.register(by_https("Own", port)).await;
        plant.all_answer(&["Own"]).await;
        plant.stop().await;
    });
}

#[test]
fn a_request_for_https_is_never_sent_in_clear() {
    on_actix(async {
        let plant = Plant::start([model_thing("Secret")]).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut secret = by_https("Secret", listener.local_addr().unwrap().port());
        (secret.user, secret.password) = ("user".to_owned(), "password".to_owned().into());
        plant.register(secret).await;
        let first = async {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                // A probe sends nothing.
                if let Ok(byte) = stream.read_u8().await {
                    return byte;
                }
            }
        };
        let asking = async {
            loop {
                plant.read("Secret").await;
            }
        };
        tokio::select! {
            first = tokio::time::timeout(PATIENCE, first) => assert_eq!(first, Ok(22), "a TLS handshake record"),
            () = asking => {}
        }
        plant.stop().await;
    });
}
