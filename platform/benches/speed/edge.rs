//! An edge that costs next to nothing: frames made beforehand, answers counted.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use edgebind_alwayson::{
    Auth, BaseType, Bind, Body, Characteristic, Content, Field, InfoTable, Message, Method, Request, Value,
    encode,
};

use crate::{http::head, stage::KEY};

pub(crate) struct Edge {
    tcp: TcpStream,
    session_id: u32,
    next_id: u32,
    buffer: Vec<u8>,
    filled: usize,
}

impl Edge {
    /// An edge that has bound `names` and told the platform so.
    pub(crate) fn bound(address: SocketAddr, names: &[String]) -> Self {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let upgrade = "GET /Thingworx/WS HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nHost: localhost\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        tcp.write_all(upgrade.as_bytes()).unwrap();
        assert!(head(&mut tcp).starts_with("HTTP/1.1 101"));
        let mut edge = Self { tcp, session_id: u32::MAX, next_id: 1, buffer: vec![0; 256 << 10], filled: 0 };
        edge.send(Body::Auth(Auth::app_key(KEY)));
        edge.session_id = edge.message(|message| u32::from_be_bytes(message[10..14].try_into().unwrap()));
        for names in names.chunks(300) {
            edge.send(Body::Bind(Bind { unbind: false, gateway: None, names: names.to_vec() }));
            edge.message(|answer| assert_eq!(answer[1], 0x40, "{}", String::from_utf8_lossy(answer)));
            for _ in names {
                // Each notification is answered with its own id.
                let mut answer = edge.message(|request| request[..15].to_vec());
                answer[1] = 0x40;
                answer.extend([0, 0xFF]);
                edge.tcp.write_all(&framed(&answer)).unwrap();
            }
        }
        edge
    }

    /// Keeps `window` pushes unanswered until `go_on` says no; returns how many were answered.
    pub(crate) fn push(&mut self, push: &mut Push, window: usize, go_on: &mut dyn FnMut() -> bool) -> u64 {
        let (mut open, mut answered) = (0, 0);
        while go_on() {
            self.begin(push, window - open);
            open = window;
            let taken = self.answers();
            open -= taken;
            answered += taken as u64;
        }
        while open > 0 {
            let taken = self.answers();
            open -= taken;
            answered += taken as u64;
        }
        answered
    }

    /// Sends `count` pushes in one write.
    pub(crate) fn begin(&mut self, push: &mut Push, count: usize) {
        self.tcp.write_all(push.batch(count, self.session_id, &mut self.next_id)).unwrap();
    }

    /// Waits for answers and takes all that are there.
    pub(crate) fn answers(&mut self) -> usize {
        let mut taken = 0;
        loop {
            while let Some((begin, end)) = self.frame() {
                assert_eq!(
                    self.buffer[begin + 1],
                    0x40,
                    "{}",
                    String::from_utf8_lossy(&self.buffer[begin..end])
                );
                self.consume(end);
                taken += 1;
            }
            if taken > 0 {
                return taken;
            }
            self.fill();
        }
    }

    fn message<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> T {
        loop {
            if let Some((begin, end)) = self.frame() {
                let result = read(&self.buffer[begin..end]);
                self.consume(end);
                return result;
            }
            self.fill();
        }
    }

    /// Where the payload of the first whole frame in the buffer begins and ends.
    fn frame(&self) -> Option<(usize, usize)> {
        let bytes = &self.buffer[..self.filled];
        let (begin, length) = match *bytes.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
            short => (2, usize::from(short)),
        };
        (bytes.len() >= begin + length).then_some((begin, begin + length))
    }

    fn consume(&mut self, end: usize) {
        self.buffer.copy_within(end..self.filled, 0);
        self.filled -= end;
    }

    fn fill(&mut self) {
        let read = self.tcp.read(&mut self.buffer[self.filled..]).unwrap();
        assert!(read > 0, "the platform ended the connection");
        self.filled += read;
    }

    fn send(&mut self, body: Body) {
        let message = Message { request_id: self.next_id, endpoint_id: 0, session_id: self.session_id, body };
        self.next_id += 1;
        self.tcp.write_all(&framed(&encode(&message).unwrap())).unwrap();
    }
}

/// The frames of one kind of push, over and over.
pub(crate) struct Push {
    one: Vec<u8>,
    message_at: usize,
    batch: Vec<u8>,
}

impl Push {
    /// A push of the first `values` properties of `thing`, all with `value`.
    pub(crate) fn new(thing: &str, values: usize, value: f64) -> Self {
        let mut table = InfoTable::new(vec![
            Field::new("name", BaseType::String),
            Field::new("value", BaseType::Variant),
            Field::new("time", BaseType::Datetime),
            Field::new("quality", BaseType::String),
        ]);
        for number in 0..values {
            table.rows.push(vec![
                Value::string(format!("value-{number}")),
                Value::variant(Value::Number(value)),
                Value::Datetime(1_500_000_000_000),
                Value::string("GOOD"),
            ]);
        }
        let params = Content::Table(InfoTable::single("values", Value::table(table)));
        let service = "UpdateSubscribedPropertyValues";
        let request = Request::thing(Method::Post, thing, Characteristic::Services, service, params);
        let message = Message { request_id: 0, endpoint_id: 0, session_id: 0, body: Body::Request(request) };
        let message = encode(&message).unwrap();
        assert!(message.len() < 8172, "{} bytes are no whole message", message.len());
        let one = framed(&message);
        Self { message_at: one.len() - message.len(), one, batch: Vec::new() }
    }

    /// Bytes of one frame.
    pub(crate) const fn bytes(&self) -> usize {
        self.one.len()
    }

    fn batch(&mut self, count: usize, session_id: u32, next_id: &mut u32) -> &[u8] {
        self.batch.clear();
        for _ in 0..count {
            let at = self.batch.len() + self.message_at;
            self.batch.extend(&self.one);
            self.batch[at + 2..at + 6].copy_from_slice(&next_id.to_be_bytes());
            self.batch[at + 10..at + 14].copy_from_slice(&session_id.to_be_bytes());
            *next_id = next_id.wrapping_add(1);
        }
        &self.batch
    }
}

/// A binary frame of a client, masked with the key 0 as the reference client does.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x82];
    match u8::try_from(message.len()) {
        Ok(short @ 0..=125) => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(message);
    frame
}
