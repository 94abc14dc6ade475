//! Names that could break out of a path, a header or a line of a log; disputes about names; names behind identifiers.

use awc::http::StatusCode;
use edgebind_actors::{BindState, Source, ThingName, registrar::RegisterError, registrar::register};
use edgebind_config::NameConflict;
use serde_json::json;

use crate::{
    endpoints::{Manner, open},
    plant::{Plant, model_thing, on_actix, thing, until},
};

#[test]
fn things_with_odd_names_are_bound_and_read_like_others() {
    on_actix(async {
        let odd = ["a b", "a/b", "a?b=c", "100%", "#1", "ü/Ö", "..", "a&b"];
        let plant = Plant::start(odd.iter().map(|name| model_thing(name))).await;
        let port = open(Manner::Good).await;
        for name in odd {
            plant.register(thing(name, port)).await;
        }
        for name in odd {
            until(&format!("{name} is bound"), async || {
                (plant.units().roster.standing(name)?.bind == BindState::Bound).then_some(())
            })
            .await;
            // What the platform's REST interface makes of a dot segment is its own affair.
            if name != ".." {
                plant.answers(name).await;
            }
        }
        plant.stop().await;
    });
}

#[test]
fn names_with_control_characters_never_become_things() {
    for text in ["a\nb", "a\r\nX: 1", "\0", "a\u{7f}"] {
        assert!(ThingName::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn the_last_registration_of_a_name_wins_and_the_dispute_is_shown() {
    on_actix(async {
        let plant = Plant::start([model_thing("T")]).await;
        let (silent, good) = (open(Manner::Reset).await, open(Manner::Good).await);
        plant.register(thing("T", silent)).await;
        plant.register(thing("T", good)).await;
        plant.answers("T").await;
        let conflict = plant.units().roster.standing("T").unwrap().conflict.unwrap();
        assert_eq!(conflict.winner, format!("http://127.0.0.1:{good}/agent"));
        assert_eq!(conflict.loser, format!("http://127.0.0.1:{silent}/agent"));
        plant.stop().await;
    });
}

#[test]
fn the_first_registration_keeps_its_name_while_it_answers_if_the_site_wants_that() {
    on_actix(async {
        let plant =
            Plant::start_with([model_thing("T")], |settings| settings.name_conflict = NameConflict::First)
                .await;
        let (first, second) = (open(Manner::Good).await, open(Manner::Reset).await);
        plant.register(thing("T", first)).await;
        let refused = register(plant.units(), thing("T", second)).await;
        assert!(matches!(refused, Err(RegisterError::Taken { .. })), "{refused:?}");
        plant.answers("T").await;
        // The first renews its registration without a dispute.
        plant.register(thing("T", first)).await;
        assert_eq!(plant.units().roster.standing("T").unwrap().conflict.unwrap().count, 1);
        plant.stop().await;
    });
}

#[test]
fn a_first_registration_that_does_not_answer_any_more_gives_its_name_away() {
    on_actix(async {
        let plant =
            Plant::start_with([model_thing("T")], |settings| settings.name_conflict = NameConflict::First)
                .await;
        let gone = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        plant.register(thing("T", gone)).await;
        plant.register(thing("T", open(Manner::Good).await)).await;
        plant.answers("T").await;
        plant.stop().await;
    });
}

#[test]
fn a_thing_bound_by_identifier_learns_its_name_and_answers_to_both() {
    on_actix(async {
        let mut press = model_thing("Press");
        press["identifier"] = json!("SN-1");
        let plant = Plant::start([press]).await;
        plant.register(thing("*SN-1", open(Manner::Good).await)).await;
        plant.all_answer(&["Press"]).await;
        until("the name is learned", async || plant.units().roster.standing("*SN-1")?.real_name).await;
        assert_eq!(plant.units().registry.bound_name("Press").unwrap().as_str(), "*SN-1");
        // A renewal does not forget it.
        let endpoint = plant.units().registry.find("*SN-1").unwrap().endpoint.port;
        plant.register(thing("*SN-1", endpoint)).await;
        assert!(plant.units().registry.bound_name("Press").is_some());
        plant.stop().await;
    });
}

#[test]
fn a_configured_thing_is_unbound_while_its_endpoint_is_dead_only_if_the_site_wants_that() {
    for wanted in [false, true] {
        on_actix(async {
            let plant =
                Plant::start_with([model_thing("T")], |settings| settings.auto_bind_probe = wanted).await;
            let port = {
                let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                listener.local_addr().unwrap().port()
            };
            let mut registration = thing("T", port);
            registration.source = Source::AutoBind;
            registration.keepalive = std::time::Duration::from_secs(1);
            let endpoint = registration.endpoint.clone();
            plant.register(registration).await;
            until("the endpoint counts as dead", async || {
                let standing = plant.units().roster.endpoint_standing(&endpoint);
                (standing.state == edgebind_actors::EndpointState::Dead).then_some(())
            })
            .await;
            let expected = if wanted { BindState::EndpointDead } else { BindState::Bound };
            until("its binding is as the site wants it", async || {
                (plant.units().roster.standing("T")?.bind == expected).then_some(())
            })
            .await;
            assert!(plant.units().registry.find("T").is_some());
            let (status, _) = plant.read("T").await;
            assert_ne!(status, StatusCode::OK);
            // Somebody listens there again.
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            actix_rt::spawn(async move { while listener.accept().await.is_ok() {} });
            until("it is bound again", async || {
                (plant.units().roster.standing("T")?.bind == BindState::Bound).then_some(())
            })
            .await;
            plant.stop().await;
        });
    }
}
