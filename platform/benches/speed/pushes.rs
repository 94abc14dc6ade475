//! Pushes per second: from one connection and from 200, of one value and of 100.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use crate::{
    edge::{Edge, Push},
    figures::{Figures, LOAD, now, processor_time, spent_since},
    stage::{Stage, thing},
};

struct Case {
    connections: usize,
    values: usize,
    /// Pushes of one connection that wait for their answer.
    window: usize,
}

pub(crate) fn run() {
    println!(
        "| connections | values a push | unanswered each | pushes/s, median of {ROUNDS} (range) | values/s | platform's processor time a push, median (range), us | bytes |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (connections, values, window) in [(1, 1, 1), (1, 1, 64), (1, 100, 64), (200, 1, 8), (200, 100, 8)] {
        measure(&Case { connections, values, window });
    }
}

fn measure(case: &Case) {
    let Case { connections, values, window } = *case;
    let stage = Stage::new(connections, values);
    let mut edges: Vec<_> = (0..connections)
        .map(|number| {
            let name = thing(number);
            (Edge::bound(stage.address, std::slice::from_ref(&name)), Push::new(&name, values, 1.5))
        })
        .collect();
    let bytes = edges[0].1.bytes();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let before = processor_time();
        let (pushes, seconds);
        (edges, pushes, seconds) = load(edges, window);
        let spent = spent_since(&before) as f64 / 1e3;
        // The first round warms up.
        if round > 0 {
            rates.push(pushes as f64 / seconds);
            costs.push(spent / pushes as f64);
        }
    }
    let (rates, costs) = (Figures::new(rates), Figures::new(costs));
    println!(
        "| {connections} | {values} | {window} | {} | {:.0} | {:.1} ({:.1} to {:.1}) | {bytes} |",
        rates.spread(),
        rates.percentile(50) * values as f64,
        costs.percentile(50),
        costs.percentile(0),
        costs.percentile(100),
    );
}

type Loaded = (Edge, Push);

/// Pushes for [`ROUND`] from all edges; returns them, how many pushes were answered, and the seconds it took.
fn load(mut edges: Vec<Loaded>, window: usize) -> (Vec<Loaded>, u64, f64) {
    let threads = THREADS.min(edges.len());
    let mut shares: Vec<Vec<Loaded>> = (0..threads).map(|_| Vec::new()).collect();
    for (number, edge) in edges.drain(..).enumerate() {
        shares[number % threads].push(edge);
    }
    let start = Arc::new(Barrier::new(threads + 1));
    let running: Vec<_> = shares
        .into_iter()
        .map(|mut share| {
            let start = Arc::clone(&start);
            let work = move || {
                start.wait();
                let deadline = now() + ROUND;
                let pushes = round(&mut share, window, deadline);
                (share, pushes)
            };
            thread::Builder::new().name(LOAD.to_owned()).spawn(work).unwrap()
        })
        .collect();
    start.wait();
    let begin = now();
    let mut pushes = 0;
    for thread in running {
        let (share, pushed) = thread.join().unwrap();
        edges.extend(share);
        pushes += pushed;
    }
    (edges, pushes, (now() - begin).as_secs_f64())
}

fn round(share: &mut [Loaded], window: usize, deadline: Instant) -> u64 {
    if let [(edge, push)] = share {
        return edge.push(push, window, &mut || now() < deadline);
    }
    // One after the other: while one is waited for, the others' pushes are at work.
    share.iter_mut().for_each(|(edge, push)| edge.begin(push, window));
    let mut open = vec![window; share.len()];
    let mut pushes = 0;
    while now() < deadline {
        for (open, (edge, push)) in open.iter_mut().zip(share.iter_mut()) {
            let taken = edge.answers();
            pushes += taken as u64;
            *open -= taken;
            edge.begin(push, window - *open);
            *open = window;
        }
    }
    for (open, (edge, _)) in open.iter_mut().zip(share.iter_mut()) {
        while *open > 0 {
            let taken = edge.answers();
            pushes += taken as u64;
            *open -= taken;
        }
    }
    pushes
}

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const THREADS: usize = 2;
