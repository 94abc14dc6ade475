//! Agents of all manners, and what they do to their neighbours.

use std::time::Duration;

use awc::http::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::plant::{Plant, model_thing, on_actix, thing};

/// How an agent answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// With the value 42.
    Good,
    /// Never.
    Silent,
    /// A byte a second.
    Drip,
    /// With bytes that are no HTTP.
    Garbage,
    /// With 10 MB.
    Huge,
    /// With a reset.
    Reset,
    /// With a head that never ends.
    EndlessHead,
}

/// Opens an endpoint; it serves as long as the test runs.
pub(crate) async fn open(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    actix_rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            actix_rt::spawn(async move { drop(serve(stream, manner).await) });
        }
    });
    port
}

async fn serve(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let mut buffer = vec![0; 4096];
    let mut head = Vec::new();
    // Requests of these tests have no body.
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..read]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        match manner {
            Manner::Good => stream.write_all(&answer()).await?,
            Manner::Silent => std::future::pending().await,
            Manner::Drip => {
                for byte in answer() {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Manner::Garbage => return stream.write_all(&[0xff; 64]).await,
            Manner::Huge => {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&vec![b' '; 10_000_000]).await?;
            }
            Manner::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
            Manner::EndlessHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                loop {
                    stream.write_all(b"X-More: of the same\r\n").await?;
                }
            }
        }
    }
}

fn answer() -> Vec<u8> {
    let body = body();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The value 42 of the property `p`.
pub(crate) fn body() -> &'static str {
    r#"{"dataShape":{"fieldDefinitions":{"p":{"name":"p","baseType":"NUMBER","aspects":{}}}},"rows":[{"p":42}]}"#
}

/// Many requests go to the bad agent; meanwhile and afterwards the good one answers each of its own.
fn beside(manner: Manner, expected: &[u16]) {
    on_actix(async {
        let plant = Plant::start(["Good", "Bad"].map(model_thing)).await;
        let (good, bad) = (open(Manner::Good).await, open(manner).await);
        plant.register(thing("Good", good)).await;
        plant.register(thing("Bad", bad)).await;
        plant.all_answer(&["Good"]).await;
        let load = futures_util::future::join_all((0..20).map(|_| plant.read("Bad")));
        let meanwhile = async {
            for _ in 0..20 {
                plant.answers("Good").await;
            }
        };
        let (answers, ()) = tokio::join!(load, meanwhile);
        for (status, body) in answers {
            assert!(expected.contains(&status.as_u16()), "{manner:?}: {status} {body}");
        }
        plant.answers("Good").await;
        assert!(plant.units().link_status.borrow().is_online());
        plant.stop().await;
    });
}

#[test]
fn an_agent_that_never_answers_costs_its_callers_their_deadline_and_others_nothing() {
    beside(Manner::Silent, &[504]);
}

#[test]
fn an_agent_that_answers_a_byte_a_second_is_cut_off_at_the_deadline() {
    beside(Manner::Drip, &[504]);
}

#[test]
fn an_agent_that_sends_garbage_is_a_bad_gateway_to_its_callers_only() {
    beside(Manner::Garbage, &[502, 504]);
}

#[test]
fn an_agent_that_answers_ten_megabytes_is_refused_without_holding_them() {
    beside(Manner::Huge, &[413, 500, 502, 504]);
}

#[test]
fn an_agent_that_resets_is_answered_for() {
    beside(Manner::Reset, &[502, 504]);
}

#[test]
fn an_agent_whose_head_never_ends_is_given_up() {
    beside(Manner::EndlessHead, &[502, 504]);
}

#[test]
fn things_at_one_bad_endpoint_do_not_take_those_at_another_with_them() {
    on_actix(async {
        let names: Vec<String> = (0..10).map(|number| format!("Bad{number}")).collect();
        let model = names.iter().map(|name| model_thing(name)).chain([model_thing("Good")]);
        let plant = Plant::start(model).await;
        let (good, bad) = (open(Manner::Good).await, open(Manner::Silent).await);
        plant.register(thing("Good", good)).await;
        for name in &names {
            plant.register(thing(name, bad)).await;
        }
        plant.all_answer(&["Good"]).await;
        let load = futures_util::future::join_all(names.iter().map(|name| plant.read(name)));
        let (answers, ()) = tokio::join!(load, plant.answers("Good"));
        assert!(answers.iter().all(|(status, _)| *status == StatusCode::GATEWAY_TIMEOUT), "{answers:?}");
        plant.stop().await;
    });
}
