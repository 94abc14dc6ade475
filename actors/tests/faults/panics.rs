//! A panic in each kind of unit.

use edgebind_actors::fault::Victim;
use edgebind_kernel::TreeNode;

use crate::plant::{Plant, endpoint, on_actix, until};

const NAMES: &[&str] = &["A", "B", "C"];

/// How many panics the tree remembers below `node`.
fn panics(node: &TreeNode) -> usize {
    let own = node.last_exit.as_deref().is_some_and(|exit| exit.starts_with("panicked: injected fault"));
    usize::from(own) + node.children.iter().map(panics).sum::<usize>()
}

/// Strikes `victim` and waits until the tree has noticed.
async fn strike(plant: &Plant, victim: &Victim) {
    assert!(plant.units().inject_panic(victim), "{victim:?} is there");
    until(&format!("the panic of {victim:?} is told"), async || {
        (panics(&plant.look().await) > 0).then_some(())
    })
    .await;
}

fn survives(victim: impl Fn(&[u16]) -> Victim) {
    on_actix(async {
        let (plant, ports) = Plant::with_good_things(NAMES).await;
        strike(&plant, &victim(&ports)).await;
        plant.all_answer(NAMES).await;
        for name in NAMES {
            until(&format!("{name} is bound"), async || {
                let standing = plant.units().roster.standing(name)?;
                (standing.bind == edgebind_actors::BindState::Bound).then_some(())
            })
            .await;
        }
        plant.stop().await;
    });
}

#[test]
fn a_panic_of_the_link_costs_a_connection_and_no_thing() {
    survives(|_| Victim::Link);
}

#[test]
fn a_panic_of_the_binder_costs_no_thing() {
    survives(|_| Victim::Binder);
}

#[test]
fn a_panic_of_the_delivery_costs_no_thing() {
    survives(|_| Victim::Delivery);
}

#[test]
fn a_panic_of_the_registrar_costs_no_thing() {
    survives(|_| Victim::Registrar);
}

#[test]
fn a_panic_of_a_thing_is_its_own() {
    survives(|_| Victim::Thing("B".to_owned()));
}

#[test]
fn a_panic_of_a_session_is_its_own() {
    survives(|ports| Victim::Session(endpoint(ports[1])));
}

#[test]
fn a_panic_of_the_supervisor_of_all_things_brings_them_back() {
    survives(|_| Victim::Supervisor("things"));
}

#[test]
fn a_panic_of_the_supervisor_of_all_sessions_brings_them_back() {
    survives(|_| Victim::Supervisor("sessions"));
}

#[test]
fn a_panic_of_the_supervisor_of_the_platform_brings_link_and_binder_back() {
    survives(|_| Victim::Supervisor("platform"));
}

#[test]
fn a_panic_of_the_supervisor_of_the_equipment_brings_everything_below_back() {
    survives(|_| Victim::Supervisor("equipment"));
}

#[test]
fn the_neighbours_of_a_panicking_thing_and_session_do_not_miss_one_request() {
    on_actix(async {
        let (plant, ports) = Plant::with_good_things(NAMES).await;
        for victim in [Victim::Thing("B".to_owned()), Victim::Session(endpoint(ports[1]))] {
            assert!(plant.units().inject_panic(&victim));
            for _ in 0..10 {
                plant.answers("A").await;
                plant.answers("C").await;
            }
            plant.all_answer(NAMES).await;
        }
        plant.stop().await;
    });
}

#[test]
fn a_thing_that_panics_again_and_again_is_quarantined_and_still_served() {
    on_actix(async {
        let (plant, _) = Plant::with_good_things(NAMES).await;
        let victim = Victim::Thing("B".to_owned());
        let quarantined = async || {
            let tree = plant.look().await;
            let node = tree.find(&["equipment", "things", "thing/B"])?;
            (node.state == edgebind_kernel::NodeState::Quarantined).then_some(())
        };
        until("quarantine", async || {
            // Between two lives there is nobody to strike.
            let _ = plant.units().inject_panic(&victim);
            quarantined().await
        })
        .await;
        let standing = plant.units().roster.standing("B").unwrap();
        assert!(standing.next_retry_unix_ms.is_some());
        assert!(standing.last_exit.unwrap().starts_with("panicked: injected fault"));
        // Its BIND stands, and the session answers without it.
        plant.all_answer(NAMES).await;
        plant.stop().await;
    });
}
