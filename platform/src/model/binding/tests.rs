use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ONE: ConnectionId = ConnectionId(1);
const TWO: ConnectionId = ConnectionId(2);

fn model() -> Model {
    Model::parse(
        r#"{"things": [
            {"name": "A"}, {"name": "B"},
            {"name": "Ident", "identifier": "dev-42"},
            {"name": "Gate", "template": "EMSGateway"}
        ]}"#,
    )
    .unwrap()
}

fn bind(names: &[&str]) -> Bind {
    Bind { unbind: false, gateway: None, names: names.iter().map(|name| (*name).to_owned()).collect() }
}

fn gateway(name: &str, names: &[&str]) -> Bind {
    let gateway = Gateway { name: name.to_owned(), template: "EMSGateway".to_owned() };
    Bind { gateway: Some(gateway), ..bind(names) }
}

fn unbind(names: &[&str]) -> Bind {
    Bind { unbind: true, ..bind(names) }
}

fn connected(model: &Model) -> Vec<&str> {
    model.things().filter(|thing| thing.is_connected()).map(|thing| thing.name.as_str()).collect()
}

#[test]
fn a_bind_connects_every_name_and_says_when() {
    let mut model = model();
    model.bind(ONE, &bind(&["A", "*dev-42"]), 1_000).unwrap();
    assert_eq!(connected(&model), ["A", "Ident"]);
    let thing = model.resolve("Ident").unwrap();
    assert_eq!(thing.binding().unwrap().bound_name, "*dev-42");
    assert_eq!(thing.last_connection(), Some(1_000));
    assert_eq!(
        model.take_changes(),
        [
            Change::Bound { thing: "A".to_owned(), time: 1_000 },
            Change::Bound { thing: "Ident".to_owned(), time: 1_000 },
        ]
    );
}

#[test]
fn an_unknown_name_refuses_the_whole_bind_and_is_named() {
    let mut model = model();
    let error = model.bind(ONE, &bind(&["A", "Nobody", "*nothing"]), 0).unwrap_err();
    assert_eq!(error.code(), Code::NOT_FOUND);
    assert_eq!(error.to_string(), "unknown: Nobody, *nothing");
    assert!(connected(&model).is_empty());
    assert!(model.take_changes().is_empty());
}

#[test]
fn a_thing_with_an_identifier_is_not_bound_by_its_name() {
    let mut model = model();
    let error = model.bind(ONE, &bind(&["Ident"]), 0).unwrap_err();
    assert_eq!(error.code(), Code::BAD_REQUEST);
    assert_eq!(error.to_string(), "to be bound by identifier, not by name: Ident");
    assert!(connected(&model).is_empty());
}

#[test]
fn first_in_wins_refuses_the_second_connection_until_the_first_is_lost() {
    let mut model = model();
    model.bind(ONE, &bind(&["A"]), 1).unwrap();
    model.bind(ONE, &bind(&["A"]), 2).unwrap();
    let error = model.bind(TWO, &bind(&["A", "B"]), 3).unwrap_err();
    assert_eq!(error, BindError::Held(vec!["A".to_owned()]));
    assert_eq!(error.code(), Code::PRECONDITION_FAILED);
    assert_eq!(connected(&model), ["A"]);
    model.disconnect(ONE, 4);
    model.bind(TWO, &bind(&["A", "B"]), 5).unwrap();
    assert_eq!(model.resolve("A").unwrap().binding().unwrap().connection, TWO);
}

#[test]
fn last_in_wins_moves_the_thing_and_the_loss_of_the_first_harms_nothing() {
    let mut model = model();
    model.set_policy(Policy::LastInWins);
    model.bind(ONE, &bind(&["A"]), 1).unwrap();
    model.bind(TWO, &bind(&["A"]), 2).unwrap();
    assert_eq!(model.resolve("A").unwrap().binding().unwrap().connection, TWO);
    model.disconnect(ONE, 3);
    assert_eq!(connected(&model), ["A"]);
    model.disconnect(TWO, 4);
    assert!(connected(&model).is_empty());
}

#[test]
fn unbind_ends_what_it_names_and_passes_over_the_rest() {
    let mut model = model();
    model.bind(ONE, &bind(&["A", "B"]), 1).unwrap();
    model.bind(TWO, &bind(&["*dev-42"]), 1).unwrap();
    model.unbind(ONE, &unbind(&["A", "*dev-42", "Nobody"]), 2);
    assert_eq!(connected(&model), ["B", "Ident"]);
    assert_eq!(model.resolve("A").unwrap().last_connection(), Some(1));
}

#[test]
fn a_marker_without_a_thing_makes_one_that_goes_with_its_connection() {
    let mut model = model();
    model.bind(ONE, &gateway("Shed", &["Shed", "A"]), 1).unwrap();
    let thing = model.resolve("Shed").unwrap();
    assert!(thing.is_ephemeral() && thing.is_connected());
    assert_eq!(thing.template.as_str(), "EMSGateway");
    model.unbind(ONE, &Bind { unbind: true, ..gateway("Shed", &["A"]) }, 2);
    assert!(model.resolve("Shed").is_some(), "the marker of an UNBIND ends nothing by itself");
    model.disconnect(ONE, 3);
    assert!(model.resolve("Shed").is_none());
    assert_eq!(
        model.take_changes().last(),
        Some(&Change::Removed { thing: "Shed".to_owned() }),
        "the watchers are told"
    );
}

