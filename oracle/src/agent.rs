//! One agent: registers, and sends numbered updates on two lanes, each of them one request at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use edgebind_kernel::clock;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::fleet::FleetSettings;
use crate::http::{NoAnswer, Request};
use crate::ledger::{Draft, Ledger, Outcome};
use crate::messages;
use crate::update::Kind;

/// What every task of an agent knows.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) thing: Arc<str>,
    /// Where the gateway reaches it, as it says when it registers.
    pub(crate) endpoint: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) settings: Arc<FleetSettings>,
}

impl Agent {
    /// Registers, asks now and then whether it is known, and registers again; ends when `stop` says true.
    pub(crate) async fn register(self, mut stop: watch::Receiver<bool>) {
        let keepalive = self.settings.keepalive;
        let registration = messages::registration(
            &self.thing,
            &self.endpoint.ip().to_string(),
            self.endpoint.port(),
            keepalive.as_millis(),
        );
        let name = json!({ "name": &*self.thing }).to_string();
        let mut is_known = false;
        while !*stop.borrow_and_update() {
            let pause = if is_known {
                let answer = self.local("HasEdgeThing", &name).await;
                is_known = answer.is_some_and(|body| messages::result(&body) == Some(json!(true)));
                if is_known { keepalive } else { Duration::ZERO }
            } else {
                is_known = self.local("AddEdgeThing", &registration).await.is_some();
                if is_known { keepalive } else { self.settings.retry }
            };
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sends one request after the other, with pauses; ends when `stop` says true, behind an answer.
    pub(crate) async fn send(self, lane: u64, mut stop: watch::Receiver<bool>) {
        let seed = self.settings.seed
            ^ self
                .thing
                .bytes()
                .fold(lane, |seed, byte| seed.wrapping_mul(1_099_511_628_211).wrapping_add(u64::from(byte)));
        let mut random = fastrand::Rng::with_seed(seed);
        while !*stop.borrow_and_update() {
            self.one(&mut random).await;
            let pause = self.settings.pause;
            let spread = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
            let pause = pause / 2 + Duration::from_micros(random.u64(0..=spread));
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sends one request and enters its answer.
    async fn one(&self, random: &mut fastrand::Rng) {
        let ticket = self.ledger.begin(&self.thing, self.drafts(random));
        let Some((method, path, body)) = messages::carry(ticket.updates()) else { return };
        let request = Request { method, path: &path, app_key: None, body: &body };
        let begun = clock::now();
        match request.send(self.settings.gateway, self.settings.patience).await {
            Ok(answer) => {
                self.ledger.note_surplus(answer.surplus);
                ticket.finish(match answer.status {
                    200 => Outcome::Confirmed,
                    202 => Outcome::Stored,
                    status => Outcome::Refused(status),
                });
            }
            Err(problem) => {
                ticket.finish(Outcome::Unanswered);
                // Nobody listens: the next attempt would fail as quickly.
                if matches!(problem, NoAnswer::Ended) && clock::now() - begun < self.settings.retry {
                    sleep(self.settings.retry).await;
                }
            }
        }
    }

    /// What the next request carries: mostly pushes, of one to five properties.
    fn drafts(&self, random: &mut fastrand::Rng) -> Vec<Draft> {
        let property =
            |random: &mut fastrand::Rng| format!("p{}", random.usize(..self.settings.properties.max(1)));
        let one = |kind, name| vec![Draft { kind, name }];
        match random.u8(..20) {
            0..=2 => one(Kind::Write, property(random)),
            3..=5 => one(Kind::Event, "Alarm".to_owned()),
            6 => one(Kind::Call, "Report".to_owned()),
            _ => {
                let rows = random.usize(1..=5);
                (0..rows).map(|_| Draft { kind: Kind::Push, name: property(random) }).collect()
            }
        }
    }

    /// Calls a service of the gateway itself; its answer, if it was 200.
    async fn local(&self, service: &str, body: &str) -> Option<Vec<u8>> {
        let path = format!("/Thingworx/Things/LocalEms/Services/{service}");
        let request = Request { method: "POST", path: &path, app_key: None, body };
        let answer = request.send(self.settings.gateway, self.settings.patience).await.ok()?;
        self.ledger.note_surplus(answer.surplus);
        (answer.status == 200).then_some(answer.body)
    }
}
