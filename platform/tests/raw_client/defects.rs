//! Forms that the reference client sends and a platform has to live with (protocol notes, section 14).

use serde_json::json;

use crate::{session::Edge, stage::Stage};

const MODEL: &str = r#"{"things": [
    {"name": "SteamSensor", "services": [{"name": "Table", "output": {"baseType": "INFOTABLE"}}]},
    {"name": "T", "properties": [{"name": "p", "baseType": "STRING"}, {"name": "q", "baseType": "STRING"}]}
]}"#;

/// `PUT` of `bbb..` (300) to `T.p`, request 29.
const WRITE: &str = "put_string_300";

#[test]
fn a_lost_reason_with_its_padding_is_a_refusal_like_any_other() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);
    let call = stage.rest_later("POST", "SteamSensor/Services/Table", "{}");
    edge.expect("01 03 {call} ..");
    edge.answer_vector("call", "refclient_resp_error_with_reason_padding");
    assert_eq!(call.join().unwrap().0, 400);
}

#[test]
fn a_surplus_byte_behind_a_row_with_nothing_in_it_is_ignored() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);
    let call = stage.rest_later("POST", "SteamSensor/Services/Table", "{}");
    edge.expect("01 03 {call} ..");
    edge.answer_vector("call", "refclient_resp_row_with_null_padding");
    let (status, table) = call.join().unwrap();
    assert_eq!((status, &table["rows"][0]["a"]), (200, &json!(2)));
    assert!(table["rows"][0]["b"].is_null(), "{table}");
}

#[test]
fn a_request_in_two_messages_without_a_marker_is_one_request() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    let whole = edge.of_session(WRITE);
    let (first, rest) = whole.split_at(whole.len() - 9);
    edge.socket.send(first);
    edge.socket.send(&[&whole[..15], rest].concat());
    edge.expect("01 40 0000001D 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("T", "p"), "b".repeat(300));
}

#[test]
fn a_bare_header_behind_its_whole_request_is_dropped() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    let whole = edge.of_session(WRITE);
    edge.socket.send(&whole);
    edge.socket.send(&whole[..15]);
    edge.expect("01 40 0000001D 00000000 {session} 00  00 FF");
    // What comes next is the answer to what was sent next: the bare header had none.
    edge.send("01 02 00000040 00000000 {session} 00  0A 01 'T' 01 01 'q' 00  05 01 01 'q' 00 00 0000 00 01 0001 00 01 'x' 00");
    edge.expect("01 40 00000040 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("T", "q"), "x");
}

#[test]
fn a_request_that_ends_too_early_is_answered_with_bad_request() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    let whole = edge.of_session(WRITE);
    edge.socket.send(&whole[..whole.len() - 3]);
    edge.expect("01 80 0000001D 00000000 {session} 00  01 ..");
    edge.socket.send(&whole);
    edge.expect("01 40 0000001D 00000000 {session} 00  00 FF");
}

#[test]
fn long_names_in_their_long_form_and_short_ones_in_the_same_are_read() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    edge.send("01 01 00000050 00000000 {session} 00  0A 80000001 'T' 01 80000001 'p' 00 FF");
    edge.expect("01 40 00000050 00000000 {session} 00  ..");
    // A header pair in a request is skipped.
    edge.send("01 01 00000051 00000000 {session} 00  0A 01 'T' 01 01 'p' 01 01 'h' 01 'v' FF");
    edge.expect("01 40 00000051 00000000 {session} 00  ..");
}
