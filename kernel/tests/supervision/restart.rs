//! One child that ends in all the ways there are.

use std::time::Duration;

use edgebind_kernel::{
    Dismiss, Ended, Exit, Launch, LaunchError, NodeState, RestartPolicy, RetryNow, Supervisor, UnknownChild,
    clock, install_panic_hook, stop_tree,
};

use crate::puppet::{Act, MS, Panic, SECOND, Stage, Who, in_virtual_time, inspect};

/// Defaults with round numbers: 1 s doubled up to 8 s, 3 restarts in a minute.
fn policy() -> RestartPolicy {
    RestartPolicy::permanent().backoff(SECOND, 8 * SECOND).budget(3, 60 * SECOND)
}

#[test]
fn a_refused_child_backs_off_for_ever_and_spends_no_budget() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::Refuse);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(3600 * SECOND).await;
        let gaps = stage.gaps("start a");
        assert!(gaps.len() > 400, "{} restarts in an hour", gaps.len());
        for (n, gap) in gaps.into_iter().enumerate() {
            let whole = SECOND * [1, 2, 4, 8][n.min(3)];
            assert!(gap >= whole / 2 && gap <= whole + 2 * MS, "{gap:?} after {n}");
        }
        let node = inspect(&root).await.children.remove(0);
        assert_eq!(node.state, NodeState::Backoff);
        assert_eq!(node.last_exit.as_deref(), Some("failed: name is held"));
        assert!(node.next_retry_unix_ms.unwrap() >= clock::unix_millis());
        assert!(node.restarts > 400);
    });
}

#[test]
fn a_failing_child_comes_back_under_a_new_epoch_and_address() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |life| if life <= 2 { Act::Fail } else { Act::Live });
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(stage.times("start a").len(), 3);
        let node = inspect(&root).await.children.remove(0);
        assert_eq!((node.state, node.restarts, node.report.as_str()), (NodeState::Running, 2, "on stage"));
        assert_eq!(node.last_exit.as_deref(), Some("failed: lost its strings"));

        let (old, epoch) = (stage.addr("a"), stage.epoch("a").await);
        let _ = old.send(Panic).await;
        assert!(stage.directory.is_empty(), "a dead child is not listed");
        tokio::time::sleep(10 * SECOND).await;
        assert!(old.send(Who).await.is_err());
        assert!(stage.epoch("a").await > epoch);
    });
}

#[test]
fn a_panic_is_reported_with_text_and_place() {
    install_panic_hook();
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::Live);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        assert!(stage.addr("a").send(Panic).await.is_err());
        let node = inspect(&root).await.children.remove(0);
        assert_eq!(node.state, NodeState::Backoff);
        let exit = node.last_exit.unwrap();
        let place = exit.strip_prefix("panicked: index 7 out of range at ").unwrap();
        assert!(place.replace('\\', "/").contains("tests/supervision/puppet.rs:"), "{place}");
        tokio::time::sleep(SECOND).await;
        assert_eq!(inspect(&root).await.children[0].state, NodeState::Running);
    });
}

#[test]
fn panics_of_constructor_started_and_drop_stay_in_the_child() {
    install_panic_hook();
    in_virtual_time(async {
        let stage = Stage::new();
        let first_life = |act| move |life| if life == 1 { act } else { Act::Live };
        let builder = Supervisor::builder("root")
            .child(stage.puppet("build", policy(), first_life(Act::PanicBuilding)))
            .child(stage.puppet("start", policy(), first_life(Act::PanicStarting)))
            .child(stage.puppet("twice", policy(), first_life(Act::PanicTwice)));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(2 * SECOND).await;
        let tree = inspect(&root).await;
        for (child, text) in tree.children.iter().zip(["no clay", "stage fright", "stage fright"]) {
            assert_eq!((child.state, child.restarts), (NodeState::Running, 1), "{}", child.id);
            let exit = child.last_exit.as_ref().unwrap();
            assert!(exit.starts_with(&format!("panicked: {text} at ")), "{exit}");
        }
    });
}

#[test]
fn a_normal_end_restarts_a_permanent_child_and_no_other() {
    in_virtual_time(async {
        let stage = Stage::new();
        let once = |life| if life == 1 { Act::End } else { Act::Live };
        let builder = Supervisor::builder("root")
            .child(stage.puppet("permanent", RestartPolicy::permanent(), once))
            .child(stage.puppet("transient", RestartPolicy::transient(), once))
            .child(stage.puppet("temporary", RestartPolicy::temporary(), |_| Act::Fail));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(SECOND).await;
        let tree = inspect(&root).await;
        let names: Vec<_> = tree.children.iter().map(|child| child.id.as_str()).collect();
        assert_eq!(names, ["permanent"]);
        assert_eq!(tree.children[0].last_exit.as_deref(), Some("ended"));
    });
}

