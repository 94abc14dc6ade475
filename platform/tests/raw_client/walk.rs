//! From the connection to its end, as the reference client goes (protocol notes, sections 7 to 10).

use serde_json::json;

use crate::{
    pattern::vector,
    session::Edge,
    socket::{BINARY, CLOSE, Frame, Mask, PING, PONG},
    stage::Stage,
};

const MODEL: &str = r#"{"things": [
    {"name": "SteamSensor",
     "properties": [
        {"name": "Temperature", "baseType": "NUMBER", "value": 20,
         "remote": {"pushType": "VALUE", "pushThreshold": 0.5, "cacheTime": -1}},
        {"name": "TemperatureLimit", "baseType": "NUMBER", "remote": {"pushType": "ALWAYS"}},
        {"name": "Level", "baseType": "INTEGER", "value": 7}],
     "services": [
        {"name": "Add", "remoteName": "AddNumbers", "output": {"baseType": "NUMBER"},
         "inputs": [{"name": "a", "baseType": "NUMBER"}, {"name": "b", "baseType": "NUMBER"}]}]},
    {"name": "Thing1"}, {"name": "Thérmomètre"}, {"name": "Hidden", "identifier": "identifier-42"},
    {"name": "SrvThing", "properties": [
        {"name": "num", "baseType": "NUMBER"}, {"name": "str", "baseType": "STRING", "value": "text"}]}
]}"#;

