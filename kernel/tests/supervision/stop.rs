//! The orderly stop: of one child for good, of a tree, and of what a fallen supervisor leaves behind.

use std::sync::atomic::{AtomicBool, Ordering};

use edgebind_kernel::{
    ChildSpec, Dismiss, Ended, Exit, Launch, NodeState, RestartPolicy, Strategy, Supervisor, UnknownChild,
    clock, stop_tree,
};

use crate::puppet::{Act, Leave, MS, Panic, SECOND, Stage, Who, in_virtual_time, inspect};

fn policy() -> RestartPolicy {
    RestartPolicy::permanent().backoff(SECOND, SECOND)
}

#[test]
fn a_dismissed_child_stops_in_good_order_and_stays_away() {
    in_virtual_time(async {
        let stage = Stage::new();
        let slow = stage.slow_puppet("a", policy(), Leave::After(3 * SECOND), |_| Act::Live);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(slow.clone()));
        tokio::time::sleep(MS).await;
        let before = clock::now();
        let gone = root.send(Dismiss { id: "a".into(), deadline: before + 10 * SECOND }).await.unwrap();
        assert_eq!(gone, Ok(Ended::Orderly));
        assert_eq!((clock::now() - before).as_secs(), 3);
        assert_eq!(stage.events(), ["start a", "stop a", "end a"]);
        tokio::time::sleep(3600 * SECOND).await;
        assert_eq!(stage.times("start a").len(), 1);
        assert!(stage.directory.is_empty());

        let unknown = root.send(Dismiss { id: "a".into(), deadline: clock::now() }).await.unwrap();
        assert_eq!(unknown, Err(UnknownChild("a".into())));
        root.send(Launch(slow)).await.unwrap().unwrap();
        assert_eq!(inspect(&root).await.children.len(), 1, "the name is free again");
    });
}

#[test]
fn a_child_that_never_answers_is_cut_at_the_deadline_the_shortest_counts() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.slow_puppet("a", policy(), Leave::Never, |_| Act::Live);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        let before = clock::now();
        let dismiss = |seconds| root.send(Dismiss { id: "a".into(), deadline: before + seconds * SECOND });
        let (patient, hasty) = tokio::join!(dismiss(60), dismiss(2));
        assert_eq!((patient.unwrap(), hasty.unwrap()), (Ok(Ended::Cut), Ok(Ended::Cut)));
        assert_eq!((clock::now() - before).as_secs(), 2);
        assert_eq!(stage.events(), ["start a", "stop a", "end a"]);
    });
}

#[test]
fn a_full_mailbox_does_not_keep_the_request_to_stop_out() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::Deaf(3 * SECOND)).mailbox(2);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        while stage.addr("a").try_send(Who).is_ok() {}
        let before = clock::now();
        let gone = root.send(Dismiss { id: "a".into(), deadline: before + 60 * SECOND }).await.unwrap();
        assert_eq!((gone, (clock::now() - before).as_secs()), (Ok(Ended::Orderly), 2));
    });
}

#[test]
fn a_panic_while_leaving_is_an_end_all_the_same() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::PanicLeaving);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        let gone = root.send(Dismiss { id: "a".into(), deadline: clock::now() + SECOND }).await.unwrap();
        assert_eq!(gone, Ok(Ended::Orderly));
        assert_eq!(stage.events(), ["start a", "stop a", "end a"]);
    });
}

#[test]
fn the_hook_stopped_runs_once_at_every_end_but_a_panic() {
    in_virtual_time(async {
        let stage = Stage::new();
        let puppet = |id, leave, act| stage.slow_puppet(id, RestartPolicy::temporary(), leave, move |_| act);
        let builder = Supervisor::builder("root")
            .child(puppet("by itself", Leave::AtOnce, Act::End))
            .child(puppet("with a failure", Leave::AtOnce, Act::Fail))
            .child(puppet("by a panic", Leave::AtOnce, Act::PanicStarting))
            .child(puppet("when asked", Leave::AtOnce, Act::Live))
            .child(puppet("when cut", Leave::Never, Act::Live));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        assert_eq!(stage.left(), ["by itself", "with a failure"]);
        // Whoever holds an address makes no difference.
        let _held: Vec<_> = stage.directory.keys().iter().map(|id| stage.addr(id)).collect();
        assert_eq!(stop_tree(&root, SECOND).await.cut, ["root/when cut"]);
        assert_eq!(stage.left()[2..], ["when asked", "when cut"]);
        assert_eq!(stage.times_of("end").len(), 5);
    });
}

