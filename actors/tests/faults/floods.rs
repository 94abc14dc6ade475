//! Many at once, and one bad name among many.

use edgebind_actors::{BindState, registrar::register};
use futures_util::future::join_all;
use serde_json::json;

use crate::{
    endpoints::{Manner, open},
    plant::{Plant, model_thing, on_actix, thing, until},
};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("T{number:04}")).collect()
}

async fn all_bound(plant: &Plant, count: usize) {
    until(&format!("{count} things are bound"), async || {
        (plant.units().roster.counts().get(&BindState::Bound) == Some(&count)).then_some(())
    })
    .await;
}

#[test]
fn five_thousand_registrations_in_a_burst_are_all_taken_and_bound() {
    on_actix(async {
        let names = names(5000);
        let plant = Plant::start(names.iter().map(|name| model_thing(name))).await;
        let port = open(Manner::Good).await;
        let answers = join_all(names.iter().map(|name| register(plant.units(), thing(name, port)))).await;
        assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
        all_bound(&plant, names.len()).await;
        for name in names.iter().step_by(500) {
            plant.answers(name).await;
        }
        plant.stop().await;
    });
}

#[test]
fn one_refused_name_among_five_hundred_is_shown_and_the_others_are_bound() {
    on_actix(async {
        let names = names(500);
        let plant = Plant::start(names.iter().map(|name| model_thing(name))).await;
        let port = open(Manner::Good).await;
        let unknown = thing("Unknown", port);
        let things = names.iter().map(|name| thing(name, port)).chain([unknown]);
        let answers = join_all(things.map(|thing| register(plant.units(), thing))).await;
        assert!(answers.iter().all(Result::is_ok));
        all_bound(&plant, names.len()).await;
        let standing = until("the refusal", async || {
            plant.units().roster.standing("Unknown").filter(|standing| standing.bind == BindState::Refused)
        })
        .await;
        let refusal = standing.refusal.unwrap();
        assert!(refusal.reason.contains("Unknown"), "{refusal:?}");
        until("the next attempt is known", async || {
            plant.units().roster.standing("Unknown")?.next_retry_unix_ms
        })
        .await;
        for name in names.iter().step_by(50) {
            plant.answers(name).await;
        }
        plant.stop().await;
    });
}

#[test]
fn a_refused_gateway_marker_harms_no_thing() {
    on_actix(async {
        // The platform knows the name as a thing of another template, so it refuses the marker in every BIND.
        let model = ["A", "B", "C"].map(model_thing).into_iter().chain([json!({ "name": "GW" })]);
        let plant = Plant::start(model).await;
        let port = open(Manner::Good).await;
        let mut gateway = thing("GW", port);
        gateway.source = edgebind_actors::Source::Gateway;
        plant.register(gateway).await;
        for name in ["A", "B", "C"] {
            plant.register(thing(name, port)).await;
        }
        plant.all_answer(&["A", "B", "C"]).await;
        plant.stop().await;
    });
}

#[test]
fn a_name_that_is_held_elsewhere_waits_for_the_old_session_and_is_bound_after_it() {
    on_actix(async {
        let plant = Plant::start([model_thing("T")]).await;
        let port = open(Manner::Good).await;
        plant.register(thing("T", port)).await;
        plant.answers("T").await;
        let address = plant.platform.as_ref().unwrap().address().port();
        let second =
            edgebind_actors::tree::Tree::start(crate::plant::settings(address), vec![thing("T", port)]);
        until("the second waits", async || {
            let standing = second.units().roster.standing("T")?;
            (standing.bind == BindState::WaitingForOldSession).then_some(())
        })
        .await;
        plant.answers("T").await;
        let Plant { platform, tree } = plant;
        tree.stop(std::time::Duration::from_secs(5)).await;
        until("the second has it", async || {
            (second.units().roster.standing("T")?.bind == BindState::Bound).then_some(())
        })
        .await;
        let plant = Plant { platform, tree: second };
        plant.all_answer(&["T"]).await;
        plant.stop().await;
    });
}
