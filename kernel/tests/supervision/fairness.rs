//! A flooded actor and its neighbours' timers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use edgebind_kernel::{ChildSpec, Directory, Fairness, Lifeline, RestartPolicy, Stop, Supervisor, clock};
use tokio::sync::oneshot;

use crate::puppet::{MS, SECOND, in_real_time, in_virtual_time, wait_for};

/// Sends itself the next message from the handler of the last, until told otherwise: its mailbox is never empty.
struct Flooded {
    _lifeline: Lifeline,
    fairness: Option<Fairness>,
    handled: u64,
}

impl Actor for Flooded {
    type Context = Context<Self>;
}

impl Handler<Stop> for Flooded {
    type Result = ();

    fn handle(&mut self, _: Stop, _: &mut Context<Self>) {}
}

/// One wave of the flood; more follow while the closure, given the number of this one, says so.
struct Wave(Box<dyn FnMut(u64) -> bool + Send>);

impl Message for Wave {
    type Result = ();
}

impl Handler<Wave> for Flooded {
    type Result = ();

    fn handle(&mut self, Wave(mut goes_on): Wave, ctx: &mut Context<Self>) {
        self.handled += 1;
        if let Some(fairness) = &mut self.fairness {
            fairness.tick(ctx);
        }
        if goes_on(self.handled) {
            ctx.address().try_send(Wave(goes_on)).unwrap();
        }
    }
}

/// Floods an actor for as long as `goes_on`, and returns when the flood is over.
async fn flood(fair: bool, mut goes_on: impl FnMut(u64) -> bool + Send + 'static) {
    let directory = Directory::new();
    let build =
        move |lifeline| Flooded { _lifeline: lifeline, fairness: fair.then(Fairness::default), handled: 0 };
    let spec = ChildSpec::new("flooded", "test", RestartPolicy::permanent(), build);
    let builder = Supervisor::builder("root").child(spec.listed(directory.clone(), ()));
    let (_root, _watch) = Supervisor::start_root(builder);
    wait_for("the actor", async || directory.resolve(&()).is_some()).await;
    let (over, end) = oneshot::channel::<()>();
    let mut over = Some(over);
    let wave = Wave(Box::new(move |n| {
        let more = goes_on(n);
        drop(if more { None } else { over.take() });
        more
    }));
    directory.resolve(&()).unwrap().try_send(wave).unwrap();
    let _ = end.await;
}

/// How often a neighbour on the same thread runs while the actor handles 6400 messages in a row.
fn turns_of_a_neighbour(fair: bool) -> u32 {
    in_virtual_time(async {
        let turns = Arc::new(AtomicU32::new(0));
        let (counted, over) = (Arc::clone(&turns), Arc::new(AtomicBool::new(false)));
        let goes_on = move |n| {
            if n == 1 {
                let (counted, over) = (Arc::clone(&counted), Arc::clone(&over));
                drop(actix_rt::spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        counted.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                }));
            }
            over.store(n == 6400, Ordering::Relaxed);
            n < 6400
        };
        flood(fair, goes_on).await;
        turns.load(Ordering::Relaxed)
    })
}

#[test]
fn a_flooded_actor_gives_way_every_64_messages_and_without_fairness_never() {
    assert!((99..=101).contains(&turns_of_a_neighbour(true)));
    assert_eq!(turns_of_a_neighbour(false), 0);
}

/// Floods the actor from the moment a timer of 5 ms is set until it has run, or for `patience` of real time; returns
/// whether it has run.
fn timer_runs_within_the_flood(fair: bool, patience: Duration) -> bool {
    in_real_time(async {
        let (ran, within) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (noted, mut end) = (Arc::clone(&within), None);
        let goes_on = move |n| {
            if n == 1 {
                let ran = Arc::clone(&ran);
                drop(actix_rt::spawn(async move {
                    tokio::time::sleep(5 * MS).await;
                    ran.store(true, Ordering::SeqCst);
                }));
            }
            let ran = ran.load(Ordering::SeqCst);
            noted.store(ran, Ordering::SeqCst);
            clock::now() < *end.get_or_insert_with(|| clock::now() + patience) && !ran
        };
        flood(fair, goes_on).await;
        within.load(Ordering::SeqCst)
    })
}

#[test]
fn timers_beside_a_flooded_actor_run_in_time_and_without_fairness_not_at_all() {
    assert!(timer_runs_within_the_flood(true, 10 * SECOND));
    assert!(!timer_runs_within_the_flood(false, 100 * MS));
}