#[test]
fn a_healthy_life_resets_the_backoff() {
    in_virtual_time(async {
        let stage = Stage::new();
        // Three short lives, one of two minutes, short ones again.
        let act = |life| Act::FailAfter(if life == 4 { 120 * SECOND } else { SECOND });
        let child = stage.puppet("a", policy().healthy_after(60 * SECOND), act);
        let (_root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(150 * SECOND).await;
        let (starts, ends) = (stage.times("start a"), stage.times("end a"));
        let delays: Vec<_> = ends.iter().zip(&starts[1..]).map(|(&end, &start)| start - end).collect();
        assert!(delays[2] >= 2 * SECOND, "third delay {:?}", delays[2]);
        assert!(delays[3] <= SECOND + 2 * MS, "delay after a healthy life {:?}", delays[3]);
    });
}

#[test]
fn quarantine_retries_slowly_and_for_ever() {
    in_virtual_time(async {
        let stage = Stage::new();
        let policy = policy().quarantine(300 * SECOND);
        let child = stage.puppet("a", policy, |life| if life <= 40 { Act::PanicStarting } else { Act::Live });
        let good = stage.puppet("b", policy, |_| Act::Live);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child).child(good));
        tokio::time::sleep(60 * SECOND).await;
        let tree = inspect(&root).await;
        assert_eq!((tree.children[0].state, tree.children[0].restarts), (NodeState::Quarantined, 3));
        assert_eq!((tree.children[1].state, tree.children[1].restarts), (NodeState::Running, 0));
        tokio::time::sleep(4 * 3600 * SECOND).await;
        let gaps = stage.gaps("start a");
        assert_eq!(gaps.len(), 40);
        assert!(gaps[3..].iter().all(|&gap| gap >= 300 * SECOND && gap <= 331 * SECOND), "{gaps:?}");
        assert_eq!(inspect(&root).await.children[0].state, NodeState::Running);
    });
}

#[test]
fn retry_now_ends_backoff_and_quarantine_at_once() {
    in_virtual_time(async {
        let stage = Stage::new();
        let policy = policy().budget(0, SECOND).quarantine(3600 * SECOND);
        let child = stage.puppet("a", policy, |life| if life == 1 { Act::Fail } else { Act::Live });
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(SECOND).await;
        assert_eq!(inspect(&root).await.children[0].state, NodeState::Quarantined);
        root.send(RetryNow { id: "a".into() }).await.unwrap().unwrap();
        assert_eq!(inspect(&root).await.children[0].state, NodeState::Running);
        let unknown = root.send(RetryNow { id: "b".into() }).await.unwrap();
        assert_eq!(unknown, Err(UnknownChild("b".into())));
    });
}

#[test]
fn a_long_backoff_does_not_hold_up_a_shorter_one() {
    in_virtual_time(async {
        let stage = Stage::new();
        let long = policy().backoff(3600 * SECOND, 3600 * SECOND);
        let act = |life| if life == 1 { Act::FailAfter(SECOND) } else { Act::Live };
        let builder = Supervisor::builder("root")
            .child(stage.puppet("long", long, |_| Act::Fail))
            .child(stage.puppet("short", policy(), act));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(3 * SECOND).await;
        let states: Vec<_> = inspect(&root).await.children.iter().map(|child| child.state).collect();
        assert_eq!(states, [NodeState::Backoff, NodeState::Running]);
        tokio::time::sleep(3600 * SECOND).await;
        assert_eq!(stage.times("start long").len(), 2, "and is not forgotten over it");
    });
}

#[test]
fn a_child_that_lets_its_lifeline_go_does_not_live_on_beside_its_successor() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |life| if life == 1 { Act::LetGo } else { Act::Live });
        let (_root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(stage.events(), ["start a", "end a", "start a"]);
    });
}

#[test]
fn a_launched_child_is_kept_like_a_listed_one_and_its_name_is_taken() {
    in_virtual_time(async {
        let stage = Stage::new();
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root"));
        let child = stage.puppet("a", policy(), |life| if life == 1 { Act::Fail } else { Act::Live });
        assert_eq!(root.send(Launch(child.clone())).await.unwrap(), Ok(()));
        let again = root.send(Launch(child)).await.unwrap();
        assert_eq!(again, Err(LaunchError::Duplicate("a".into())));
        tokio::time::sleep(2 * SECOND).await;
        assert_eq!(inspect(&root).await.children[0].restarts, 1);
        let gone = root.send(Dismiss { id: "a".into(), deadline: clock::now() + SECOND }).await.unwrap();
        assert_eq!(gone, Ok(Ended::Orderly));
        assert!(inspect(&root).await.children.is_empty());
    });
}

#[test]
fn the_root_watch_tells_an_orderly_end() {
    in_virtual_time(async {
        let (root, watch) = Supervisor::start_root(Supervisor::builder("root"));
        let report = stop_tree(&root, Duration::from_secs(1)).await;
        assert!(report.is_clean());
        assert_eq!(report.orderly, 1);
        assert_eq!(watch.await, Exit::Normal);
        assert!(!root.connected());
    });
}