#[test]
fn a_thing_is_connected_read_written_called_and_disconnected() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    // Between AUTH and BIND requests are served: stored messages travel there (section 12.2).
    edge.send_vector("get_property");
    edge.expect(
        "01 40 00000009 00000000 {session} 00  00
         05 01 0B 'Temperature' 00 01 0000 00  01 0001 01 4034000000000000 00",
    );
    assert_eq!(stage.property("SteamSensor", "isConnected"), false);

    edge.send_vector("bind_one");
    edge.expect("01 40 00000003 00000000 {session} 00  00 FF");
    edge.expect(
        "01 03 {notification} 00000000 {session} 00  0A 0B 'SteamSensor' 02 14 'NotifyPropertyUpdate' 00 FF",
    );
    edge.send("01 40 {notification} 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("SteamSensor", "isConnected"), true);
    assert!(stage.property("SteamSensor", "lastConnection").as_i64().unwrap() > 1_700_000_000_000);

    edge.send_vector("post_getpropertysubscriptions");
    edge.expect(
        "01 40 00000052 00000000 {session} 00  00
         05 01 08 'edgeName' 00 00 0000  01 08 'pushType' 00 00 0000  01 0D 'pushThreshold' 00 01 0000  00
         01 0003 00 0B 'Temperature' 00 05 'VALUE' 01 3FE0000000000000
         01 0003 00 10 'TemperatureLimit' 00 06 'ALWAYS' 01 0000000000000000  00",
    );

    edge.send_vector("post_update_vtq_one");
    edge.expect("01 40 00000053 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("SteamSensor", "Temperature"), 401.25);

    edge.send_vector("put_number");
    edge.expect("01 40 0000000C 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("SteamSensor", "Temperature"), -12.5);

    edge.send_vector("post_event");
    edge.expect("01 40 00000050 00000000 {session} 00  00 FF");

    // A value the model does not know, read in the type it has.
    edge.send("01 01 00000064 00000000 {session} 00  0A 0B 'SteamSensor' 01 05 'Level' 00 FF");
    edge.expect(
        "01 40 00000064 00000000 {session} 00  00  05 01 05 'Level' 00 16 0000 00  01 0001 16 00000007 00",
    );

    edge.send_vector("unbind_one");
    edge.expect("01 40 00000007 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("SteamSensor", "isConnected"), false);
    edge.socket.send_frame(true, CLOSE, b"\x03\xE8Normal Close bye");
    assert_eq!(edge.socket.closed().0, 1000);
}

#[test]
fn requests_of_the_platform_are_the_bytes_that_edges_know() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);

    let add = stage.rest_later("POST", "SteamSensor/Services/Add", r#"{"a": 2, "b": 40.5}"#);
    edge.expect(
        "01 03 {call} 00000000 {session} 00  0A 0B 'SteamSensor' 02 0A 'AddNumbers' 00
         05 01 01 'a' 00 01 0000  01 01 'b' 00 01 0000  00
         01 0002 01 4000000000000000 01 4044400000000000  00",
    );
    edge.send("01 40 {call} 00000000 {session} 00  00  05 01 06 'result' 00 01 0000 00  01 0001 01 4045400000000000 00");
    let (status, table) = add.join().unwrap();
    assert_eq!((status, &table["rows"]), (200, &json!([{ "result": 42.5 }])));

    let read = stage.rest_later("GET", "SteamSensor/Properties/TemperatureLimit", "");
    edge.expect("01 01 {read} 00000000 {session} 00  0A 0B 'SteamSensor' 01 10 'TemperatureLimit' 00 FF");
    edge.send(
        "01 40 {read} 00000000 {session} 00  00
         05 01 10 'TemperatureLimit' 00 01 0000 00  01 0001 01 4074000000000000 00",
    );
    let (status, table) = read.join().unwrap();
    assert_eq!((status, &table["rows"]), (200, &json!([{ "TemperatureLimit": 320 }])));

    let write =
        stage.rest_later("PUT", "SteamSensor/Properties/TemperatureLimit", r#"{"TemperatureLimit": 330}"#);
    edge.expect(
        "01 02 {write} 00000000 {session} 00  0A 0B 'SteamSensor' 01 10 'TemperatureLimit' 00
         05 01 10 'TemperatureLimit' 00 01 0000 00  01 0001 01 4074A00000000000 00",
    );
    edge.send("01 83 {write} 00000000 {session} 00  01 0B '330>allowed' FF");
    let (status, text) = write.join().unwrap();
    assert_eq!(status, 403);
    assert!(text.as_str().unwrap().contains("330>allowed"), "{text}");

    // Bytes behind the content are ignored.
    let again = stage.rest_later("POST", "SteamSensor/Services/Add", r#"{"a": 1, "b": 1}"#);
    edge.expect("01 03 {again} ..");
    edge.send("01 41 {again} 00000000 {session} 00  00 FF 'junk'");
    assert_eq!(again.join().unwrap().0, 200);
}

#[test]
fn several_names_in_one_bind_are_told_one_by_one_as_they_were_bound() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    edge.send_vector("bind_three");
    edge.expect("01 40 00000004 00000000 {session} 00  00 FF");
    let told: Vec<_> = (0..3).map(|_| edge.socket.message()).collect();
    let names = ["06 'Thing1'", "0E '*identifier-42'", "0D 'Thérmomètre'"];
    for (at, name) in names.into_iter().enumerate() {
        let pattern = format!(
            "01 03 {{told{at}}} 00000000 {{session}} 00  0A {name} 02 14 'NotifyPropertyUpdate' 00 FF"
        );
        edge.known.assert(&pattern, &told[at]);
    }
    assert_eq!(stage.property("Hidden", "isConnected"), true);
    // The loss of the connection unbinds them all.
    drop(edge);
    for thing in ["Thing1", "Hidden"] {
        stage.wait_connected(thing, false);
    }
}

#[test]
fn refusals_have_a_code_and_a_reason_and_the_connection_goes_on() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::connect(&stage);
    edge.socket.send(&vector("auth_no_claims"));
    edge.expect("01 81 00000001 00000000 00000000 00  01 ..");
    edge.authenticate();
    edge.send("01 0A 00000010 00000000 {session} 00  00 0001 04 'Nope'");
    edge.expect("01 84 00000010 00000000 {session} 00  01 ..");
    edge.send("01 01 00000011 00000000 {session} 00  0A 08 'SrvThing' 01 04 'nope' 00 FF");
    edge.expect("01 84 00000011 00000000 {session} 00  01 ..");
    // A base type that does not exist: unsupported content format (section 4.2).
    edge.send("01 02 00000012 00000000 {session} 00  0A 08 'SrvThing' 01 03 'num' 00  05 01 03 'num' 00 01 0000 00 01 0001 63 00");
    edge.expect("01 8F 00000012 00000000 {session} 00  01 ..");
    // A code without a meaning is dropped; the next request is answered.
    edge.send("01 1F 00000013 00000000 {session} 00");
    edge.send("01 01 00000014 00000000 {session} 00  0A 08 'SrvThing' 01 03 'str' 00 FF");
    edge.expect(
        "01 40 00000014 00000000 {session} 00  00  05 01 03 'str' 00 00 0000 00  01 0001 00 04 'text' 00",
    );
}

#[test]
fn the_json_of_a_relayed_request_is_understood_as_the_ems_sends_it() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::authenticated(&stage);
    edge.send_vector("ems_put_content");
    edge.expect("01 40 00000010 00000000 {session} 00  00 FF");
    assert_eq!(stage.property("SrvThing", "num"), 42.25);
    edge.send_vector("ems_event_content");
    edge.expect("01 40 00000013 00000000 {session} 00  00 FF");
    edge.send_vector("ems_get_property");
    edge.expect(
        "01 40 0000000B 00000000 {session} 00  00  05 01 03 'str' 00 00 0000 00  01 0001 00 04 'text' 00",
    );
    edge.send_vector("ems_put_many_content");
    edge.expect("01 ?? 00000011 00000000 {session} 00  ..");
}

#[test]
fn endpoint_ids_come_back_and_auth_may_be_repeated() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::bound(&stage);
    edge.socket.send(&vector("auth_endpoint_ones"));
    // The vector's request id, which may be 0, and its endpoint id; the newest session id counts (section 3.2).
    edge.expect("01 40 00000000 FFFFFFFF {newer} 00  00 FF");
    assert_ne!(edge.known.number("newer"), edge.known.number("session"));
    edge.send("01 01 00000020 0000004D {newer} 00  0A 0B 'SteamSensor' 01 05 'Level' 00 FF");
    edge.expect("01 40 00000020 0000004D {newer} 00  ..");
    assert_eq!(stage.property("SteamSensor", "isConnected"), true, "AUTH leaves bindings as they are");
}

