//! Things in Lua under the oracle: every value that a scan has read arrives once the faults are over, in its order, whoever
//! was away meanwhile, and every thing is bound again.
#![cfg(all(unix, feature = "dev"))]

#[path = "support/all.rs"]
mod support;

use std::{fs, path::PathBuf, sync::Arc, thread, time::Duration};

use edgebind_kernel::clock;
use edgebind_oracle::{Attempt, Evidence, Kind, Outcome, Update, read_arrivals};
use serde_json::{Value, json};
use support::{Process, Resource, Site, wait_for};

const THINGS: [&str; 3] = ["Lathe", "Press", "Oven"];
/// How long the gateway is away.
const MINUTE: Duration = Duration::from_secs(60);

/// One plant: a platform that logs what arrives, a gateway, a script resource with three things.
struct Plant {
    site: Site,
    resource: Resource,
}

impl Plant {
    fn new() -> Self {
        let site = Site::new(THINGS.map(counted));
        let scripts: Vec<String> = THINGS.map(|thing| script(&site, thing)).into();
        let resource = Resource::new(site.gateway_port, &scripts.join("\n"));
        resource.file("custom/templates/witnessed.lua", include_str!("lua/witnessed.lua"));
        resource.file("custom/lua/handlers/witness.lua", include_str!("lua/witness.lua"));
        Self { site, resource }
    }

    fn platform(&self) -> Process {
        self.site.platform_flagged(&["--arrivals", &self.log().display().to_string()])
    }

    fn log(&self) -> PathBuf {
        self.site.folder().join("arrivals.jsonl")
    }

    /// Number and time of every value that a thing has handed to its scan.
    fn witnessed(&self, thing: &str) -> Vec<(u64, i64)> {
        let book = fs::read_to_string(book(&self.site, thing)).unwrap_or_default();
        let whole = book.rfind('\n').map_or("", |end| book.get(..end).unwrap_or_default());
        whole
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(n, t)| Some((n.parse().ok()?, t.parse().ok()?)))
            .collect()
    }

    /// The latest number of a thing that has arrived.
    fn arrived(&self, thing: &str) -> u64 {
        let arrivals = read_arrivals(&self.log()).expect("the log of the platform");
        arrivals
            .iter()
            .filter(|arrival| arrival.thing == thing)
            .filter_map(|arrival| arrival.number)
            .max()
            .unwrap_or_default()
    }

    /// Waits until a value arrives that is read after this is called: then all before it have had their turn.
    fn flows(&self) {
        for thing in THINGS {
            let read = self.witnessed(thing).last().map_or(0, |(number, _)| *number);
            wait_for(&format!("a value of {thing} after {read}"), || self.arrived(thing), |now| *now > read);
        }
    }
}

/// Where a thing writes down what it has read.
fn book(site: &Site, thing: &str) -> PathBuf {
    site.folder().join(format!("{thing}.book"))
}

fn script(site: &Site, thing: &str) -> String {
    format!(
        "scripts.{thing} = {{ file = 'thing.lua', template = 'witnessed', scanRate = 1000, keepAliveRate = 2000, book = '{}' }}",
        book(site, thing).display()
    )
}

fn counted(thing: &str) -> Value {
    json!({ "name": thing, "properties": [
        { "name": "count", "baseType": "INTEGER", "remote": { "pushType": "ALWAYS" } }
    ] })
}

/// What the things have read, as the oracle's ledger has it: kept with the reading, so it must arrive.
fn attempts(plant: &Plant) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    for name in THINGS {
        let thing: Arc<str> = name.into();
        let arrivals = read_arrivals(&plant.log()).expect("the log of the platform");
        let of_thing =
            || arrivals.iter().filter(|arrival| arrival.thing == name).filter_map(|arrival| arrival.number);
        // Nothing is pushed before the first registration, and what is on its way at the end is nobody's loss.
        let (first, last) = (of_thing().min().unwrap_or_default(), of_thing().max().unwrap_or_default());
        for (number, time_ms) in plant.witnessed(name) {
            if (first..=last).contains(&number) {
                let update = Update {
                    thing: Arc::clone(&thing),
                    kind: Kind::Push,
                    name: "count".to_owned(),
                    number,
                    time_ms: Some(time_ms),
                };
                let answered = Some((number * 2 + 1, time_ms));
                attempts.push(Attempt {
                    update,
                    request: number,
                    sent: number * 2,
                    answered,
                    outcome: Outcome::Stored,
                });
            }
        }
    }
    attempts
}

#[test]
fn whoever_is_away_nothing_that_a_scan_has_read_is_lost_and_every_thing_is_bound_again() {
    let plant = Plant::new();
    let mut platform = plant.platform();
    let mut gateway = plant.site.gateway();
    plant.site.ready(&gateway);
    let _resource = plant.resource.start();
    plant.flows();

    gateway.kill();
    gateway = plant.site.gateway();
    plant.site.ready(&gateway);
    plant.flows();

    gateway.kill();
    thread::sleep(MINUTE);
    gateway = plant.site.gateway();
    plant.site.ready(&gateway);
    plant.flows();

    platform.kill();
    plant.site.local().online(false);
    let before = plant.witnessed(THINGS[0]).len();
    wait_for("values without a platform", || plant.witnessed(THINGS[0]).len(), |now| *now >= before + 5);
    let healed = plant.witnessed(THINGS[0]).last().map_or(0, |(number, _)| number * 2);
    platform = plant.platform();
    plant.site.serves(&platform);
    let begin = clock::now();
    let rest = plant.site.rest();
    THINGS.iter().for_each(|thing| rest.connected(thing, true));
    let bound_in = Some(clock::now().duration_since(begin));
    plant.flows();

    let (attempts, arrivals) =
        (attempts(&plant), read_arrivals(&plant.log()).expect("the log of the platform"));
    let evidence = Evidence {
        attempts: &attempts,
        arrivals: &arrivals,
        dead: &[],
        surplus: 0,
        healed,
        bound_in,
        bind_limit: Duration::from_secs(30),
    };
    let verdict = evidence.judge();
    println!("{verdict}");
    assert!(
        attempts.len() > 3 * 25,
        "the values of a minute are among them, one in two seconds: {}",
        attempts.len()
    );
    assert!(verdict.violations.is_empty(), "{verdict}: {:#?}", verdict.violations);
}
