//! Messages in chunks, both ways (protocol notes, section 6), and the limit of frames.

use serde_json::json;

use crate::{session::Edge, socket::Mask, stage::Stage};

const MODEL: &str = r#"{"things": [
    {"name": "SteamSensor", "services": [
        {"name": "Long", "output": {"baseType": "STRING"}, "inputs": [{"name": "text", "baseType": "STRING"}]}]},
    {"name": "Thing1", "properties": [{"name": "p", "baseType": "STRING"}]}
]}"#;

#[test]
fn a_write_in_chunks_is_put_together_in_any_order() {
    for order in [[1, 2, 3, 4], [4, 3, 2, 1]] {
        let stage = Stage::new(MODEL);
        let mut edge = Edge::authenticated(&stage);
        for chunk in order {
            edge.send_vector(&format!("multipart_request#{chunk}"));
        }
        edge.expect("01 40 0000006C 00000000 {session} 00  00 FF");
        assert_eq!(stage.property("Thing1", "p"), "c".repeat(300));
    }
}

#[test]
fn a_bind_in_chunks_binds_every_name() {
    let names: Vec<_> = (0..40).map(|number| json!({ "name": format!("n{number:03}") })).collect();
    let stage = Stage::new(&json!({ "things": names }).to_string());
    let mut edge = Edge::authenticated(&stage);
    edge.send_vector("multipart_bind#1");
    edge.send_vector("multipart_bind#2");
    edge.expect("01 40 00000070 00000000 {session} 00  00 FF");
    for number in 0..40 {
        let request = format!("notification{number}");
        edge.expect(&format!(
            "01 03 {{{request}}} 00000000 {{session}} 00  0A 04 'n{number:03}' 02 14 'NotifyPropertyUpdate' 00 FF"
        ));
        edge.send(&format!("01 40 {{{request}}} 00000000 {{session}} 00  00 FF"));
    }
    assert_eq!(stage.property("n039", "isConnected"), true);
}

#[test]
fn an_answer_of_the_edge_in_chunks_reaches_the_caller_whole() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);
    for (vectors, count, expected) in [
        ("multipart_response", 4, "d".repeat(300)),
        // The last chunk has no data (section 14.4).
        ("refclient_multipart_response_exact_multiple", 5, "f".repeat(404)),
    ] {
        let call = stage.rest_later("POST", "SteamSensor/Services/Long", r#"{"text": ""}"#);
        let request = format!("call-{vectors}");
        edge.expect(&format!("01 03 {{{request}}} .."));
        for chunk in 1..=count {
            edge.answer_vector(&request, &format!("{vectors}#{chunk}"));
        }
        let (status, table) = call.join().unwrap();
        assert_eq!(status, 200, "{table}");
        assert_eq!(table["rows"][0]["result"], expected);
    }
}

#[test]
fn a_long_answer_of_the_platform_comes_in_chunks_that_fit_the_frames_of_the_edge() {
    let stage = Stage::new(MODEL);
    let text: String = ('a'..='z').cycle().take(3000).collect();
    let (status, _) = stage.rest("PUT", "Thing1/Properties/p", &json!({ "p": text }).to_string());
    assert_eq!(status, 200);
    // The socket itself fails on a longer frame.
    let mut edge = Edge::connect_with(&stage, 1024, Mask::Zero);
    edge.authenticate();
    edge.send("01 01 00000030 00000000 {session} 00  0A 06 'Thing1' 01 01 'p' 00 FF");
    let body = chunks(&mut edge, "01 40 00000030", 1024, 0);
    let mut expected = edge.known.bytes("00  05 01 01 'p' 00 00 0000 00  01 0001 00 80000BB8");
    expected.extend(text.as_bytes());
    expected.push(0);
    assert_eq!(body, expected);
}

#[test]
fn a_long_request_of_the_platform_repeats_the_entity_in_every_chunk() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);
    let text: String = ('a'..='z').cycle().take(20_000).collect();
    let call = stage.rest_later("POST", "SteamSensor/Services/Long", &json!({ "text": text }).to_string());
    let entity = edge.known.bytes("0A 0B 'SteamSensor'");
    let body = chunks(&mut edge, "01 03 {call}", 8192, entity.len());
    let mut expected =
        edge.known.bytes("02 04 'Long' 00  05 01 04 'text' 00 00 0000 00  01 0001 00 80004E20");
    expected.extend(text.as_bytes());
    expected.push(0);
    assert_eq!(body, expected);
    edge.send(
        "01 40 {call} 00000000 {session} 00  00  05 01 06 'result' 00 00 0000 00  01 0001 00 02 'ok' 00",
    );
    assert_eq!(call.join().unwrap().1["rows"][0]["result"], "ok");
}

/// Reads all chunks of one message; returns what is behind chunk header and entity, joined.
fn chunks(edge: &mut Edge, front: &str, size: u16, entity_bytes: usize) -> Vec<u8> {
    let (mut body, mut number, mut count) = (Vec::new(), 1_u16, 1_u16);
    while number <= count {
        let message = edge.socket.message();
        let pattern = format!("{front} 00000000 {{session}} 01 {number:04X} ?? ?? {size:04X} ..");
        edge.known.assert(&pattern, &message);
        let announced = u16::from_be_bytes([message[17], message[18]]);
        assert!(number == 1 || announced == count, "the count of chunks changed");
        count = announced;
        assert!(message.len() <= usize::from(size), "a chunk of {} bytes", message.len());
        assert!(message.len() > 21 + entity_bytes, "an empty chunk");
        if entity_bytes > 0 {
            assert_eq!(message[21..21 + entity_bytes], edge.known.bytes("0A 0B 'SteamSensor'"));
        }
        body.extend(&message[21 + entity_bytes..]);
        number += 1;
    }
    assert!(count > 1, "it came whole");
    body
}
