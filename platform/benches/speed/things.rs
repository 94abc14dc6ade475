//! 2,000 things on one connection and on 200: are page and REST quick, and what does it cost?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    edge::{Edge, Push},
    figures::{Figures, LOAD, memory_mib, now, processor_time, spent_since},
    http::Http,
    page::Page,
    stage::{Stage, thing},
};

pub(crate) fn run() {
    for connections in [1, 200] {
        measure(connections);
    }
}

fn measure(connections: usize) {
    println!("\n{THINGS} things of {PROPERTIES} properties on {connections} connection(s):\n");
    println!("| what | quiet | with {PUSHES_PER_S} pushes/s |");
    println!("| --- | --- | --- |");
    let empty = memory_mib();
    let stage = Stage::new(THINGS, PROPERTIES);
    let started = memory_mib();
    let names: Vec<String> = (0..THINGS).map(thing).collect();
    let begin = now();
    let edges: Vec<Edge> =
        names.chunks(THINGS / connections).map(|names| Edge::bound(stage.address, names)).collect();
    let binding = now() - begin;
    let bound = memory_mib();
    println!(
        "| memory of the process: before, with the model, bound | {empty:.1}, {started:.1}, {bound:.1} MiB | |"
    );
    println!("| all bound and told, by one edge after the other | {:.0} ms | |", binding.as_secs_f64() * 1e3);

    let quiet = Looks::take(&stage);
    let load = Load::start(edges);
    let loaded = Looks::take(&stage);
    load.stop();
    for ((what, quiet), (_, loaded)) in quiet.lines().into_iter().zip(loaded.lines()) {
        println!("| {what} | {quiet} | {loaded} |");
    }
}

/// What somebody sees who looks at the platform.
struct Looks {
    list: Figures,
    list_bytes: usize,
    one: Figures,
    property: Figures,
    first: Figures,
    first_bytes: usize,
    update: Figures,
    processor_percent: f64,
}

impl Looks {
    fn take(stage: &Stage) -> Self {
        let mut page = Page::open(stage.address, WATCHED);
        page.text();
        // One open page, nobody else.
        let before = processor_time();
        let begin = now();
        let until = begin + QUIET;
        let reader = reader(page, until);
        thread::sleep(QUIET);
        let processor_percent = spent_since(&before) as f64 / (now() - begin).as_nanos() as f64 * 100.0;
        reader.join().unwrap();

        let mut http = Http::connect(stage.address);
        let mut list_bytes = 0;
        let list = times(100, |_| list_bytes = http.get("Things"));
        let one = times(1000, |number| {
            http.get(&format!("Things/{}", thing(number * 7 % THINGS)));
        });
        let property = times(1000, |number| {
            http.get(&format!("Things/{}/Properties/value-1", thing(number * 7 % THINGS)));
        });
        let mut first_bytes = 0;
        let first = times(50, |_| first_bytes = Page::open(stage.address, WATCHED).text().len());
        let update = updates(stage);
        Self { list, list_bytes, one, property, first, first_bytes, update, processor_percent }
    }

    fn lines(&self) -> [(String, String); 6] {
        let line = |what: &str, figure: String| (what.to_owned(), figure);
        [
            line(&format!("REST list, {} KiB, p50 / p99", self.list_bytes >> 10), self.list.milliseconds()),
            line("REST one thing, p50 / p99", self.one.milliseconds()),
            line("REST one property, p50 / p99", self.property.milliseconds()),
            line(
                &format!(
                    "page: first message, {} KiB, connecting included, p50 / p99",
                    self.first_bytes >> 10
                ),
                self.first.milliseconds(),
            ),
            line("page: push to message (looks every 100 ms), p50 / p99", self.update.milliseconds()),
            line(
                "processor time with one open page, of one core",
                format!("{:.2} %", self.processor_percent),
            ),
        ]
    }
}

/// Reads and answers for a page nobody looks at.
fn reader(mut page: Page, until: Instant) -> JoinHandle<()> {
    let work = move || while page.text_until(until).is_some() {};
    thread::Builder::new().name(LOAD.to_owned()).spawn(work).unwrap()
}

/// Times from a push until the page has the value, in seconds; the pushes come from a connection of their own.
fn updates(stage: &Stage) -> Figures {
    let mut edge = Edge::bound(stage.address, &[]);
    let mut page = Page::open(stage.address, WATCHED);
    page.text();
    let measured = (0..UPDATES).map(|number| {
        // Out of step with the page's rhythm.
        page.text_until(now() + Duration::from_millis(37 * (number % 7)));
        let value = 7_000_000.25 + number as f64;
        let begin = now();
        edge.begin(&mut Push::new(WATCHED, 1, value), 1);
        edge.answers();
        let wanted = value.to_string();
        while !page.text().contains(&wanted) {}
        (now() - begin).as_secs_f64()
    });
    Figures::new(measured.collect())
}

/// Pushes from all connections, one after the other, at [`PUSHES_PER_S`].
struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Load {
    fn start(mut edges: Vec<Edge>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let each = THINGS / edges.len();
        let mut pushes: Vec<_> = (0..THINGS).map(|number| Push::new(&thing(number), 1, 2.5)).collect();
        let work = move || {
            let mut due = now();
            // Its values are those that are looked for.
            for number in (0..THINGS).cycle().filter(|number| thing(*number) != WATCHED) {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let edge = &mut edges[number / each];
                edge.begin(&mut pushes[number], 1);
                edge.answers();
                due += Duration::from_secs(1) / PUSHES_PER_S;
                thread::sleep(due.saturating_duration_since(now()));
            }
        };
        Self { stop, thread: thread::Builder::new().name(LOAD.to_owned()).spawn(work).unwrap() }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

fn times(count: usize, mut work: impl FnMut(usize)) -> Figures {
    let measured = (0..count).map(|number| {
        let begin = now();
        work(number);
        (now() - begin).as_secs_f64()
    });
    Figures::new(measured.collect())
}

const THINGS: usize = 2000;
const PROPERTIES: usize = 5;
const PUSHES_PER_S: u32 = 200;
const UPDATES: u64 = 100;
const WATCHED: &str = "thing-7";
const QUIET: Duration = Duration::from_secs(5);
