use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn start() -> Instant {
    edgebind_kernel::clock::now()
}

/// Lets everything out and says what came when, in milliseconds since `begin`.
fn drain(flow: &mut Flow, begin: Instant, faults: &WayFaults) -> Vec<(u128, Vec<u8>)> {
    let (mut now, mut out) = (begin, Vec::new());
    loop {
        match flow.step(now, faults) {
            Step::Write(n) => {
                out.push(((now - begin).as_millis(), flow.front()[..n].to_vec()));
                flow.written(now, n, faults);
            }
            Step::Wait(at) => {
                assert!(at > now, "a wait leads forward");
                now = at;
            }
            Step::Finish => {
                out.push(((now - begin).as_millis(), b"<end>".to_vec()));
                flow.finished();
            }
            Step::Idle | Step::Cut(_) => return out,
        }
    }
}

#[test]
fn a_good_network_passes_everything_at_once() {
    let (mut flow, now, faults) = (Flow::default(), start(), WayFaults::default());
    flow.arrived(now, Bytes::from_static(b"hello"), &faults, 0.9);
    flow.ended(now, &faults, Duration::ZERO);
    assert_eq!(drain(&mut flow, now, &faults), [(0, b"hello".to_vec()), (0, b"<end>".to_vec())]);
    assert!(flow.is_finished());
    assert_eq!(flow.passed(), 5);
}

#[test]
fn latency_holds_every_byte_and_the_end_behind_them() {
    let (mut flow, now) = (Flow::default(), start());
    let faults = WayFaults::late(20 * MS, Duration::ZERO);
    flow.arrived(now, Bytes::from_static(b"a"), &faults, 0.0);
    flow.arrived(now + 5 * MS, Bytes::from_static(b"b"), &faults, 0.0);
    flow.ended(now + 5 * MS, &faults, 10 * MS);
    let expected = [(20, b"a".to_vec()), (25, b"b".to_vec()), (35, b"<end>".to_vec())];
    assert_eq!(drain(&mut flow, now, &faults), expected);
}

#[test]
fn pieces_come_with_a_rest_between_them() {
    let (mut flow, now, faults) = (Flow::default(), start(), WayFaults::in_pieces(1, 3 * MS));
    flow.arrived(now, Bytes::from_static(b"abc"), &faults, 0.0);
    let expected = [(0, b"a".to_vec()), (3, b"b".to_vec()), (6, b"c".to_vec())];
    assert_eq!(drain(&mut flow, now, &faults), expected);
}

#[test]
fn a_narrow_way_keeps_its_rate() {
    let (mut flow, now, faults) = (Flow::default(), start(), WayFaults::narrow(10_000));
    flow.arrived(now, Bytes::from(vec![0; 10_000]), &faults, 0.0);
    let out = drain(&mut flow, now, &faults);
    assert!(out.iter().all(|(_, piece)| piece.len() == 200));
    assert_eq!(out.last().unwrap().0, 980);
}

#[test]
fn a_stall_holds_what_is_under_way_and_reads_no_more() {
    let (mut flow, now, good) = (Flow::default(), start(), WayFaults::default());
    flow.arrived(now, Bytes::from_static(b"a"), &good, 0.0);
    assert_eq!(flow.step(now, &WayFaults::stalled()), Step::Idle);
    assert!(!flow.wants(&WayFaults::stalled()));
    flow.frozen = true;
    assert_eq!((flow.step(now, &good), flow.wants(&good)), (Step::Idle, false));
    flow.frozen = false;
    assert_eq!((flow.step(now, &good), flow.wants(&good)), (Step::Write(1), true));
}

#[test]
fn a_cut_in_mid_frame_lets_exactly_so_many_bytes_pass_and_no_stall_hides_it() {
    let (mut flow, now, faults) = (Flow::default(), start(), WayFaults::default());
    flow.cut_after(3, Cut::Reset);
    flow.arrived(now, Bytes::from_static(b"abcdef"), &faults, 0.0);
    assert_eq!(drain(&mut flow, now, &faults), [(0, b"abc".to_vec())]);
    assert_eq!(flow.step(now, &WayFaults::stalled()), Step::Cut(Cut::Reset));
}

#[test]
fn a_full_direction_is_not_read() {
    let (mut flow, now) = (Flow::default(), start());
    let faults = WayFaults::late(MS, Duration::ZERO);
    flow.arrived(now, Bytes::from(vec![0; Flow::ROOM]), &faults, 0.0);
    assert!(!flow.wants(&faults));
    flow.written(now + MS, 1, &faults);
    assert!(flow.wants(&faults));
}

proptest! {
    #[test]
    fn whatever_the_faults_the_bytes_come_whole_in_order_and_never_early(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..50), 0u64..30, 0.0f64..1.0), 0..20),
        latency in 0u64..50, jitter in 0u64..50, pause in 0u64..5,
        piece_bytes in prop::option::of(1usize..20), bytes_per_s in prop::option::of(100u64..100_000),
    ) {
        let begin = start();
        let faults = WayFaults {
            latency: Duration::from_millis(latency), jitter: Duration::from_millis(jitter),
            pause: Duration::from_millis(pause), piece_bytes, bytes_per_s, stalled: false,
        };
        let (mut flow, mut now, mut sent) = (Flow::default(), begin, Vec::<u8>::new());
        for (bytes, after, chance) in pieces {
            now += Duration::from_millis(after);
            sent.extend(&bytes);
            flow.arrived(now, Bytes::from(bytes), &faults, chance);
        }
        flow.ended(now, &faults, Duration::ZERO);
        let out = drain(&mut flow, begin, &faults);
        let received: Vec<u8> = out.iter().take(out.len() - 1).flat_map(|(_, piece)| piece.clone()).collect();
        prop_assert_eq!(received, sent);
        prop_assert_eq!(&out.last().unwrap().1, b"<end>");
        prop_assert!(out.first().unwrap().0 >= u128::from(latency));
        prop_assert!(out.is_sorted_by_key(|(at, _)| *at));
    }
}
