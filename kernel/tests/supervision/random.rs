//! Events in any order: whatever happens, nobody lives twice, all come back, and none is left behind.

use std::collections::BTreeSet;

use edgebind_kernel::{
    Dismiss, Launch, NodeState, RestartPolicy, RetryNow, Strategy, Supervisor, clock, stop_tree,
};
use proptest::prelude::{Just, Strategy as _, any, prop, prop_oneof, proptest};

use crate::puppet::{Act, Leave, MS, PanicSilently, SECOND, Stage, in_virtual_time, inspect};

#[derive(Clone, Copy, Debug)]
enum Event {
    Launch(u8),
    /// With this many milliseconds to go.
    Dismiss(u8, u32),
    Panic(u8),
    Retry(u8),
    Wait(u32),
}

fn events() -> impl prop::strategy::Strategy<Value = Event> {
    let child = || 0_u8..6;
    prop_oneof![
        child().prop_map(Event::Launch),
        (child(), 0_u32..300).prop_map(|(child, ms)| Event::Dismiss(child, ms)),
        child().prop_map(Event::Panic),
        child().prop_map(Event::Panic),
        child().prop_map(Event::Retry),
        prop_oneof![Just(0), 1_u32..400].prop_map(Event::Wait),
    ]
}

/// Child number n fails now and then, and takes its time to stop, up to never.
fn leave(n: u8) -> Leave {
    match n {
        0 | 1 => Leave::AtOnce,
        5 => Leave::Never,
        _ => Leave::After(50 * MS * u32::from(n)),
    }
}

fn act(n: u8, life: u32) -> Act {
    match (n, life % 4) {
        (1, 1) => Act::PanicBuilding,
        (2, 1) => Act::Refuse,
        (3, 1 | 2) => Act::FailAfter(70 * MS),
        _ => Act::Live,
    }
}

async fn play(strategy: Strategy, events: Vec<Event>) {
    let stage = Stage::new();
    let policy =
        RestartPolicy::permanent().backoff(50 * MS, SECOND).budget(4, 5 * SECOND).quarantine(2 * SECOND);
    let builder = Supervisor::builder("root").strategy(strategy).stop_deadline(200 * MS);
    let (root, _watch) = Supervisor::start_root(builder);
    let mut wanted = BTreeSet::new();
    for event in events {
        match event {
            Event::Launch(n) => {
                let spec = stage.slow_puppet(&n.to_string(), policy, leave(n), move |life| act(n, life));
                if root.send(Launch(spec)).await.unwrap().is_ok() {
                    wanted.insert(n);
                }
            }
            Event::Dismiss(n, ms) => {
                // Not awaited: what follows meets a child on its way out.
                let gone = root.send(Dismiss { id: n.to_string().into(), deadline: clock::now() + ms * MS });
                drop(actix_rt::spawn(gone));
                tokio::task::yield_now().await;
                wanted.remove(&n);
            }
            Event::Panic(n) => {
                if let Some(addr) = stage.directory.resolve(&n.to_string()) {
                    let _ = addr.try_send(PanicSilently);
                }
            }
            Event::Retry(n) => drop(root.send(RetryNow { id: n.to_string().into() }).await.unwrap()),
            Event::Wait(ms) => tokio::time::sleep(ms * MS).await,
        }
    }
    tokio::time::sleep(60 * SECOND).await;
    let tree = inspect(&root).await;
    let names: BTreeSet<u8> = tree.children.iter().map(|child| child.id.as_str().parse().unwrap()).collect();
    assert_eq!(names, wanted);
    for child in &tree.children {
        assert_eq!(child.state, NodeState::Running, "{child:?}");
    }
    assert_eq!(stage.directory.len(), wanted.len());

    let report = stop_tree(&root, 10 * SECOND).await;
    assert_eq!(report.cut.len(), usize::from(wanted.contains(&5)), "{report:?}");
    assert_eq!(report.orderly + report.cut.len(), wanted.len() + 1);
    for n in 0..6 {
        // A constructor that panics leaves nobody who could end.
        let lives = stage.events().into_iter().filter(|event| n != 1 && event.ends_with(&format!(" {n}")));
        let lives: Vec<_> = lives.filter(|event| !event.starts_with("stop")).collect();
        let alternate = lives.chunks(2).all(|life| life == [format!("start {n}"), format!("end {n}")]);
        assert!(alternate, "two lives at once: {lives:?}");
    }
}

proptest! {
    #[test]
    fn nobody_lives_twice_all_come_back_and_none_is_left_behind(
        rest in any::<bool>(),
        events in prop::collection::vec(events(), 0..60),
    ) {
        let strategy = if rest { Strategy::RestForOne } else { Strategy::OneForOne };
        in_virtual_time(play(strategy, events));
    }
}
