//! The process dies: at named places, and at any moment. What was acknowledged must be there afterwards, in order.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use edgebind_store::Spool;

use crate::support::{options, payloads, record};

const FOLDER: &str = "EDGEBIND_TEST_FOLDER";

/// Runs in a process of its own: appends numbered records, says which are acknowledged, deletes every third.
#[test]
#[ignore = "run by the other tests in a process of its own"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let (spool, opened) = Spool::open(options(Path::new(&folder))).expect("it opens");
    let (sender, receiver) = mpsc::channel();
    let mut number = opened.entries.len() as u64;
    println!("\nstart");
    loop {
        for _ in 0..7 {
            let (sender, this) = (sender.clone(), number);
            println!("try {this}");
            let done = move |result| drop(sender.send((this, result)));
            spool.append(record("Things/A", this.to_string()), done).expect("there is room");
            number += 1;
        }
        for _ in 0..7 {
            let (this, result) = receiver.recv().expect("an answer for each");
            let entry = result.expect("it is on disk");
            println!("ack {this}");
            if this % 3 == 0 {
                println!("delete {this}");
                spool.delete(vec![entry.seq], move |result| {
                    result.expect("it is gone");
                    println!("deleted {this}");
                });
            }
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_death_before_and_after_a_commit() {
    for place in ["spool.before-commit", "spool.after-commit", "spool.before-delete"] {
        for passing in [1, 2, 9] {
            let folder = tempfile::tempdir().expect("a folder");
            let said = run(folder.path(), Some(&format!("{place}:{passing}")), usize::MAX);
            check(folder.path(), &said, &format!("{place}:{passing}"));
            if place == "spool.before-commit" && passing == 1 {
                assert!(said.acks.is_empty(), "acknowledged before the commit: {:?}", said.acks);
            }
        }
    }
}

#[test]
fn what_was_acknowledged_survives_sigkill_at_any_moment() {
    for round in 0..12 {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = 20 + fastrand::usize(..600);
        let said = run(folder.path(), None, lines);
        check(folder.path(), &said, &format!("round {round}, killed after {lines} lines"));
    }
}

/// What the child said before it died.
#[derive(Default)]
struct Said {
    tries: Vec<u64>,
    acks: Vec<u64>,
    deletes: Vec<u64>,
    deleted: Vec<u64>,
}

fn run(folder: &Path, fail_at: Option<&str>, kill_after_lines: usize) -> Said {
    let mut command = Command::new(std::env::current_exe().expect("the test binary"));
    command.args(["--exact", "crash::child", "--ignored", "--nocapture"]).env(FOLDER, folder);
    if let Some(place) = fail_at {
        command.env("EDGEBIND_FAIL_AT", place);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut said = Said::default();
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut count = 0;
    let mut started = false;
    // After the kill the rest of the pipe is read too: what stands there was said.
    while let Some(Ok(line)) = lines.next() {
        started |= line == "start";
        count += 1;
        if count == kill_after_lines {
            kill(&mut child);
        }
        let Some((word, number)) = line.split_once(' ') else { continue };
        let Ok(number) = number.parse() else { continue };
        match word {
            "try" => said.tries.push(number),
            "ack" => said.acks.push(number),
            "delete" => said.deletes.push(number),
            "deleted" => said.deleted.push(number),
            _ => {}
        }
    }
    let status = child.wait().expect("it is gone");
    assert!(started && !status.success(), "it should have died while it worked: {status}");
    said
}

/// SIGKILL to our own child.
fn kill(child: &mut Child) {
    child.kill().expect("our child");
}

fn check(folder: &Path, said: &Said, what: &str) {
    let (spool, opened) = Spool::open(options(folder)).expect("it opens after any crash");
    assert_eq!(opened.set_aside, None, "{what}: a crash is no damage");
    let found: Vec<u64> = payloads(&spool, opened.entries.iter().map(|entry| entry.seq))
        .into_iter()
        .map(|payload| String::from_utf8(payload).expect("digits").parse().expect("a number"))
        .collect();
    assert!(found.is_sorted(), "{what}: order {found:?}");
    for ack in &said.acks {
        assert!(
            found.contains(ack) || said.deletes.contains(ack),
            "{what}: {ack} was acknowledged and is lost"
        );
    }
    for number in &found {
        assert!(said.tries.contains(number), "{what}: {number} was never handed in");
        assert!(
            !said.deleted.contains(number),
            "{what}: {number} came back after its deletion was confirmed"
        );
    }
    // It works on.
    spool.append_blocking(record("Things/A", "next")).expect("it takes records");
}
