//! A platform that does whatever a test wants on its side of the socket: frames are written byte for byte.

use std::{
    collections::BTreeSet,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::Instant,
};

use bytes::Bytes;
use edgebind_alwayson::{
    Body, Characteristic, Content, Incoming, Limits, Message, Method, Reassembler, ReassemblyLimits, Request,
    Response, decode, encode,
};

use edgebind_kernel::clock;

use crate::support::{SOON, wait_until};

/// Listens where the gateway looks for its platform.
pub(crate) struct FakePlatform {
    listener: TcpListener,
}

/// The connection of a gateway, upgraded to a WebSocket.
pub(crate) struct Connection {
    stream: Mutex<TcpStream>,
    buffer: Vec<u8>,
    next_request_id: u32,
    bound: BTreeSet<String>,
    chunks: Reassembler,
    /// No test needs a connection for longer.
    end: Instant,
}

/// A frame as it came, unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl FakePlatform {
    /// Listens at `port`.
    pub(crate) fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        listener.set_nonblocking(true).expect("a listener that can be asked");
        Self { listener }
    }

    /// Drops the connections that nobody has accepted: those of a gateway that was killed.
    pub(crate) fn forget_waiting(&self) {
        while self.listener.accept().is_ok() {}
    }

    /// Waits for a TCP connection of the gateway; nothing was read from it yet.
    pub(crate) fn tcp(&self) -> TcpStream {
        let stream =
            wait_until("the gateway connects", || self.listener.accept().ok().map(|(stream, _)| stream));
        stream.set_nonblocking(false).expect("a blocking stream");
        stream.set_nodelay(true).expect("a TCP stream");
        stream.set_read_timeout(Some(SOON)).expect("a TCP stream");
        stream.set_write_timeout(Some(SOON)).expect("a TCP stream");
        stream
    }

    /// Waits for the gateway and grants the upgrade.
    pub(crate) fn accept(&self) -> Connection {
        let mut stream = self.tcp();
        let head = read_head(&mut stream);
        let key = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().starts_with("sec-websocket-key:").then(|| line[18..].trim())
            })
            .unwrap_or_else(|| panic!("an upgrade: {head}"));
        let accept = actix_http::ws::hash_key(key.as_bytes());
        let accept = std::str::from_utf8(&accept).expect("base64");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).expect("the gateway reads");
        Connection {
            stream: Mutex::new(stream),
            buffer: Vec::new(),
            next_request_id: 1000,
            bound: BTreeSet::new(),
            chunks: Reassembler::new(ReassemblyLimits::default()),
            end: clock::now() + 2 * SOON,
        }
    }

    /// Waits for the gateway, grants everything, and answers when all of `names` are bound.
    pub(crate) fn welcome(&self, names: &[&str]) -> Connection {
        let mut connection = self.accept();
        connection.until_bound(names);
        connection
    }
}

impl Connection {
    /// Sends a whole message in one binary frame.
    pub(crate) fn send(&self, message: &Message) {
        self.send_binary(&encode(message).expect("a message that can be sent"));
    }

    pub(crate) fn send_binary(&self, payload: &[u8]) {
        self.send_frame(FIN | BINARY, payload);
    }

    /// Sends a frame with this first byte and a length as it is.
    pub(crate) fn send_frame(&self, first: u8, payload: &[u8]) {
        self.send_raw(&frame(first, payload)).expect("the gateway reads");
    }

    /// Sends bytes that need not be frames.
    pub(crate) fn send_raw(&self, bytes: &[u8]) -> io::Result<()> {
        self.stream.lock().unwrap().write_all(bytes)
    }