#[test]
fn a_ping_is_answered_with_its_payload_even_between_fragments() {
    let stage = Stage::new(MODEL);
    let mut edge = Edge::connect_with(&stage, 8192, Mask::Key([0x5A, 0x01, 0xFF, 0x80]));
    edge.authenticate();
    edge.socket.send_frame(true, PING, b"23:15:40");
    assert_eq!(
        edge.socket.frame(),
        Some(Frame { is_last: true, opcode: PONG, payload: b"23:15:40".to_vec() })
    );
    let message = edge.of_session("get_property");
    edge.socket.send_frame(false, BINARY, &message[..20]);
    edge.socket.send_frame(true, PING, b"1");
    edge.socket.send_frame(true, 0, &message[20..]);
    assert_eq!(edge.socket.frame(), Some(Frame { is_last: true, opcode: PONG, payload: b"1".to_vec() }));
    edge.expect("01 40 00000009 00000000 {session} 00  ..");
}

#[test]
fn a_first_message_that_is_not_auth_closes_with_1008() {
    let stage = Stage::new(MODEL);
    for first in ["bind_one", "get_property", "keep_alive", "resp_success_nothing"] {
        let mut edge = Edge::connect(&stage);
        edge.socket.send(&vector(first));
        let (status, text) = edge.socket.closed();
        assert_eq!(status, 1008, "{first}: {text}");
    }
    assert_eq!(stage.property("SteamSensor", "isConnected"), false);
}

#[test]
fn a_connection_that_says_nothing_and_goes_is_forgotten() {
    let stage = Stage::new(MODEL);
    drop(std::net::TcpStream::connect(stage.address).unwrap());
    let mut edge = Edge::bound(&stage);
    edge.send_vector("get_property");
    edge.expect("01 40 00000009 ..");
}
