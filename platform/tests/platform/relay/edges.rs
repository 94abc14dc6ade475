//! Faults between an edge and the platform: what each side makes of them.

use std::time::Duration;

use awc::ws;
use edgebind_alwayson::{Code, Response, Value};
use edgebind_kernel::clock;
use edgebind_platform::{
    Platform,
    relay::{Admission, Cut, Faults, Relay, Way, WayFaults, Which},
};

use super::peers::ANY;
use crate::support::{Edge, on_actix, platform, rest, settings, soon, until};

const MODEL: &str = r#"{"things": [{"name": "Pump", "properties": [
    {"name": "speed", "baseType": "NUMBER", "remote": {"name": "speed"}}
]}]}"#;

const MS: Duration = Duration::from_millis(1);

/// A platform, a relay in front of it, and an edge behind that which has bound `Pump`.
async fn stage() -> (Platform, Relay, Edge) {
    let platform = platform(MODEL).await;
    let relay = Relay::start(ANY, platform.address()).unwrap();
    let edge = Edge::bound_at(relay.address(), &["Pump"]).await;
    (platform, relay, edge)
}

fn speed(platform: &Platform) -> Value {
    let thing = platform.thing("Pump").unwrap();
    let speed = thing.properties.iter().find(|property| property.name == "speed").unwrap();
    speed.value.clone()
}

fn unbound(platform: &Platform) -> impl FnMut() -> Option<()> {
    || platform.thing("Pump").filter(|thing| !thing.connected).map(drop)
}

async fn push(edge: &mut Edge, speed: f64) -> Response {
    edge.push("Pump", &[("speed", Value::Number(speed), 1_500_000_000_000, "GOOD")]).await
}

#[test]
fn a_cut_unbinds_at_once_and_the_edge_may_come_back_through_the_same_relay() {
    on_actix(async {
        let (platform, relay, mut edge) = stage().await;
        for how in [Cut::Reset, Cut::Finish] {
            assert_eq!(push(&mut edge, 1.0).await.code, Code::SUCCESS);
            relay.cut(Which::All, how);
            until("the unbind", unbound(&platform)).await;
            assert!(edge.frame().await.is_none(), "the edge sees the end");
            edge = Edge::bound_at(relay.address(), &["Pump"]).await;
        }
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn half_open_keeps_the_thing_bound_until_the_idle_limit_and_first_in_wins_refuses_the_next_till_then() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.idle_limit = Duration::from_millis(700);
        let platform = edgebind_platform::start(settings).await.unwrap();
        let relay = Relay::start(ANY, platform.address()).unwrap();
        let _old = Edge::bound_at(relay.address(), &["Pump"]).await;
        relay.half_open(Which::All, Way::Both);
        let mut new = Edge::connect_to(relay.address(), 8192).await;
        new.authenticate().await;
        assert_eq!(new.bind(&["Pump"]).await.code, Code::PRECONDITION_FAILED);
        let again = async {
            while new.bind(&["Pump"]).await.code != Code::SUCCESS {
                tokio::time::sleep(20 * MS).await;
            }
        };
        soon("the old binding to end", again).await;
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_push_that_is_cut_in_mid_frame_changes_nothing() {
    on_actix(async {
        let (platform, relay, mut edge) = stage().await;
        assert_eq!(push(&mut edge, 1.0).await.code, Code::SUCCESS);
        relay.cut_after(Which::All, Way::Up, 40, Cut::Reset);
        let push = crate::support::pushed(&[("speed", Value::Number(2.0), 0, "GOOD")]);
        let request = edgebind_alwayson::Request::thing(
            edgebind_alwayson::Method::Post,
            "Pump",
            edgebind_alwayson::Characteristic::Services,
            "UpdateSubscribedPropertyValues",
            push,
        );
        edge.send(500, edgebind_alwayson::Body::Request(request)).await;
        until("the unbind", unbound(&platform)).await;
        assert_eq!(speed(&platform), Value::Number(1.0));
        assert_eq!(platform.counts().violations, 0);
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_whole_session_goes_through_a_byte_at_a_time() {
    on_actix(async {
        let platform = platform(MODEL).await;
        let relay = Relay::start(ANY, platform.address()).unwrap();
        relay.set_faults(Faults::on(Way::Both, WayFaults::in_pieces(1, Duration::ZERO))).unwrap();
        let mut edge = Edge::bound_at(relay.address(), &["Pump"]).await;
        assert_eq!(push(&mut edge, 3.5).await.code, Code::SUCCESS);
        assert_eq!(speed(&platform), Value::Number(3.5));
        edge.send_frame(ws::Message::Ping("12:34:56".into())).await;
        assert!(matches!(edge.frame().await, Some(ws::Frame::Pong(payload)) if payload == "12:34:56"));
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn latency_and_a_narrow_way_only_make_it_late() {
    on_actix(async {
        let (platform, relay, mut edge) = stage().await;
        relay.set_faults(Faults::on(Way::Both, WayFaults::late(50 * MS, 10 * MS))).unwrap();
        let sent = clock::now();
        assert_eq!(push(&mut edge, 4.0).await.code, Code::SUCCESS);
        assert!(clock::now() - sent >= 100 * MS);
        // The push has at least 100 bytes.
        relay.set_faults(Faults::on(Way::Up, WayFaults::narrow(1000))).unwrap();
        let sent = clock::now();
        assert_eq!(push(&mut edge, 5.0).await.code, Code::SUCCESS);
        assert!(clock::now() - sent >= 80 * MS);
        assert_eq!(speed(&platform), Value::Number(5.0));
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_stalled_way_to_the_edge_is_a_gateway_timeout_for_the_caller() {
    on_actix(async {
        let mut settings = settings(MODEL);
        settings.request_timeout = Duration::from_millis(200);
        let platform = edgebind_platform::start(settings).await.unwrap();
        let relay = Relay::start(ANY, platform.address()).unwrap();
        let _edge = Edge::bound_at(relay.address(), &["Pump"]).await;
        relay.set_faults(Faults::on(Way::Down, WayFaults::stalled())).unwrap();
        let (status, text) = rest(&platform, "GET", "/Thingworx/Things/Pump/Properties/speed", "").await;
        assert_eq!(status.as_u16(), 504, "{text}");
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_slow_close_leaves_the_thing_bound_for_that_time() {
    on_actix(async {
        let (platform, relay, edge) = stage().await;
        relay.set_faults(Faults { close_delay: 200 * MS, ..Faults::default() }).unwrap();
        let ended = clock::now();
        drop(edge);
        until("the unbind", unbound(&platform)).await;
        assert!(clock::now() - ended >= 200 * MS);
        platform.stop(Duration::from_secs(2)).await;
    });
}

#[test]
fn a_platform_that_refuses_or_hangs_connects_nobody() {
    on_actix(async {
        let (platform, relay, _edge) = stage().await;
        let upgrade = || {
            let url = format!("http://{}/Thingworx/WS", relay.address());
            async move { awc::Client::default().ws(url).connect().await.map(drop) }
        };
        relay.set_faults(Faults::admitting(Admission::Hang)).unwrap();
        // Whether it hangs for ever no test can say; that it reached nobody the platform can.
        assert!(tokio::time::timeout(150 * MS, upgrade()).await.is_err(), "it was answered");
        assert_eq!(platform.counts().connections, 1);
        relay.set_faults(Faults::admitting(Admission::Reset)).unwrap();
        assert!(soon("the reset", upgrade()).await.is_err());
        relay.heal();
        soon("the upgrade", upgrade()).await.unwrap();
        platform.stop(Duration::from_secs(2)).await;
    });
}
