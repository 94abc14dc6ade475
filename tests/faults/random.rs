//! Three minutes of faults by chance.

use std::{collections::BTreeMap, env, thread, time::Duration};

use edgebind_kernel::clock;
use edgebind_oracle::{Fault, Network, Party, Schedule};
use edgebind_platform::relay::{Cut, Way, Which};

use crate::{
    PLACES,
    plant::{Plant, Size},
    support::Process,
};

#[test]
fn three_minutes_of_random_faults_lose_nothing_and_leave_no_thing_unbound() {
    let seed = number("EDGEBIND_SEED").unwrap_or_else(|| fastrand::u64(..));
    let seconds = number("EDGEBIND_FAULT_SECONDS").unwrap_or(180);
    let agents = number("EDGEBIND_FAULT_AGENTS").and_then(|count| usize::try_from(count).ok()).unwrap_or(50);
    eprintln!("EDGEBIND_SEED={seed}: {agents} agents, {seconds} s");
    let size = Size { agents, groups: 3, simulated: 5, pause: Duration::from_millis(800) };
    let mut plant = Plant::new(size, seed);
    plant.start();
    let callers = plant.callers();

    let mut faults = Faults::default();
    let mut schedule = Schedule::new(seed, &PLACES);
    let end = clock::now() + Duration::from_secs(seconds);
    while clock::now() < end {
        let turn = schedule.turn();
        thread::sleep(turn.calm);
        faults.strike(&mut plant, &turn.fault);
    }

    let end = plant.end(callers);
    println!("{}", end.verdict);
    println!("  {end}; {:?}", faults.counts);
    end.assert_kept(&format!("EDGEBIND_SEED={seed}"));
}

/// Carries faults out, and counts them.
#[derive(Default)]
struct Faults {
    counts: BTreeMap<String, u32>,
}

impl Faults {
    fn strike(&mut self, plant: &mut Plant, fault: &Fault) {
        eprintln!("{fault:?}");
        match fault {
            Fault::Kill(party, away) => self.kill(plant, *party, *away),
            Fault::DieAt(place, passing, within) => self.die_at(plant, place, *passing, *within),
            Fault::Cut(network, reset) => {
                self.count("cut");
                plant.cut(*network, *reset);
            }
            Fault::CutWithin(network, bytes) => {
                self.count("cut in a message");
                plant.cut_within(*network, *bytes);
            }
            Fault::HalfOpen(network, lasts) => {
                self.count("half-open");
                let relay = plant.relay(*network);
                let struck = relay.connections();
                relay.half_open(Which::All, Way::Both);
                thread::sleep(*lasts);
                for connection in struck {
                    relay.cut(Which::One(connection.id), Cut::Reset);
                }
            }
            Fault::Refuse(network, lasts) => {
                self.count("refused connections");
                plant.refuse(*network);
                plant.cut(*network, true);
                thread::sleep(*lasts);
                plant.relay(*network).heal();
            }
            Fault::Slow(network, lasts) => {
                self.count("slow");
                plant.slow(*network);
                thread::sleep(*lasts);
                plant.relay(*network).heal();
            }
        }
    }

    fn kill(&mut self, plant: &mut Plant, party: Party, away: Duration) {
        match party {
            Party::Gateway => {
                self.count("kill of the gateway");
                plant.gateway.take().expect("it runs").kill();
                thread::sleep(away);
                plant.start_gateway(&[]);
            }
            Party::Platform => {
                self.count("kill of the platform");
                plant.platform.take().expect("it runs").kill();
                thread::sleep(away);
                plant.start_platform();
            }
            Party::Agents(group) => {
                self.count("kill of agents");
                let group = group % (plant.fleet.groups() + 1);
                if group == plant.fleet.groups() {
                    plant.kill_simulated();
                    thread::sleep(away);
                    plant.start_simulated();
                } else {
                    plant.fleet.kill(group);
                    thread::sleep(away);
                    plant.start_agents(group);
                }
            }
        }
    }

    /// The gateway dies at a named place of the store, or by a kill if it does not come there.
    fn die_at(&mut self, plant: &mut Plant, place: &str, passing: u32, within: Duration) {
        plant.gateway.take().expect("it runs").kill();
        plant.start_gateway(&[("EDGEBIND_FAIL_AT", &format!("{place}:{passing}"))]);
        let end = clock::now() + within;
        while plant.gateway.as_mut().is_some_and(Process::runs) && clock::now() < end {
            // Without a loss now and then nothing is stored, and the place is never passed.
            thread::sleep(Duration::from_millis(700));
            plant.cut(Network::Up, true);
        }
        let gateway = plant.gateway.as_mut().expect("it was started");
        if gateway.runs() {
            self.count("kill of the gateway");
            gateway.kill();
        } else {
            self.count(place);
        }
        plant.start_gateway(&[]);
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}
