//! The smallest WebSocket client that is one (RFC 6455): text of the upgrade, masked frames out, unmasked frames in.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How frames of the client are masked; the reference client's key is zero (protocol notes, section 2.5).
#[derive(Clone, Copy)]
pub(crate) enum Mask {
    Zero,
    Key([u8; 4]),
}

pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    mask: Mask,
    /// Longest payload of one frame that may come.
    limit: usize,
}

/// A frame as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) is_last: bool,
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

impl Socket {
    /// The upgrade of the reference client, word for word (section 2.2), with the key and the answer of RFC 6455, 1.3.
    pub(crate) fn connect(address: SocketAddr, limit: usize, mask: Mask) -> Self {
        let mut tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request = format!(
            "GET /Thingworx/WS HTTP/1.1\r\n\
             User-Agent: ThingWorx C SDK\r\n\
             Upgrade: websocket\r\n\
             Connection: Upgrade\r\n\
             Host: 127.0.0.1\r\n\
             Sec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n\
             Max-Frame-Size: {limit}\r\n\
             appKey: 00000000-aaaa-bbbb-cccc-000000000001\r\n\r\n"
        );
        tcp.write_all(request.as_bytes()).unwrap();
        let head = head(&mut tcp);
        let mut lines = head.split("\r\n");
        assert!(lines.next().unwrap().starts_with("HTTP/1.1 101"), "{head}");
        let header = |name: &str| {
            let of = |line: &str| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            };
            head.split("\r\n").find_map(of)
        };
        assert!(header("Upgrade").unwrap().eq_ignore_ascii_case("websocket"), "{head}");
        // A list is refused by the reference client (section 2.3).
        assert!(header("Connection").unwrap().eq_ignore_ascii_case("Upgrade"), "{head}");
        assert_eq!(header("Sec-WebSocket-Accept").as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        assert_eq!(header("Sec-WebSocket-Extensions"), None, "compression was agreed to");
        assert_eq!(header("Sec-WebSocket-Protocol"), None, "none was offered");
        Self { tcp, mask, limit }
    }

    pub(crate) fn send(&mut self, message: &[u8]) {
        self.send_frame(true, BINARY, message);
    }

    pub(crate) fn send_frame(&mut self, is_last: bool, opcode: u8, payload: &[u8]) {
        let mut frame = vec![opcode | if is_last { 0x80 } else { 0 }];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(long).unwrap().to_be_bytes());
            }
        }
        let key = match self.mask {
            Mask::Zero => [0; 4],
            Mask::Key(key) => key,
        };
        frame.extend(key);
        frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        self.tcp.write_all(&frame).unwrap();
    }

    /// The next frame; `None` at the end of TCP.
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 2];
        match self.tcp.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return None,
            Err(error) => panic!("no frame: {error}"),
        }
        assert_eq!(head[0] & 0x70, 0, "reserved bits are for extensions");
        assert_eq!(head[1] & 0x80, 0, "frames of a server are not masked");
        let length = match head[1] {
            127 => panic!("the 64-bit length is not understood by edges (section 2.5)"),
            126 => {
                let mut length = [0; 2];
                self.tcp.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        assert!(length <= self.limit, "a frame of {length} bytes, but Max-Frame-Size is {}", self.limit);
        let mut payload = vec![0; length];
        self.tcp.read_exact(&mut payload).unwrap();
        Some(Frame { is_last: head[0] & 0x80 != 0, opcode: head[0] & 0x0F, payload })
    }

    /// The next message, which has to come in one frame.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        match self.frame() {
            Some(Frame { is_last: true, opcode: BINARY, payload }) => payload,
            other => panic!("no binary message but {other:?}"),
        }
    }

    /// Takes the Close frame and the end of TCP behind it; returns status and text.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        let Some(Frame { is_last: true, opcode: CLOSE, payload }) = self.frame() else { panic!("no Close") };
        // A Close without status is ignored by edges (section 2.7).
        let (status, text) = payload.split_first_chunk().expect("a status");
        assert_eq!(self.frame(), None, "TCP ends behind the Close");
        (u16::from_be_bytes(*status), String::from_utf8(text.to_vec()).unwrap())
    }
}

/// The head of an HTTP response, without the blank line.
pub(crate) fn head(tcp: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        tcp.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    head.truncate(head.len() - 4);
    String::from_utf8(head).unwrap()
}
