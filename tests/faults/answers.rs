//! Exactly one answer: to each local caller whatever happens to the link, to each caller of the platform whatever happens to
//! the gateway.

use std::{thread, time::Duration};

use edgebind_oracle::{Network, Outcome};
use edgebind_platform::relay::{Way, Which};

use crate::{
    plant::{Plant, Size},
    support::wait_for,
};

#[test]
fn each_caller_has_one_answer_while_the_link_and_the_gateway_die() {
    let size = Size { agents: 10, groups: 1, simulated: 0, pause: Duration::from_millis(100) };
    let mut plant = Plant::new(size, 4712);
    plant.start();
    let callers = plant.callers();
    // Before that the gateway was not there for all of them.
    let begun = plant.ledger.tick();
    // Local callers: their connections and the gateway are left alone.
    for round in 0..12 {
        match round % 4 {
            0 => plant.cut(Network::Up, true),
            1 => plant.cut_within(Network::Up, 700),
            2 => drop(plant.relay(Network::Up).half_open(Which::All, Way::Both)),
            _ => plant.refuse(Network::Up),
        }
        thread::sleep(Duration::from_millis(400));
        plant.heal();
    }
    let ended = plant.ledger.tick();
    let unanswered = || {
        let attempts = plant.ledger.attempts().into_iter();
        let phase = attempts.filter(|attempt| attempt.sent > begun && attempt.sent <= ended);
        phase.filter(|attempt| attempt.outcome == Outcome::Unanswered).count()
    };
    wait_for("requests of local callers without an answer", unanswered, |count| *count == 0);

    // Callers of the platform: the gateway dies with their requests in its hands, and the network ends.
    for _ in 0..4 {
        plant.gateway.take().expect("it runs").kill();
        plant.start_gateway(&[]);
        thread::sleep(Duration::from_millis(700));
        plant.cut(Network::Down(0), true);
    }
    let end = plant.end(callers);
    println!("{}", end.verdict);
    end.assert_kept("answers");
    assert_eq!(end.answers.ended, 0, "the platform answers each of its callers: {:?}", end.answers);
}
