//! How fast the platform is by itself, and how it bears 2,000 things: figures for `docs/measurements.md`.
//!
//! `cargo bench -p edgebind-platform` runs everything, `-- pushes` and `-- things` a part. The load comes from threads of
//! this process whose processor time is taken out; it shares nothing with the platform but the machine. No criterion:
//! what is of interest is rounds of seconds with all threads at work, and processor time per message.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may fail by a panic")]

mod edge;
mod figures;
mod http;
mod page;
mod pushes;
mod stage;
mod things;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    if wants("pushes") {
        pushes::run();
    }
    if wants("things") {
        things::run();
    }
}
