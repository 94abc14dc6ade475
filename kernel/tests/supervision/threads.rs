//! Children on other arbiters; real time, because two threads have two clocks.

use std::sync::mpsc;

use actix::Arbiter;
use edgebind_kernel::{
    ChildSpec, Directory, Dismiss, Ended, Launch, NodeState, RestartPolicy, Supervisor, clock,
    install_panic_hook, stop_tree,
};

use crate::puppet::{
    Act, Block, MS, Panic, SECOND, Stage, Who, in_real_time, in_virtual_time, inspect, wait_for,
};

fn policy() -> RestartPolicy {
    RestartPolicy::permanent().backoff(MS, 10 * MS)
}

#[test]
fn a_panic_on_another_thread_is_reported_and_its_arbiter_survives() {
    install_panic_hook();
    in_real_time(async {
        let (stage, arbiter) = (Stage::new(), Arbiter::new());
        let puppet = |id| stage.puppet(id, policy(), |_| Act::Live).on_arbiter(arbiter.handle());
        let builder = Supervisor::builder("root").child(puppet("a")).child(puppet("b"));
        let (root, _watch) = Supervisor::start_root(builder);
        wait_for("both on stage", async || stage.directory.len() == 2).await;
        let (first, neighbour) = (stage.epoch("a").await, stage.epoch("b").await);
        assert!(stage.addr("a").send(Panic).await.is_err());
        wait_for("a second life", async || inspect(&root).await.find(&["a"]).unwrap().restarts == 1).await;
        wait_for("its address", async || stage.directory.resolve("a").is_some()).await;
        assert!(stage.epoch("a").await > first);
        assert_eq!(stage.epoch("b").await, neighbour);
        let exit = inspect(&root).await.find(&["a"]).unwrap().last_exit.clone().unwrap();
        assert!(exit.starts_with("panicked: index 7 out of range at "), "{exit}");
        assert!(exit.contains("puppet.rs:"), "{exit}");
        let report = stop_tree(&root, 10 * SECOND).await;
        assert_eq!((report.orderly, report.is_clean()), (3, true));
        arbiter.stop();
        arbiter.join().unwrap();
    });
}

#[test]
fn a_child_that_blocks_its_thread_is_called_stuck_and_holds_up_nobody() {
    in_real_time(async {
        let (stage, arbiter) = (Stage::new(), Arbiter::new());
        let stuck = stage.puppet("stuck", policy(), |_| Act::Live).on_arbiter(arbiter.handle());
        let builder =
            Supervisor::builder("root").child(stuck).child(stage.puppet("free", policy(), |_| Act::Live));
        let (root, _watch) = Supervisor::start_root(builder);
        wait_for("both on stage", async || stage.directory.len() == 2).await;
        let (release, until) = mpsc::channel();
        stage.addr("stuck").try_send(Block(until)).unwrap();
        let gone = root.send(Dismiss { id: "stuck".into(), deadline: clock::now() + 20 * MS }).await.unwrap();
        assert_eq!(gone, Ok(Ended::Stuck));
        // What is left of it ends with the message it is busy with, and nobody takes it for its successor.
        root.send(Launch(stage.puppet("stuck", policy(), |_| Act::Live))).await.unwrap().unwrap();
        let successor = stage.epoch("stuck").await;
        drop(release);
        wait_for("its end", async || !stage.times("end stuck, still listed").is_empty()).await;
        let tree = inspect(&root).await;
        assert_eq!(tree.find(&["stuck"]).unwrap().restarts, 0);
        assert_eq!(stage.epoch("stuck").await, successor);
        assert!(stop_tree(&root, 10 * SECOND).await.is_clean());
        arbiter.stop();
        arbiter.join().unwrap();
    });
}

#[test]
fn a_branch_on_another_thread_is_inspected_restarted_and_stopped_like_any_other() {
    in_real_time(async {
        let (stage, arbiter) = (Stage::new(), Arbiter::new());
        let shard = Supervisor::builder("shard").child(stage.puppet("a", policy(), |_| Act::Live));
        let supervisors = Directory::new();
        let shard = ChildSpec::supervisor(shard, policy())
            .listed(supervisors.clone(), 1)
            .on_arbiter(arbiter.handle());
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(shard));
        wait_for("the child", async || stage.directory.len() == 1).await;
        let shard = supervisors.resolve(&1).unwrap();
        shard.send(Launch(stage.puppet("b", policy(), |_| Act::Live))).await.unwrap().unwrap();
        assert!(stage.addr("b").send(Panic).await.is_err());
        let restarts = async || inspect(&root).await.find(&["shard", "b"]).unwrap().restarts;
        wait_for("a second life", async || restarts().await == 1).await;
        let report = stop_tree(&root, 10 * SECOND).await;
        assert_eq!((report.orderly, report.is_clean()), (4, true));
        arbiter.stop();
        arbiter.join().unwrap();
    });
}

#[test]
fn a_stopped_arbiter_is_a_failure_of_its_children() {
    in_real_time(async {
        let (stage, arbiter) = (Stage::new(), Arbiter::new());
        let policy = policy().budget(2, 60 * SECOND).quarantine(3600 * SECOND);
        let child = stage.puppet("a", policy, |_| Act::Live).on_arbiter(arbiter.handle());
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        wait_for("it on stage", async || !stage.directory.is_empty()).await;
        arbiter.stop();
        arbiter.join().unwrap();
        let state = async || inspect(&root).await.children[0].state;
        wait_for("quarantine", async || state().await == NodeState::Quarantined).await;
        let exit = inspect(&root).await.children[0].last_exit.clone().unwrap();
        assert_eq!(exit, "failed: not started: its arbiter has stopped");
        assert!(stage.directory.is_empty());
    });
}

#[test]
fn a_full_mailbox_refuses_through_the_directory() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::Live).mailbox(8);
        let (_root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        let taken = (0..1000).take_while(|_| stage.addr("a").try_send(Who).is_ok()).count();
        assert_eq!(taken, 8);
        tokio::time::sleep(MS).await;
        assert!(stage.addr("a").try_send(Who).is_ok(), "there is room again");
    });
}
