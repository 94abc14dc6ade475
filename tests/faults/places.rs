//! The gateway dies at named places of the way of an update, and loses nothing.
#![cfg(debug_assertions)]

use std::time::Duration;

use edgebind_oracle::Network;

use crate::{
    PLACES,
    plant::{Plant, Size},
    support::{Process, wait_until},
};

#[test]
fn what_was_accepted_survives_a_death_at_each_named_place() {
    let size = Size { agents: 6, groups: 1, simulated: 0, pause: Duration::from_millis(150) };
    let mut plant = Plant::new(size, 4711);
    plant.start();
    let callers = plant.callers();
    for place in PLACES {
        for passing in [1, 7] {
            plant.gateway.take().expect("it runs").kill();
            plant.start_gateway(&[("EDGEBIND_FAIL_AT", &format!("{place}:{passing}"))]);
            wait_until(&format!("the death at {place}, passing {passing}"), || {
                // Losses make that something is stored, and delivered from there.
                plant.cut(Network::Up, true);
                std::thread::sleep(Duration::from_millis(300));
                let gateway = plant.gateway.as_mut().expect("it was started");
                (!Process::runs(gateway)).then_some(())
            });
            plant.start_gateway(&[]);
        }
    }
    let end = plant.end(callers);
    println!("{}", end.verdict);
    end.assert_kept("places");
}