    /// The next frame; `None` at the end of the connection.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.take_frame() {
                assert!(clock::now() < self.end, "still waiting, the gateway sends {frame:?}");
                return Some(frame);
            }
            let mut chunk = [0; 16 * 1024];
            match self.stream.lock().unwrap().read(&mut chunk) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("waiting for a frame of the gateway: {error}"),
            }
        }
    }

    /// The next message; pings before it are answered. `None` at the end of the connection.
    pub(crate) fn message(&mut self) -> Option<Message> {
        loop {
            let Frame { opcode, payload } = self.frame()?;
            match opcode {
                BINARY => match decode(&Bytes::from(payload), &Limits::DEFAULT)
                    .expect("the gateway sends messages")
                {
                    Incoming::Message(message) => return Some(message),
                    Incoming::Chunk(chunk) => {
                        if let Some(whole) =
                            self.chunks.receive(clock::now(), chunk).expect("chunks that fit")
                        {
                            return Some(whole);
                        }
                    }
                },
                PING => self.send_frame(FIN | PONG, &payload),
                PONG => {}
                CLOSE => return None,
                other => panic!("a gateway sends no frame of type {other}"),
            }
        }
    }

    /// Grants whatever the gateway wants until it answers something.
    pub(crate) fn answer(&mut self) -> (u32, Response) {
        loop {
            let message = self.message().expect("the connection stands");
            match message.body {
                Body::Response(response) => return (message.request_id, response),
                _ => self.grant(&message),
            }
        }
    }

    /// Grants whatever the gateway wants until all of `names` are bound.
    pub(crate) fn until_bound(&mut self, names: &[&str]) {
        while !names.iter().all(|name| self.bound.contains(*name)) {
            let message = self.message().expect("the connection stands");
            self.grant(&message);
        }
    }

    /// Answers with success, and keeps what is bound.
    pub(crate) fn grant(&mut self, message: &Message) {
        if let Body::Bind(bind) = &message.body {
            for name in &bind.names {
                if bind.unbind {
                    self.bound.remove(name);
                } else {
                    self.bound.insert(name.clone());
                }
            }
        }
        if !matches!(message.body, Body::Response(_)) {
            self.respond(message, Response::success());
        }
    }

    pub(crate) fn respond(&self, message: &Message, response: Response) {
        let session_id = SESSION;
        self.send(&Message { session_id, body: Body::Response(response), ..message.clone() });
    }

    /// A request to a thing, ready to be sent, with an id of its own.
    pub(crate) fn request(&mut self, method: Method, thing: &str, of: Characteristic, name: &str) -> Message {
        self.next_request_id += 1;
        let request = Request::thing(method, thing, of, name, Content::Nothing);
        Message {
            request_id: self.next_request_id,
            endpoint_id: 0,
            session_id: SESSION,
            body: Body::Request(request),
        }
    }

    /// Calls a service and waits for its answer; answers to other requests are passed over.
    pub(crate) fn call(&mut self, thing: &str, service: &str) -> Response {
        let request = self.request(Method::Post, thing, Characteristic::Services, service);
        self.send(&request);
        self.answer_to(&request)
    }

    /// Reads a property and waits for the answer.
    pub(crate) fn read(&mut self, thing: &str, property: &str) -> Response {
        let request = self.request(Method::Get, thing, Characteristic::Properties, property);
        self.send(&request);
        self.answer_to(&request)
    }

    pub(crate) fn answer_to(&mut self, request: &Message) -> Response {
        loop {
            let (id, response) = self.answer();
            if id == request.request_id {
                return response;
            }
        }
    }

    /// Waits for the end of the connection; what the gateway says until then is not answered.
    pub(crate) fn ended(&mut self) {
        while self.frame().is_some() {}
    }

    fn take_frame(&mut self) -> Option<Frame> {
        let bytes = &self.buffer;
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        assert_eq!(second & 0x80, 0x80, "frames of a client are masked");
        let (length, mut at) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)), 4),
            127 => (u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?), 10),
            short => (u64::from(short), 2),
        };
        let mask: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
        at += 4;
        let end = at + usize::try_from(length).expect("a length");
        let payload =
            bytes.get(at..end)?.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.buffer.drain(..end);
        assert_eq!(first & 0xf0, FIN, "the gateway sends a message in one frame");
        Some(Frame { opcode: first & 0x0f, payload })
    }
}

/// A frame of a server.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(u8::try_from(short).unwrap()),
        medium @ 126..65536 => {
            bytes.push(126);
            bytes.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The head of a request.
pub(crate) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a request");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// Last frame of a message.
pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
const SESSION: u32 = 4711;
