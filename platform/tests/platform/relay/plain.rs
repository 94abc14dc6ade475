//! Faults between two peers that send plain bytes. Times are only checked to be no shorter than they must be.

use std::{io::ErrorKind, time::Duration};

use edgebind_kernel::clock;
use edgebind_platform::relay::{
    Admission, Chaos, ChaosFault, Cut, Faults, Order, Relay, Span, Way, WayFaults, Weighted, Which,
};
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
};

use super::peers::{ANY, Peers};
use crate::support::{on_actix, soon, until};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_good_relay_passes_bytes_and_ends_both_ways() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        near.send(b"question").await;
        near.finish().await;
        assert_eq!(far.rest().await, (b"question".to_vec(), false));
        // Its own direction is still open.
        far.send(&[7; 3_000_000]).await;
        far.finish().await;
        assert_eq!(near.rest().await, (vec![7; 3_000_000], false));
        until("the end", || peers.relay.connections().is_empty().then_some(())).await;
        assert_eq!((peers.relay.counts().taken, peers.relay.counts().cut), (1, 0));
    });
}

#[test]
fn a_reset_of_one_side_reaches_the_other() {
    on_actix(async {
        let peers = Peers::new().await;
        let (near, mut far) = peers.pair().await;
        near.0.set_zero_linger().unwrap();
        drop(near);
        assert!(far.rest().await.1, "a reset");
    });
}

#[test]
fn latency_delays_each_direction_by_its_own_time() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        let up = Faults::on(Way::Up, WayFaults::late(60 * MS, 20 * MS));
        peers.relay.set_faults(up).unwrap();
        let sent = clock::now();
        for number in 0..50_u8 {
            near.send(&[number]).await;
        }
        far.expect(&(0..50).collect::<Vec<_>>()).await;
        assert!(clock::now() - sent >= 60 * MS);
        let down = WayFaults::late(90 * MS, Duration::ZERO);
        peers.relay.set_faults(Faults { down, ..up }).unwrap();
        // A round trip says that the new faults are seen.
        let sent = clock::now();
        near.send(b"x").await;
        far.expect(b"x").await;
        far.send(b"y").await;
        near.expect(b"y").await;
        assert!(clock::now() - sent >= 150 * MS);
    });
}

#[test]
fn a_cut_by_reset_is_seen_by_both_sides_of_one_connection_only() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        let (mut other_near, mut other_far) = peers.pair().await;
        let first = peers.relay.connections()[0].id;
        assert_eq!(peers.relay.cut(Which::One(first), Cut::Reset), 1);
        assert!(near.rest().await.1 && far.rest().await.1, "both were reset");
        other_near.send(b"alive").await;
        other_far.expect(b"alive").await;
        assert_eq!(peers.relay.cut(Which::All, Cut::Reset), 1);
        assert!(other_near.rest().await.1 && other_far.rest().await.1);
        until("the count", || (peers.relay.counts().cut == 2).then_some(())).await;
    });
}

#[test]
fn a_cut_in_good_order_is_an_end_and_no_reset() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        near.send(b"before").await;
        far.expect(b"before").await;
        assert_eq!(peers.relay.cut(Which::All, Cut::Finish), 1);
        assert_eq!(near.rest().await, (Vec::new(), false));
        assert_eq!(far.rest().await, (Vec::new(), false));
    });
}

#[test]
fn half_open_towards_the_target_swallows_only_that_direction_until_it_thaws() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        assert_eq!(peers.relay.half_open(Which::All, Way::Up), 1);
        near.send(b"lost?").await;
        // What comes the other way proves that the relay had its turn.
        far.send(b"heard").await;
        near.expect(b"heard").await;
        far.expect_silence().await;
        assert_eq!(peers.relay.connections()[0].half_open, Some(Way::Up));
        // A connection that came later is whole.
        let (mut later_near, mut later_far) = peers.pair().await;
        later_near.send(b"whole").await;
        later_far.expect(b"whole").await;
        far.expect_silence().await;
        peers.relay.order(Which::All, Order::Thaw);
        far.expect(b"lost?").await;
    });
}

