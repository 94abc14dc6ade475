//! A budget that is spent, and whom it reaches.

use edgebind_kernel::{ChildSpec, Exit, NodeState, RestartPolicy, Supervisor};

use crate::puppet::{Act, MS, SECOND, Stage, in_virtual_time, inspect};

#[test]
fn a_spent_budget_goes_up_through_two_levels_to_the_root_watch() {
    in_virtual_time(async {
        let stage = Stage::new();
        let policy = RestartPolicy::permanent().backoff(10 * MS, 10 * MS).budget(2, 60 * SECOND);
        let level = policy.budget(1, 60 * SECOND);
        let lower = Supervisor::builder("lower")
            .child(stage.puppet("good", policy, |_| Act::Live))
            .child(stage.puppet("bad", policy, |_| Act::Fail));
        let upper = Supervisor::builder("upper").child(ChildSpec::supervisor(lower, level));
        let root = Supervisor::builder("root").child(ChildSpec::supervisor(upper, level));
        let (_root, watch) = Supervisor::start_root(root);
        let Exit::Failed(failure) = watch.await else { panic!("the root must fail") };
        assert!(failure.spends_budget);
        assert_eq!(
            failure.text,
            "restart budget of upper is spent, it last failed: restart budget of lower is spent, \
             it last failed: restart budget of bad is spent, it last failed: lost its strings"
        );
        // Three tries a life of `lower`, two lives of it a life of `upper`, two of those.
        assert_eq!(stage.times("start bad").len(), 12);
        assert_eq!(stage.times("stop good").len(), 4, "siblings are stopped in good order");
        assert!(stage.directory.is_empty());
    });
}

#[test]
fn a_spent_budget_stays_at_the_level_that_pays_for_it() {
    in_virtual_time(async {
        let stage = Stage::new();
        let policy = RestartPolicy::permanent().backoff(10 * MS, 10 * MS).budget(2, 60 * SECOND);
        let act = |life| if life <= 3 { Act::Fail } else { Act::Live };
        let lower = Supervisor::builder("lower").child(stage.puppet("bad", policy, act));
        let builder = Supervisor::builder("root")
            .child(ChildSpec::supervisor(lower, policy))
            .child(stage.puppet("neighbour", policy, |_| Act::Live));
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(SECOND).await;
        let tree = inspect(&root).await;
        assert_eq!(tree.find(&["lower"]).unwrap().restarts, 1);
        assert_eq!(tree.find(&["lower", "bad"]).unwrap().state, NodeState::Running);
        assert_eq!(tree.find(&["neighbour"]).unwrap().restarts, 0);
    });
}