#[test]
fn dismissal_ends_a_backoff_at_once() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.puppet("a", policy(), |_| Act::Refuse);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(100 * MS).await;
        let before = clock::now();
        let gone = root.send(Dismiss { id: "a".into(), deadline: before + 60 * SECOND }).await.unwrap();
        assert_eq!((gone, clock::now()), (Ok(Ended::Orderly), before));
        tokio::time::sleep(60 * SECOND).await;
        assert_eq!(stage.times("start a").len(), 1);
    });
}

#[test]
fn a_tree_stops_in_reverse_order_of_its_start() {
    in_virtual_time(async {
        let stage = Stage::new();
        let puppet = |id| stage.slow_puppet(id, policy(), Leave::After(SECOND), |_| Act::Live);
        let chain = Supervisor::builder("chain")
            .strategy(Strategy::RestForOne)
            .child(puppet("link"))
            .child(puppet("binder"));
        let builder = Supervisor::builder("root")
            .strategy(Strategy::RestForOne)
            .child(puppet("spool"))
            .child(ChildSpec::supervisor(chain, policy()))
            .child(puppet("front"))
            .child(stage.puppet("down", policy(), |_| Act::Refuse));
        let (root, watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let report = stop_tree(&root, 60 * SECOND).await;
        let order = ["front", "binder", "link", "spool"];
        let expected: Vec<_> =
            order.iter().flat_map(|id| [format!("stop {id}"), format!("end {id}")]).collect();
        assert_eq!(stage.events(), expected);
        assert_eq!((report.orderly, report.is_clean()), (6, true));
        assert_eq!(watch.await, Exit::Normal);
    });
}

#[test]
fn independent_children_stop_side_by_side_and_the_stubborn_are_named() {
    in_virtual_time(async {
        let stage = Stage::new();
        let puppet = |id, leave| stage.slow_puppet(id, policy(), leave, |_| Act::Live);
        let things = Supervisor::builder("things")
            .child(puppet("slow", Leave::After(4 * SECOND)))
            .child(puppet("stubborn", Leave::Never))
            .child(puppet("quick", Leave::AtOnce));
        let builder = Supervisor::builder("root")
            .child(ChildSpec::supervisor(things, policy()))
            .child(puppet("late", Leave::After(60 * SECOND)));
        let (root, watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        stage.forget_events();
        let before = clock::now();
        let report = stop_tree(&root, 5 * SECOND).await;
        assert!(clock::now() - before <= 5 * SECOND);
        let mut cut = report.cut;
        cut.sort();
        assert_eq!(cut, ["root/late", "root/things/stubborn"]);
        assert_eq!((report.orderly, report.stuck), (4, vec![]));
        assert_eq!(stage.events()[..4], ["stop late", "stop quick", "stop stubborn", "stop slow"]);
        assert!(stage.directory.is_empty());
        assert_eq!(watch.await, Exit::Normal);
    });
}

#[test]
fn one_that_never_answers_leaves_time_for_those_before_it() {
    in_virtual_time(async {
        let stage = Stage::new();
        let builder = Supervisor::builder("root")
            .strategy(Strategy::RestForOne)
            .child(stage.slow_puppet("first", policy(), Leave::After(SECOND), |_| Act::Live))
            .child(stage.slow_puppet("last", policy(), Leave::Never, |_| Act::Live));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        let report = stop_tree(&root, 4 * SECOND).await;
        assert_eq!((report.orderly, report.cut), (2, vec!["root/last".to_owned()]));
    });
}

#[test]
fn a_stop_brings_earlier_ones_forward() {
    in_virtual_time(async {
        let stage = Stage::new();
        let child = stage.slow_puppet("a", policy(), Leave::Never, |_| Act::Live);
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(child));
        tokio::time::sleep(MS).await;
        let dismissed =
            actix_rt::spawn(root.send(Dismiss { id: "a".into(), deadline: clock::now() + 60 * SECOND }));
        tokio::time::sleep(MS).await;
        assert_eq!(inspect(&root).await.children[0].state, NodeState::Stopping);
        let report = stop_tree(&root, 2 * SECOND).await;
        assert_eq!(report.cut, ["root/a"]);
        assert_eq!(dismissed.await.unwrap().unwrap(), Ok(Ended::Cut));
    });
}

/// A key whose clone panics on command: the one way a user can make a supervisor panic.
#[derive(PartialEq, Eq, Hash)]
struct Fuse;

static LIT: AtomicBool = AtomicBool::new(false);

impl Clone for Fuse {
    fn clone(&self) -> Self {
        assert!(!LIT.load(Ordering::SeqCst), "the fuse burns");
        Self
    }
}

#[test]
fn the_children_of_a_supervisor_that_panics_are_stopped_before_it_comes_back() {
    in_virtual_time(async {
        let stage = Stage::new();
        let slow = |id| stage.slow_puppet(id, policy(), Leave::After(2 * SECOND), |_| Act::Live);
        let never = stage.slow_puppet("never", policy(), Leave::Never, |_| Act::Live);
        let things = Supervisor::builder("things").child(slow("a")).child(slow("b")).child(never);
        let supervisors = edgebind_kernel::Directory::new();
        let spec = ChildSpec::supervisor(things, policy()).listed(supervisors.clone(), "things");
        let (root, _watch) = Supervisor::start_root(Supervisor::builder("root").child(spec));
        tokio::time::sleep(MS).await;
        stage.forget_events();

        let fatal = stage.puppet("fatal", policy(), |_| Act::Live);
        let fatal = fatal.listed(edgebind_kernel::Directory::new(), Fuse);
        LIT.store(true, Ordering::SeqCst);
        let things = supervisors.resolve("things").unwrap();
        assert!(things.send(Launch(fatal)).await.is_err());
        LIT.store(false, Ordering::SeqCst);

        tokio::time::sleep(4 * SECOND).await;
        let stopped = ["stop never", "stop b", "stop a", "end b", "end a"];
        assert_eq!(stage.events(), stopped, "the tree waits for the last of them");
        tokio::time::sleep(3 * SECOND).await;
        assert_eq!(stage.events()[5..], ["end never", "start a", "start b", "start never"]);
        let tree = inspect(&root).await;
        let things = tree.find(&["things"]).unwrap();
        assert_eq!((things.state, things.restarts, things.children.len()), (NodeState::Running, 1, 3));
        assert!(things.last_exit.as_ref().unwrap().starts_with("panicked: the fuse burns"));
    });
}

#[test]
fn a_stop_during_failures_leaves_nobody_behind() {
    in_virtual_time(async {
        let stage = Stage::new();
        let fast = RestartPolicy::permanent().backoff(MS, MS).quarantine(SECOND);
        let mut builder = Supervisor::builder("root");
        for n in 0..50_u64 {
            let act = move |life: u32| Act::FailAfter(MS * u32::try_from(n % 7).unwrap() * life);
            builder = builder.child(stage.puppet(&n.to_string(), fast, act));
        }
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(10 * MS).await;
        let _ = stage.directory.keys().first().map(|id| stage.addr(id).try_send(Panic));
        assert!(stop_tree(&root, SECOND).await.is_clean());
        stage.forget_events();
        tokio::time::sleep(60 * SECOND).await;
        assert!(stage.events().is_empty(), "{:?}", stage.events());
        assert!(stage.directory.is_empty());
    });
}