#[test]
fn half_open_both_ways_hides_even_the_death_of_a_peer() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, far) = peers.pair().await;
        peers.relay.half_open(Which::All, Way::Both);
        near.send(b"last words").await;
        drop(near);
        let (mut later_near, mut later_far) = peers.pair().await;
        later_near.send(b"whole").await;
        later_far.expect(b"whole").await;
        far.expect_silence().await;
        assert_eq!(peers.relay.connections().len(), 2);
    });
}

#[test]
fn a_stall_holds_every_connection_and_the_next_until_it_is_healed() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        peers.relay.set_faults(Faults::on(Way::Down, WayFaults::stalled())).unwrap();
        let (mut later_near, mut later_far) = peers.pair().await;
        for (near, far) in [(&mut near, &mut far), (&mut later_near, &mut later_far)] {
            near.send(b"up").await;
            far.expect(b"up").await;
            far.send(b"down").await;
            near.expect_silence().await;
        }
        peers.relay.heal();
        near.expect(b"down").await;
        later_near.expect(b"down").await;
    });
}

#[test]
fn a_reset_in_mid_frame_lets_exactly_the_ordered_bytes_pass() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        near.send(b"before").await;
        far.expect(b"before").await;
        peers.relay.cut_after(Which::All, Way::Up, 5, Cut::Reset);
        near.send(b"a frame that is cut").await;
        assert_eq!(far.rest().await, (b"a fra".to_vec(), true));
        assert!(near.rest().await.1);
    });
}

#[test]
fn an_order_for_the_next_connection_spares_those_that_stand() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        assert_eq!(peers.relay.cut_after(Which::Next, Way::Down, 2, Cut::Finish), 0);
        let (mut next_near, mut next_far) = peers.pair().await;
        next_far.send(b"abc").await;
        assert_eq!(next_near.rest().await, (b"ab".to_vec(), false));
        far.send(b"abc").await;
        near.expect(b"abc").await;
        near.send(b"abc").await;
        far.expect(b"abc").await;
    });
}

#[test]
fn a_byte_at_a_time_takes_its_pauses() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        peers.relay.set_faults(Faults::on(Way::Up, WayFaults::in_pieces(1, 20 * MS))).unwrap();
        let sent = clock::now();
        near.send(b"0123456789").await;
        let mut buffer = [0; 16];
        let first = soon("the first byte", far.0.read(&mut buffer)).await.unwrap();
        assert!(first < 10, "all came at once");
        far.expect(&b"0123456789"[first..]).await;
        assert!(clock::now() - sent >= 180 * MS);
    });
}

#[test]
fn a_narrow_way_takes_its_time() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        peers.relay.set_faults(Faults::on(Way::Down, WayFaults::narrow(100_000))).unwrap();
        let sent = clock::now();
        far.send(&[9; 20_000]).await;
        near.expect(&[9; 20_000]).await;
        assert!(clock::now() - sent >= 180 * MS);
        // The other way is as wide as ever.
        near.send(&[8; 1_000_000]).await;
        far.expect(&[8; 1_000_000]).await;
    });
}

#[test]
fn a_slow_close_is_seen_late_while_the_other_way_goes_on() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        peers.relay.set_faults(Faults { close_delay: 150 * MS, ..Faults::default() }).unwrap();
        let ended = clock::now();
        near.send(b"last").await;
        near.finish().await;
        far.expect(b"last").await;
        far.send(b"still here?").await;
        near.expect(b"still here?").await;
        far.expect_silence().await;
        assert_eq!(far.rest().await, (Vec::new(), false));
        assert!(clock::now() - ended >= 150 * MS);
    });
}

