//! Whatever dies on the way of an update: its sender is answered once, and what was kept is delivered.

use std::{cell::RefCell, net::TcpListener, path::Path, rc::Rc, time::Duration};

use edgebind_actors::{
    Units,
    delivery::Receipt,
    fault::Victim,
    link::CallError,
    relay,
    spool::SpoolSettings,
    tree::{Tree, TreeSettings},
};
use edgebind_alwayson::{Characteristic, Content, InfoTable, Method, Request, Value};
use edgebind_kernel::{NodeState, clock};
use edgebind_platform::{AppKey, Platform, Settings, model::Model};
use edgebind_store::{Clock, Options, View};
use serde_json::json;

use crate::plant::{KEY, on_actix, settings, until};

/// A tree with a spool in `folder`, for a platform that is not there yet at `port`.
fn tree(folder: &Path, port: u16, message_timeout: Duration) -> Tree {
    let clock = Clock { now: clock::now, unix_ms: clock::unix_millis };
    let mut settings: TreeSettings = settings(port);
    settings.link.session.message_timeout = message_timeout;
    settings.spool = SpoolSettings::On(Options::new(folder, clock));
    Tree::start(settings, Vec::new())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A platform with the things `T` and `U`.
async fn platform(port: u16) -> Platform {
    let mut platform = Settings::default();
    platform.port = port;
    platform.control_port = Some(0);
    platform.app_keys = vec![AppKey::new(KEY)];
    let thing = |name| json!({ "name": name, "properties": [{ "name": "p", "baseType": "INTEGER" }] });
    platform.model = Model::parse(&json!({ "things": [thing("T"), thing("U")] }).to_string()).unwrap();
    edgebind_platform::start(platform).await.unwrap()
}

fn write(number: i32) -> Request {
    let params = Content::Table(InfoTable::single("p", Value::Integer(number)));
    Request::thing(Method::Put, "T", Characteristic::Properties, "p", params)
}

async fn send(units: &Units, number: i32) -> Result<Receipt, CallError> {
    relay(units, write(number), tracing::Span::none()).await
}

async fn kept(units: &Units, number: i32) {
    until("the spool takes it", async || (send(units, number).await == Ok(Receipt::Kept)).then_some(()))
        .await;
}

async fn online(tree: &Tree) {
    until("the link is online", async || tree.units().link_status.borrow().is_online().then_some(())).await;
}

/// Waits until nothing is kept any more.
async fn delivered(folder: &Path) {
    until("all is delivered", async || (View::open(folder).ok()?.summary().ok()?.records == 0).then_some(()))
        .await;
}

/// The value that the platform holds.
async fn value(platform: &Platform) -> String {
    let url = format!("http://{}/Thingworx/Things/T/Properties/p", platform.address());
    let request = awc::Client::default().get(url).insert_header(("appKey", KEY));
    let mut answer = request.insert_header(("Accept", "application/json")).send().await.unwrap();
    String::from_utf8_lossy(&answer.body().await.unwrap()).into_owned()
}

fn kept_by_a_life_that_ends(victim: Victim) {
    on_actix(async {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let tree = tree(folder.path(), port, Duration::from_secs(10));
        for number in 1..=3 {
            kept(tree.units(), number).await;
        }
        assert!(tree.units().inject_panic(&victim), "{victim:?} is there");
        until("the panic is told", async || {
            let seen = tree.survey().look().await?;
            format!("{seen:?}").contains("injected fault").then_some(())
        })
        .await;
        kept(tree.units(), 4).await;
        let platform = platform(port).await;
        online(&tree).await;
        delivered(folder.path()).await;
        assert!(value(&platform).await.contains(":4"), "the last one counts: {}", value(&platform).await);
        until("nothing waits in its way", async || {
            matches!(send(tree.units(), 5).await, Ok(Receipt::Answered(_))).then_some(())
        })
        .await;
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
        platform.stop(Duration::from_secs(5)).await;
    });
}

#[test]
fn what_was_kept_before_the_delivery_panicked_is_delivered() {
    kept_by_a_life_that_ends(Victim::Delivery);
}

#[test]
fn what_was_kept_before_the_unit_of_the_store_panicked_is_delivered() {
    kept_by_a_life_that_ends(Victim::Spool);
}

#[test]
fn what_was_kept_before_the_link_panicked_is_delivered() {
    kept_by_a_life_that_ends(Victim::Link);
}

/// Senders whose updates were sent and not answered when something dies.
fn waiting_when_one_dies(victim: Victim) {
    on_actix(async {
        let folder = tempfile::tempdir().unwrap();
        let platform = platform(0).await;
        let control = platform.control_address().unwrap();
        let tree = tree(folder.path(), platform.address().port(), Duration::from_secs(60));
        online(&tree).await;
        let rule = json!({ "entity": "T", "silent": true, "times": 1 }).to_string();
        let client = awc::Client::default();
        client.post(format!("http://{control}/control/v1/answers")).send_body(rule).await.unwrap();
        let answers: Rc<RefCell<Vec<_>>> = Rc::default();
        for number in 1..=5 {
            let (units, answers) = (tree.units().clone(), Rc::clone(&answers));
            actix_rt::spawn(async move {
                let answer = send(&units, number).await;
                answers.borrow_mut().push(answer);
            });
        }
        let state = format!("http://{control}/control/v1/state");
        until("the platform keeps one waiting", async || {
            let body = client.get(state.as_str()).send().await.ok()?.body().await.ok()?;
            let state: serde_json::Value = serde_json::from_slice(&body).ok()?;
            (state["rules"][0]["hits"] == 1).then_some(())
        })
        .await;
        assert!(tree.units().inject_panic(&victim), "{victim:?} is there");
        until("all five are answered", async || (answers.borrow().len() == 5).then_some(())).await;
        for answer in answers.borrow().iter() {
            // Kept, or known to be lost: nobody is told that the platform has it.
            let lost = matches!(answer, Err(CallError::Dropped | CallError::LinkLost));
            assert!(lost || *answer == Ok(Receipt::Kept), "{answer:?}");
        }
        delivered(folder.path()).await;
        until("updates pass again", async || {
            matches!(send(tree.units(), 9).await, Ok(Receipt::Answered(_))).then_some(())
        })
        .await;
        assert_eq!(answers.borrow().len(), 5, "each was answered once");
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
        platform.stop(Duration::from_secs(5)).await;
    });
}

#[test]
fn every_sender_is_answered_once_when_the_delivery_panics() {
    waiting_when_one_dies(Victim::Delivery);
}

#[test]
fn every_sender_is_answered_once_when_the_link_panics() {
    waiting_when_one_dies(Victim::Link);
}

#[test]
fn a_store_that_dies_again_and_again_leaves_the_gateway_running_without_202_and_health_says_so() {
    on_actix(async {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let tree = tree(folder.path(), port, Duration::from_secs(10));
        kept(tree.units(), 1).await;
        until("the unit is in quarantine", async || {
            let _ = tree.units().inject_panic(&Victim::Spool);
            let seen = tree.survey().look().await?;
            (seen.find(&["spool"])?.state == NodeState::Quarantined).then_some(())
        })
        .await;
        until("nothing is promised any more", async || {
            matches!(send(tree.units(), 2).await, Err(CallError::Unkept(_))).then_some(())
        })
        .await;
        assert!(tree.units().spool_standing().complaint().is_some_and(|text| text.contains("503")));
        // Live updates of another entity need no store; what waits for this one is out of reach.
        let platform = platform(port).await;
        online(&tree).await;
        let other = Request { entity: "U".to_owned(), ..write(3) };
        until("a live update passes", async || {
            let sent = relay(tree.units(), other.clone(), tracing::Span::none()).await;
            sent.is_ok().then_some(())
        })
        .await;
        assert!(tree.stop(Duration::from_secs(5)).await.is_clean());
        platform.stop(Duration::from_secs(5)).await;
    });
}
