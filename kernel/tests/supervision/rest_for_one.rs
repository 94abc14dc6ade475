//! Children that depend on those before them.

use edgebind_kernel::{
    Dismiss, Launch, NodeState, RestartPolicy, RetryNow, Strategy, Supervisor, SupervisorBuilder, clock,
};

use crate::puppet::{Act, Leave, MS, Panic, SECOND, Stage, in_virtual_time, inspect};

fn policy() -> RestartPolicy {
    RestartPolicy::permanent().backoff(SECOND, SECOND)
}

fn chain(stage: &Stage) -> SupervisorBuilder {
    let builder = Supervisor::builder("platform").strategy(Strategy::RestForOne);
    ["link", "binder", "replay"]
        .into_iter()
        .fold(builder, |builder, id| builder.child(stage.puppet(id, policy(), |_| Act::Live)))
}

#[test]
fn those_after_the_fallen_one_are_stopped_last_first_and_started_again_in_order() {
    in_virtual_time(async {
        let stage = Stage::new();
        let (root, _watch) = Supervisor::start_root(chain(&stage));
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let _ = stage.addr("binder").send(Panic).await;
        tokio::time::sleep(100 * MS).await;
        assert_eq!(stage.events(), ["end binder", "stop replay", "end replay"]);
        let states: Vec<_> = inspect(&root).await.children.iter().map(|child| child.state).collect();
        assert_eq!(states, [NodeState::Running, NodeState::Backoff, NodeState::Held]);
        stage.forget_events();
        tokio::time::sleep(SECOND).await;
        assert_eq!(stage.events(), ["start binder", "start replay"]);
    });
}

#[test]
fn the_fall_of_the_first_restarts_all_one_after_the_other() {
    in_virtual_time(async {
        let stage = Stage::new();
        let (_root, _watch) = Supervisor::start_root(chain(&stage));
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let _ = stage.addr("link").send(Panic).await;
        tokio::time::sleep(2 * SECOND).await;
        let expected = [
            "end link",
            "stop replay",
            "end replay",
            "stop binder",
            "end binder",
            "start link",
            "start binder",
            "start replay",
        ];
        assert_eq!(stage.events(), expected);
    });
}

#[test]
fn two_falls_at_once_are_one_recovery() {
    in_virtual_time(async {
        let stage = Stage::new();
        let (_root, _watch) = Supervisor::start_root(chain(&stage));
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let (link, replay) = (stage.addr("link"), stage.addr("replay"));
        let _ = tokio::join!(replay.send(Panic), link.send(Panic));
        tokio::time::sleep(3 * SECOND).await;
        let starts: Vec<_> = stage.events().into_iter().filter(|event| event.starts_with("start")).collect();
        assert_eq!(starts, ["start link", "start binder", "start replay"]);
    });
}

#[test]
fn a_follower_that_does_not_stop_is_cut_and_the_group_comes_back() {
    in_virtual_time(async {
        let stage = Stage::new();
        let builder = Supervisor::builder("platform")
            .strategy(Strategy::RestForOne)
            .stop_deadline(3 * SECOND)
            .child(stage.puppet("link", policy(), |_| Act::Live))
            .child(stage.slow_puppet("binder", policy(), Leave::Never, |_| Act::Live));
        let (_root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let _ = stage.addr("link").send(Panic).await;
        tokio::time::sleep(4 * SECOND).await;
        assert_eq!(stage.events(), ["end link", "stop binder", "end binder", "start link", "start binder"]);
    });
}

#[test]
fn a_recovery_takes_retry_launch_and_dismissal() {
    in_virtual_time(async {
        let stage = Stage::new();
        let slow = policy().backoff(3600 * SECOND, 3600 * SECOND);
        let builder = Supervisor::builder("platform")
            .strategy(Strategy::RestForOne)
            .child(stage.puppet("link", slow, |_| Act::Live))
            .child(stage.puppet("binder", slow, |_| Act::Live));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        let _ = stage.addr("link").send(Panic).await;
        tokio::time::sleep(SECOND).await;
        stage.forget_events();
        root.send(Launch(stage.puppet("replay", slow, |_| Act::Live))).await.unwrap().unwrap();
        root.send(Dismiss { id: "binder".into(), deadline: clock::now() }).await.unwrap().unwrap();
        tokio::time::sleep(SECOND).await;
        assert!(stage.events().is_empty(), "the new one waits with the others");
        root.send(RetryNow { id: "link".into() }).await.unwrap().unwrap();
        tokio::time::sleep(MS).await;
        assert_eq!(stage.events(), ["start link", "start replay"]);
        assert_eq!(inspect(&root).await.find(&["replay"]).unwrap().restarts, 0);
    });
}
