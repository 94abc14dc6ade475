//! Ten thousand children that fall at once.

use edgebind_kernel::{NodeState, RestartPolicy, Supervisor, stop_tree};

use crate::puppet::{Act, MS, PanicSilently, SECOND, Stage, in_virtual_time, inspect};

#[test]
fn ten_thousand_panics_are_reaped_at_once_and_restarted_at_a_limited_rate() {
    const CROWD: usize = 10_000;
    in_virtual_time(async {
        let stage = Stage::new();
        let policy = RestartPolicy::permanent().backoff(SECOND, 30 * SECOND).quarantine(60 * SECOND);
        let mut builder = Supervisor::builder("things").restart_rate(1000);
        for n in 0..CROWD {
            builder = builder.child(stage.puppet(&n.to_string(), policy, |_| Act::Live));
        }
        let (root, _watch) = Supervisor::start_root(builder);
        tokio::time::sleep(MS).await;
        assert_eq!(stage.directory.len(), CROWD);

        for name in stage.directory.keys() {
            stage.addr(&name).try_send(PanicSilently).unwrap();
        }
        stage.forget_events();
        tokio::time::sleep(MS).await;
        let tree = inspect(&root).await;
        assert!(tree.children.iter().all(|child| child.state == NodeState::Backoff));
        assert!(stage.directory.is_empty());

        tokio::time::sleep(15 * SECOND).await;
        let tree = inspect(&root).await;
        assert!(tree.children.iter().all(|child| child.state == NodeState::Running && child.restarts == 1));
        assert_eq!(stage.directory.len(), CROWD);
        let starts = stage.times_of("start");
        let most = starts.iter().map(|&from| {
            starts.partition_point(|&at| at < from + SECOND) - starts.partition_point(|&at| at < from)
        });
        assert!(most.max().unwrap() <= 1100, "a second sees the rate and one burst at most");
        let took = *starts.last().unwrap() - starts[0];
        assert!(took >= 9 * SECOND && took <= 11 * SECOND, "{took:?} for ten thousand at 1000 a second");

        let report = stop_tree(&root, 5 * SECOND).await;
        assert!(report.is_clean());
        assert_eq!(report.orderly, CROWD + 1);
    });
}