#[test]
fn refused_connections_find_nobody_while_those_that_stand_go_on() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        peers.relay.set_faults(Faults::admitting(Admission::Refuse)).unwrap();
        let address = peers.relay.address();
        let refused = async {
            loop {
                match TcpStream::connect(address).await {
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        soon("the refusal", refused).await;
        near.send(b"on").await;
        far.expect(b"on").await;
        peers.relay.heal();
        let again = async {
            while TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        soon("the port to be open again", again).await;
    });
}

#[test]
fn a_relay_that_resets_newcomers_takes_them_first() {
    on_actix(async {
        let peers = Peers::new().await;
        peers.relay.set_faults(Faults::admitting(Admission::Reset)).unwrap();
        assert!(peers.near().await.rest().await.1, "a reset");
    });
}

#[test]
fn a_hanging_connection_is_open_and_reaches_nobody_even_later() {
    on_actix(async {
        let peers = Peers::new().await;
        peers.relay.set_faults(Faults::admitting(Admission::Hang)).unwrap();
        let mut hanging = peers.near().await;
        hanging.send(b"hello?").await;
        until("the connection", || (peers.relay.connections().len() == 1).then_some(())).await;
        peers.relay.heal();
        let (mut near, mut far) = peers.pair().await;
        near.send(b"second").await;
        far.expect(b"second").await;
        hanging.expect_silence().await;
        peers.relay.cut(Which::All, Cut::Finish);
        assert_eq!(hanging.rest().await, (Vec::new(), false));
    });
}

#[test]
fn a_dead_target_is_a_reset_and_a_new_target_is_taken() {
    on_actix(async {
        let peers = Peers::new().await;
        let dead = TcpListener::bind(ANY).await.unwrap().local_addr().unwrap();
        let alive = peers.relay.view().target;
        peers.relay.retarget(dead);
        assert!(peers.near().await.rest().await.1);
        until("the count", || (peers.relay.counts().no_target == 1).then_some(())).await;
        peers.relay.retarget(alive);
        let (mut near, mut far) = peers.pair().await;
        near.send(b"back").await;
        far.expect(b"back").await;
    });
}

#[test]
fn the_end_of_a_relay_ends_its_connections_and_frees_its_port() {
    on_actix(async {
        let peers = Peers::new().await;
        let (mut near, mut far) = peers.pair().await;
        let (relay, address) = (peers.relay.clone(), peers.relay.address());
        soon("the stop", relay.stop()).await;
        near.rest().await;
        far.rest().await;
        let again = Relay::start(address, peers.relay.view().target).unwrap();
        assert_eq!(again.address(), address);
    });
}

#[test]
fn faults_by_chance_strike_again_and_again_and_end_when_told() {
    on_actix(async {
        let peers = Peers::new().await;
        let brief = Span { from: MS, to: 5 * MS };
        let weighted = |fault| Weighted { weight: 1, fault };
        let stalled = Faults::on(Way::Both, WayFaults::stalled());
        let faults = vec![
            weighted(ChaosFault::Cut { how: Cut::Reset, all: false }),
            weighted(ChaosFault::HalfOpen { way: Way::Both }),
            weighted(ChaosFault::CutWithin { way: Way::Both, bytes: 3, how: Cut::Reset }),
            weighted(ChaosFault::Network { faults: stalled }),
        ];
        let chaos = Chaos { seed: Some(42), calm: brief, lasts: brief, faults };
        assert_eq!(peers.relay.chaos(chaos), Ok(42));
        assert_eq!(peers.relay.view().chaos_seed, Some(42));
        for _ in 0..5 {
            let (near, _far) = peers.pair().await;
            // Sooner or later it ends; what is cut after some bytes needs some.
            let ended = async {
                loop {
                    let sent = near.0.try_write(b"x").map_err(|error| error.kind());
                    if !matches!(sent, Ok(_) | Err(ErrorKind::WouldBlock)) {
                        break;
                    }
                    tokio::time::sleep(MS).await;
                }
            };
            soon("a fault", ended).await;
        }
        peers.relay.calm();
        assert_eq!((peers.relay.faults(), peers.relay.view().chaos_seed), (Faults::default(), None));
        let struck = peers.relay.counts().cut;
        assert!(struck >= 5, "{struck}");
        let (mut near, mut far) = peers.pair().await;
        near.send(b"calm").await;
        far.expect(b"calm").await;
    });
}