#[test]
fn an_ephemeral_name_may_be_used_by_many_gateways_and_the_next_takes_over() {
    let mut model = model();
    model.bind(ONE, &gateway("Shed", &["Shed"]), 1).unwrap();
    model.bind(TWO, &gateway("Shed", &["Shed"]), 2).unwrap();
    assert_eq!(model.resolve("Shed").unwrap().binding().unwrap().connection, ONE);
    model.disconnect(ONE, 3);
    assert_eq!(model.resolve("Shed").unwrap().binding().unwrap().connection, TWO);
    model.disconnect(TWO, 4);
    assert!(model.resolve("Shed").is_none());
}

#[test]
fn a_shared_gateway_thing_is_refused_to_the_second_and_one_of_another_template_to_all() {
    let mut model = model();
    model.bind(ONE, &gateway("Gate", &["Gate"]), 1).unwrap();
    let error = model.bind(TWO, &gateway("Gate", &["B"]), 2).unwrap_err();
    assert_eq!(error, BindError::Held(vec!["Gate".to_owned()]));
    let error = model.bind(TWO, &gateway("A", &["A"]), 2).unwrap_err();
    assert_eq!(error.to_string(), "gateway A is a RemoteThing on the platform, not a EMSGateway");
    model.bind(TWO, &bind(&["B"]), 3).unwrap();
    assert_eq!(connected(&model), ["B", "Gate"]);
}

#[test]
fn a_long_list_of_unknown_names_is_cut() {
    let names: Vec<String> = (0..300).map(|number| format!("N{number}")).collect();
    let error = model().bind(ONE, &Bind { unbind: false, gateway: None, names }, 0).unwrap_err();
    assert_eq!(error.to_string(), "unknown: N0, N1, N2, N3, N4, N5, N6, N7, N8, N9 and 290 more");
}

#[test]
fn a_deleted_thing_is_free_to_be_made_and_bound_again() {
    let mut model = model();
    model.bind(ONE, &bind(&["A"]), 1).unwrap();
    model.remove("A").unwrap();
    model.add(Thing::new("A", Template::remote_thing())).unwrap();
    assert!(connected(&model).is_empty());
    model.bind(TWO, &bind(&["A"]), 2).unwrap();
    model.disconnect(ONE, 3);
    assert_eq!(connected(&model), ["A"]);
}

#[derive(Clone, Debug)]
enum Step {
    Bind(u64, Vec<usize>, bool),
    Unbind(u64, Vec<usize>),
    Disconnect(u64),
    Remove(usize),
}

const NAMES: [&str; 6] = ["A", "B", "*dev-42", "Ident", "Gate", "Nobody"];

fn step() -> impl Strategy<Value = Step> {
    let names = || prop::collection::vec(0..NAMES.len(), 0..4);
    prop_oneof![
        (0..3_u64, names(), any::<bool>()).prop_map(|(id, names, marker)| Step::Bind(id, names, marker)),
        (0..3_u64, names()).prop_map(|(id, names)| Step::Unbind(id, names)),
        (0..3_u64).prop_map(Step::Disconnect),
        (0..NAMES.len()).prop_map(Step::Remove),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_each_side_of_a_binding_knows_the_other(
        last_wins in any::<bool>(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut model = model();
        model.set_policy(if last_wins { Policy::LastInWins } else { Policy::FirstInWins });
        for (time, step) in (0_i64..).zip(steps) {
            let named = |names: &[usize]| names.iter().map(|index| NAMES[*index].to_owned()).collect();
            match step {
                Step::Bind(id, names, marker) => {
                    let marker = marker.then(|| Gateway { name: "Shed".to_owned(), template: "EMSGateway".to_owned() });
                    let before = connected(&model).len();
                    let bind = Bind { unbind: false, gateway: marker, names: named(&names) };
                    if model.bind(ConnectionId(id), &bind, time).is_err() {
                        prop_assert_eq!(connected(&model).len(), before, "a refused BIND binds nothing");
                    }
                }
                Step::Unbind(id, names) => {
                    let bind = Bind { unbind: true, gateway: None, names: named(&names) };
                    model.unbind(ConnectionId(id), &bind, time);
                }
                Step::Disconnect(id) => {
                    model.disconnect(ConnectionId(id), time);
                    prop_assert_eq!(model.bound_to(ConnectionId(id)).count(), 0);
                }
                Step::Remove(index) => {
                    let _ = model.remove(NAMES[index]);
                }
            }
            let mut by_connection = BTreeMap::new();
            for thing in model.things() {
                prop_assert!(!thing.is_ephemeral() || thing.is_connected(), "an ephemeral thing has a connection");
                if let Some(binding) = thing.binding() {
                    by_connection.entry(binding.connection).or_insert_with(Vec::new).push(thing.name.as_str());
                }
            }
            for id in (0..3).map(ConnectionId) {
                let held: Vec<&str> = model
                    .bound_to(id)
                    .filter(|name| model.resolve(name).is_some_and(|thing| {
                        thing.binding().is_some_and(|binding| binding.connection == id)
                    }))
                    .collect();
                prop_assert_eq!(held, by_connection.get(&id).cloned().unwrap_or_default());
                for name in model.bound_to(id) {
                    let thing = model.resolve(name).unwrap();
                    prop_assert!(thing.is_ephemeral() || thing.binding().unwrap().connection == id);
                }
            }
        }
    }
}
